//! A model folder's contract (`contract.yaml`): what the network eats and says, so that the runtime
//! has no constants of a particular network. See `models/FEATURES.md` for the meaning of each tensor.

use serde::{Deserialize, Serialize};

use crate::frame::Class;

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Proposes boxes from BEV grids.
    Bridge,
    /// Refines regions.
    Expert,
    /// Turns image windows into features.
    Image,
}

/// Element types that the runtime handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit float.
    F32,
}

/// An input or output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorSpec {
    /// Its name in the ONNX file.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Shape, all fixed.
    pub shape: Vec<usize>,
    /// What it holds, for a person.
    #[serde(default)]
    pub meaning: Option<String>,
}

/// The grids that a bridge model eats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GridSpec {
    /// Range along x, m, end excluded.
    pub x: [f32; 2],
    /// Range along y, m, end excluded.
    pub y: [f32; 2],
    /// Range of height above the nominal ground, m, end excluded.
    pub h: [f32; 2],
    /// Cell of the `fine` input, m.
    pub fine_cell: f32,
    /// Cell of the `coarse` input and of the outputs, m.
    pub coarse_cell: f32,
    /// Edges of the height slices, rising, m above nominal ground.
    pub slices: Vec<f32>,
}

/// The sensor that the model was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensorSpec {
    /// Laser rings.
    pub beams: u32,
    /// Height above ground, m.
    pub origin_height: f64,
}

/// The whole contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The model's name, equal to its folder's.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// The ONNX file in the folder.
    pub file: String,
    /// SHA-256 of that file, hexadecimal.
    pub sha256: String,
    /// Golden input and output in the folder (npz: arrays named as the tensors).
    pub golden: String,
    /// Largest allowed departure from the golden output: `|a - b| <= tolerance * (1 + |b|)`.
    pub golden_tolerance: f32,
    /// Inputs.
    pub inputs: Vec<TensorSpec>,
    /// Outputs.
    pub outputs: Vec<TensorSpec>,
    /// Classes, in the order of the output channels.
    #[serde(default)]
    pub classes: Vec<Class>,
    /// Grids (bridge models).
    #[serde(default)]
    pub grid: Option<GridSpec>,
    /// Exponent g of the overlap in a proposal's confidence (bridge models).
    #[serde(default)]
    pub overlap_weight: Option<f32>,
    /// Exponent w of the quality in a refined score (experts).
    #[serde(default)]
    pub quality_weight: Option<f32>,
    /// The sensor it was trained on.
    #[serde(default)]
    pub sensor: Option<SensorSpec>,
    /// Measured cost of one batch, ms, by situation (such as `cpu-1-thread`).
    #[serde(default)]
    pub cost_ms: std::collections::BTreeMap<String, f64>,
    /// Where its training is described.
    pub trained_on: String,
}
