//! How well the sensor can see a box: the returns to be expected from it, and the share of it that
//! stands in the shadow of nearer things.
//!
//! *Expected returns* come from the solid angle of the faces that look at the sensor: each face is
//! cut into patches; a patch of area `a`, at distance `d`, seen under the angle whose cosine is `c`,
//! fills `a c / d^2` steradians, and the sensor fires once in `azimuth step x mean beam step x
//! cos(elevation)`. Patches outside the beams' elevation give nothing. Of those rays a real object
//! sends back a share: a car does not fill its box, glass and dark paint swallow rays, and the more
//! so the farther it stands. The share was measured on the unoccluded cars
//! of 102 labelled KITTI frames (`models/training`, `emc2_training.fit_visibility`).
//!
//! *Occlusion* is read off a range image in (azimuth, elevation): the share of the box's extent in
//! which something stands clearly nearer. The image's azimuth is the diamond angle
//! `y / (|x| + |y|)`, its elevation the tangent: both rise with the true angles, and need no
//! arctangent for each point.

use crate::calib::LidarSpec;
use crate::geometry::Box3;

/// Patches along each side of a face.
const PATCHES: usize = 5;

/// Share of the rays through a box's faces that come back from the object, where nothing is lost to
/// distance, and how that share falls from there on: `exp(-(d - 15 m) / 47 m)`.
const RETURNED: f64 = 0.66;
const LOSS_FROM_M: f64 = 15.0;
const LOSS_M: f64 = 47.0;

/// Returns that an object of a box's size (LiDAR frame) would give if nothing stood before it.
pub fn expected_points(lidar: &LidarSpec, box3: &Box3) -> f32 {
    let [low, high] = lidar.elevation_deg.map(f64::to_radians);
    let beam_step = (high - low) / f64::from(lidar.beams.max(2) - 1);
    let per_ray = lidar.azimuth_step_deg.to_radians() * beam_step;
    if !(per_ray > 0.0 && box3.is_finite()) {
        return 0.0;
    }
    let (lowest, highest) = (low.tan(), high.tan());
    let (sin, cos) = box3.yaw.sin_cos();
    let half = box3.size.map(|side| 0.5 * side);
    let axes = [[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]];
    let mut rays = 0.0;
    for axis in 0..3 {
        let normal = axes[axis];
        // Where the sensor stands along this axis decides which of the two faces it sees, if any.
        let along = -dot(box3.center, normal);
        if along.abs() <= half[axis] {
            continue;
        }
        let side = along.signum();
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        let patch = 4.0 * half[u] * half[v] / (PATCHES * PATCHES) as f64;
        let place = |k: usize, half: f64| half * ((2 * k + 1) as f64 / PATCHES as f64 - 1.0);
        for k in 0..PATCHES * PATCHES {
            let (a, b) = (place(k / PATCHES, half[u]), place(k % PATCHES, half[v]));
            let at: [f64; 3] = std::array::from_fn(|i| {
                box3.center[i] + side * half[axis] * normal[i] + a * axes[u][i] + b * axes[v][i]
            });
            // Tangents and squares: this runs a few thousand times a frame.
            let flat = at[0] * at[0] + at[1] * at[1];
            let horizontal = flat.sqrt();
            if at[2] >= lowest * horizontal && at[2] <= highest * horizontal && flat > 0.0 {
                // a |n . v| / d^3 steradian over the firing's cos(elevation) = horizontal / d.
                let square = flat + at[2] * at[2];
                rays += patch * dot(at, normal).abs() / (square * horizontal * per_ray);
            }
        }
    }
    let loss = (-(box3.distance() - LOSS_FROM_M).max(0.0) / LOSS_M).exp();
    (rays * RETURNED * loss) as f32
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Returns lower than this above nominal ground shadow nothing, m.
const GROUND_M: f32 = 0.2;
/// The lowest part of a box, left out of its extent: rays at it graze the ground before it, m.
const FOOT_M: f64 = 0.3;
/// A return is clearly nearer than a box when it is nearer than its nearest corner by this, m.
const NEARER_M: f64 = 0.5;
/// A cell of the image is this many beam steps high and firings wide, so that it is rarely missed.
const COARSENESS: f64 = 1.3;
/// The diamond angle runs from -2 (straight back, from the right) to 2.
const TURN: f32 = 4.0;

/// Nearest returns of a scan by direction; its memory is reused.
#[derive(Debug, Default)]
pub struct RangeImage {
    /// Horizontal range of the nearest return, m; infinite where there is none. Row by row.
    ranges: Vec<f32>,
    columns: usize,
    rows: usize,
    /// Columns per unit of diamond angle, rows per unit of tangent, tangent of the lowest edge.
    per_angle: f32,
    per_tangent: f32,
    lowest: f32,
}

impl RangeImage {
    /// Takes in a scan: points `[x, y, z, intensity]`, LiDAR frame, m, all finite.
    pub fn fill(&mut self, lidar: &LidarSpec, points: &[[f32; 4]], origin_height: f32) {
        self.shape(lidar);
        self.ranges.fill(f32::INFINITY);
        const BLOCK: usize = 32;
        let (mut places, mut ranges) = ([0_i32; BLOCK], [0_f32; BLOCK]);
        let (columns, last_column) = (self.columns as i32, self.columns as i32 - 1);
        for chunk in points.chunks(BLOCK) {
            // Directions first: divisions and roots of a block run side by side.
            for (k, [x, y, z, _]) in chunk.iter().enumerate() {
                let range = (x * x + y * y).sqrt();
                let row = (z / range - self.lowest) * self.per_tangent;
                let column = (diamond(*x, *y) + 0.5 * TURN) * self.per_angle;
                // Far above the beams stands for anything above, and cannot overflow.
                let row = row.min(self.rows as f32);
                let place = row as i32 * columns + (column as i32).min(last_column);
                let counts = (z + origin_height >= GROUND_M) & (row >= 0.0);
                places[k] = if counts { place } else { -1 };
                ranges[k] = range;
            }
            for (place, range) in places.iter().zip(&ranges).take(chunk.len()) {
                // Above the highest beam, and -1, are no place.
                if let Some(nearest) = self.ranges.get_mut(*place as usize) {
                    *nearest = nearest.min(*range);
                }
            }
        }
    }

    fn shape(&mut self, lidar: &LidarSpec) {
        let [low, high] = lidar.elevation_deg.map(|degrees| degrees.to_radians().tan());
        let step = (high - low).abs().max(1e-3) / f64::from(lidar.beams.max(2) - 1) * COARSENESS;
        self.rows = ((high - low).abs() / step).ceil() as usize + 1;
        let firing = lidar.azimuth_step_deg.to_radians().max(1e-3) * COARSENESS;
        self.columns = (f64::from(TURN) / firing).ceil() as usize;
        self.per_angle = self.columns as f32 / TURN;
        self.per_tangent = (1.0 / step) as f32;
        // Half a row lower, so that the lowest beam is in the middle of a row.
        self.lowest = (low - 0.5 * step) as f32;
        self.ranges.resize(self.rows * self.columns, f32::INFINITY);
    }

    /// Share of the box's extent (its lowest 0.3 m left out) that nearer returns shadow, 0..1;
    /// 0 for a box around the sensor or wholly outside the beams.
    pub fn occlusion(&self, box3: &Box3) -> f32 {
        let corners = box3.bev_corners();
        if self.ranges.is_empty() || !box3.is_finite() || holds_origin(box3) {
            return 0.0;
        }
        let nearest = nearest_of(&corners) - NEARER_M;
        let first = diamond(corners[0][0] as f32, corners[0][1] as f32);
        let (mut left, mut right) = (first, first);
        for [x, y] in corners {
            let mut angle = diamond(x as f32, y as f32);
            // A box straight behind the sensor lies on both ends of the image.
            if angle - first > 0.5 * TURN {
                angle -= TURN;
            } else if first - angle > 0.5 * TURN {
                angle += TURN;
            }
            (left, right) = (left.min(angle), right.max(angle));
        }
        let distance = box3.distance();
        let tangent = |height: f64| (height / distance) as f32;
        let (bottom, top) =
            (tangent((box3.bottom() + FOOT_M).min(box3.top())), tangent(box3.top()));
        let rows = cells(
            (bottom - self.lowest) * self.per_tangent,
            (top - self.lowest) * self.per_tangent,
        );
        let columns =
            cells((left + 0.5 * TURN) * self.per_angle, (right + 0.5 * TURN) * self.per_angle);
        let (mut all, mut shadowed) = (0_u32, 0_u32);
        for row in rows.0.max(0)..=rows.1.min(self.rows as i64 - 1) {
            for column in columns.0..=columns.1 {
                let column = column.rem_euclid(self.columns as i64) as usize;
                all += 1;
                let range = self.ranges[row as usize * self.columns + column];
                shadowed += u32::from(f64::from(range) < nearest);
            }
        }
        if all == 0 { 0.0 } else { shadowed as f32 / all as f32 }
    }
}

/// The cells whose middle lies between two places, or the one in between where there is none.
fn cells(from: f32, to: f32) -> (i64, i64) {
    let (first, last) = ((from - 0.5).ceil() as i64, (to - 0.5).floor() as i64);
    let middle = (0.5 * (from + to)).floor() as i64;
    if first <= last { (first, last) } else { (middle, middle) }
}

/// Diamond angle of a direction, -2..2: 0 along +x, 1 along +y, rising counter-clockwise.
#[inline(always)]
fn diamond(x: f32, y: f32) -> f32 {
    let share = y / (x.abs() + y.abs());
    if x >= 0.0 { share } else { 2_f32.copysign(y) - share }
}

/// Does the footprint hold the sensor itself?
fn holds_origin(box3: &Box3) -> bool {
    let [x, y, _] = box3.to_local([0.0, 0.0, box3.center[2]]);
    2.0 * x.abs() <= box3.size[0] && 2.0 * y.abs() <= box3.size[1]
}

/// Horizontal distance from the sensor to the nearest point of a footprint that does not hold it, m.
fn nearest_of(corners: &[[f64; 2]; 4]) -> f64 {
    (0..4)
        .map(|k| {
            let ([ax, ay], [bx, by]) = (corners[k], corners[(k + 1) % 4]);
            let (dx, dy) = (bx - ax, by - ay);
            let length = dx * dx + dy * dy;
            let share = if length > 0.0 { -(ax * dx + ay * dy) / length } else { 0.0 };
            let share = share.clamp(0.0, 1.0);
            (ax + share * dx).hypot(ay + share * dy)
        })
        .fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests;
