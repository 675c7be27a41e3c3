//! emc2 turns LiDAR and camera into 3D boxes on small computers.
//!
//! A frame walks in one direction: [`sensor`] reads it, [`bridge`] turns it into regions, [`router`]
//! sends each region to the [`expert`] that its distance and visibility deserve, [`fusion`] gives the
//! boxes, [`report`] writes them down. [`pipeline`] is the one place that knows this order.

// Types of these stand in this crate's own signatures.
pub use {image, nalgebra};

pub mod bridge;
pub mod calib;
pub mod cli;
pub mod compare;
pub mod config;
pub mod eval;
pub mod expert;
pub mod frame;
pub mod fusion;
pub mod geometry;
pub mod pipeline;
pub mod report;
pub mod router;
pub mod sensor;
mod yaml;

#[cfg(test)]
#[path = "../tests/shared_data/mod.rs"]
mod test_data;
