//! `--log` and `--trace`: tracing events to standard error, spans to a Chrome/Perfetto file.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::Context as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

use super::args::LogLevel;

/// Keeps the trace file open; dropping it writes the rest.
pub struct Guard {
    _trace: Option<tracing_chrome::FlushGuard>,
}

/// Starts both; called once.
pub fn start(level: LogLevel, trace: Option<&Path>) -> anyhow::Result<Guard> {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let text = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_filter(level);
    let (spans, guard) = match trace {
        None => (None, None),
        Some(path) => {
            let file = std::fs::File::create(path)
                .with_context(|| format!("trace file {}: cannot be written", path.display()))?;
            let (layer, guard) = tracing_chrome::ChromeLayerBuilder::new()
                .writer(std::io::BufWriter::new(file))
                .include_args(true)
                .build();
            let ours =
                tracing_subscriber::filter::Targets::new().with_target("emc2", LevelFilter::TRACE);
            (Some(layer.with_filter(ours)), Some(guard))
        }
    };
    tracing_subscriber::registry().with(text).with(spans).init();
    Ok(Guard { _trace: guard })
}
