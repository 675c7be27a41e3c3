//! A box as the evaluation sees it, whether annotated or detected.

use super::class::{AttributeName, DetectionClass};

/// A box in the global frame (z up), with what the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct EvalBox {
    /// The number of its sample among the samples that are evaluated; in a results file that was just
    /// read, the number of its entry there.
    pub sample: u32,
    /// What it is.
    pub class: DetectionClass,
    /// What it does.
    pub attribute: AttributeName,
    /// LiDAR and radar points within it; −1 where that is not known.
    pub points: i32,
    /// Confidence; −1 for annotations.
    pub score: f64,
    /// Centre, m.
    pub translation: [f64; 3],
    /// Width, length, height, m.
    pub size_wlh: [f64; 3],
    /// Heading about the vertical, rad: that of the turned x axis seen from above.
    pub yaw: f64,
    /// Velocity in the plane, m/s; NaN where it is not known.
    pub velocity: [f64; 2],
}

/// The rotation matrix (by rows) of a quaternion w, x, y, z of any length but zero.
pub fn rotation_matrix(rotation: [f64; 4]) -> [[f64; 3]; 3] {
    let length = rotation.iter().map(|part| part * part).sum::<f64>().sqrt();
    let [w, x, y, z] = rotation.map(|part| part / length);
    [
        [w * w + x * x - y * y - z * z, 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
        [2.0 * (x * y + w * z), w * w - x * x + y * y - z * z, 2.0 * (y * z - w * x)],
        [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), w * w - x * x - y * y + z * z],
    ]
}

/// The heading of a quaternion w, x, y, z: that of the turned x axis, seen from above, rad.
pub fn yaw(rotation: [f64; 4]) -> f64 {
    let matrix = rotation_matrix(rotation);
    matrix[1][0].atan2(matrix[0][0])
}

/// Distance in the plane, m.
#[inline]
pub fn plane_distance(a: &[f64], b: &[f64]) -> f64 {
    let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
    (dx * dx + dy * dy).sqrt()
}

/// 1 − the overlap of two boxes that are put on one another with their centres and headings.
pub fn scale_error(a: [f64; 3], b: [f64; 3]) -> f64 {
    let product = |size: [f64; 3]| size[0] * size[1] * size[2];
    let common = product([a[0].min(b[0]), a[1].min(b[1]), a[2].min(b[2])]);
    1.0 - common / (product(a) + product(b) - common)
}

/// The smallest difference of two headings (rad) that repeat after `period`, without sign.
pub fn yaw_error(a: f64, b: f64, period: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    let difference = (a - b + period / 2.0).rem_euclid(period) - period / 2.0;
    // As the benchmark does; only a full period can get here.
    if difference > PI { (difference - TAU).abs() } else { difference.abs() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, PI, TAU};

    #[test]
    fn a_quaternion_of_any_length_and_sign_has_the_heading_of_its_x_axis() {
        for angle in [-3.0, -1.0, 0.0, 0.5, 3.1] {
            let half: f64 = angle / 2.0;
            for factor in [1.0, -1.0, 2.5] {
                let found = yaw([half.cos() * factor, 0.0, 0.0, half.sin() * factor]);
                assert!((found - angle).abs() < 1e-12, "{angle} {factor}: {found}");
            }
        }
    }

    #[test]
    fn headings_differ_by_at_most_half_their_period() {
        for (a, b, period, expected) in [
            (0.1, -0.1, TAU, 0.2),
            (PI - 0.1, 0.1 - PI, TAU, 0.2),
            (0.0, PI, TAU, PI),
            (0.0, PI, PI, 0.0),
            (0.0, FRAC_PI_2 + 0.1, PI, FRAC_PI_2 - 0.1),
        ] {
            assert!((yaw_error(a, b, period) - expected).abs() < 1e-12, "{a} {b} {period}");
        }
    }

    #[test]
    fn sizes_are_compared_as_if_the_boxes_lay_on_one_another() {
        assert_eq!(scale_error([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]), 0.0);
        // 1 of 2 volumes in common.
        assert_eq!(scale_error([1.0, 1.0, 1.0], [1.0, 2.0, 1.0]), 0.5);
        // Minima 1·1·1, union 2 + 2 − 1.
        assert!((scale_error([1.0, 2.0, 1.0], [2.0, 1.0, 1.0]) - 2.0 / 3.0).abs() < 1e-15);
    }
}
