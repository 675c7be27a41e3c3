//! The one box of this crate: an upright 3D box turned about the vertical axis.
//!
//! Every other convention (KITTI's camera-frame label, nuScenes' quaternion and `w, l, h`) is
//! converted at the edge of the crate. See the drawing on [`Box3`].

use serde::{Deserialize, Serialize};

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
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Box3 {
    /// Centre of the box (middle of its height), m.
    pub center: [f64; 3],
    /// Length (along the heading), width, height, m.
    pub size: [f64; 3],
    /// Heading about +z, rad, 0 along +x, counter-clockwise seen from above.
    pub yaw: f64,
}
