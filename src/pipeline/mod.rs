//! The one place that knows the order of the rooms: a frame in, boxes with their reasons out.
//!
//! [`Pipeline::process`] is synchronous and reuses its memory. Concurrency is the caller's: an
//! offline run gives each worker a pipeline of its own, a daemon overlaps consecutive frames.

mod error;
mod models;
mod process;
mod result;

pub use error::Error;
pub use models::{Loaded, Models, Networks, find_folder};
pub use process::Pipeline;
pub use result::{Counts, FrameDegradation, FrameResult, PlanSummary, StageTimes};
