//! A model folder's contract (`contract.yaml`): what the network eats and says, so that the runtime
//! has no constants of a particular network. See `models/FEATURES.md` for the meaning of each tensor.
//!
//! [`Contract::parse`] is text in, contract out; [`Contract::load`] reads a folder;
//! [`Contract::verify_file`] and [`Contract::verify_face`] hold it against the ONNX file. Every
//! statement that is false is named with its line.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::frame::Class;
use crate::yaml;

mod fault;
mod lines;
mod plausible;

pub use fault::{Fault, ModelFace, Side, TensorFace};

/// The file's name in a model folder.
pub const FILE_NAME: &str = "contract.yaml";

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
    /// Tells what an image crop shows.
    Classifier,
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
    /// Median of its intensities (0..1) on streets; a bridge brings scans of unlike sensors to it. Not
    /// given: intensities stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intensity_median: Option<f32>,
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
    /// What its final scores are worth: `[score, chance of a find]`, rising, linear in between, learned on
    /// drives that the model did not see. Empty: unchanged. A table of the configuration goes before it.
    #[serde(default)]
    pub calibration: Vec<[f32; 2]>,
    /// The sensor it was trained on.
    #[serde(default)]
    pub sensor: Option<SensorSpec>,
    /// Measured cost of one batch, ms, by situation (such as `cpu-1-thread`).
    #[serde(default)]
    pub cost_ms: std::collections::BTreeMap<String, f64>,
    /// Where its training is described.
    pub trained_on: String,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bridge => "bridge",
            Self::Expert => "expert",
            Self::Image => "image",
            Self::Classifier => "classifier",
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32 => f.write_str("f32"),
        }
    }
}

impl TensorSpec {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Contract {
    /// Reads a contract from YAML text and checks all that can be told without the model's files.
    ///
    /// # Errors
    /// [`Error::ContractSyntax`] with line, column and snippet; [`Error::Contract`] for a value that
    /// cannot be right. `source` is the file named in either.
    pub fn parse(text: &str, source: &Path) -> Result<Self, Error> {
        let contract: Self =
            serde_saphyr::from_str(text).map_err(|error| Error::ContractSyntax {
                path: source.to_owned(),
                message: yaml::explain(&error, &source.display().to_string()),
            })?;
        contract.plausible().map_err(|fault| located(text, source, fault))?;
        Ok(contract)
    }

    /// Reads `contract.yaml` of a model folder. The folder must
    /// bear the contract's name.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::ContractSyntax`], [`Error::Contract`].
    pub fn load(folder: &Path) -> Result<Self, Error> {
        Self::load_with_text(folder).map(|(contract, _)| contract)
    }

    pub(super) fn load_with_text(folder: &Path) -> Result<(Self, String), Error> {
        let path = folder.join(FILE_NAME);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| Error::File { path: path.clone(), source })?;
        let contract = Self::parse(&text, &path)?;
        // Canonical, so that `.` and `models/bev/` have the name that a person sees.
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if let Some(name) = real.file_name().map(|name| name.to_string_lossy())
            && name != contract.name.as_str()
        {
            let fault = Fault::Name { name: contract.name.clone(), folder: name.into_owned() };
            return Err(located(&text, &path, fault));
        }
        Ok((contract, text))
    }
}

/// The error of a false statement, with its line in the contract's text.
pub(super) fn located(text: &str, path: &Path, fault: Fault) -> Error {
    Error::Contract { path: PathBuf::from(path), line: lines::line_of(text, &fault), fault }
}

/// A model folder under a root, for a listing.
#[derive(Debug)]
pub struct Listed {
    /// The folder.
    pub folder: PathBuf,
    /// Its contract, or why there is none.
    pub contract: Result<Contract, Error>,
}

/// All folders under `root` that hold a contract, by name.
///
/// # Errors
/// [`Error::File`] where `root` cannot be read. A contract that cannot be read is an entry, not an error.
pub fn list(root: &Path) -> Result<Vec<Listed>, Error> {
    let unread = |source| Error::File { path: root.to_owned(), source };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(root).map_err(unread)? {
        let folder = entry.map_err(unread)?.path();
        if folder.join(FILE_NAME).is_file() {
            folders.push(folder);
        }
    }
    folders.sort();
    let listed = |folder: PathBuf| Listed { contract: Contract::load(&folder), folder };
    Ok(folders.into_iter().map(listed).collect())
}
