//! Stand-ins for tests: networks whose outputs are written by hand, and regions from a few words.

use std::collections::BTreeMap;

use crate::expert::contract::{Contract, Dtype, GridSpec, Role, TensorSpec};
use crate::expert::{Error, Network};
use crate::frame::{Class, Frame};
use crate::geometry::Box3;

use super::{GridLayout, Proposal, ProposalSource, Scene, regions::RegionFinder};

/// A network that answers with what `answer` makes of its inputs.
pub struct Fake<F> {
    pub contract: Contract,
    pub inputs: Vec<Vec<f32>>,
    pub outputs: Vec<Vec<f32>>,
    pub answer: F,
}

type Tensors = [Vec<f32>];

impl<F: FnMut(&Tensors, &mut Tensors) -> Result<(), Error> + Send> Fake<F> {
    pub fn new(contract: Contract, answer: F) -> Self {
        let zeros = |specs: &[TensorSpec]| {
            specs.iter().map(|spec| vec![0.0; spec.shape.iter().product()]).collect()
        };
        Self {
            inputs: zeros(&contract.inputs),
            outputs: zeros(&contract.outputs),
            contract,
            answer,
        }
    }
}

impl<F: FnMut(&Tensors, &mut Tensors) -> Result<(), Error> + Send> Network for Fake<F> {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn input_mut(&mut self, index: usize) -> &mut [f32] {
        &mut self.inputs[index]
    }

    fn run(&mut self) -> Result<(), Error> {
        (self.answer)(&self.inputs, &mut self.outputs)
    }

    fn output(&self, index: usize) -> &[f32] {
        &self.outputs[index]
    }
}

fn tensor(name: &str, shape: &[usize]) -> TensorSpec {
    TensorSpec { name: name.to_owned(), dtype: Dtype::F32, shape: shape.to_vec(), meaning: None }
}

fn contract(role: Role, inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) -> Contract {
    Contract {
        name: "fake".to_owned(),
        role,
        file: "model.onnx".to_owned(),
        sha256: String::new(),
        golden: "golden.npz".to_owned(),
        golden_tolerance: 1e-3,
        inputs,
        outputs,
        classes: vec![Class::Car, Class::Pedestrian, Class::Cyclist],
        grid: None,
        overlap_weight: None,
        quality_weight: None,
        calibration: Vec::new(),
        sensor: None,
        cost_ms: BTreeMap::new(),
        trained_on: "nothing".to_owned(),
    }
}

/// The contract of a bridge model on the documented grid; its outputs stand in another order than
/// the page's, which must not matter.
pub fn bridge_contract() -> Contract {
    let layout = GridLayout::default();
    let mut contract = contract(
        Role::Bridge,
        vec![tensor("fine", &[1, 12, 352, 400]), tensor("coarse", &[1, 8, 176, 200])],
        vec![tensor("boxes", &[1, 10, 176, 200]), tensor("heatmap", &[1, 3, 176, 200])],
    );
    contract.grid = Some(GridSpec {
        x: layout.x,
        y: layout.y,
        h: layout.h,
        fine_cell: layout.fine_cell,
        coarse_cell: layout.coarse_cell,
        slices: layout.edges.to_vec(),
    });
    contract
}

/// The contract of an image model for so many regions.
pub fn image_contract(regions: usize) -> Contract {
    let windows = 2 * regions;
    contract(
        Role::Image,
        vec![tensor("windows", &[windows, 3, 64, 64])],
        vec![
            tensor("features", &[windows, 16, 16, 16]),
            tensor("confidence", &[windows, 1, 16, 16]),
        ],
    )
}

/// The contract of a classifier of people and cyclists, `places` along a crop.
pub fn classifier_contract(batch: usize, places: usize) -> Contract {
    let crops = vec![tensor("crops", &[batch, 3, places, places])];
    let mut contract = contract(Role::Classifier, crops, vec![tensor("logits", &[batch, 2])]);
    contract.classes.remove(0);
    contract
}

/// A car proposal at a place (box centre), LiDAR frame.
pub fn car(center: [f64; 3], yaw: f64) -> Proposal {
    Proposal {
        class: Class::Car,
        class_index: 0,
        box3: Box3::new(center, [4.0, 1.7, 1.5], yaw),
        confidence: 0.8,
        source: ProposalSource::Bev,
    }
}

/// The scene of these proposals over a frame's points.
pub fn scene(frame: &Frame, proposals: &[Proposal]) -> Scene {
    let mut finder = RegionFinder::new(GridLayout::default());
    let mut scene = Scene::default();
    finder.look(&frame.cloud.points, &frame.rig);
    finder.find(&frame.cloud.points, &frame.rig, proposals, &mut scene);
    scene
}
