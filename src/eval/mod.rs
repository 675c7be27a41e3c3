//! Evaluation: labels and results go in, the benchmarks' own figures come out.
//!
//! Each benchmark has a folder of its own, because each has rules of its own; what they share is
//! geometry, the sensor room's readers, and how work is parted among threads.

pub mod diff;
pub mod kitti;
pub mod nuscenes;
mod outcome;
mod parallel;

pub use outcome::Outcome;
