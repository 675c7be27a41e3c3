//! Overlap of turned boxes, seen from above and in 3D, in f64.
//!
//! Two boxes in, an area or a ratio out. Seen from the first rectangle's own frame, the second is
//! clipped to it by clamping: the area of a convex polygon inside a window is the integral of the
//! polygon's boundary with x and y clamped to the window (Green's theorem, one trapezoid sum an
//! edge). Unlike building the clipped polygon vertex by vertex there is no list of vertices, no
//! inside/outside decision that rounding could take twice, and hardly a branch: identical boxes,
//! boxes turned by π/2 or π and touching edges are ordinary input.
//!
//! A rectangle whose length or width is not a positive number is empty: every overlap with it is 0.

use super::Box3;

/// A rectangle on the ground plane, ready to be compared with many others: sine, cosine and radius
/// are worked out once.
#[derive(Debug, Clone, Copy)]
pub struct BevRect {
    center: [f64; 2],
    half: [f64; 2],
    cos: f64,
    sin: f64,
    radius: f64,
}

impl BevRect {
    /// A rectangle from its centre (m), length along the heading and width (m), and yaw (rad,
    /// counter-clockwise from +x).
    pub fn new(center: [f64; 2], length: f64, width: f64, yaw: f64) -> Self {
        let (sin, cos) = yaw.sin_cos();
        let half = [0.5 * length, 0.5 * width];
        let radius = (half[0] * half[0] + half[1] * half[1]).sqrt();
        Self { center, half, cos, sin, radius }
    }

    /// Length × width, m²; 0 where either is not positive.
    #[inline]
    pub fn area(&self) -> f64 {
        if self.is_empty() { 0.0 } else { 4.0 * self.half[0] * self.half[1] }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        // Written so that NaN counts as empty.
        !(self.half[0] > 0.0 && self.half[1] > 0.0)
    }

    /// Area shared with another rectangle, m². Never more than the smaller area, never negative;
    /// 0 if either is empty or holds a value that is not a number.
    pub fn intersection_area(&self, other: &BevRect) -> f64 {
        let dx = other.center[0] - self.center[0];
        let dy = other.center[1] - self.center[1];
        let reach = self.radius + other.radius;
        // False for NaN too.
        let near = dx * dx + dy * dy < reach * reach;
        if !near || self.is_empty() || other.is_empty() {
            return 0.0;
        }
        // The other rectangle in this one's frame: centre c, half sides u (length) and v (width).
        let cos = self.cos * other.cos + self.sin * other.sin;
        let sin = self.cos * other.sin - self.sin * other.cos;
        let c = [dx * self.cos + dy * self.sin, dy * self.cos - dx * self.sin];
        let u = [cos * other.half[0], sin * other.half[0]];
        let v = [-sin * other.half[1], cos * other.half[1]];
        let [hx, hy] = self.half;
        let extent = [u[0].abs() + v[0].abs(), u[1].abs() + v[1].abs()];
        if c[0].abs() >= hx + extent[0] || c[1].abs() >= hy + extent[1] {
            return 0.0;
        }
        // Separation along the other's axes.
        let along = [c[0] * cos + c[1] * sin, c[1] * cos - c[0] * sin];
        let [ac, as_] = [cos.abs(), sin.abs()];
        if along[0].abs() >= other.half[0] + hx * ac + hy * as_
            || along[1].abs() >= other.half[1] + hx * as_ + hy * ac
        {
            return 0.0;
        }
        let smaller = (4.0 * hx * hy).min(4.0 * other.half[0] * other.half[1]);
        // Corners, counter-clockwise, and the slopes of the two pairs of edges.
        let p0 = [c[0] - u[0] - v[0], c[1] - u[1] - v[1]];
        let p1 = [c[0] + u[0] - v[0], c[1] + u[1] - v[1]];
        let p2 = [c[0] + u[0] + v[0], c[1] + u[1] + v[1]];
        let p3 = [c[0] - u[0] + v[0], c[1] - u[1] + v[1]];
        let along_u = sin / cos;
        let along_v = -cos / sin;
        let sum = under_edge(p0, p1, along_u, hx, hy)
            + under_edge(p1, p2, along_v, hx, hy)
            + under_edge(p2, p3, along_u, hx, hy)
            + under_edge(p3, p0, along_v, hx, hy);
        (-sum).clamp(0.0, smaller)
    }

    /// Intersection over union of the two areas, 0..=1; 0 if either is empty.
    pub fn iou(&self, other: &BevRect) -> f64 {
        ratio(self.intersection_area(other), self.area(), other.area())
    }
}

/// Integral of y over x along the edge from `a` to `b`, x clamped to ±hx and y to ±hy.
#[inline]
fn under_edge(a: [f64; 2], b: [f64; 2], slope: f64, hx: f64, hy: f64) -> f64 {
    let xa = clamp(a[0], hx);
    let xb = clamp(b[0], hx);
    let width = xb - xa;
    if width == 0.0 {
        // Upright or outside; the slope may be infinite here and is not used.
        return 0.0;
    }
    let ya = if xa == a[0] { a[1] } else { a[1] + (xa - a[0]) * slope };
    let yb = if xb == b[0] { b[1] } else { b[1] + (xb - b[0]) * slope };
    let low = ya.min(yb);
    let high = ya.max(yb);
    if low >= -hy && high <= hy {
        return 0.5 * width * (low + high);
    }
    if low >= hy {
        return hy * width;
    }
    if high <= -hy {
        return -hy * width;
    }
    // The line leaves the window: mean of the clamped height, piece by piece. Each piece is a
    // share of (high - low) and cannot lose digits when the edge is nearly level.
    let inside_low = low.max(-hy);
    let inside_high = high.min(hy);
    let below = inside_low - low;
    let above = high - inside_high;
    let inside = 0.5 * (inside_high - inside_low) * (inside_high + inside_low);
    width * (hy * (above - below) + inside) / (high - low)
}

#[inline]
fn clamp(value: f64, limit: f64) -> f64 {
    value.max(-limit).min(limit)
}

fn ratio(shared: f64, a: f64, b: f64) -> f64 {
    if shared > 0.0 { (shared / (a + b - shared)).min(1.0) } else { 0.0 }
}

/// Area shared by two rectangles given as centre (m), length, width (m) and yaw (rad), m². For many
/// comparisons build each [`BevRect`] once: half of the time here goes into sines and cosines.
pub fn rect_intersection_area(a: ([f64; 2], f64, f64, f64), b: ([f64; 2], f64, f64, f64)) -> f64 {
    BevRect::new(a.0, a.1, a.2, a.3).intersection_area(&BevRect::new(b.0, b.1, b.2, b.3))
}

/// Area shared by the footprints of two boxes, m².
pub fn bev_intersection_area(a: &Box3, b: &Box3) -> f64 {
    if far_apart(a, b) { 0.0 } else { a.footprint().intersection_area(&b.footprint()) }
}

/// Intersection over union of the footprints, 0..=1.
pub fn bev_overlap(a: &Box3, b: &Box3) -> f64 {
    if far_apart(a, b) { 0.0 } else { a.footprint().iou(&b.footprint()) }
}

/// Intersection over union of the volumes, 0..=1; 0 if a height is not positive.
pub fn overlap_3d(a: &Box3, b: &Box3) -> f64 {
    let shared_height = a.top().min(b.top()) - a.bottom().max(b.bottom());
    // Written so that NaN and empty heights give 0.
    if !(shared_height > 0.0 && a.size[2] > 0.0 && b.size[2] > 0.0) {
        return 0.0;
    }
    let shared_height = shared_height.min(a.size[2]).min(b.size[2]);
    ratio(bev_intersection_area(a, b) * shared_height, a.volume(), b.volume())
}

/// Whether the circles around the footprints are apart: most pairs of a scene end here, before any
/// sine is taken.
fn far_apart(a: &Box3, b: &Box3) -> bool {
    let dx = a.center[0] - b.center[0];
    let dy = a.center[1] - b.center[1];
    let reach = a.bev_radius() + b.bev_radius();
    dx * dx + dy * dy >= reach * reach
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use proptest::prelude::*;

    use super::*;

    /// Another way to the same number: clip the polygon edge by edge, then sum its triangles.
    fn by_polygon(a: &Box3, b: &Box3) -> f64 {
        let mut polygon = a.bev_corners().to_vec();
        let window = b.bev_corners();
        for i in 0..4 {
            let (p, q) = (window[i], window[(i + 1) % 4]);
            let side = |r: [f64; 2]| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
            let mut next = Vec::new();
            for k in 0..polygon.len() {
                let (r, s) = (polygon[k], polygon[(k + 1) % polygon.len()]);
                let (dr, ds) = (side(r), side(s));
                if dr >= 0.0 {
                    next.push(r);
                }
                if (dr > 0.0 && ds < 0.0) || (dr < 0.0 && ds > 0.0) {
                    let t = dr / (dr - ds);
                    next.push([r[0] + t * (s[0] - r[0]), r[1] + t * (s[1] - r[1])]);
                }
            }
            polygon = next;
        }
        if polygon.len() < 3 {
            return 0.0;
        }
        let o = polygon[0];
        0.5 * (1..polygon.len() - 1)
            .map(|i| {
                let (p, q) = (polygon[i], polygon[i + 1]);
                (p[0] - o[0]) * (q[1] - o[1]) - (q[0] - o[0]) * (p[1] - o[1])
            })
            .sum::<f64>()
    }

    fn near_box() -> impl Strategy<Value = Box3> {
        (
            prop::array::uniform3(-4.0..4.0f64),
            prop::array::uniform3(0.2..8.0f64),
            prop_oneof![-7.0..7.0f64, Just(0.0), Just(PI / 2.0), Just(PI), Just(-PI / 2.0)],
        )
            .prop_map(|(center, size, yaw)| Box3::new(center, size, yaw))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn clamping_agrees_with_clipping_a_polygon(a in near_box(), b in near_box()) {
            let (fast, slow) = (bev_intersection_area(&a, &b), by_polygon(&a, &b));
            prop_assert!((fast - slow).abs() < 1e-11, "{fast} {slow}");
            prop_assert!((fast - bev_intersection_area(&b, &a)).abs() < 1e-12);
        }

        #[test]
        fn nearly_identical_boxes_agree_with_clipping(
            a in near_box(), exponent in -17.0..-1.0f64,
            jitter in prop::array::uniform3(-1.0..1.0f64), turns in 0..4u32,
        ) {
            let e = 10f64.powf(exponent);
            let mut b = a;
            b.center[0] += e * jitter[0];
            b.center[1] += e * jitter[1];
            b.yaw += e * jitter[2] + f64::from(turns) * PI / 2.0;
            if turns % 2 == 1 {
                b.size.swap(0, 1);
            }
            let (fast, slow) = (bev_intersection_area(&a, &b), by_polygon(&a, &b));
            prop_assert!((fast - slow).abs() < 1e-10, "{fast} {slow}");
        }

        #[test]
        fn overlaps_stay_between_nothing_and_all(a in near_box(), b in near_box()) {
            for value in [bev_overlap(&a, &b), overlap_3d(&a, &b)] {
                prop_assert!((0.0..=1.0).contains(&value));
            }
            prop_assert!(overlap_3d(&a, &b) <= 1.0);
            prop_assert!((overlap_3d(&a, &a) - 1.0).abs() < 1e-12);
            prop_assert!((bev_overlap(&b, &b) - 1.0).abs() < 1e-12);
        }

        #[test]
        fn moving_and_turning_both_boxes_changes_nothing(
            a in near_box(), b in near_box(), shift in prop::array::uniform2(-100.0..100.0f64),
            turn in -3.0..3.0f64,
        ) {
            let (sin, cos) = turn.sin_cos();
            let moved = |c: &Box3| Box3::new(
                [
                    c.center[0] * cos - c.center[1] * sin + shift[0],
                    c.center[0] * sin + c.center[1] * cos + shift[1],
                    c.center[2],
                ],
                c.size,
                c.yaw + turn,
            );
            let before = bev_intersection_area(&a, &b);
            let after = bev_intersection_area(&moved(&a), &moved(&b));
            prop_assert!((before - after).abs() < 1e-10);
        }
    }

    #[test]
    fn known_shapes_give_known_areas() {
        let unit = Box3::new([0.0; 3], [2.0, 2.0, 2.0], 0.0);
        let turned = Box3 { yaw: PI / 4.0, ..unit };
        // A square and the same square turned by 45 degrees share a regular octagon.
        let octagon = 8.0 * (2f64.sqrt() - 1.0);
        assert!((bev_intersection_area(&unit, &turned) - octagon).abs() < 1e-14);
        let beside = Box3 { center: [2.0, 0.0, 0.0], ..unit };
        assert_eq!(bev_intersection_area(&unit, &beside), 0.0, "touching edges share nothing");
        let above = Box3 { center: [0.0, 0.0, 2.0], ..unit };
        assert_eq!(overlap_3d(&unit, &above), 0.0);
        let half = Box3 { center: [0.0, 0.0, 1.0], ..unit };
        assert!((overlap_3d(&unit, &half) - 1.0 / 3.0).abs() < 1e-15);
        let cross = Box3 { size: [10.0, 0.5, 2.0], yaw: PI / 2.0, ..unit };
        assert!((bev_intersection_area(&unit, &cross) - 1.0).abs() < 1e-14);
        let inner = Box3 { size: [0.5, 0.25, 1.0], yaw: 1.0, ..unit };
        assert!((bev_intersection_area(&unit, &inner) - 0.125).abs() < 1e-15);
    }

    #[test]
    fn empty_and_broken_boxes_share_nothing() {
        let good = Box3::new([0.0; 3], [4.0, 2.0, 1.5], 0.3);
        for size in
            [[0.0, 2.0, 1.5], [4.0, -2.0, 1.5], [f64::NAN, 2.0, 1.5], [-1.0; 3], [f64::NAN; 3]]
        {
            let bad = Box3 { size, ..good };
            for (a, b) in [(&good, &bad), (&bad, &good), (&bad, &bad)] {
                assert_eq!(bev_intersection_area(a, b), 0.0, "{size:?}");
                assert_eq!(bev_overlap(a, b), 0.0);
                assert_eq!(overlap_3d(a, b), 0.0);
            }
        }
        let flat = Box3 { size: [4.0, 2.0, 0.0], ..good };
        assert_eq!(overlap_3d(&good, &flat), 0.0);
        let lost = Box3 { center: [f64::NAN, 0.0, 0.0], ..good };
        assert_eq!(bev_overlap(&good, &lost), 0.0);
        let yawless = Box3 { yaw: f64::NAN, ..good };
        assert_eq!(bev_overlap(&good, &yawless), 0.0);
    }
}
