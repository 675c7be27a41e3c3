//! A contract held against its ONNX file: bytes, names, element types, shapes. The first statement
//! that is false comes out as a [`Fault`].

use std::fmt;

use sha2::{Digest, Sha256};

use super::{Contract, Dtype, TensorSpec};

/// A tensor as the ONNX file itself describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorFace {
    /// Its name.
    pub name: String,
    /// Element type in ONNX Runtime's words, such as `f32`.
    pub dtype: String,
    /// Shape; -1 where it is dynamic.
    pub shape: Vec<i64>,
}

/// Inputs and outputs as the ONNX file itself describes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelFace {
    /// Inputs.
    pub inputs: Vec<TensorFace>,
    /// Outputs.
    pub outputs: Vec<TensorFace>,
}

/// Inputs or outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What the network eats.
    Input,
    /// What it says.
    Output,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Output => "output",
        })
    }
}

/// A statement of a contract that is false.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// `name` is not the folder's name.
    #[error("name: {name:?}, but the folder is called {folder:?}")]
    Name {
        /// In the contract.
        name: String,
        /// The folder's.
        folder: String,
    },
    /// A value that cannot be right, whatever the model.
    #[error("{field}: {problem}")]
    Value {
        /// Which, such as `inputs[0].shape`.
        field: String,
        /// Why not.
        problem: String,
    },
    /// The ONNX file is another one.
    #[error(
        "sha256: the contract has {expected}, the file {file} has {found}: one of the two is not of this release"
    )]
    Hash {
        /// The ONNX file's name.
        file: String,
        /// In the contract.
        expected: String,
        /// The file's.
        found: String,
    },
    /// The ONNX file lacks a tensor.
    #[error("{side} {name:?}: the ONNX file has no such {side} (it has {})", found.join(", "))]
    Missing {
        /// Which side.
        side: Side,
        /// In the contract.
        name: String,
        /// Names in the file.
        found: Vec<String>,
    },
    /// The ONNX file has an input or output that the contract does not name.
    #[error("{side}s: the ONNX file has {name:?}, which the contract does not name")]
    Unnamed {
        /// Which side.
        side: Side,
        /// In the file.
        name: String,
    },
    /// Another element type.
    #[error("{side} {name:?}: dtype {expected}, but the ONNX file has {found}")]
    Type {
        /// Which side.
        side: Side,
        /// The tensor.
        name: String,
        /// In the contract.
        expected: Dtype,
        /// In the file.
        found: String,
    },
    /// Another shape.
    #[error("{side} {name:?}: shape {expected:?}, but the ONNX file has {found:?} (-1 is dynamic)")]
    Shape {
        /// Which side.
        side: Side,
        /// The tensor.
        name: String,
        /// In the contract.
        expected: Vec<usize>,
        /// In the file.
        found: Vec<i64>,
    },
}

impl Contract {
    /// Whether the bytes of the ONNX file are those that the contract was written for.
    pub fn verify_file(&self, bytes: &[u8]) -> Result<(), Fault> {
        let found = hexadecimal(&Sha256::digest(bytes));
        if found.eq_ignore_ascii_case(&self.sha256) {
            return Ok(());
        }
        Err(Fault::Hash { file: self.file.clone(), expected: self.sha256.clone(), found })
    }

    /// Whether the ONNX file's inputs and outputs are those of the contract: each name, type and
    /// shape, and none besides. Their order may differ.
    pub fn verify_face(&self, face: &ModelFace) -> Result<(), Fault> {
        verify_side(Side::Input, &self.inputs, &face.inputs)?;
        verify_side(Side::Output, &self.outputs, &face.outputs)
    }
}

fn verify_side(side: Side, specs: &[TensorSpec], found: &[TensorFace]) -> Result<(), Fault> {
    for spec in specs {
        let name = spec.name.clone();
        let Some(face) = found.iter().find(|face| face.name == spec.name) else {
            let found = found.iter().map(|face| face.name.clone()).collect();
            return Err(Fault::Missing { side, name, found });
        };
        if face.dtype != spec.dtype.to_string() {
            let (expected, found) = (spec.dtype, face.dtype.clone());
            return Err(Fault::Type { side, name, expected, found });
        }
        let same = face.shape.len() == spec.shape.len()
            && face.shape.iter().zip(&spec.shape).all(|(&a, &b)| usize::try_from(a) == Ok(b));
        if !same {
            let (expected, found) = (spec.shape.clone(), face.shape.clone());
            return Err(Fault::Shape { side, name, expected, found });
        }
    }
    match found.iter().find(|face| specs.iter().all(|spec| spec.name != face.name)) {
        Some(face) => Err(Fault::Unnamed { side, name: face.name.clone() }),
        None => Ok(()),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
