//! Rigs: which sensors there are, where they sit, and how a point becomes a pixel.

mod alignment;
mod axes;
mod camera;
mod check;
mod edges;
mod error;
mod kitti;
mod matrix;
#[cfg(test)]
mod tests;
mod yaml;

use crate::geometry::{Pose, frames};

pub use alignment::{Alignment, AlignmentCheck, NotJudged, Verdict};
pub use axes::Axes;
pub use camera::{Camera, NEAR_M, ProjectedBox, Projector};
pub use check::{Finding, FrameCheck};
pub use error::Error;
pub use kitti::{KITTI_IMAGE_SIZE, parse_kitti_calib, parse_kitti_raw_calib};
pub(crate) use matrix::intrinsic;
pub use yaml::parse_rig_yaml;

/// What the LiDAR is like.
#[derive(Debug, Clone, PartialEq)]
pub struct LidarSpec {
    /// Axes of the raw data; points of a frame are already turned to this crate's.
    pub axes: Axes,
    /// Number of laser rings.
    pub beams: u32,
    /// Height of the sensor above the ground, m.
    pub origin_height_m: f64,
    /// The intensity that counts as 1 in the raw data (KITTI 1, nuScenes 255).
    pub intensity_max: f64,
    /// Lowest and highest beam, degrees above the horizon.
    pub elevation_deg: [f64; 2],
    /// Angle between two firings of a ring, degrees.
    pub azimuth_step_deg: f64,
}

impl LidarSpec {
    /// More beams than any LiDAR has.
    pub const MOST_BEAMS: u32 = 1024;
}

/// All sensors of a vehicle.
#[derive(Debug, Clone)]
pub struct Rig {
    /// Its name.
    pub name: String,
    /// The LiDAR.
    pub lidar: LidarSpec,
    /// The cameras; the first is the one that results' 2D boxes refer to.
    pub cameras: Vec<Camera>,
    /// LiDAR to the frame in which KITTI labels are written (rectified camera 0); where a rig has
    /// no such frame, the first camera's.
    pub lidar_to_rect: Pose<frames::Lidar, frames::Rect>,
    /// LiDAR to vehicle frame.
    pub lidar_to_ego: Pose<frames::Lidar, frames::Ego>,
}
