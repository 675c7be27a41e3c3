//! From counts to the benchmark's figures: thresholds, 41-point curves, R11 and R40.

/// Positions of a curve: recall 0, 1/40, … 1.
pub const POSITIONS: usize = 41;

/// The counts at one threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// Detections with a lower score are left out.
    pub score: f64,
    /// Labels found.
    pub true_positives: u64,
    /// Detections that are neither matched, nor ignored, nor in a DontCare area.
    pub false_positives: u64,
    /// Labels missed.
    pub false_negatives: u64,
    /// Sum over the true positives of (1 + cos(difference of alpha)) / 2.
    pub similarity: f64,
}

/// A value for each of the 41 positions. Position is not recall where there are fewer than 41
/// thresholds: they fill the first ones, the others are 0.
pub type Values = [f64; POSITIONS];

/// The scores at which the counts are taken: about one a fortieth of recall. `scores` are those of
/// the true matches, in any order; `labels` is how many there are to find.
pub(super) fn thresholds(scores: &mut [f64], labels: u64) -> Vec<f64> {
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    let labels = labels as f64;
    let mut chosen = Vec::with_capacity(POSITIONS);
    // Adding up 1/40 is part of the rules: its rounding decides ties.
    let mut recall = 0.0;
    for (i, &score) in scores.iter().enumerate() {
        let last = i + 1 == scores.len();
        let left = (i + 1) as f64 / labels;
        let right = if last { left } else { (i + 2) as f64 / labels };
        if right - recall < recall - left && !last {
            continue;
        }
        chosen.push(score);
        recall += 1.0 / (POSITIONS - 1) as f64;
    }
    chosen
}

/// The curve of a share at each point, made falling: each value is the largest from there on.
pub(super) fn falling(points: &[Point], share: impl Fn(&Point) -> f64) -> Values {
    let mut values = [0.0; POSITIONS];
    for (value, point) in values.iter_mut().zip(points) {
        *value = share(point);
    }
    for i in 0..points.len().min(POSITIONS) {
        // As C++'s max_element: 0/0 (not a number) stays where it stands first, and is passed over
        // further right.
        let mut largest = values[i];
        for &value in &values[i + 1..] {
            if largest < value {
                largest = value;
            }
        }
        values[i] = largest;
    }
    values
}

/// Average precision over recall 0, 0.1, … 1 (positions 0, 4, … 40), in percent: the benchmark's
/// figure until 2019.
pub fn r11(values: &Values) -> f64 {
    values.iter().step_by(4).sum::<f64>() / 11.0 * 100.0
}

/// Average precision over recall 1/40, 2/40, … 1 (position 0 left out), in percent: the
/// benchmark's figure since 2019.
pub fn r40(values: &Values) -> f64 {
    values[1..].iter().sum::<f64>() / 40.0 * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_match_gives_one_threshold_whatever_the_labels() {
        assert_eq!(thresholds(&mut [0.4], 1), [0.4]);
        assert_eq!(thresholds(&mut [0.4], 100), [0.4]);
    }

    #[test]
    fn thresholds_are_a_fortieth_of_recall_apart_and_the_last_score_is_one_of_them() {
        let mut scores: Vec<f64> = (0..400).map(f64::from).collect();
        let chosen = thresholds(&mut scores, 400);
        assert_eq!(chosen.len(), POSITIONS);
        assert_eq!((chosen[0], chosen[1], chosen[40]), (399.0, 390.0, 0.0));
    }

    #[test]
    fn nothing_over_nothing_stays_only_at_the_left_end_of_a_tail() {
        let point = |t, f| Point { true_positives: t, false_positives: f, ..Point::default() };
        let share =
            |p: &Point| p.true_positives as f64 / (p.true_positives + p.false_positives) as f64;
        let values = falling(&[point(1, 1), point(0, 0), point(3, 1)], share);
        assert_eq!(values[0], 0.75);
        assert!(values[1].is_nan());
        assert_eq!((values[2], values[3]), (0.75, 0.0));
    }

    #[test]
    fn r11_takes_the_first_position_and_r40_does_not() {
        let mut values = [0.0; POSITIONS];
        values[0] = 1.0;
        assert!((r11(&values) - 100.0 / 11.0).abs() < 1e-12);
        assert_eq!(r40(&values), 0.0);
    }
}
