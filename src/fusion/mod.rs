//! Fusion: the experts' words become one list of boxes.
//!
//! Scores first go through the expert's calibration table, so that 0.7 means the same from each.
//! Then boxes of a class whose footprints overlap become one: the best stays (`nms`), or all are
//! averaged, weighted by score (`wbf`, weighted box fusion, Solovyev et al. 2021). The order of the
//! result depends on nothing but the boxes: by score, then class, then position.

mod calibration;
mod error;
mod fuse;

pub use calibration::Curve;
pub use error::Error;
pub use fuse::{Fused, Fusion, FusionCounts};

#[cfg(test)]
mod tests;
