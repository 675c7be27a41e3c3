//! Does routing pay? Every frame under every setting of the router, on the same loaded networks, turn
//! about, and what came of it in accuracy and time.
//!
//! [`settings`] turns words into router settings, [`measure`] runs them interleaved, [`judge`] makes
//! the boxes into figures of the KITTI evaluation with paired intervals, [`Cells`] say how good each
//! expert is in each cell of distance and visibility, [`Verdict`]s whether one expert for everything lies
//! above the routed curve. [`Comparison`] is all of it, as it stands in `compare.json`
//! (`docs/compare.md`).

mod cells;
mod comparison;
#[cfg(test)]
pub(crate) mod comparison_for_tests;
mod error;
mod judge;
mod measure;
mod settings;
mod sparsity;
mod summary;
mod verdict;
mod weigh;

pub use cells::{Cell, Cells};
pub use comparison::{
    AreaFigure, Baseline, ClassFigure, Comparison, Front, Ratio, SCHEMA, SettingFigures, Shares,
    Split, TimeAxis, Verdict, VerdictPoint,
};
pub use error::Error;
pub use judge::{Judgement, judge};
pub use measure::{
    FrameRun, LookedAt, Measured, Order, beyond_bridge_ms, measure, work_behind_bridge_ms,
};
pub(crate) use settings::percent;
pub use settings::{Requested, Setting, Sweep, settings};
pub use sparsity::{ClassDifference, Sparsity};
pub use summary::summarise;
pub use verdict::LEAST_LABELS;
