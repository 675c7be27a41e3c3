//! Another sensor's intensities on the scale that the model was trained on.
//!
//! What a LiDAR calls a half-bright return is its own affair: on streets the median is 0.24 with
//! KITTI's HDL-64E (0.14 to 0.30 by frame), 0.49 with View-of-Delft's and 0.04 with nuScenes', each on
//! a scale of 0..1. The contract tells the median that its model knows (`sensor.intensity_median`). A
//! scan whose median lies within [`LIKE`] times of it is of a like sensor and stays as it is, to the
//! bit; another is multiplied until the medians agree.

/// Medians that are no further apart than this, as a ratio, are of like sensors.
const LIKE: f32 = 1.75;
/// The largest factor, either way.
const MOST: f32 = 10.0;
/// Fewer points than this say too little of a sensor.
const LEAST_POINTS: usize = 1000;
/// Bins of the histogram over 0..1.
const BINS: usize = 1024;

/// Scales the intensities of `points` (`[x, y, z, intensity]`, intensities 0..1) to the model's
/// `median`, where they are of an unlike sensor, and gives the factor (else 1). What would lie above
/// 1 is 1.
pub fn match_median(points: &mut [[f32; 4]], median: f32) -> f32 {
    let Some(found) = median_of(points) else { return 1.0 };
    let factor = (median / found).clamp(1.0 / MOST, MOST);
    if (1.0 / LIKE..=LIKE).contains(&factor) {
        return 1.0;
    }
    for point in points {
        point[3] = (point[3] * factor).min(1.0);
    }
    factor
}

/// The median to a bin's width; none of few points, or of a sensor without intensities (all 0).
fn median_of(points: &[[f32; 4]]) -> Option<f32> {
    if points.len() < LEAST_POINTS {
        return None;
    }
    let mut counts = [0_u32; BINS];
    for point in points {
        counts[((point[3] * BINS as f32) as usize).min(BINS - 1)] += 1;
    }
    let half = points.len() as u32 / 2;
    let mut below = 0;
    let bin = counts.iter().position(|count| {
        below += count;
        below > half
    })?;
    (bin > 0).then_some((bin as f32 + 0.5) / BINS as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Intensities spread evenly over 0 to twice `median`.
    fn scan(median: f32, points: usize) -> Vec<[f32; 4]> {
        let share = |k: usize| (k * 7919 % points) as f32 / points as f32;
        (0..points).map(|k| [10.0, 0.0, -1.0, (2.0 * median * share(k)).min(1.0)]).collect()
    }

    #[test]
    fn another_sensor_s_median_is_brought_to_the_model_s() {
        for (median, expected) in [(0.047, 5.1), (0.49, 0.49), (0.1, 2.4)] {
            let mut points = scan(median, 20_000);
            let factor = match_median(&mut points, 0.24);
            assert!((factor / expected - 1.0).abs() < 0.03, "{median}: {factor}");
            let after = median_of(&points).unwrap();
            assert!((after / 0.24 - 1.0).abs() < 0.03, "{median}: {after}");
            assert!(points.iter().all(|point| (0.0..=1.0).contains(&point[3])));
        }
    }

    #[test]
    fn a_like_sensor_stays_as_it_is_and_so_do_few_points_and_no_intensities() {
        for before in [scan(0.14, 5000), scan(0.3, 5000), scan(0.05, 999), scan(0.0, 5000)] {
            let mut points = before.clone();
            assert_eq!(match_median(&mut points, 0.24), 1.0);
            assert_eq!(points, before);
        }
        // A sensor that hardly ever gives any: at most ten times.
        assert_eq!(match_median(&mut scan(0.003, 5000), 0.24), 10.0);
    }
}
