//! Overlap of a label and a detection by the benchmark's three metrics, in f64.

use super::object::Metric;
use crate::geometry::BevRect;
use crate::sensor::kitti::row::ObjectRow;

/// A row ready to be compared with many others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    bbox: [f64; 4],
    ground: BevRect,
    /// Length × width as the benchmark's program multiplies them: negative if one is.
    area: f64,
    /// The box's top and bottom on the camera's y axis, which points down.
    top: f64,
    bottom: f64,
    volume: f64,
}

impl Shape {
    pub(super) fn new(row: &ObjectRow) -> Self {
        let [h, w, l] = row.size_hwl;
        let [x, y, z] = row.location;
        // Two negative sides are the same rectangle, turned by half a turn.
        let (length, width) = if l < 0.0 && w < 0.0 { (-l, -w) } else { (l, w) };
        Self {
            bbox: row.bbox,
            // KITTI turns about an axis that points down: seen in (x, z), the other way round.
            ground: BevRect::new([x, z], length, width, -row.rotation_y),
            area: l * w,
            top: y - h,
            bottom: y,
            volume: h * w * l,
        }
    }

    /// Intersection over union, 0..=1.
    pub(super) fn overlap(&self, other: &Self, metric: Metric) -> f64 {
        match metric {
            Metric::Image => image_overlap(&self.bbox, &other.bbox),
            Metric::Bev => {
                over_union(self.ground.intersection_area(&other.ground), self.area, other.area)
            }
            Metric::Box3d => over_union(self.shared_volume(other), self.volume, other.volume),
        }
    }

    /// The share of this shape (a detection) that lies in `other` (a DontCare area).
    pub(super) fn share_within(&self, other: &Self, metric: Metric) -> f64 {
        let (shared, whole) = match metric {
            Metric::Image => (image_shared(&self.bbox, &other.bbox), image_area(&self.bbox)),
            Metric::Bev => (self.ground.intersection_area(&other.ground), self.area),
            Metric::Box3d => (self.shared_volume(other), self.volume),
        };
        if shared > 0.0 { shared / whole } else { 0.0 }
    }

    fn shared_volume(&self, other: &Self) -> f64 {
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        if height > 0.0 { self.ground.intersection_area(&other.ground) * height } else { 0.0 }
    }
}

fn over_union(shared: f64, a: f64, b: f64) -> f64 {
    if shared > 0.0 { shared / (a + b - shared) } else { 0.0 }
}

fn image_area([left, top, right, bottom]: &[f64; 4]) -> f64 {
    (right - left) * (bottom - top)
}

fn image_shared(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    let width = a[2].min(b[2]) - a[0].max(b[0]);
    let height = a[3].min(b[3]) - a[1].max(b[1]);
    if width > 0.0 && height > 0.0 { width * height } else { 0.0 }
}

/// Plain rectangles: no pixel is added to width or height.
fn image_overlap(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    over_union(image_shared(a, b), image_area(a), image_area(b))
}
