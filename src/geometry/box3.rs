//! The one box of this crate: an upright 3D box turned about the vertical axis.
//!
//! Every other convention (KITTI's camera-frame label, nuScenes' quaternion and `w, l, h`) is
//! converted at the edge of the crate, by [`super::convert`]. See the drawing on [`Box3`].

use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

use super::{BevRect, Pose};

/// An upright box in a right-handed frame with z up (usually the LiDAR frame).
///
/// ```text
///            x forward                      top view (z towards you)
///            ^
///            |   front                      yaw is the angle from +x to the
///        +-------+                          heading, counter-clockwise, rad;
///        |   ^   |  length (along heading)  yaw 0 looks along +x,
///        |   |   |                          yaw pi/2 looks along +y (left)
///  y <---|-- c --|
///  left  |       |
///        +-------+
///          width
/// ```
///
/// Corners, seen from above: 0 front left, 1 rear left, 2 rear right, 3 front right
/// (counter-clockwise); in 3D the same four at the bottom, then 4 to 7 above them.
///
/// ```
/// use emc2::geometry::Box3;
///
/// let car = Box3::new([10.0, 2.0, -0.9], [4.0, 1.8, 1.5], 0.0);
/// assert!(car.contains([11.9, 2.0, -0.9]));
/// assert_eq!(car.bev_corners()[0], [12.0, 2.9]);
/// assert_eq!(car.from_local([2.0, 0.0, 0.0]), [12.0, 2.0, -0.9]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Box3 {
    /// Centre of the box (middle of its height), m.
    pub center: [f64; 3],
    /// Length (along the heading), width, height, m.
    pub size: [f64; 3],
    /// Heading about +z, rad, 0 along +x, counter-clockwise seen from above.
    pub yaw: f64,
}

impl Box3 {
    /// Index pairs into [`Box3::corners`]: the twelve edges.
    pub const EDGES: [[usize; 2]; 12] = [
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 0],
        [4, 5],
        [5, 6],
        [6, 7],
        [7, 4],
        [0, 4],
        [1, 5],
        [2, 6],
        [3, 7],
    ];

    /// A box from its centre (m), size `[length, width, height]` (m) and yaw (rad). Nothing is
    /// checked: a box with a size that is not positive is empty ([`Box3::contains`] may hold only on
    /// its centre plane, overlaps are 0).
    pub const fn new(center: [f64; 3], size: [f64; 3], yaw: f64) -> Self {
        Self { center, size, yaw }
    }

    /// Whether every number of the box is finite.
    pub fn is_finite(&self) -> bool {
        self.center.iter().chain(&self.size).all(|v| v.is_finite()) && self.yaw.is_finite()
    }

    /// Height of the lower face, m.
    pub fn bottom(&self) -> f64 {
        self.center[2] - 0.5 * self.size[2]
    }

    /// Height of the upper face, m.
    pub fn top(&self) -> f64 {
        self.center[2] + 0.5 * self.size[2]
    }

    /// Length × width × height, m³.
    pub fn volume(&self) -> f64 {
        self.size[0] * self.size[1] * self.size[2]
    }

    /// Length × width, m².
    pub fn bev_area(&self) -> f64 {
        self.size[0] * self.size[1]
    }

    /// Radius of the circle around the footprint, m.
    pub fn bev_radius(&self) -> f64 {
        0.5 * self.size[0].hypot(self.size[1])
    }

    /// Horizontal distance from the frame's origin to the centre, m.
    pub fn distance(&self) -> f64 {
        self.center[0].hypot(self.center[1])
    }

    /// The footprint, with its sine and cosine worked out once.
    pub fn footprint(&self) -> BevRect {
        BevRect::new([self.center[0], self.center[1]], self.size[0], self.size[1], self.yaw)
    }

    /// Corners of the footprint, m: front left, rear left, rear right, front right.
    pub fn bev_corners(&self) -> [[f64; 2]; 4] {
        let (sin, cos) = self.yaw.sin_cos();
        let [l, w] = [0.5 * self.size[0], 0.5 * self.size[1]];
        [[l, w], [-l, w], [-l, -w], [l, -w]]
            .map(|[x, y]| [self.center[0] + x * cos - y * sin, self.center[1] + x * sin + y * cos])
    }

    /// The eight corners, m: the footprint's four at the bottom, then the same four at the top.
    pub fn corners(&self) -> [[f64; 3]; 8] {
        let flat = self.bev_corners();
        let heights = [self.bottom(), self.top()];
        std::array::from_fn(|i| [flat[i % 4][0], flat[i % 4][1], heights[i / 4]])
    }

    /// Whether a point lies in the box, faces included.
    pub fn contains(&self, point: [f64; 3]) -> bool {
        let local = self.to_local(point);
        (0..3).all(|i| local[i].abs() <= 0.5 * self.size[i])
    }

    /// A point in the box's own frame: origin at the centre, x along the heading, y left, z up.
    pub fn to_local(&self, point: [f64; 3]) -> [f64; 3] {
        let (sin, cos) = self.yaw.sin_cos();
        let [dx, dy, dz] = std::array::from_fn(|i| point[i] - self.center[i]);
        [dx * cos + dy * sin, dy * cos - dx * sin, dz]
    }

    /// The way back from [`Box3::to_local`].
    #[allow(clippy::wrong_self_convention)] // reads as "from the box's local frame"
    pub fn from_local(&self, point: [f64; 3]) -> [f64; 3] {
        let (sin, cos) = self.yaw.sin_cos();
        let [x, y, z] = point;
        [self.center[0] + x * cos - y * sin, self.center[1] + x * sin + y * cos, self.center[2] + z]
    }

    /// The same box with `margin` (m) added on every side: along the length, the width, the height.
    pub fn enlarged(&self, margin: [f64; 3]) -> Self {
        Self { size: std::array::from_fn(|i| self.size[i] + 2.0 * margin[i]), ..*self }
    }

    /// The box in another z-up frame.
    ///
    /// The centre is mapped exactly. A [`Box3`] cannot lean, so where the pose has a pitch or roll
    /// the result stands upright in the new frame, with its heading along the mapped heading's
    /// horizontal part. For a tilt of t rad the corners are off by about t × half the box's length
    /// (2 cm for a car at 0.6°) and the way there and back by about t²/2 rad of yaw; the conversions
    /// in [`super::convert`] come back exactly.
    pub fn transformed<From, To>(&self, pose: &Pose<From, To>) -> Self {
        let (sin, cos) = self.yaw.sin_cos();
        let heading = pose.isometry.rotation * Vector3::new(cos, sin, 0.0);
        Self { center: pose.apply(self.center), size: self.size, yaw: heading.y.atan2(heading.x) }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{Isometry3, Translation3, UnitQuaternion};
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::frames::{Ego, Lidar};

    fn any_box() -> impl Strategy<Value = Box3> {
        (prop::array::uniform3(-80.0..80.0f64), prop::array::uniform3(0.1..12.0f64), -10.0..10.0f64)
            .prop_map(|(center, size, yaw)| Box3::new(center, size, yaw))
    }

    proptest! {
        #[test]
        fn local_coordinates_come_back(b in any_box(), p in prop::array::uniform3(-90.0..90.0f64)) {
            let back = b.from_local(b.to_local(p));
            for i in 0..3 {
                prop_assert!((back[i] - p[i]).abs() < 1e-11);
            }
        }

        #[test]
        fn corners_lie_on_the_box(b in any_box()) {
            for corner in b.corners() {
                let local = b.to_local(corner);
                for (along, side) in local.iter().zip(b.size) {
                    prop_assert!((along.abs() - side / 2.0).abs() < 1e-11);
                }
            }
            prop_assert!(b.contains(b.center));
            prop_assert!(b.enlarged([1e-9; 3]).contains(b.corners()[5]));
        }

        #[test]
        fn a_level_pose_moves_corners_with_the_box(
            b in any_box(), yaw in -4.0..4.0f64, t in prop::array::uniform3(-50.0..50.0f64)
        ) {
            let pose = Pose::<Lidar, Ego>::new(Isometry3::from_parts(
                Translation3::from(t),
                UnitQuaternion::from_euler_angles(0.0, 0.0, yaw),
            ));
            let moved = b.transformed(&pose).corners();
            for (corner, expected) in moved.iter().zip(b.corners().map(|c| pose.apply(c))) {
                for i in 0..3 {
                    prop_assert!((corner[i] - expected[i]).abs() < 1e-10);
                }
            }
        }
    }

    #[test]
    fn a_small_tilt_keeps_the_centre_and_nearly_the_corners() {
        let tilt = 0.6f64.to_radians();
        let pose = Pose::<Lidar, Ego>::new(Isometry3::from_parts(
            Translation3::new(0.9, 0.0, 1.8),
            UnitQuaternion::from_euler_angles(tilt, tilt, -1.5),
        ));
        let b = Box3::new([20.0, -5.0, -1.0], [4.2, 1.8, 1.5], 0.7);
        let moved = b.transformed(&pose);
        assert_eq!(moved.center, pose.apply(b.center));
        for (a, c) in moved.corners().iter().zip(b.corners()) {
            let e = pose.apply(c);
            assert!((0..3).all(|i| (a[i] - e[i]).abs() < 0.04), "{a:?} {e:?}");
        }
    }
}
