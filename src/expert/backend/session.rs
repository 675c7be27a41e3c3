//! A loaded network: a session with its inputs and outputs bound once, reused on every run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ort::logging::LogLevel;
use ort::memory::Allocator;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{IoBinding, Session};
use ort::value::{Outlet, Tensor, TensorElementType, ValueType};

use super::super::contract::{Contract, FILE_NAME, ModelFace, TensorFace, located};
use super::super::{Error, Network};
use super::golden::{Departure, Golden};
use super::heartbeat::Heartbeat;
use super::library::{self, Runtime};
use super::placement::{self, NodePlacement};
use super::providers::{self, ModelIdentity, ProviderOutcome};
use crate::config::{Provider, RuntimeConfig};

/// Where one model departs from the configuration of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Other providers.
    pub providers: Option<Vec<Provider>>,
    /// Another number of threads.
    pub threads: Option<usize>,
    /// Another device of CUDA or TensorRT.
    pub device: Option<u32>,
    /// A deep-learning accelerator core of TensorRT.
    pub dla_core: Option<u32>,
    /// Learn the placement of nodes on the CPU provider too (costs some milliseconds; with other
    /// providers it is always learned).
    pub learn_placement: bool,
}

impl Overrides {
    fn apply(&self, config: &RuntimeConfig) -> RuntimeConfig {
        let mut config = config.clone();
        if let Some(providers) = &self.providers {
            config.providers.clone_from(providers);
        }
        config.threads = self.threads.unwrap_or(config.threads);
        if let Some(device) = self.device {
            config.cuda.device = device;
            config.tensorrt.device = device;
        }
        config.tensorrt.dla_core = self.dla_core.or(config.tensorrt.dla_core);
        config
    }
}

/// A network on ONNX Runtime.
pub struct OrtModel {
    contract: Contract,
    // Before the session, which they borrow from on the other side.
    inputs: Vec<Tensor<f32>>,
    outputs: Vec<Tensor<f32>>,
    binding: IoBinding,
    session: Session,
    on_device: bool,
    outcomes: Vec<ProviderOutcome>,
    placement: Vec<NodePlacement>,
    load_time: Duration,
    folder: PathBuf,
}

impl OrtModel {
    /// Loads a model folder. Inputs start as zeros.
    ///
    /// # Errors
    /// The library, the contract, a false statement in it, a provider: see [`Error`].
    pub fn load(
        folder: &Path,
        config: &RuntimeConfig,
        overrides: &Overrides,
    ) -> Result<Self, Error> {
        let since = Instant::now();
        let config = overrides.apply(config);
        providers::plausible(&config.providers)?;
        let (contract, text) = Contract::load_with_text(folder)?;
        let runtime = library::start(config.library.as_deref())?;

        let file = folder.join(&contract.file);
        let bytes =
            std::fs::read(&file).map_err(|source| Error::File { path: file.clone(), source })?;
        let false_statement = |fault| located(&text, &folder.join(FILE_NAME), fault);
        contract.verify_file(&bytes).map_err(false_statement)?;

        let model = ModelIdentity { name: contract.name.clone(), sha256: contract.sha256.clone() };
        let made = make_session(&runtime, &config, overrides.learn_placement, &model, &bytes)?;
        let Made { session, outcomes, placement, on_device } = made;
        contract.verify_face(&face(&session)).map_err(false_statement)?;

        let failed = |doing: &'static str| {
            let model = contract.name.clone();
            move |error: ort::Error| Error::Runtime { model, doing, message: error.to_string() }
        };
        let mut binding = session.create_binding().map_err(failed("making a binding"))?;
        let mut inputs = Vec::with_capacity(contract.inputs.len());
        for spec in &contract.inputs {
            let zeros = vec![0.0_f32; spec.elements()].into_boxed_slice();
            let tensor = Tensor::from_array((spec.shape.clone(), zeros))
                .map_err(failed("making an input"))?;
            // An owned tensor: a borrowed one deadlocks in this version of ort. On the CPU the
            // binding keeps this very memory, so what is written into it later is what runs.
            binding.bind_input(&spec.name, &tensor).map_err(failed("binding an input"))?;
            inputs.push(tensor);
        }
        let mut outputs = Vec::with_capacity(contract.outputs.len());
        for spec in &contract.outputs {
            let mut tensor = Tensor::<f32>::new(&Allocator::default(), spec.shape.clone())
                .map_err(failed("making an output"))?;
            binding.bind_output(&spec.name, &mut tensor).map_err(failed("binding an output"))?;
            outputs.push(tensor);
        }
        let load_time = since.elapsed();
        tracing::debug!(model = contract.name, ms = load_time.as_secs_f64() * 1e3, "model loaded");
        Ok(Self {
            contract,
            inputs,
            outputs,
            binding,
            session,
            on_device,
            outcomes,
            placement,
            load_time,
            folder: folder.to_owned(),
        })
    }

    /// Compares the network with its folder's golden data; the inputs are zeros after.
    ///
    /// # Errors
    /// A golden file that cannot be used, a run that fails, [`Error::GoldenDeparture`].
    pub fn prove(&mut self) -> Result<Vec<Departure>, Error> {
        Golden::load(&self.folder, &self.contract)?.hold(self)
    }

    /// What became of each provider asked for.
    pub fn outcomes(&self) -> &[ProviderOutcome] {
        &self.outcomes
    }

    /// On which providers the nodes are; empty where only the CPU was asked for and the placement
    /// was not asked for, and where the library does not tell.
    pub fn placement(&self) -> &[NodePlacement] {
        &self.placement
    }

    /// How long loading took.
    pub fn load_time(&self) -> Duration {
        self.load_time
    }

    fn runtime_error(&self, doing: &'static str, error: &ort::Error) -> Error {
        Error::Runtime { model: self.contract.name.clone(), doing, message: error.to_string() }
    }
}

impl Network for OrtModel {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn input_mut(&mut self, index: usize) -> &mut [f32] {
        self.inputs[index].extract_tensor_mut().1
    }

    fn run(&mut self) -> Result<(), Error> {
        if self.on_device {
            // Binding copies to the device's memory, at the time of binding.
            for (spec, tensor) in self.contract.inputs.iter().zip(&self.inputs) {
                if let Err(error) = self.binding.bind_input(&spec.name, tensor) {
                    return Err(self.runtime_error("copying an input to the device", &error));
                }
            }
        }
        let result = self.session.run_binding(&self.binding).map(drop);
        result.map_err(|error| self.runtime_error("running", &error))?;
        if self.on_device {
            let result = self.binding.synchronize_outputs();
            result
                .map_err(|error| self.runtime_error("copying outputs from the device", &error))?;
        }
        for (index, spec) in self.contract.outputs.iter().enumerate() {
            if let Some(element) = first_not_finite(self.output(index)) {
                let (model, output) = (self.contract.name.clone(), spec.name.clone());
                return Err(Error::NotFinite { model, output, element });
            }
        }
        Ok(())
    }

    fn output(&self, index: usize) -> &[f32] {
        self.outputs[index].extract_tensor().1
    }
}

/// The first value that is infinite or not a number.
///
/// Whole blocks are tested by their exponent bits without a branch, which the compiler turns into
/// vector code; only a block that fails is searched.
pub(super) fn first_not_finite(values: &[f32]) -> Option<usize> {
    const EXPONENT: u32 = 0x7f80_0000;
    const BLOCK: usize = 1024;
    for (block, part) in values.chunks(BLOCK).enumerate() {
        let any = part
            .iter()
            .fold(0, |any, value| any | u32::from(value.to_bits() & EXPONENT == EXPONENT));
        if any != 0 {
            let within = part.iter().position(|value| !value.is_finite())?;
            return Some(block * BLOCK + within);
        }
    }
    None
}

pub(super) struct Made {
    pub(super) session: Session,
    outcomes: Vec<ProviderOutcome>,
    placement: Vec<NodePlacement>,
    on_device: bool,
}

/// Makes a session on the providers of the list; without `strict`, on those of them that can be had.
pub(super) fn make_session(
    runtime: &Runtime,
    config: &RuntimeConfig,
    learn_placement: bool,
    model: &ModelIdentity,
    bytes: &[u8],
) -> Result<Made, Error> {
    let subject = format!("model {}", model.name);
    let first = config.providers[0];
    let mut outcomes: Vec<_> = config
        .providers
        .iter()
        .map(|&provider| ProviderOutcome { provider, refused: None })
        .collect();
    let give_up = |outcome: &mut ProviderOutcome, message: String| {
        let provider = outcome.provider;
        if config.strict {
            return Err(Error::Provider { subject: subject.clone(), provider, message });
        }
        tracing::info!(model = model.name, %provider, "provider cannot be had, going on without it: {message}");
        outcome.refused = Some(message);
        Ok(())
    };

    loop {
        let listener = placement::Listener::default();
        let mut builder = options(runtime, config, model)?;
        for outcome in outcomes.iter_mut().filter(|outcome| outcome.refused.is_none()) {
            if let Err(message) = providers::register(outcome.provider, config, model, &mut builder)
            {
                give_up(outcome, message)?;
            }
        }
        let taken = |outcome: &&mut ProviderOutcome| outcome.refused.is_none();
        let has = |provider| {
            outcomes.iter().any(|outcome| outcome.provider == provider && outcome.refused.is_none())
        };
        let on_device = has(Provider::TensorRt) || has(Provider::Cuda);
        let cpu_listed = config.providers.contains(&Provider::Cpu);
        let refuse_cpu = config.strict && on_device && !cpu_listed;
        if on_device || learn_placement {
            builder = set(model, builder.with_log_level(LogLevel::Verbose))?;
            builder = set(model, builder.with_logger(listener.logger()))?;
        }
        if refuse_cpu {
            builder = set(model, builder.with_disable_cpu_fallback())?;
        }

        let _beat = has(Provider::TensorRt).then(|| announce_engine(config, model));
        let committed = builder.commit_from_memory(bytes);
        let placement = listener.heard();
        let nodes: usize = placement.iter().map(|place| place.nodes).sum();
        let cpu = placement.iter().filter(|place| place.provider == placement::CPU);
        let on_cpu: usize = cpu.map(|place| place.nodes).sum();
        let misplaced =
            Error::Placement { model: model.name.clone(), provider: first, on_cpu, nodes };
        match committed {
            Ok(session) => {
                if on_device && on_cpu > 0 {
                    // Some nodes on the CPU are what "cpu" in the list allows; all of them are not
                    // what was asked for.
                    if config.strict && (!cpu_listed || on_cpu == nodes) {
                        return Err(misplaced);
                    }
                    tracing::warn!(model = model.name, on_cpu, nodes, "some nodes run on the CPU");
                }
                return Ok(Made { session, outcomes, placement, on_device });
            }
            Err(_) if refuse_cpu && on_cpu > 0 => return Err(misplaced),
            Err(error) => {
                // A provider can also fail here, when it first touches its device.
                let mut candidates = outcomes.iter_mut().filter(taken);
                match candidates.find(|outcome| outcome.provider != Provider::Cpu) {
                    Some(outcome) => give_up(outcome, error.to_string())?,
                    None => {
                        let (model, message) = (model.name.clone(), error.to_string());
                        return Err(Error::Runtime {
                            model,
                            doing: "loading the ONNX file",
                            message,
                        });
                    }
                }
            }
        }
    }
}

fn options(
    runtime: &Runtime,
    config: &RuntimeConfig,
    model: &ModelIdentity,
) -> Result<SessionBuilder, Error> {
    let builder = set(model, Session::builder(runtime.environment()))?;
    let builder = set(model, builder.with_log_id(&model.name))?;
    let builder = set(model, builder.with_optimization_level(GraphOptimizationLevel::All))?;
    let builder = set(model, builder.with_deterministic_compute(true))?;
    let builder = set(model, builder.with_intra_threads(config.threads))?;
    let builder = set(model, builder.with_intra_op_spinning(config.spinning))?;
    set(model, builder.with_inter_op_spinning(config.spinning))
}

/// The outcome of one setting; the builder that ort hands back with an error is let go.
fn set<T, R>(model: &ModelIdentity, result: Result<T, ort::Error<R>>) -> Result<T, Error> {
    result.map_err(|error| {
        let (model, message) = (model.name.clone(), error.to_string());
        Error::Runtime { model, doing: "setting up a session", message }
    })
}

fn announce_engine(config: &RuntimeConfig, model: &ModelIdentity) -> Heartbeat {
    let name = model.name.clone();
    if providers::cached_engine(&config.tensorrt, model) {
        tracing::info!(model = name, "loading a TensorRT engine from the cache");
    } else {
        tracing::info!(model = name, "building a TensorRT engine, may take 10 minutes");
    }
    Heartbeat::start(Duration::from_secs(10), move |elapsed| {
        tracing::info!(model = name, elapsed_s = elapsed.as_secs(), "TensorRT is still at it");
    })
}

pub(super) fn face(session: &Session) -> ModelFace {
    let side = |outlets: &[Outlet]| outlets.iter().map(tensor_face).collect();
    ModelFace { inputs: side(session.inputs()), outputs: side(session.outputs()) }
}

fn tensor_face(outlet: &Outlet) -> TensorFace {
    let name = outlet.name().to_owned();
    match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let dtype = match ty {
                TensorElementType::Float32 => "f32".to_owned(),
                other => other.to_string(),
            };
            TensorFace { name, dtype, shape: shape.to_vec() }
        }
        other => TensorFace { name, dtype: other.to_string(), shape: Vec::new() },
    }
}

const _: () = {
    const fn must_be_send<T: Send>() {}
    must_be_send::<OrtModel>();
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_that_is_not_finite_is_found_wherever_it_is() {
        for length in [0, 1, 1023, 1024, 1025, 5000] {
            let mut values = vec![f32::MAX; length];
            assert_eq!(first_not_finite(&values), None);
            for at in
                [0, length / 2, length.saturating_sub(1)].into_iter().filter(|&at| at < length)
            {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN] {
                    values[at] = bad;
                    assert_eq!(first_not_finite(&values), Some(at));
                    values[at] = -f32::MIN_POSITIVE;
                }
            }
        }
    }
}
