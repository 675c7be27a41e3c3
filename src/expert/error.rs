//! What can go wrong with models and experts.

use std::path::PathBuf;

use crate::config::Provider;

use super::contract::Fault;

/// An error of the expert room: what was being done, where, what was expected and found, what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A network's output holds a value that is not finite.
    #[error(
        "model {model}: output {output} holds a value that is not finite (element {element}); \
         its result is not used"
    )]
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
    /// There is no ONNX Runtime library in any of the places where one may lie.
    #[error(
        "the ONNX Runtime library ({wanted}) is not on this machine; looked at:\n{}\n\
         fetch it with `make setup` (runs tools/onnxruntime.sh), or name one (1.20 or newer) with \
         runtime.library in the configuration or ORT_DYLIB_PATH",
        looked_at.iter().map(|place| format!("  {place}")).collect::<Vec<_>>().join("\n")
    )]
    LibraryNotFound {
        /// File name looked for.
        wanted: String,
        /// Every place, in the order of looking.
        looked_at: Vec<String>,
    },
    /// A library was named, but is not there.
    #[error(
        "{named_by} names the ONNX Runtime library {path}, which is not a file: correct or drop the name"
    )]
    LibraryNotThere {
        /// Who named it.
        named_by: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// A library is there, but cannot be used.
    #[error(
        "the ONNX Runtime library {path} ({how}) cannot be used: {message}; \
         wanted is version 1.20 or newer for this processor (tools/onnxruntime.sh fetches one)"
    )]
    LibraryRefused {
        /// The path.
        path: PathBuf,
        /// How it was found.
        how: String,
        /// Why not.
        message: String,
    },
    /// One process can hold one ONNX Runtime, and it holds another.
    #[error(
        "this process already runs ONNX Runtime from {loaded}; {asked} cannot be loaded beside it"
    )]
    LibraryFixed {
        /// The one in use.
        loaded: PathBuf,
        /// The other.
        asked: PathBuf,
    },
    /// The list of providers makes no sense.
    #[error("runtime.providers: {problem}")]
    ProviderList {
        /// In which way.
        problem: &'static str,
    },
    /// A provider that was asked for cannot be had.
    #[error(
        "{subject}: the provider {provider} cannot be had: {message}; mend it, or take {provider} out of \
         runtime.providers, or set runtime.strict: false to go on without it (`emc2 doctor` says more)"
    )]
    Provider {
        /// Which model was being loaded (or what else was being done).
        subject: String,
        /// The provider.
        provider: Provider,
        /// Why not.
        message: String,
    },
    /// A provider took less of the network than was asked.
    #[error(
        "model {model}: {on_cpu} of {nodes} nodes were placed on the CPU although {provider} was asked for; \
         list cpu in runtime.providers to allow some nodes there, or set runtime.strict: false"
    )]
    Placement {
        /// Model name.
        model: String,
        /// The first provider of the list.
        provider: Provider,
        /// Nodes on the CPU.
        on_cpu: usize,
        /// All nodes.
        nodes: usize,
    },
    /// A contract is not YAML of the documented form (message with line, column and a snippet).
    #[error("{path}: not a contract:\n{message}")]
    ContractSyntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A statement of a contract is false.
    #[error("{path}{}: {fault}", line.map_or_else(String::new, |line| format!(" line {line}")))]
    Contract {
        /// The contract file.
        path: PathBuf,
        /// Line of the false statement, from 1, where it stands on one.
        line: Option<u64>,
        /// What is false.
        fault: Fault,
    },
    /// A golden file cannot be read, or lacks an array, or holds one of another shape.
    #[error("{path}: array {array}: {message}; make the golden file anew with the model's export")]
    GoldenFile {
        /// The npz file.
        path: PathBuf,
        /// Which array (tensor name).
        array: String,
        /// What is wrong.
        message: String,
    },
    /// A network's answer to the golden input departs from the golden output.
    #[error(
        "model {model}: output {output}{index:?} is {found} where the golden output has {expected} \
         ({ratio:.1} times the tolerance {tolerance}); this provider or precision computes another function, \
         and is refused"
    )]
    GoldenDeparture {
        /// Model name.
        model: String,
        /// Output name.
        output: String,
        /// Index of the worst element.
        index: Vec<usize>,
        /// Golden value there.
        expected: f32,
        /// Value found there.
        found: f32,
        /// The contract's tolerance.
        tolerance: f32,
        /// Departure over what is allowed (above 1 is refused).
        ratio: f32,
    },
    /// A model is sound but cannot serve as an expert.
    #[error(
        "model {model}: as an expert, tensor {tensor} should be {expected}, but is {found}; \
         models/FEATURES.md says what experts eat and say"
    )]
    Unsuitable {
        /// Model name.
        model: String,
        /// Which tensor.
        tensor: String,
        /// What an expert needs.
        expected: String,
        /// What the contract says.
        found: String,
    },
}
