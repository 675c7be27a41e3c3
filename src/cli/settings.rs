//! The configuration in force: the file, then the words of the command line.

use anyhow::Context as _;

use super::args::{CommonArgs, ConfigArgs};
use super::exit::{self, Exit, UsageError};
use crate::config::{Config, Provider};
use crate::fusion::Fusion;
use crate::router::Router;

/// The commented default configuration, as it lies at the top of the repository.
pub const DEFAULT_TEXT: &str = include_str!("../../emc2.yaml");

/// Threads inside an operator at most: more than any machine's cores help.
const MOST_THREADS: usize = 256;

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
        config.runtime.threads = threads;
    }
    if !(1..=MOST_THREADS).contains(&config.runtime.threads) {
        let found = config.runtime.threads;
        let message = format!(
            "threads (--threads, runtime.threads): expected 1 to {MOST_THREADS}, found {found}"
        );
        return Err(UsageError(message).into());
    }
    Router::new(&config.router).map_err(|error| at_fault(common, &error))?;
    Fusion::new(&config.fusion).map_err(|error| at_fault(common, &error))?;
    Ok(config)
}

/// What is wrong with the settings of a room, with the file that they come from.
fn at_fault(common: &CommonArgs, error: &dyn std::error::Error) -> UsageError {
    match &common.config {
        Some(path) => UsageError(format!("configuration {}: {error}", path.display())),
        None => UsageError(error.to_string()),
    }
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
        exit::say(DEFAULT_TEXT);
        return Ok(Exit::Good);
    }
    let config = load(&args.common)?;
    exit::say(&serde_saphyr::to_string(&config).context("writing the configuration")?);
    Ok(Exit::Good)
}
