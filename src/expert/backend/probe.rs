//! What ONNX Runtime can really do on this machine, for `emc2 doctor`.
//!
//! Asking the library which providers are available tells how it was built, not what loads. So each
//! provider gets a tiny network (`probe.onnx`: `y = relu(x)`, 8 values), which must load on it and
//! give the right answer.

use std::path::Path;

use ort::session::Session;
use ort::value::Tensor;
use serde::Serialize;

use super::library::{self, Located, Runtime};
use super::providers::{self, ModelIdentity};
use crate::config::{Provider, RuntimeConfig};

const NETWORK: &[u8] = include_bytes!("probe.onnx");

/// The library, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuntimeProbe {
    /// Where the library lies.
    pub library: Option<Located>,
    /// Its version.
    pub version: Option<String>,
    /// Its own description of how it was built.
    pub build: Option<String>,
    /// Why it cannot be had, and how to get it.
    pub missing: Option<String>,
    /// Each provider that can be asked for.
    pub providers: Vec<ProviderProbe>,
}

/// Whether a provider works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderProbe {
    /// Which.
    pub provider: Provider,
    /// Whether the configuration asks for it.
    pub wanted: bool,
    /// Why it does not work; `None` when it loaded the tiny network and computed it.
    pub refused: Option<String>,
}

/// Starts the library and tries each provider with the configuration's settings.
pub fn probe(config: &RuntimeConfig) -> RuntimeProbe {
    let mut config = config.clone();
    // The tiny engine must not litter the folder of the real ones.
    config.tensorrt.engine_cache = None;
    config.tensorrt.timing_cache = None;
    config.tensorrt.int8_calibration_table = None;
    let started = library::start(config.library.as_deref().map(Path::new));
    let tried = [Provider::TensorRt, Provider::Cuda, Provider::Cpu].map(|provider| {
        let result = match &started {
            Ok(runtime) => run_on(provider, runtime, &config),
            Err(_) => Err("there is no ONNX Runtime".to_owned()),
        };
        ProviderProbe {
            provider,
            wanted: config.providers.contains(&provider),
            refused: result.err(),
        }
    });
    let runtime = started.as_ref().ok();
    RuntimeProbe {
        library: runtime.map(|runtime| runtime.library().clone()),
        version: runtime.map(|runtime| runtime.version().to_owned()),
        build: runtime.map(|runtime| runtime.build_info().to_owned()),
        missing: started.as_ref().err().map(ToString::to_string),
        providers: tried.to_vec(),
    }
}

fn run_on(provider: Provider, runtime: &Runtime, config: &RuntimeConfig) -> Result<(), String> {
    let model = ModelIdentity { name: "probe".to_owned(), sha256: String::new() };
    let mut builder = Session::builder(runtime.environment())
        .and_then(|builder| builder.with_intra_threads(1).map_err(Into::into))
        .map_err(|error| error.to_string())?;
    providers::register(provider, config, &model, &mut builder)?;
    if provider != Provider::Cpu {
        builder = builder.with_disable_cpu_fallback().map_err(|error| error.to_string())?;
    }
    let run = |mut session: Session| {
        let input = [-2.0_f32, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 4.0];
        let tensor = Tensor::from_array(([1_usize, 8], input.to_vec()))?;
        let outputs = session.run(ort::inputs![tensor])?;
        let (_, found) = outputs[0].try_extract_tensor::<f32>()?;
        Ok(found.iter().zip(input).all(|(&found, input)| (found - input.max(0.0)).abs() < 1e-3))
    };
    let right: ort::Result<bool> = builder.commit_from_memory(NETWORK).and_then(run);
    match right {
        Ok(true) => Ok(()),
        Ok(false) => Err("it loads, but computes relu wrongly".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
