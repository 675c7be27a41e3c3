//! ONNX Runtime: the only room that knows ort.
//!
//! [`OrtModel::load`] takes a model folder (contract, ONNX file, golden data) and gives a
//! [`Network`](super::Network) whose inputs are written in place and whose outputs are read in
//! place. Nothing false goes through: the library is found or the places are told, each line of the
//! contract holds or is named, each provider is had or is an error (`strict`), and an output that is
//! not finite never leaves.
//!
//! ONNX Runtime allocates on every run (about 70 to 95 small blocks), whatever one does; our side
//! of a run does not copy tensors. Each session keeps threads of its own, asleep
//! between runs, so that models may differ in their number of threads.

mod bare;
mod check;
mod golden;
mod heartbeat;
mod library;
mod log;
mod machine;
mod placement;
mod probe;
mod providers;
mod session;

pub use bare::BareModel;
pub use check::{CheckReport, CheckStep, RunTimes, check};
pub use golden::{Departure, Golden};
pub use library::{How, Located, Runtime, locate, start};
pub use machine::{Jetson, Machine, machine};
pub use placement::NodePlacement;
pub use probe::{ProviderProbe, RuntimeProbe, probe};
pub use providers::ProviderOutcome;
pub use session::{OrtModel, Overrides};
