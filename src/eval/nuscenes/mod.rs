//! nuScenes detection evaluation by the rules of the official devkit.
//!
//! A results file and the tables of the data set go in; average precision at four distances, five errors
//! of true positives and NDS come out (Caesar et al., 2020), agreeing with the devkit in every figure. The
//! results stream past while the tables do; classes are evaluated beside one another, and the figures are
//! the same whatever the number of threads.
//!
//! ```no_run
//! use emc2::eval::nuscenes::{Request, evaluate};
//! let request = Request::new("data/nuscenes".as_ref(), "v1.0-mini", "mini_val", "results.json".as_ref());
//! let evaluation = evaluate(&request)?;
//! println!("{}", evaluation.figures.nd_score);
//! # Ok::<(), emc2::eval::nuscenes::Error>(())
//! ```

mod boxes;
mod class;
mod curve;
mod error;
mod evaluate;
mod explain;
mod figures;
mod filter;
mod join;
mod outcome;
mod output;
mod results;
mod selection;
mod sums;
mod text;
mod truth;

pub use boxes::EvalBox;
pub use class::{ATTRIBUTES, AttributeName, DetectionClass, TpError};
pub use curve::{Curve, POINTS, recall};
pub use error::Error;
pub use evaluate::{Evaluation, Request, evaluate, evaluate_from};
pub use figures::{ClassFigures, DISTANCES_M, ERROR_DISTANCE, Figures};
pub use filter::Counts;
pub use join::read_results_of;
pub use outcome::BoxOutcome;
pub use results::{MAX_BOXES, Results, read_results, read_results_from};
