//! Fronts, and whether one expert for everything lies above and left of the routed curve.
//!
//! The routed curve is a staircase: at each time the best accuracy of the routed settings that are as
//! fast. An `always:` setting lies above and left of it where it is more accurate than every routed setting
//! that is as fast; one that is faster than all routed settings where it is as accurate as the fastest
//! of them.

use super::comparison::{TimeAxis, VerdictPoint};
use crate::eval::kitti::Judged;

/// With fewer labels of a class nothing is said of it.
pub const LEAST_LABELS: u64 = 10;

/// One setting in the plane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub name: &'a str,
    pub routed: bool,
    pub ms: f64,
    pub accuracy: f64,
}

/// The names on the front, from fast to slow.
pub(super) fn front(places: &[Place<'_>]) -> Vec<String> {
    let beaten = |place: &Place<'_>| {
        places.iter().any(|other| {
            other.ms <= place.ms
                && other.accuracy >= place.accuracy
                && (other.ms < place.ms || other.accuracy > place.accuracy)
        })
    };
    let mut best: Vec<&Place<'_>> = places.iter().filter(|place| !beaten(place)).collect();
    best.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    best.into_iter().map(|place| place.name.to_owned()).collect()
}

/// The `always:` settings above and left of the routed curve. `interval` gives the paired interval of
/// the first area less the second.
pub(super) fn above(
    places: &[Place<'_>],
    interval: impl Fn(&str, &str) -> Option<[f64; 2]>,
) -> Vec<VerdictPoint> {
    let routed = || places.iter().filter(|place| place.routed);
    let fastest = routed().min_by(|a, b| a.ms.total_cmp(&b.ms));
    let mut found = Vec::new();
    for place in places.iter().filter(|place| !place.routed) {
        let as_fast = routed().filter(|other| other.ms <= place.ms);
        let best = as_fast.max_by(|a, b| a.accuracy.total_cmp(&b.accuracy));
        let above = match (best, fastest) {
            (Some(best), _) => (place.accuracy > best.accuracy).then_some(best),
            (None, Some(fastest)) => (place.accuracy >= fastest.accuracy).then_some(fastest),
            (None, None) => None,
        };
        let Some(against) = above else { continue };
        found.push(VerdictPoint {
            setting: place.name.to_owned(),
            against: against.name.to_owned(),
            difference: place.accuracy - against.accuracy,
            interval: interval(place.name, against.name),
        });
    }
    found
}

/// It all in words.
pub(super) fn sentence(
    class: Judged,
    time: TimeAxis,
    labels: u64,
    places: &[Place<'_>],
    above: &[VerdictPoint],
) -> String {
    let subject = format!("{} (labels: {labels}), {}", class.class().name(), time.words());
    if !places.iter().any(|place| place.routed) || places.iter().all(|place| place.routed) {
        return format!(
            "{subject}: nothing to say, a routed and an always: setting are needed for it."
        );
    }
    if labels < LEAST_LABELS {
        return format!("{subject}: too few labels to say anything.");
    }
    if above.is_empty() {
        return format!("{subject}: no always: setting lies above and left of the routed curve.");
    }
    let each = above.iter().map(|point| {
        let by = match point.interval {
            _ if point.difference == 0.0 => "as accurate and faster".to_owned(),
            Some([low, high]) => {
                let weight = if low > 0.0 { "more than the noise" } else { "within the noise" };
                format!(
                    "by {:.3} [{low:.3}, {high:.3}], {weight} of these frames",
                    point.difference
                )
            }
            None => format!("by {:.3}", point.difference),
        };
        format!("{} (against {}, {by})", point.setting, point.against)
    });
    let each: Vec<String> = each.collect();
    let verb = if above.len() == 1 { "lies" } else { "lie" };
    format!("{subject}: {} {verb} above and left of the routed curve.", each.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, ms: f64, accuracy: f64) -> Place<'_> {
        Place { name, routed: !name.starts_with("always"), ms, accuracy }
    }

    fn names(places: &[Place<'_>]) -> Vec<String> {
        above(places, |_, _| None).into_iter().map(|point| point.setting).collect()
    }

    #[test]
    fn the_front_holds_what_nothing_beats() {
        let places = [
            place("always:ape", 50.0, 0.9),
            place("region-table", 40.0, 0.9),
            place("always:bridge", 30.0, 0.8),
            place("scene-tree", 41.0, 0.85),
        ];
        assert_eq!(front(&places), ["always:bridge", "region-table"]);
        assert_eq!(front(&[place("a", 1.0, 0.5), place("b", 1.0, 0.5)]).len(), 2, "equals both");
    }

    #[test]
    fn an_expert_above_the_curve_is_named_with_whom_it_beats() {
        let table = place("region-table", 40.0, 0.9);
        assert!(names(&[table, place("always:ape", 50.0, 0.9)]).is_empty(), "slower, no better");
        assert!(names(&[table, place("always:bridge", 30.0, 0.8)]).is_empty(), "faster, worse");
        assert_eq!(names(&[table, place("always:vee", 39.0, 0.9)]), ["always:vee"]);
        let slower = [table, place("scene-tree", 60.0, 0.95), place("always:ape", 50.0, 0.93)];
        let found = above(&slower, |_, _| Some([-0.01, 0.05]));
        assert_eq!(
            (found[0].setting.as_str(), found[0].against.as_str()),
            ("always:ape", "region-table")
        );
        let words = sentence(Judged::Car, TimeAxis::Whole, 30, &slower, &found);
        assert!(words.contains("always:ape") && words.contains("within the noise"), "{words}");
    }

    #[test]
    fn few_labels_and_equal_accuracy_are_said_to_be_so() {
        let places = [place("region-table", 40.0, 0.9), place("always:lpe", 39.0, 0.9)];
        let found = above(&places, |_, _| Some([0.0, 0.0]));
        let said = |labels| sentence(Judged::Car, TimeAxis::Whole, labels, &places, &found);
        assert!(said(9).contains("too few"), "{}", said(9));
        assert!(said(10).contains("as accurate and faster"), "{}", said(10));
    }

    #[test]
    fn without_a_routed_setting_nothing_is_said() {
        let words =
            sentence(Judged::Car, TimeAxis::Whole, 30, &[place("always:ape", 1.0, 1.0)], &[]);
        assert!(words.contains("nothing to say"), "{words}");
    }
}
