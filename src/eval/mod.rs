//! Evaluation: labels and results go in, the benchmarks' own figures come out.
//!
//! Each benchmark has a folder of its own, because each has rules of its own; nothing is shared
//! but geometry and the sensor room's readers.

pub mod diff;
pub mod kitti;
pub mod nuscenes;
