//! Crop and point budget: a scan in, the points that the model may see out, in scan order.
//!
//! The budget thins as distance would. A scan's density falls with the square of the distance, so
//! near surfaces carry many more returns than a detector needs; a point at horizontal distance `d`
//! is kept with the share `min(1, (d / d0)^2)`, with `d0` the smallest distance that meets the
//! budget. Far points, which are few and dear, go last. Within a distance ring the kept points are
//! spread evenly over scan order, so the same scan always loses the same points.

use crate::frame::Dropped;

use super::GridLayout;

/// Width of a distance ring, m.
const RING_M: f32 = 1.0;
/// Rings; the last holds everything beyond.
const RINGS: usize = 128;

/// Copies the points inside the layout's range to `kept` (cleared first), in scan order, and counts
/// the others by cause. An intensity outside 0..1 is brought to the nearer bound and counted. Points
/// are `[x, y, z, intensity]`, LiDAR frame, m; `origin_height` in m.
pub fn crop(
    points: &[[f32; 4]],
    layout: &GridLayout,
    origin_height: f32,
    kept: &mut Vec<[f32; 4]>,
    dropped: &mut Dropped,
) {
    kept.clear();
    let (mut not_finite, mut clamped) = (0_u64, 0_u64);
    for point in points {
        // A scan sweeps in and out of the range a few times a turn, so this branch is foreseen
        // nearly always and costs less than a branch-free compaction.
        if layout.contains(*point, origin_height) & point[3].is_finite() {
            let [x, y, z, intensity] = *point;
            let within = intensity.clamp(0.0, 1.0);
            clamped += u64::from(within != intensity);
            kept.push([x, y, z, within]);
        } else if !point.iter().all(|value| value.is_finite()) {
            not_finite += 1;
        }
    }
    dropped.points_not_finite += not_finite;
    dropped.intensities_clamped += clamped;
    dropped.points_out_of_range += (points.len() - kept.len()) as u64 - not_finite;
}

/// Thins `points` to `budget`, near points first to lose (see the module), and counts the lost ones.
pub fn thin(points: &mut Vec<[f32; 4]>, budget: usize, dropped: &mut Dropped) {
    if points.len() <= budget {
        return;
    }
    let mut counts = [0_usize; RINGS];
    for point in points.iter() {
        counts[ring(point)] += 1;
    }
    let quotas = quotas(&counts, budget);
    let mut seen = [0_usize; RINGS];
    let before = points.len();
    points.retain(|point| {
        let ring = ring(point);
        let (k, n, quota) = (seen[ring], counts[ring], quotas[ring]);
        seen[ring] += 1;
        (k + 1) * quota / n > k * quota / n
    });
    dropped.points_over_budget += (before - points.len()) as u64;
}

fn ring(point: &[f32; 4]) -> usize {
    let distance = (point[0] * point[0] + point[1] * point[1]).sqrt();
    ((distance / RING_M) as usize).min(RINGS - 1)
}

/// How many points each ring keeps; they add up to the budget exactly.
fn quotas(counts: &[usize; RINGS], budget: usize) -> [usize; RINGS] {
    let quota = |ring: usize, full: f64| {
        let distance = (ring as f64 + 0.5) * f64::from(RING_M);
        let share = (distance / full).powi(2).min(1.0);
        (counts[ring] as f64 * share) as usize
    };
    let total = |full: f64| (0..RINGS).map(|ring| quota(ring, full)).sum::<usize>();
    // The total falls as `full` grows: halve the interval until the distance is sharp.
    let (mut low, mut high) = (f64::from(RING_M) * 0.5, 1e6);
    for _ in 0..64 {
        let middle = 0.5 * (low + high);
        if total(middle) > budget { low = middle } else { high = middle }
    }
    let mut quotas: [usize; RINGS] = std::array::from_fn(|ring| quota(ring, high));
    // Rounding down leaves a few over: the farthest rings get them.
    let mut left = budget.saturating_sub(quotas.iter().sum());
    for ring in (0..RINGS).rev() {
        let more = left.min(counts[ring] - quotas[ring]);
        quotas[ring] += more;
        left -= more;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan() -> Vec<[f32; 4]> {
        (0..20_000)
            .map(|k| {
                let distance = 2.0 + 65.0 * ((k * 7919) % 20_000) as f32 / 20_000.0;
                let azimuth = (k % 100) as f32 * 0.01 - 0.5;
                [distance * azimuth.cos(), distance * azimuth.sin(), -1.0, 0.5]
            })
            .collect()
    }

    #[test]
    fn every_point_is_kept_or_counted_by_cause() {
        let mut points = scan();
        points.push([f32::NAN, 0.0, 0.0, 0.0]);
        points.push([1.0, 0.0, 0.0, f32::INFINITY]);
        points.push([f32::INFINITY, 0.0, 0.0, 0.0]);
        points.push([-1.0, 0.0, 0.0, 0.0]);
        points.push([1.0, 0.0, 9.0, 0.0]);
        let (mut kept, mut dropped) = (Vec::new(), Dropped::default());
        crop(&points, &GridLayout::default(), 1.73, &mut kept, &mut dropped);
        assert_eq!(dropped.points_not_finite, 3);
        assert_eq!(kept.len() as u64 + 3 + dropped.points_out_of_range, points.len() as u64);
        assert!(dropped.points_out_of_range >= 2);
    }

    #[test]
    fn the_budget_is_met_exactly_and_near_points_lose_first() {
        for budget in [0, 1, 100, 5_000, 19_999, 20_000] {
            let (mut points, mut dropped) = (scan(), Dropped::default());
            thin(&mut points, budget, &mut dropped);
            assert_eq!(points.len(), budget);
            assert_eq!(dropped.points_over_budget, 20_000 - budget as u64);
        }
        let (mut points, mut dropped) = (scan(), Dropped::default());
        thin(&mut points, 15_000, &mut dropped);
        let far = |points: &[[f32; 4]]| points.iter().filter(|p| ring(p) > 50).count();
        assert_eq!(far(&points), far(&scan()), "no far point is lost while near ones remain");
    }

    #[test]
    fn thinning_keeps_scan_order_and_repeats_itself() {
        let (mut once, mut twice) = (scan(), scan());
        thin(&mut once, 7_000, &mut Dropped::default());
        thin(&mut twice, 7_000, &mut Dropped::default());
        assert_eq!(once, twice);
        let all = scan();
        let mut at = 0;
        for point in &once {
            at += all[at..].iter().position(|p| p == point).expect("in scan order") + 1;
        }
    }
}
