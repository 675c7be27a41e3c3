//! A box's own frame: LiDAR coordinates in, coordinates along, across and above the box out.
//!
//! Regions and expert inputs are made of these. As in training, coordinates are worked out in f64
//! and handed on in f32, so that both sides see the same points inside.

use crate::geometry::Box3;

/// A region's box is enlarged by this on each side in length and width, m.
pub const MARGIN_M: f32 = 0.5;
/// A region's box is enlarged by this up and down, m.
pub const MARGIN_UP_M: f32 = 0.3;

/// A box, ready to take points into its own frame (x' along the heading, origin at centre).
#[derive(Debug, Clone, Copy)]
pub struct BoxFrame {
    /// Centre, LiDAR frame, m.
    pub center: [f32; 3],
    /// Length, width, height, m.
    pub size: [f32; 3],
    origin: [f64; 3],
    sin: f64,
    cos: f64,
}

impl BoxFrame {
    /// The frame of a box.
    pub fn new(box3: &Box3) -> Self {
        let (sin, cos) = box3.yaw.sin_cos();
        Self {
            center: box3.center.map(|value| value as f32),
            size: box3.size.map(|value| value as f32),
            origin: box3.center,
            sin,
            cos,
        }
    }

    /// LiDAR coordinates to the box frame: `R(-yaw) (p - c)`, m.
    #[inline]
    pub fn local(&self, [x, y, z, _]: [f32; 4]) -> [f32; 3] {
        let (dx, dy) = (f64::from(x) - self.origin[0], f64::from(y) - self.origin[1]);
        let along = self.cos * dx + self.sin * dy;
        let across = self.cos * dy - self.sin * dx;
        [along as f32, across as f32, (f64::from(z) - self.origin[2]) as f32]
    }

    /// Half the sides of the enlarged box, m.
    #[inline]
    pub fn reach(&self) -> [f32; 3] {
        [
            0.5 * self.size[0] + MARGIN_M,
            0.5 * self.size[1] + MARGIN_M,
            0.5 * self.size[2] + MARGIN_UP_M,
        ]
    }

    /// Half the sides of the rectangle along x and y around the enlarged box, m.
    pub fn extent(&self) -> [f32; 2] {
        let [l, w, _] = self.reach();
        let (sin, cos) = (self.sin.abs() as f32, self.cos.abs() as f32);
        [l * cos + w * sin, l * sin + w * cos]
    }

    /// Is the point in the enlarged box (faces included)?
    #[inline]
    pub fn holds(&self, point: [f32; 4]) -> bool {
        let [x, y, z] = self.local(point);
        let [l, w, h] = self.reach();
        (x.abs() <= l) & (y.abs() <= w) & (z.abs() <= h)
    }

    /// Is the point a return of the object itself: within `margin` of the box's sides and top, and
    /// at least `foot` above its bottom (where ground begins)?
    #[inline]
    pub fn holds_as_own(&self, point: [f32; 4], margin: f32, foot: f32) -> bool {
        let [x, y, z] = self.local(point);
        let [l, w, h] = self.size.map(|side| 0.5 * side);
        (x.abs() <= l + margin) & (y.abs() <= w + margin) & (z <= h + margin) & (z >= foot - h)
    }
}
