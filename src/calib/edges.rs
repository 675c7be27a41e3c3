//! Edges of a scan's depth and of a picture, for [`super::AlignmentCheck`].
//!
//! The constants were chosen on 31 KITTI frames: with the picture's edges made relative to their
//! neighbourhood, and spread only a few pixels, right and turned extrinsics part best.

use image::GrayImage;

use super::LidarSpec;
use crate::frame::PointCloud;

/// A point where something nearer ends before something farther.
pub(super) struct DepthEdge {
    /// The nearer point, LiDAR frame, m.
    pub point: [f64; 3],
    /// Root of the step in depth, cut at √5 m.
    pub weight: f64,
}

/// Lowest upper rim that counts, m above the ground.
const CLEAR_OF_GROUND_M: f64 = 0.53;

/// Depth edges of a scan.
pub(super) struct DepthEdges {
    /// Ends along a ring: sides of things.
    pub sides: Vec<DepthEdge>,
    /// Ends from ring to ring: upper rims of things.
    pub tops: Vec<DepthEdge>,
    /// Share of successive points that are neighbours on a ring.
    pub neighbours: f64,
}

fn weight(step: f64) -> f64 {
    step.min(5.0).sqrt()
}

pub(super) fn depth_edges(cloud: &PointCloud, lidar: &LidarSpec) -> DepthEdges {
    // Azimuth and elevation in degrees, range in m.
    let polar: Vec<[f64; 3]> = cloud
        .points
        .iter()
        .map(|p| {
            let [x, y, z] = [p[0], p[1], p[2]].map(f64::from);
            let flat = x.hypot(y);
            [y.atan2(x).to_degrees(), z.atan2(flat).to_degrees(), flat.hypot(z)]
        })
        .collect();
    let gaps = f64::from(lidar.beams.max(2) - 1);
    let ring = ((lidar.elevation_deg[1] - lidar.elevation_deg[0]) / gaps).max(0.05);
    let step = lidar.azimuth_step_deg.max(0.01);
    let edge = |i: usize, jump: f64| {
        let p = cloud.points[i];
        DepthEdge { point: [p[0], p[1], p[2]].map(f64::from), weight: weight(jump) }
    };

    let beside = |a: &[f64; 3], b: &[f64; 3]| {
        let turn = (a[0] - b[0]).abs();
        turn.min(360.0 - turn) < 4.0 * step && (a[1] - b[1]).abs() < 1.5 * ring
    };
    let mut sides = Vec::new();
    let mut pairs = 0usize;
    for (i, p) in polar.iter().enumerate() {
        let next = polar.get(i + 1).filter(|n| beside(p, n));
        let before = i.checked_sub(1).map(|b| &polar[b]).filter(|b| beside(p, b));
        pairs += usize::from(next.is_some());
        let jump = next.into_iter().chain(before).map(|n| n[2] - p[2]).fold(0.0, f64::max);
        if jump > (0.05 * p[2]).max(0.5) {
            sides.push(edge(i, jump));
        }
    }

    // A range image, two firings a column and one ring a row, holding the nearest return.
    let columns = (360.0 / (2.0 * step)).ceil().max(1.0) as usize;
    let rows = lidar.beams as usize + 8;
    let cell = |p: &[f64; 3]| {
        // Saturating casts: NaN and what lies below go to row 0, above to the last.
        let row = ((p[1] - lidar.elevation_deg[0]) / ring + 3.0) as usize;
        let column = ((p[0] + 180.0) / (2.0 * step)) as usize;
        row.min(rows - 1) * columns + column.min(columns - 1)
    };
    let mut nearest = vec![f64::INFINITY; rows * columns];
    for p in &polar {
        let slot = &mut nearest[cell(p)];
        *slot = slot.min(p[2]);
    }
    let above = |at: usize, up: usize| nearest.get(at + up * columns).copied();
    let mut tops = Vec::new();
    // On flat ground every ring is farther than the one below it: that is no edge.
    let ground = (CLEAR_OF_GROUND_M - lidar.origin_height_m) as f32;
    for (i, p) in polar.iter().enumerate() {
        if cloud.points[i][2] < ground {
            continue;
        }
        let at = cell(p);
        // Two rows up: rings are not evenly spaced, a row may have been missed.
        let far = [1, 2].into_iter().filter_map(|up| above(at, up)).fold(f64::INFINITY, f64::min);
        let jump = far - p[2];
        if p[2] <= nearest[at] && jump.is_finite() && jump > (0.1 * p[2]).max(1.0) {
            tops.push(edge(i, jump));
        }
    }
    let neighbours = if polar.is_empty() { 0.0 } else { pairs as f64 / polar.len() as f64 };
    DepthEdges { sides, tops, neighbours }
}

/// Which edges of a picture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Brightness changes from left to right.
    Upright,
    /// Brightness changes from top to bottom.
    Level,
}

/// Strength of a picture's edges near each pixel.
pub(super) struct ImageEdges {
    width: usize,
    strength: Vec<f32>,
    mean: f64,
}

/// Half the width of the neighbourhood to which an edge is relative, pixels.
const AROUND: usize = 15;
/// Brightness step of noise, grey levels a pixel: keeps a flat sky free of edges.
const NOISE: f32 = 1.5;
/// Edges stronger than this many times their neighbourhood count no more.
const CUT: f32 = 3.0;
/// What is left of an edge one pixel away.
const SPREAD: f32 = 0.7;

impl ImageEdges {
    pub(super) fn new(gray: &GrayImage, direction: Direction) -> Self {
        let (width, height) = (gray.width() as usize, gray.height() as usize);
        let mut plane: Vec<f32> = gray.as_raw().iter().map(|&g| f32::from(g)).collect();
        for along_row in [true, false] {
            lines(&mut plane, width, height, along_row, |line, old| {
                for i in 1..line.len().saturating_sub(1) {
                    line[i] = 0.25 * (old[i - 1] + 2.0 * old[i] + old[i + 1]);
                }
            });
        }
        lines(&mut plane, width, height, direction == Direction::Upright, |line, old| {
            line.fill(0.0);
            for i in 1..line.len().saturating_sub(1) {
                line[i] = 0.5 * (old[i + 1] - old[i - 1]).abs();
            }
        });
        let mut around = plane.clone();
        for along_row in [true, false] {
            lines(&mut around, width, height, along_row, |line, old| {
                let mut sum = 0f64;
                let at = |i: isize| f64::from(old[i.clamp(0, old.len() as isize - 1) as usize]);
                let reach = AROUND as isize;
                for i in -reach..=reach {
                    sum += at(i);
                }
                for (i, value) in line.iter_mut().enumerate() {
                    *value = (sum / (2 * AROUND + 1) as f64) as f32;
                    sum += at(i as isize + reach + 1) - at(i as isize - reach);
                }
            });
        }
        for (value, around) in plane.iter_mut().zip(around) {
            *value = (*value / (around + NOISE)).min(CUT);
        }
        for along_row in [true, false] {
            lines(&mut plane, width, height, along_row, |line, _| {
                for i in 1..line.len() {
                    line[i] = line[i].max(SPREAD * line[i - 1]);
                }
                for i in (1..line.len()).rev() {
                    line[i - 1] = line[i - 1].max(SPREAD * line[i]);
                }
            });
        }
        let sum: f64 = plane.iter().map(|&v| f64::from(v)).sum();
        let mean = sum / plane.len().max(1) as f64;
        Self { width, strength: plane, mean }
    }

    /// Strength at column, row of the picture.
    pub(super) fn at(&self, [u, v]: [usize; 2]) -> f64 {
        f64::from(self.strength[v * self.width + u])
    }

    /// Mean over the picture.
    pub(super) fn mean(&self) -> f64 {
        self.mean
    }
}

/// Hands every row (or column) to `work`, as the line to change and a copy of it.
fn lines(
    plane: &mut [f32],
    width: usize,
    height: usize,
    along_row: bool,
    work: impl Fn(&mut [f32], &[f32]),
) {
    if width == 0 || height == 0 {
        return;
    }
    let (count, length, start, step) =
        if along_row { (height, width, width, 1) } else { (width, height, 1, width) };
    let mut old = vec![0.0; length];
    let mut line = vec![0.0; length];
    for k in 0..count {
        for (i, value) in old.iter_mut().enumerate() {
            *value = plane[k * start + i * step];
        }
        line.copy_from_slice(&old);
        work(&mut line, &old);
        for (i, &value) in line.iter().enumerate() {
            plane[k * start + i * step] = value;
        }
    }
}
