//! What the glue promises: batches, decoding, refusal of networks that do not fit.

use super::*;
use crate::bridge::{ProposalSource, Region, Scenario, Scene};
use crate::expert::contract::{Contract, Dtype, Role, TensorSpec};
use crate::frame::Frame;

/// A network that answers every region the same, and remembers what it was fed.
struct Fixed {
    contract: Contract,
    inputs: Vec<Vec<f32>>,
    boxes: Vec<f32>,
    scores: Vec<f32>,
    /// Contexts' first numbers (the boxes' lengths) of every run.
    seen: std::sync::Arc<std::sync::Mutex<Vec<Vec<f32>>>>,
    fail_at_run: Option<usize>,
}

fn tensor(name: &str, shape: &[usize]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), dtype: Dtype::F32, shape: shape.to_vec(), meaning: None }
}

fn contract(batch: usize, inputs: Vec<TensorSpec>) -> Contract {
    Contract {
        name: "fixed".to_owned(),
        role: Role::Expert,
        file: "model.onnx".to_owned(),
        sha256: String::new(),
        golden: "golden.npz".to_owned(),
        golden_tolerance: 1e-3,
        inputs,
        outputs: vec![tensor("boxes", &[batch, 7]), tensor("scores", &[batch, 3])],
        classes: vec![Class::Car, Class::Pedestrian, Class::Cyclist],
        grid: None,
        overlap_weight: None,
        quality_weight: Some(0.25),
        calibration: Vec::new(),
        sensor: None,
        cost_ms: Default::default(),
        trained_on: "CARD.md".to_owned(),
    }
}

fn fixed(contract: Contract, delta: [f32; 7], scores: [f32; 3]) -> Fixed {
    let batch = contract.outputs[0].shape[0];
    let zeros = |spec: &TensorSpec| vec![0.0; spec.shape.iter().product()];
    Fixed {
        inputs: contract.inputs.iter().map(zeros).collect(),
        contract,
        boxes: delta.repeat(batch),
        scores: scores.repeat(batch),
        seen: Default::default(),
        fail_at_run: None,
    }
}

impl Network for Fixed {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn input_mut(&mut self, index: usize) -> &mut [f32] {
        &mut self.inputs[index]
    }

    fn run(&mut self) -> Result<(), Error> {
        let mut seen = self.seen.lock().unwrap();
        if self.fail_at_run == Some(seen.len()) {
            let (model, output) = ("fixed".to_owned(), "boxes".to_owned());
            return Err(Error::NotFinite { model, output, element: 3 });
        }
        let context = self.inputs.last().unwrap();
        seen.push(context.chunks(encode::CONTEXT).map(|row| row[0]).collect());
        Ok(())
    }

    fn output(&self, index: usize) -> &[f32] {
        if index == 0 { &self.boxes } else { &self.scores }
    }
}

fn vee_inputs(batch: usize) -> Vec<TensorSpec> {
    vec![tensor("points", &[batch, 8, 8]), tensor("context", &[batch, 12])]
}

/// Cars of length 4, 5, 6 ... with ten returns each.
fn scene(count: usize) -> Scene {
    let region = |index: usize| Region {
        proposal: Proposal {
            class: Class::Car,
            class_index: 0,
            box3: Box3::new([10.0, 0.0, -1.0], [4.0 + index as f64, 3.0, 2.0], 0.0),
            confidence: 0.5,
            source: ProposalSource::Bev,
        },
        points: 10 * index..10 * (index + 1),
        scenario: Scenario::default(),
    };
    Scene {
        regions: (0..count).map(region).collect(),
        points: vec![[10.0, 0.5, -1.0, 0.2]; 10 * count],
        ..Scene::default()
    }
}

#[test]
fn regions_run_in_fixed_batches_and_the_last_is_filled_with_zeros() {
    let network = fixed(contract(4, vee_inputs(4)), [0.0; 7], [0.0; 3]);
    let seen = network.seen.clone();
    let mut expert = RegionExpert::new(ExpertKind::Vee, Box::new(network)).unwrap();
    let (frame, scene) = (Frame::empty(), scene(6));
    let input = ExpertInput { frame: &frame, scene: &scene, image: None };
    let (mut out, mut meter) = (Vec::new(), ExpertMeter::default());
    expert.refine(&input, &[0, 1, 2, 3, 5], &mut out, &mut meter).unwrap();
    assert_eq!(*seen.lock().unwrap(), [vec![4.0, 5.0, 6.0, 7.0], vec![9.0, 0.0, 0.0, 0.0]]);
    assert_eq!(out.iter().map(|r| r.region).collect::<Vec<_>>(), [0, 1, 2, 3, 5].map(Some));
    assert_eq!(meter.points_thinned, 10, "8 of 10 returns fit, 5 regions");
    assert!(!expert.needs_image());
}

#[test]
fn no_change_gives_the_proposal_back_and_scores_are_weighed() {
    let network = fixed(contract(4, vee_inputs(4)), [0.0; 7], [1.0, -9.0, -9.0]);
    let mut expert = RegionExpert::new(ExpertKind::Vee, Box::new(network)).unwrap();
    let (frame, scene) = (Frame::empty(), scene(1));
    let input = ExpertInput { frame: &frame, scene: &scene, image: None };
    let mut out = Vec::new();
    expert.refine(&input, &[0], &mut out, &mut ExpertMeter::default()).unwrap();
    assert_eq!(out[0].box3, scene.regions[0].proposal.box3);
    let quality = 1.0 / (1.0 + (-1.0_f32).exp());
    assert!((out[0].quality - quality).abs() < 1e-6);
    assert!((out[0].score - 0.5_f32.powf(0.75) * quality.powf(0.25)).abs() < 1e-6);
    assert_eq!(out[0].expert, ExpertKind::Vee);
}

#[test]
fn boxes_are_decoded_along_the_proposals_own_axes() {
    let proposal = Proposal {
        class: Class::Car,
        class_index: 0,
        // Looks to +y; the diagonal is 5.
        box3: Box3::new([10.0, 2.0, -1.0], [4.0, 3.0, 2.0], std::f64::consts::FRAC_PI_2),
        confidence: 0.5,
        source: ProposalSource::Bev,
    };
    let delta = [0.2, 0.1, 0.25, 2.0_f32.ln(), 0.0, 0.5_f32.ln(), 2.0];
    let refined = refined_box(&proposal, &delta);
    let found = refined.center.into_iter().chain(refined.size);
    for (found, expected) in found.zip([10.0 - 0.5, 2.0 + 1.0, -0.5, 8.0, 3.0, 1.0]) {
        assert!((found - expected).abs() < 1e-6);
    }
    let turned = std::f64::consts::FRAC_PI_2 + 2.0 - std::f64::consts::TAU;
    assert!((refined.yaw - turned).abs() < 1e-6, "wrapped to -pi..pi");
}

#[test]
fn after_an_error_nothing_has_been_appended() {
    let mut network = fixed(contract(4, vee_inputs(4)), [0.0; 7], [0.0; 3]);
    network.fail_at_run = Some(1);
    let mut expert = RegionExpert::new(ExpertKind::Vee, Box::new(network)).unwrap();
    let (frame, scene) = (Frame::empty(), scene(6));
    let input = ExpertInput { frame: &frame, scene: &scene, image: None };
    let mut out = vec![Refinement::proposal(&scene, 0, DegradationSet::default())];
    let regions = [0, 1, 2, 3, 4, 5];
    assert!(expert.refine(&input, &regions, &mut out, &mut ExpertMeter::default()).is_err());
    assert_eq!(out.len(), 1);
}

#[test]
fn a_network_that_does_not_fit_is_refused_with_the_tensors_name() {
    let refused = |contract: Contract| {
        let network = Box::new(fixed(contract, [0.0; 7], [0.0; 3]));
        RegionExpert::new(ExpertKind::Ape, network).err().unwrap().to_string()
    };
    let text = refused(contract(4, vec![tensor("voxels", &[4, 8])]));
    assert!(text.contains("tensor voxels") && text.contains("context, raster, points"), "{text}");
    let text = refused(contract(4, vec![tensor("raster", &[4, 8, 32, 32])]));
    assert!(text.contains("[N, 8, 32, 16]") && text.contains("[4, 8, 32, 32]"), "{text}");
    let text = refused(contract(4, vec![tensor("context", &[4, 12]), tensor("window", &[2, 32])]));
    assert!(text.contains("a batch of 4"), "{text}");
    let text = refused(contract(4, vec![tensor("window", &[4, 31])]));
    assert!(text.contains("[N, 2 x features]"), "{text}");
    let mut lacking = contract(4, vee_inputs(4));
    lacking.outputs[1].shape[1] = 2;
    assert!(refused(lacking).contains("tensor scores"));
}

#[test]
fn an_image_model_with_other_features_is_refused() {
    let inputs = vec![tensor("window", &[4, 32]), tensor("context", &[4, 12])];
    let network = fixed(contract(4, inputs), [0.0; 7], [0.0; 3]);
    let mut expert = RegionExpert::new(ExpertKind::Ape, Box::new(network)).unwrap();
    assert!(expert.needs_image());
    let (frame, scene) = (Frame::empty(), scene(1));
    let mut image = ImageFeatures { channels: 8, side: 1, ..ImageFeatures::default() };
    image.slot.push(Some(0));
    let input = ExpertInput { frame: &frame, scene: &scene, image: Some(&image) };
    let mut out = Vec::new();
    let error = expert.refine(&input, &[0], &mut out, &mut ExpertMeter::default()).unwrap_err();
    assert!(error.to_string().contains("8 features"), "{error}");
}
