//! Boxes, poses and overlap: numbers in, numbers out, no other room needed.

mod box3;
pub mod convert;
mod nms;
mod overlap;
mod pose;

pub use box3::Box3;
pub use convert::{KittiBox, NuscenesBox, alpha, observation_angle, wrap_angle};
pub use nms::Nms;
pub use overlap::{
    BevRect, bev_intersection_area, bev_overlap, overlap_3d, rect_intersection_area,
};
pub use pose::{Pose, frames};
