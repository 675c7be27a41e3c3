//! The configuration in force: the file, then the words of the command line.

use anyhow::Context as _;

use super::args::{CommonArgs, ConfigArgs};
use super::exit::{Exit, UsageError};
use crate::config::{Config, Provider};

/// The commented default configuration, as it lies at the top of the repository.
pub const DEFAULT_TEXT: &str = include_str!("../../emc2.yaml");

/// Reads the file (or takes the defaults) and lays the common words over it.
pub fn load(common: &CommonArgs) -> anyhow::Result<Config> {
    let mut config = match &common.config {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    if let Some(library) = &common.onnxruntime {
        config.runtime.library = Some(library.clone());
    }
    if !common.providers.is_empty() {
        config.runtime.providers =
            common.providers.iter().map(|name| provider(name)).collect::<anyhow::Result<_>>()?;
    }
    if let Some(threads) = common.threads {
        if threads == 0 {
            return Err(UsageError("--threads must be at least 1".to_owned()).into());
        }
        config.runtime.threads = threads;
    }
    Ok(config)
}

fn provider(name: &str) -> anyhow::Result<Provider> {
    match name.to_ascii_lowercase().as_str() {
        "tensorrt" => Ok(Provider::TensorRt),
        "cuda" => Ok(Provider::Cuda),
        "cpu" => Ok(Provider::Cpu),
        other => {
            let message = format!("unknown provider {other}: there are tensorrt, cuda, cpu");
            Err(UsageError(message).into())
        }
    }
}

/// `emc2 config`.
pub fn print(args: &ConfigArgs) -> anyhow::Result<Exit> {
    if args.default {
        print!("{DEFAULT_TEXT}");
        return Ok(Exit::Good);
    }
    let config = load(&args.common)?;
    print!("{}", serde_saphyr::to_string(&config).context("writing the configuration")?);
    Ok(Exit::Good)
}
