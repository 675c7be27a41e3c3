//! Boxes, poses and overlap: numbers in, numbers out, no other room needed.

mod box3;
mod pose;

pub use box3::Box3;
pub use pose::{Pose, frames};
