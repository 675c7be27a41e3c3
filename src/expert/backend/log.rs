//! ONNX Runtime's own log lines, handed to `tracing` under the target `onnxruntime`.
//!
//! One level lower than it says: whatever fails comes back as an error too and is told once, by us;
//! its warnings (unused initialisers, absent GPU devices) are for a developer.

use ort::logging::LogLevel;

const TARGET: &str = "onnxruntime";

/// The lowest level worth handing over under the present `tracing` filter.
pub(super) fn level() -> LogLevel {
    if tracing::enabled!(target: TARGET, tracing::Level::TRACE) {
        LogLevel::Verbose
    } else if tracing::enabled!(target: TARGET, tracing::Level::DEBUG) {
        LogLevel::Warning
    } else {
        LogLevel::Error
    }
}

/// The logger given to ONNX Runtime.
pub(super) fn forward(level: LogLevel, category: &str, id: &str, place: &str, message: &str) {
    match level {
        LogLevel::Fatal => tracing::error!(target: TARGET, category, id, place, "{message}"),
        LogLevel::Error => tracing::info!(target: TARGET, category, id, place, "{message}"),
        LogLevel::Warning => tracing::debug!(target: TARGET, category, id, place, "{message}"),
        LogLevel::Info | LogLevel::Verbose => {
            tracing::trace!(target: TARGET, category, id, place, "{message}");
        }
    }
}
