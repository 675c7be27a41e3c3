//! An ONNX file without a contract, run for its time alone: what another network would cost on the
//! same runtime, with the same threads.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ort::memory::Allocator;
use ort::session::{IoBinding, Session};
use ort::value::Tensor;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

use super::super::Error;
use super::super::contract::TensorFace;
use super::library;
use super::providers::{self, ModelIdentity};
use super::session::{Made, face, make_session};
use crate::config::RuntimeConfig;

/// A network of fixed f32 shapes on random inputs; its answers mean nothing.
pub struct BareModel {
    // Before the session, which they borrow from on the other side.
    _inputs: Vec<Tensor<f32>>,
    _outputs: Vec<Tensor<f32>>,
    binding: IoBinding,
    session: Session,
    path: PathBuf,
    sha256: String,
}

impl BareModel {
    /// Loads an ONNX file as the models of the pipeline are loaded: same library, providers, threads,
    /// optimisation. Inputs are filled with numbers in -1..1 from a fixed seed.
    ///
    /// # Errors
    /// A file that cannot be read or is no network, a provider that cannot be had, a tensor that is not
    /// f32 or has no fixed shape.
    pub fn load(path: &Path, config: &RuntimeConfig) -> Result<Self, Error> {
        providers::plausible(&config.providers)?;
        let runtime = library::start(config.library.as_deref())?;
        let bytes =
            std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let name = path.display().to_string();
        let sha256: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        let model = ModelIdentity { name: name.clone(), sha256: sha256.clone() };
        let Made { session, .. } = make_session(&runtime, config, false, &model, &bytes)?;
        let faces = face(&session);
        let failed = |doing: &'static str| {
            let model = name.clone();
            move |error: ort::Error| Error::Runtime { model, doing, message: error.to_string() }
        };
        let mut binding = session.create_binding().map_err(failed("making a binding"))?;
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for tensor in &faces.inputs {
            let shape = fixed(tensor, &name)?;
            let values = (0..shape.iter().product()).map(|_| random.random_range(-1.0..1.0_f32));
            let values = values.collect::<Vec<_>>().into_boxed_slice();
            let input = Tensor::from_array((shape, values)).map_err(failed("making an input"))?;
            binding.bind_input(&tensor.name, &input).map_err(failed("binding an input"))?;
            inputs.push(input);
        }
        for tensor in &faces.outputs {
            let mut output = Tensor::<f32>::new(&Allocator::default(), fixed(tensor, &name)?)
                .map_err(failed("making an output"))?;
            binding.bind_output(&tensor.name, &mut output).map_err(failed("binding an output"))?;
            outputs.push(output);
        }
        let path = path.to_owned();
        Ok(Self { _inputs: inputs, _outputs: outputs, binding, session, path, sha256 })
    }

    /// Runs once; gives the milliseconds it took.
    ///
    /// # Errors
    /// [`Error::Runtime`].
    pub fn run(&mut self) -> Result<f64, Error> {
        let since = Instant::now();
        let done = self.session.run_binding(&self.binding).map(drop);
        let ms = since.elapsed().as_secs_f64() * 1e3;
        done.map(|()| ms).map_err(|error| {
            let (model, message) = (self.path.display().to_string(), error.to_string());
            Error::Runtime { model, doing: "running", message }
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the file, hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

/// The shape of an f32 tensor, with no side left open.
fn fixed(tensor: &TensorFace, model: &str) -> Result<Vec<usize>, Error> {
    let sides: Option<Vec<usize>> =
        tensor.shape.iter().map(|side| usize::try_from(*side).ok().filter(|n| *n > 0)).collect();
    match sides {
        Some(sides) if tensor.dtype == "f32" => Ok(sides),
        _ => Err(Error::Runtime {
            model: model.to_owned(),
            doing: "looking at its tensors",
            message: format!(
                "{}: expected f32 and a fixed shape, found {} {:?}; export it with fixed shapes",
                tensor.name, tensor.dtype, tensor.shape
            ),
        }),
    }
}
