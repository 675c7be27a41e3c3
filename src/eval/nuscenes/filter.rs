//! Which boxes count: near enough, seen by a sensor, and not parked in a bicycle rack.

use super::boxes::{EvalBox, plane_distance};
use super::class::DetectionClass;
use super::truth::Rack;

/// What became of the boxes of one class, by cause, in the order of the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Boxes before the filters.
    pub given: usize,
    /// Left out: at or beyond the class's range.
    pub too_far: usize,
    /// Left out: without a LiDAR or radar point (never for detections, whose count is not known).
    pub without_points: usize,
    /// Left out: a bicycle or motorcycle in a bicycle rack.
    pub in_rack: usize,
    /// What is evaluated.
    pub kept: usize,
}

/// Keeps the boxes that count, in their order, and counts the others for each class.
pub fn filter(
    boxes: &mut Vec<EvalBox>,
    ego: &[[f64; 2]],
    racks: &[(u32, Rack)],
) -> [Counts; DetectionClass::COUNT] {
    let mut all = [Counts::default(); DetectionClass::COUNT];
    boxes.retain(|one| {
        let counts = &mut all[one.class as usize];
        counts.given += 1;
        let distance = plane_distance(&one.translation, &ego[one.sample as usize]);
        // A distance that is not a number is not below the range either.
        if !(distance < f64::from(one.class.range_m())) {
            counts.too_far += 1;
        } else if one.points == 0 {
            counts.without_points += 1;
        } else if one.class.parks_in_racks() && is_in_rack(one, racks) {
            counts.in_rack += 1;
        } else {
            counts.kept += 1;
            return true;
        }
        false
    });
    all
}

fn is_in_rack(one: &EvalBox, racks: &[(u32, Rack)]) -> bool {
    let from = racks.partition_point(|(sample, _)| *sample < one.sample);
    let of_sample = racks[from..].iter().take_while(|(sample, _)| *sample == one.sample);
    of_sample.into_iter().any(|(_, rack)| rack.holds(one.translation))
}
