//! What the backend promises of models, providers and numbers, on tiny networks
//! (`fixtures/models/make.py`). Needs the ONNX Runtime library; skips, and says so, without.
#![allow(clippy::print_stderr)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use emc2::config::{Provider, RuntimeConfig};
use emc2::expert::backend::{self, OrtModel, Overrides};
use emc2::expert::contract::{self, Fault, Side};
use emc2::expert::{Error, Network};
use ndarray::ArrayD;
use ndarray_npy::{NpzReader, NpzWriter};

/// The default configuration, where the library is there.
fn runtime() -> Option<RuntimeConfig> {
    match backend::locate(None) {
        Ok(_) => Some(RuntimeConfig::default()),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models").join(name)
}

/// A copy of a fixture whose contract has a text replaced.
struct Altered {
    _root: tempfile::TempDir,
    folder: PathBuf,
}

fn altered(name: &str, from: &str, to: &str) -> Altered {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(name);
    fs::create_dir(&folder).unwrap();
    for file in ["model.onnx", "golden.npz", "contract.yaml"] {
        fs::copy(fixture(name).join(file), folder.join(file)).unwrap();
    }
    let text = fs::read_to_string(folder.join("contract.yaml")).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(folder.join("contract.yaml"), text.replacen(from, to, 1)).unwrap();
    Altered { _root: root, folder }
}

fn load(folder: &Path, config: &RuntimeConfig) -> Result<OrtModel, Error> {
    OrtModel::load(folder, config, &Overrides::default())
}

/// The line and the false statement that loading names.
fn fault(folder: &Path, config: &RuntimeConfig) -> (Option<u64>, Fault) {
    match load(folder, config).err().expect("it must not load") {
        Error::Contract { line, fault, .. } => (line, fault),
        other => panic!("another error: {other}"),
    }
}

#[test]
fn a_network_is_run_in_place_as_often_as_one_likes() {
    let Some(config) = runtime() else { return };
    let mut model = load(&fixture("affine"), &config).unwrap();
    let memory = (model.input_mut(0).as_ptr(), model.output(0).as_ptr());
    for round in 1..4_u8 {
        let factor = f32::from(round);
        model.input_mut(0).fill(factor);
        model.input_mut(1).copy_from_slice(&[1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, -4.0]);
        model.run().unwrap();
        // boxes = 2 * points * scale, first in the contract although second in the file.
        let boxes = model.output(0);
        assert_eq!(boxes.len(), 2 * 5 * 4);
        assert_eq!(boxes[..4], [2.0, 4.0, 6.0, 8.0].map(|value| value * factor));
        assert_eq!(boxes[20..24], [-2.0, -4.0, -6.0, -8.0].map(|value| value * factor));
        assert!(model.output(1).iter().all(|score| (0.0..=1.0).contains(score)));
    }
    assert_eq!(memory, (model.input_mut(0).as_ptr(), model.output(0).as_ptr()), "memory moved");
}

#[test]
fn the_same_input_gives_the_same_bytes_whatever_the_number_of_threads() {
    let Some(config) = runtime() else { return };
    let run = |threads| {
        let overrides = Overrides { threads: Some(threads), ..Overrides::default() };
        let mut model = OrtModel::load(&fixture("affine"), &config, &overrides).unwrap();
        for (index, value) in model.input_mut(0).iter_mut().enumerate() {
            *value = (index as f32).sin();
        }
        model.input_mut(1).fill(0.7);
        model.run().unwrap();
        model.output(1).iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn every_false_line_of_a_contract_is_named() {
    let Some(config) = runtime() else { return };
    let of = |from, to| fault(&altered("affine", from, to).folder, &config);

    let (line, found) = of("name: scores", "name: marks");
    assert_eq!(line, Some(12));
    assert!(
        matches!(&found, Fault::Missing { side: Side::Output, name, .. } if name == "marks"),
        "{found}"
    );
    let (line, found) = of("shape: [2, 1, 4]", "shape: [2, 1, 8]");
    assert_eq!(line, Some(9));
    assert!(found.to_string().contains("[2, 1, 8]") && found.to_string().contains("[2, 1, 4]"));
    let (line, found) = of("\n  - {name: scale, dtype: f32, shape: [2, 1, 4]}", "");
    assert_eq!(line, Some(8));
    assert!(matches!(&found, Fault::Unnamed { name, .. } if name == "scale"), "{found}");
    let (line, found) = of("sha256: 9", "sha256: 8");
    assert_eq!(line, Some(4));
    assert!(matches!(found, Fault::Hash { .. }), "{found}");
    let (line, found) = of("name: affine", "name: other");
    assert_eq!(line, Some(1));
    assert!(matches!(found, Fault::Name { .. }), "{found}");
    let (line, found) = of("shape: [2, 5, 4]", "shape: [2, 0, 4]");
    assert_eq!(line, Some(8));
    assert!(found.to_string().contains("inputs[0].shape"), "{found}");
    let (line, found) = of("golden_tolerance: 1.0e-5", "golden_tolerance: -1");
    assert_eq!(line, Some(6));
    assert!(found.to_string().contains("golden_tolerance"), "{found}");
    for table in ["[[0.5, 0.6], [0.4, 0.7]]", "[[0.5, 0.6], [0.6, 1.7]]", "[[0.5, 0.6]]"] {
        let tolerance = "golden_tolerance: 1.0e-5";
        let text = format!("{tolerance}\ncalibration: {table}");
        let (line, found) = fault(&altered("affine", tolerance, &text).folder, &config);
        assert_eq!(line, Some(7));
        assert!(found.to_string().contains("rising"), "{found}");
    }
}

#[test]
fn an_onnx_file_of_another_element_type_is_refused() {
    let face = contract::ModelFace {
        inputs: vec![contract::TensorFace {
            name: "in".into(),
            dtype: "f16".into(),
            shape: vec![1, 6],
        }],
        outputs: vec![],
    };
    let contract = contract::Contract::load(&fixture("reciprocal")).unwrap();
    let text = contract.verify_face(&face).unwrap_err().to_string();
    assert!(text.contains("\"in\"") && text.contains("f32") && text.contains("f16"), "{text}");
}

#[test]
fn a_contract_that_is_not_yaml_is_told_with_line_column_and_snippet() {
    let broken = altered("affine", "role: expert", "role: [expert");
    let text = contract::Contract::load(&broken.folder).unwrap_err().to_string();
    assert!(text.contains("contract.yaml") && text.contains("role: [expert"), "{text}");
    let unknown = altered("affine", "role: expert", "roll: expert");
    let text = contract::Contract::load(&unknown.folder).unwrap_err().to_string();
    assert!(text.contains("roll") && text.contains("line 2"), "{text}");
    let text = contract::Contract::load(Path::new("no/such/model")).unwrap_err().to_string();
    assert!(text.contains("no/such/model/contract.yaml"), "{text}");
}

#[test]
fn a_file_that_is_not_onnx_is_refused_with_the_words_of_the_runtime() {
    let Some(config) = runtime() else { return };
    use sha2::{Digest, Sha256};
    let sha256: String =
        Sha256::digest(b"no model").iter().map(|byte| format!("{byte:02x}")).collect();
    let contract = fs::read_to_string(fixture("affine").join("contract.yaml")).unwrap();
    let hash = contract.lines().find(|line| line.starts_with("sha256")).unwrap();
    let copy = altered("affine", hash, &format!("sha256: {sha256}"));
    fs::write(copy.folder.join("model.onnx"), b"no model").unwrap();
    let text = load(&copy.folder, &config).err().unwrap().to_string();
    assert!(text.contains("affine") && text.contains("loading the ONNX file"), "{text}");
}

#[test]
fn what_is_not_finite_never_leaves() {
    let Some(config) = runtime() else { return };
    let mut model = load(&fixture("reciprocal"), &config).unwrap();
    model.input_mut(0).copy_from_slice(&[1.0, 2.0, 0.0, 4.0, 5.0, 6.0]);
    match model.run() {
        Err(Error::NotFinite { model, output, element }) => {
            assert_eq!((model.as_str(), output.as_str(), element), ("reciprocal", "out", 2));
        }
        other => panic!("{other:?}"),
    }
    // The model is as good as before.
    model.input_mut(0).fill(4.0);
    model.run().unwrap();
    assert_eq!(model.output(0), [0.25; 6]);
}

#[test]
fn a_strict_provider_that_cannot_be_had_is_an_error() {
    let Some(mut config) = runtime() else { return };
    for provider in [Provider::Cuda, Provider::TensorRt] {
        config.providers = vec![provider, Provider::Cpu];
        match load(&fixture("affine"), &config).err() {
            Some(Error::Provider { provider: named, message, .. }) => {
                assert_eq!(named, provider);
                assert!(!message.is_empty());
            }
            // A machine with a GPU.
            None => eprintln!("skipped: {provider} works here"),
            Some(other) => panic!("{other}"),
        }
    }
}

#[test]
fn without_strict_the_next_provider_is_taken_and_the_fall_is_reported() {
    let Some(mut config) = runtime() else { return };
    config.strict = false;
    config.providers = vec![Provider::TensorRt, Provider::Cuda, Provider::Cpu];
    config.tensorrt.engine_cache = None;
    config.tensorrt.timing_cache = None;
    let mut model = load(&fixture("affine"), &config).unwrap();
    model.prove().unwrap();
    let outcomes = model.outcomes();
    assert_eq!(
        outcomes.iter().map(|outcome| outcome.provider).collect::<Vec<_>>(),
        config.providers
    );
    assert_eq!(outcomes[2].refused, None);
    if model.placement().is_empty() {
        assert!(outcomes[..2].iter().all(|outcome| outcome.refused.is_some()), "{outcomes:?}");
    }
}

#[test]
fn a_departure_from_the_golden_output_is_refused_with_its_place() {
    let Some(config) = runtime() else { return };
    let departures = load(&fixture("affine"), &config).unwrap().prove().unwrap();
    assert!(departures.iter().all(|departure| departure.ratio <= 1.0), "{departures:?}");

    // A tolerance that no f32 arithmetic can keep stands for a provider that computes otherwise.
    let copy = altered("affine", "golden_tolerance: 1.0e-5", "golden_tolerance: 1.0e-12");
    match load(&copy.folder, &config).unwrap().prove() {
        Err(Error::GoldenDeparture { output, index, ratio, .. }) => {
            assert_eq!((output.as_str(), index.len()), ("scores", 3));
            assert!(ratio > 1.0);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_golden_file_that_cannot_be_used_is_named_with_its_array() {
    let Some(config) = runtime() else { return };
    let copy = altered("affine", "role", "role");
    fs::copy(fixture("reciprocal").join("golden.npz"), copy.folder.join("golden.npz")).unwrap();
    let text = load(&copy.folder, &config).unwrap().prove().unwrap_err().to_string();
    assert!(text.contains("golden.npz") && text.contains("array points"), "{text}");
    fs::write(copy.folder.join("golden.npz"), b"PK").unwrap();
    let text = load(&copy.folder, &config).unwrap().prove().unwrap_err().to_string();
    assert!(text.contains("not an npz"), "{text}");
}

#[test]
fn a_golden_output_may_be_given_in_part_but_not_left_out() {
    let Some(config) = runtime() else { return };
    let prove = |change: fn(usize, f32) -> f32| {
        let copy = altered("affine", "role", "role");
        let path = copy.folder.join("golden.npz");
        let mut golden = NpzReader::new(File::open(&path).unwrap()).unwrap();
        let names = golden.names().unwrap();
        let arrays: Vec<ArrayD<f32>> =
            names.iter().map(|name| golden.by_name(name).unwrap()).collect();
        let mut written = NpzWriter::new(File::create(&path).unwrap());
        for (name, mut array) in names.iter().zip(arrays) {
            if name.starts_with("scores") {
                array.iter_mut().enumerate().for_each(|(at, value)| *value = change(at, *value));
            }
            written.add_array(name.as_str(), &array).unwrap();
        }
        written.finish().unwrap();
        load(&copy.folder, &config).unwrap().prove()
    };
    let held = prove(|at, value| if at == 3 { value } else { f32::NAN }).unwrap();
    assert!(held.iter().all(|departure| departure.ratio <= 1.0), "{held:?}");
    let other = prove(|at, value| if at == 3 { value + 1.0 } else { f32::NAN });
    assert!(matches!(other, Err(Error::GoldenDeparture { .. })), "{other:?}");
    for (change, expected) in [
        ((|_, _| f32::NAN) as fn(usize, f32) -> f32, "no element to compare"),
        (|at, value| if at == 3 { f32::INFINITY } else { value }, "element 3 is infinite"),
    ] {
        let text = prove(change).unwrap_err().to_string();
        assert!(text.contains("array scores") && text.contains(expected), "{text}");
    }
}

#[test]
fn a_model_check_tells_providers_placement_numbers_and_time() {
    let Some(config) = runtime() else { return };
    let report = backend::check(&fixture("affine"), &config);
    assert!(report.passed(), "{report:?}");
    assert_eq!(report.steps.len(), 3);
    assert_eq!(report.placement.len(), 1);
    assert_eq!(report.placement[0].provider, "CPUExecutionProvider");
    assert!(report.placement[0].nodes > 0);
    assert!(report.run.unwrap().median_ms > 0.0);
    let copy = altered("affine", "golden_tolerance: 1.0e-5", "golden_tolerance: 1.0e-12");
    let report = backend::check(&copy.folder, &config);
    assert!(!report.passed() && report.steps[2].failed.is_some());
    assert!(!report.departures.is_empty() && report.run.is_none());
}

#[test]
fn the_probe_tells_which_providers_really_load() {
    let Some(config) = runtime() else { return };
    let probe = backend::probe(&config);
    assert!(probe.missing.is_none() && probe.version.is_some());
    let cpu = probe.providers.iter().find(|probe| probe.provider == Provider::Cpu).unwrap();
    assert!(cpu.wanted && cpu.refused.is_none(), "{cpu:?}");
    assert!(backend::machine().cores > 0);
}

#[test]
fn a_folder_of_models_is_listed_with_those_that_are_broken() {
    let broken = altered("affine", "role: expert", "role: nothing");
    fs::create_dir(broken.folder.with_file_name("empty")).unwrap();
    let listed = contract::list(broken.folder.parent().unwrap()).unwrap();
    assert_eq!(listed.len(), 1);
    assert!(listed[0].contract.is_err());
    assert_eq!(contract::list(&fixture("")).unwrap().len(), 2);
    assert!(contract::list(Path::new("no/such/folder")).is_err());
}
