//! Two lists of judged boxes come in, of either benchmark; what was gained and lost comes out.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Difference;
use crate::eval::kitti::ObjectOutcome;
use crate::eval::nuscenes::BoxOutcome;
use crate::eval::outcome::Outcome;

/// A label or detection, and what became of it; what the benchmarks have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgedBox {
    /// The frame's name; the sample's token in nuScenes.
    pub frame: String,
    /// Whether it is ground truth.
    pub is_label: bool,
    /// KITTI: its line in its file. nuScenes: its row in `sample_annotation.json`, or its place among
    /// the detections of its sample. From 1.
    pub line: usize,
    /// A nuScenes annotation's token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Its class.
    pub class: String,
    /// What became of it.
    pub outcome: Outcome,
    /// By which rule, in words.
    pub why: String,
    /// The `line` of its partner, or of the nearest thing to one.
    pub partner: Option<usize>,
    /// KITTI: overlap with the partner, 0..=1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<f64>,
    /// nuScenes: distance of the centres in the plane, m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub centre_distance_m: Option<f64>,
    /// The detection's score; for a label its partner's.
    pub score: Option<f64>,
    /// Horizontal distance from the sensor, m.
    pub distance_m: f64,
    /// KITTI: the bottom's middle in the camera frame, m. nuScenes: the centre in the global frame, m.
    pub location: [f64; 3],
}

impl From<ObjectOutcome> for JudgedBox {
    fn from(object: ObjectOutcome) -> Self {
        Self {
            frame: object.frame,
            is_label: object.is_label,
            line: object.line,
            token: None,
            class: object.class,
            outcome: object.outcome,
            why: object.why,
            partner: object.partner,
            overlap: Some(object.overlap),
            centre_distance_m: None,
            score: object.score,
            distance_m: object.distance_m,
            location: object.location,
        }
    }
}

impl From<BoxOutcome> for JudgedBox {
    fn from(one: BoxOutcome) -> Self {
        Self {
            frame: one.frame,
            is_label: one.is_label,
            line: one.line,
            token: one.token,
            class: one.class,
            outcome: one.outcome,
            why: one.why,
            partner: one.partner,
            overlap: None,
            centre_distance_m: one.centre_distance_m,
            score: one.score,
            distance_m: one.distance_m,
            location: one.location,
        }
    }
}

/// A label or detection whose fate changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// In the evaluation where it is a find, or a mistake.
    pub now: JudgedBox,
    /// In the other evaluation, for labels.
    pub other: Option<JudgedBox>,
}

/// How far apart two false boxes of one frame and class may be and still be the same mistake, m.
const SAME_PLACE_M: f64 = 1.0;

/// Compares the boxes of one class. `plane` says which two parts of a location lie in the plane.
pub(super) fn compare([old, new]: [&[JudgedBox]; 2], plane: [usize; 2], found: &mut Difference) {
    let [old_labels, new_labels] = [labels(old), labels(new)];
    found.frames_differ |= old_labels.len() != new_labels.len();
    for (key, label) in &new_labels {
        let Some(other) = old_labels.get(key) else {
            found.frames_differ = true;
            continue;
        };
        let change = |now: &JudgedBox, other: &JudgedBox| Change {
            now: now.clone(),
            other: Some(other.clone()),
        };
        match (other.outcome, label.outcome) {
            (Outcome::Missed, Outcome::Matched) => found.gained.push(change(label, other)),
            (Outcome::Matched, Outcome::Missed) => found.lost.push(change(other, label)),
            _ => {}
        }
    }
    found.new_mistakes.extend(only_in(new, old, plane));
    found.gone_mistakes.extend(only_in(old, new, plane));
}

/// As [`compare`], class by class.
pub(super) fn compare_by_class(
    [old, new]: [Vec<JudgedBox>; 2],
    plane: [usize; 2],
    found: &mut Difference,
) {
    let [mut old, new] = [by_class(old), by_class(new)];
    for (class, new) in new {
        compare([&old.remove(&class).unwrap_or_default(), &new], plane, found);
    }
    for old in old.values() {
        compare([old, &[]], plane, found);
    }
}

fn by_class(boxes: Vec<JudgedBox>) -> BTreeMap<String, Vec<JudgedBox>> {
    let mut all: BTreeMap<String, Vec<JudgedBox>> = BTreeMap::new();
    for one in boxes {
        all.entry(one.class.clone()).or_default().push(one);
    }
    all
}

/// The labels by what they are known by: frame and token where there is one, else frame and line.
fn labels(boxes: &[JudgedBox]) -> BTreeMap<(&str, &str, usize), &JudgedBox> {
    let labels = boxes.iter().filter(|one| one.is_label);
    labels
        .map(|label| match &label.token {
            Some(token) => ((label.frame.as_str(), token.as_str(), 0), label),
            None => ((label.frame.as_str(), "", label.line), label),
        })
        .collect()
}

/// Mistakes without one of the other evaluation in the same place.
fn only_in<'a>(
    mine: &'a [JudgedBox],
    other: &'a [JudgedBox],
    [first, second]: [usize; 2],
) -> impl Iterator<Item = Change> + 'a {
    let mistakes = |boxes: &'a [JudgedBox]| {
        boxes.iter().filter(|one| !one.is_label && one.outcome == Outcome::False)
    };
    let mut places: HashMap<&str, Vec<[f64; 3]>> = HashMap::new();
    for mistake in mistakes(other) {
        places.entry(&mistake.frame).or_default().push(mistake.location);
    }
    let near = move |a: &[f64; 3], b: &[f64; 3]| {
        (a[first] - b[first]).hypot(a[second] - b[second]) < SAME_PLACE_M
    };
    mistakes(mine)
        .filter(move |mistake| {
            let there = places.get(mistake.frame.as_str());
            !there.is_some_and(|there| there.iter().any(|place| near(place, &mistake.location)))
        })
        .map(|mistake| Change { now: mistake.clone(), other: None })
}
