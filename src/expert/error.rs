//! What can go wrong with models and experts.

use std::path::PathBuf;

/// An error of the expert room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A network's output holds a value that is not finite.
    #[error("model {model}: output {output} holds a value that is not finite (element {element})")]
    NotFinite {
        /// Model name.
        model: String,
        /// Output name.
        output: String,
        /// Index of the first such element.
        element: usize,
    },
    /// ONNX Runtime said no.
    #[error("model {model}: {doing}: {message}")]
    Runtime {
        /// Model name.
        model: String,
        /// What was being done.
        doing: &'static str,
        /// Its words.
        message: String,
    },
    /// A file of a model folder cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
