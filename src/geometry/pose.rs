//! Rigid transforms that know which frame they come from and which they lead to.

use std::marker::PhantomData;

use nalgebra::{Isometry3, Point3};

/// Marker types: the frames of reference that appear in the crate.
pub mod frames {
    /// LiDAR frame: x forward, y left, z up, origin at the sensor.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Lidar;
    /// A camera's optical frame: x right, y down, z forward, origin at the optical centre.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Camera;
    /// KITTI's rectified reference camera (camera 0), in which its labels are written.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Rect;
    /// Vehicle frame: x forward, y left, z up, origin on the ground.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Ego;
    /// World frame: z up.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Global;
}

/// A rigid transform that maps coordinates in `From` to coordinates in `To`.
#[derive(Debug, Clone, Copy)]
pub struct Pose<From, To> {
    /// The transform itself.
    pub isometry: Isometry3<f64>,
    frames: PhantomData<(From, To)>,
}

impl<From, To> Pose<From, To> {
    /// Wraps an isometry that maps `From` coordinates to `To` coordinates.
    pub fn new(isometry: Isometry3<f64>) -> Self {
        Self { isometry, frames: PhantomData }
    }

    /// The transform that changes nothing.
    pub fn identity() -> Self {
        Self::new(Isometry3::identity())
    }

    /// Maps a point (m).
    pub fn apply(&self, point: [f64; 3]) -> [f64; 3] {
        let p = self.isometry * Point3::from(point);
        [p.x, p.y, p.z]
    }

    /// The opposite direction.
    pub fn inverse(&self) -> Pose<To, From> {
        Pose::new(self.isometry.inverse())
    }

    /// First `self`, then `next`.
    pub fn then<Next>(&self, next: &Pose<To, Next>) -> Pose<From, Next> {
        Pose::new(next.isometry * self.isometry)
    }
}
