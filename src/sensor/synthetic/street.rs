//! The street: a gently winding, gently rolling road with cycle lanes, parking strips, pavements
//! and gardens.
//!
//! World: x along the street (metres driven, but for the winding), y left, z up. Street
//! coordinates: `s` = world x of the foot point on the centre line, `d` metres left of it.

use super::solid::{Kind, Material, Parts, V3};

/// Centre of a driving lane, m from the centre line (right-hand traffic: own lane is -LANE).
pub(super) const LANE: f32 = 1.55;
/// Line between driving and cycle lane.
pub(super) const LANE_EDGE: f32 = 3.0;
/// Centre of the cycle lane.
pub(super) const CYCLE: f32 = 3.6;
/// Line between cycle lane and parking strip.
pub(super) const PARKING_EDGE: f32 = 4.2;
/// Centre of the parking strip.
pub(super) const PARKING: f32 = 5.2;
/// Outer end of the carriageway.
pub(super) const KERB: f32 = 6.3;
/// Outer end of the pavement.
pub(super) const GARDEN: f32 = 8.9;
/// Distance between zebra crossings, and the place of the first.
pub(super) const ZEBRA: [f32; 2] = [72.0, 40.0];

/// Cross-section: distance from the centre line, height above it.
const PROFILE: [[f32; 2]; 8] = [
    [0.0, 0.0],
    [KERB - 0.05, -0.03],
    [KERB, 0.10],
    [GARDEN, 0.13],
    [GARDEN + 0.4, 0.15],
    [14.0, 0.24],
    [34.0, 0.55],
    [90.0, 1.5],
];

/// Centre line: y and heading at `s`.
pub(super) fn centre(s: f32) -> (f32, f32) {
    let y = 7.0 * libm::sinf(s / 62.0) + 3.0 * libm::sinf(s / 37.0 + 1.3);
    let slope = 7.0 / 62.0 * libm::cosf(s / 62.0) + 3.0 / 37.0 * libm::cosf(s / 37.0 + 1.3);
    (y, libm::atanf(slope))
}

/// Height of the ground.
pub(super) fn height(s: f32, d: f32) -> f32 {
    let d = d.abs();
    let mut cross = PROFILE[PROFILE.len() - 1][1];
    for pair in PROFILE.windows(2) {
        if d <= pair[1][0] {
            let t = (d - pair[0][0]) / (pair[1][0] - pair[0][0]);
            cross = pair[0][1] + (pair[1][1] - pair[0][1]) * t;
            break;
        }
    }
    cross + 0.20 * libm::sinf(s / 41.0 + 0.4) + 0.10 * libm::sinf(s / 19.0)
}

/// World position and heading of a place given in street coordinates.
pub(super) fn place(s: f32, d: f32) -> (V3, f32) {
    let (y, heading) = centre(s);
    let (sin, cos) = (libm::sinf(heading), libm::cosf(heading));
    (V3::new(s - d * sin, y + d * cos, height(s, d)), heading)
}

/// The centre line at every metre of a stretch: street coordinates for many points, fast.
#[derive(Debug)]
pub(super) struct CentreLine {
    from: f32,
    /// y, tangent and cosine of the heading.
    rows: Vec<[f32; 3]>,
}

impl CentreLine {
    pub fn new(from: f32, to: f32) -> Self {
        let from = from.floor();
        let rows = (0..=(to - from).ceil() as i32 + 1)
            .map(|k| {
                let (y, heading) = centre(from + k as f32);
                [y, libm::tanf(heading), libm::cosf(heading)]
            })
            .collect();
        Self { from, rows }
    }

    /// Street coordinates of a world position (clamped to the stretch).
    pub fn unplace(&self, x: f32, y: f32) -> (f32, f32) {
        let (mut s, mut d) = (x, 0.0);
        // The winding is gentle: three steps of the fixed point are exact to millimetres.
        for _ in 0..3 {
            let [cy, tan, cos] = self.at(s);
            d = (y - cy) / cos;
            s = x + d * tan * cos;
        }
        (s, d)
    }

    fn at(&self, s: f32) -> [f32; 3] {
        let q = (s - self.from).clamp(0.0, self.rows.len() as f32 - 1.001);
        let k = q as usize;
        let t = q - k as f32;
        let (a, b) = (&self.rows[k], &self.rows[k + 1]);
        [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * t)
    }
}

/// Where the nearest zebra crossing is.
pub(super) fn zebra_near(s: f32) -> f32 {
    ((s - ZEBRA[1]) / ZEBRA[0]).round() * ZEBRA[0] + ZEBRA[1]
}

/// The ground between two places along the street, as triangles.
pub(super) fn ground(from: f32, to: f32) -> Parts {
    let mut parts = Parts::new(0);
    let material = Material::new(Kind::Ground, [0.5, 0.5, 0.5], 0.24);
    let ds: Vec<f32> =
        PROFILE.iter().rev().map(|p| -p[0]).chain(PROFILE.iter().skip(1).map(|p| p[0])).collect();
    let mut stations = vec![(from / 4.0).floor() * 4.0];
    let mut s = stations[0];
    while s < to {
        // Fine where it is seen near by; stations keep to multiples of 4 m of the world.
        s += if s - from > 150.0 { 12.0 } else { 4.0 };
        stations.push(s);
    }
    for pair in stations.windows(2) {
        for d in ds.windows(2) {
            let p = |s: f32, d: f32| place(s, d).0;
            parts.quad(
                p(pair[0], d[0]),
                p(pair[1], d[0]),
                p(pair[1], d[1]),
                p(pair[0], d[1]),
                material,
            );
        }
    }
    parts
}
