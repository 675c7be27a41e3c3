//! What can be wrong with fusion's settings.

use crate::frame::ExpertKind;

/// An error of the fusion room. All of them are found before the first frame.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A calibration table is not a rising curve in 0..1.
    #[error(
        "fusion.calibration, table of {expert:?}, row {row}: expected {expected}, found \
         [{}, {}]; [[0, 0], [1, 1]] leaves scores as they are, an empty table takes those of the model", found[0], found[1]
    )]
    Calibration {
        /// Whose table.
        expert: ExpertKind,
        /// Row number, from 0.
        row: usize,
        /// What it should be.
        expected: &'static str,
        /// What was given.
        found: [f32; 2],
    },
    /// A limit is no share.
    #[error("fusion.{key}: expected a number in 0..1, found {found}")]
    Limit {
        /// Which.
        key: &'static str,
        /// What was given.
        found: f64,
    },
}
