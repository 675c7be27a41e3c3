//! Execution providers: one file each turns the configuration into a registration.
//!
//! A provider that ONNX Runtime cannot register is replaced by the CPU without a word unless one
//! insists; and `is_available` only says how the library was built. So every registration here is
//! made one by one, and its failure is an error (`strict`) or an outcome that is told.

use ort::session::builder::SessionBuilder;
use serde::Serialize;

use super::super::Error;
use crate::config::{Provider, RuntimeConfig};

mod cpu;
mod cuda;
mod tensorrt;

pub(super) use tensorrt::cached_engine;

/// What became of a provider of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderOutcome {
    /// Which.
    pub provider: Provider,
    /// Why it could not be had; `None` when it was taken.
    pub refused: Option<String>,
}

/// What a provider needs to know of a model.
#[derive(Debug, Clone)]
pub(super) struct ModelIdentity {
    pub(super) name: String,
    pub(super) sha256: String,
}

/// Whether the list of providers makes sense.
pub(super) fn plausible(providers: &[Provider]) -> Result<(), Error> {
    let wrong = |problem| Err(Error::ProviderList { problem });
    if providers.is_empty() {
        return wrong("must name at least one of tensorrt, cuda, cpu");
    }
    for (index, provider) in providers.iter().enumerate() {
        if providers[..index].contains(provider) {
            return wrong("names a provider twice");
        }
    }
    match providers.iter().position(|&provider| provider == Provider::Cpu) {
        // The CPU can run every node, so nothing would be left for those behind it.
        Some(at) if at + 1 < providers.len() => {
            wrong("has cpu before others, which would never be used")
        }
        _ => Ok(()),
    }
}

/// Registers one provider, or says why it cannot be had.
pub(super) fn register(
    provider: Provider,
    config: &RuntimeConfig,
    model: &ModelIdentity,
    builder: &mut SessionBuilder,
) -> Result<(), String> {
    let dispatch = match provider {
        Provider::Cpu => cpu::dispatch(),
        Provider::Cuda => cuda::dispatch(&config.cuda),
        Provider::TensorRt => tensorrt::dispatch(&config.tensorrt, model)?,
    };
    dispatch.error_on_failure().register(builder).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Provider::{Cpu, Cuda, TensorRt};

    #[test]
    fn a_list_of_providers_that_makes_no_sense_is_refused() {
        assert!(plausible(&[TensorRt, Cuda, Cpu]).is_ok());
        for list in [&[][..], &[Cpu, Cuda], &[Cuda, Cuda]] {
            assert!(plausible(list).unwrap_err().to_string().contains("runtime.providers"));
        }
    }
}
