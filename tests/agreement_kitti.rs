//! The KITTI figures are the official program's: counts exactly, precisions to 1e-9, AP to 1e-7.
//!
//! The small cases are committed; real result sets lie beside the checkout, if at all.

mod shared_data;

use std::path::Path;

use emc2::eval::kitti::{self, Folders, Missing, Options};
use serde_json::Value;

fn figures(labels: &Path, results: &Path) -> Value {
    let folders = Folders {
        labels: labels.to_owned(),
        results: results.to_owned(),
        split: None,
        missing: Missing::Refuse,
    };
    let input = kitti::read(&folders).expect("the folders can be read");
    let options = Options { draws: 0, ..Options::default() };
    kitti::to_json(&kitti::evaluate(&input.frames, &options), &input.notes, &[])
}

fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("golden figures can be read");
    serde_json::from_str(&text).expect("golden figures are JSON")
}

/// Every key that the golden file has, in the same shape, numbers within `tolerance`.
fn compare(found: &Value, golden: &Value, place: &str, tolerance: f64) {
    match (found, golden) {
        (Value::Object(found), Value::Object(golden)) => {
            for (key, value) in golden {
                let tolerance = if key == "precision41" { 1e-9 } else { tolerance };
                let mine = found.get(key).unwrap_or_else(|| panic!("{place}: no {key}"));
                compare(mine, value, &format!("{place}/{key}"), tolerance);
            }
        }
        (Value::Array(found), Value::Array(golden)) => {
            assert_eq!(found.len(), golden.len(), "{place}: length");
            for (at, (mine, value)) in found.iter().zip(golden).enumerate() {
                compare(mine, value, &format!("{place}[{at}]"), tolerance);
            }
        }
        (Value::Number(mine), Value::Number(value)) => {
            let (mine, value) = (mine.as_f64().unwrap(), value.as_f64().unwrap());
            assert!((mine - value).abs() <= tolerance, "{place}: {mine}, golden {value}");
        }
        _ => assert_eq!(found, golden, "{place}"),
    }
}

fn agree(labels: &Path, results: &Path, golden: &Path, counts: &Value) {
    let found = figures(labels, results);
    compare(&found, &json(golden), &results.display().to_string(), 1e-7);
    // Counts are whole numbers: within 1e-9 is equal. (The JSON reader may miss a score's last bit.)
    compare(&found["emc2"]["counts"], counts, &format!("{} counts", results.display()), 1e-9);
}

#[test]
fn every_one_rule_case_gives_the_official_digits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kitti_eval");
    let mut cases = 0;
    for case in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let counts = json(&case.join("counts.json"));
        agree(&case.join("label_2"), &case.join("data"), &case.join("golden.json"), &counts);
        cases += 1;
    }
    assert_eq!(cases, 20);
}

#[test]
fn real_result_sets_give_the_official_digits() {
    let Some(folder) = shared_data::golden("kitti_eval") else { return };
    for (set, labels) in [
        ("pointgnn_vish_val", "labels_val"),
        ("pointrcnn_train", "labels_train"),
        ("fpnet2d_val", "labels_val"),
        ("castmot_val", "labels_val"),
    ] {
        let golden = folder.join("golden");
        let counts = &json(&golden.join(format!("{set}.counts.json")))["counts"];
        let results = folder.join("results").join(set).join("data");
        agree(&folder.join(labels), &results, &golden.join(format!("{set}.json")), counts);
    }
}

#[test]
fn thirty_tricky_frames_of_four_detectors_give_the_official_digits() {
    let Some(folder) = shared_data::golden("kitti_eval") else { return };
    let folder = folder.join("fixtures/tricky30");
    for set in ["castmot_val", "fpnet2d_val", "pointgnn_fliu_val", "pointrcnn_val"] {
        let counts = &json(&folder.join(format!("{set}.golden.counts.json")))["counts"];
        let golden = folder.join(format!("{set}.golden.json"));
        agree(&folder.join("label_2"), &folder.join(set).join("data"), &golden, counts);
    }
}
