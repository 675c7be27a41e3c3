//! KITTI object evaluation: 2D, BEV, 3D and AOS by the rules of the official program.
//!
//! Folders of label and result files come in ([`read`]), figures go out ([`evaluate`]). Every rule
//! that changes a digit is kept, the odd ones too: greedy matching in the order of the label file,
//! thresholds chosen by accumulated fortieths, low detections of any class that use up a label.
//! Source: the evaluation program of the KITTI object benchmark (Geiger, Lenz, Urtasun, CVPR 2012).

mod area;
mod curve;
mod error;
mod folder;
mod json;
mod judge;
mod matching;
mod object;
mod outcome;
mod overlap;
mod read;
mod task;

pub use area::{Area, AreaDraws, AreaRow, Areas, Band, interval_of};
pub use curve::{POSITIONS, Point, Values, r11, r40};
pub use error::Error;
pub use folder::{Folders, Missing};
pub use json::{SCHEMA, to_json};
pub use judge::{ClassFigures, Curve, Curves, Evaluation, Options, evaluate, evaluate_with_draws};
pub use object::{Difficulty, Judged, Metric, Strictness};
pub use outcome::{ObjectOutcome, Outcome, Outcomes, explain, outcomes};
pub use read::{Entry, Frame, Input, read};
