//! Exit codes that a script can rely on, and how an error is told.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All good.
    Good = 0,
    /// The run failed.
    Failed = 1,
    /// Wrong usage or configuration.
    Usage = 2,
    /// Input refused under `--strict`.
    Refused = 3,
    /// Interrupted; what was finished is kept.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Wrong words: a message without a cause further down.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

/// A frame or label refused under `--strict`.
#[derive(Debug, thiserror::Error)]
#[error("refused (--strict): {0}")]
pub struct RefusedError(pub String);

/// The exit code that fits an error.
pub fn code_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if cause.is::<UsageError>()
            || cause.is::<crate::config::Error>()
            || cause.downcast_ref::<crate::pipeline::Error>().is_some_and(of_settings)
        {
            return Exit::Usage;
        }
        if cause.is::<RefusedError>() {
            return Exit::Refused;
        }
    }
    Exit::Failed
}

/// Whether the configuration is at fault, not what it names.
fn of_settings(error: &crate::pipeline::Error) -> bool {
    use crate::pipeline::Error::{Fusion, ModelFolder, Role, Router};
    matches!(error, Router(_) | Fusion(_) | ModelFolder { .. } | Role { .. })
}

/// Prints the chain of causes on standard error, each once.
pub fn report(error: &anyhow::Error, exit: Exit) -> ExitCode {
    let mut said = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let text = cause.to_string();
        // Many errors repeat their source in their own words.
        if said.contains(&text) {
            continue;
        }
        if depth == 0 {
            eprintln!("error: {text}");
        } else {
            eprintln!("  because: {text}");
        }
        said.push_str(&text);
    }
    exit.into()
}

/// Whether something could not be written to standard output.
static UNSAID: AtomicBool = AtomicBool::new(false);

/// Prints to standard output. A reader that has gone away (`| head`) is no error: what is written to
/// files goes on. Anything else is told once, and makes the command fail in the end.
pub fn say(text: &str) {
    use std::io::{ErrorKind, Write as _};
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
        && !UNSAID.swap(true, Ordering::SeqCst)
    {
        eprintln!("error: standard output cannot be written: {error}");
    }
}

/// How a command ended, if all that it had to say was said.
pub fn said(exit: Exit) -> Exit {
    if exit == Exit::Good && UNSAID.load(Ordering::SeqCst) { Exit::Failed } else { exit }
}
