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

/// Why a box does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// At or beyond the class's range.
    TooFar,
    /// Without a LiDAR or radar point.
    WithoutPoints,
    /// A bicycle or motorcycle in a bicycle rack.
    InRack,
}

/// What a filter did, for those who ask: which boxes it kept, and what it dropped.
#[derive(Debug, Default)]
pub struct Sieve {
    /// For each box that was kept, its place before the filter.
    pub kept: Vec<u32>,
    /// The others, in their order, with their places before the filter.
    pub dropped: Vec<(u32, EvalBox, Rule)>,
}

/// Keeps the boxes that count, in their order, and counts the others for each class; tells `sieve`
/// about each box where there is one.
pub fn filter(
    boxes: &mut Vec<EvalBox>,
    ego: &[[f64; 2]],
    racks: &[(u32, Rack)],
    mut sieve: Option<&mut Sieve>,
) -> [Counts; DetectionClass::COUNT] {
    let mut all = [Counts::default(); DetectionClass::COUNT];
    let mut place = 0;
    boxes.retain(|one| {
        let counts = &mut all[one.class as usize];
        counts.given += 1;
        let broken = broken_rule(one, ego, racks);
        *match broken {
            None => &mut counts.kept,
            Some(Rule::TooFar) => &mut counts.too_far,
            Some(Rule::WithoutPoints) => &mut counts.without_points,
            Some(Rule::InRack) => &mut counts.in_rack,
        } += 1;
        if let Some(sieve) = &mut sieve {
            match broken {
                None => sieve.kept.push(place),
                Some(rule) => sieve.dropped.push((place, *one, rule)),
            }
            place += 1;
        }
        broken.is_none()
    });
    all
}

/// The first rule that keeps a box from counting.
fn broken_rule(one: &EvalBox, ego: &[[f64; 2]], racks: &[(u32, Rack)]) -> Option<Rule> {
    let distance = plane_distance(&one.translation, &ego[one.sample as usize]);
    // A distance that is not a number is not below the range either.
    if !(distance < f64::from(one.class.range_m())) {
        Some(Rule::TooFar)
    } else if one.points == 0 {
        Some(Rule::WithoutPoints)
    } else if one.class.parks_in_racks() && is_in_rack(one, racks) {
        Some(Rule::InRack)
    } else {
        None
    }
}

fn is_in_rack(one: &EvalBox, racks: &[(u32, Rack)]) -> bool {
    let from = racks.partition_point(|(sample, _)| *sample < one.sample);
    let of_sample = racks[from..].iter().take_while(|(sample, _)| *sample == one.sample);
    of_sample.into_iter().any(|(_, rack)| rack.holds(one.translation))
}
