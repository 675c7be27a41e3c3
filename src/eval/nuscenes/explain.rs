//! Matched pairs and dropped boxes become one line for each box, with the rule behind it.
//!
//! Nothing is matched here: the pairs come from the [`Contest`] whose curves are the figures.

use super::boxes::{EvalBox, plane_distance};
use super::class::DetectionClass;
use super::curve::Contest;
use super::figures::{DISTANCES_M, ERROR_DISTANCE};
use super::filter::{Rule, Sieve};
use super::outcome::{BoxOutcome, errors};
use super::truth::{Name, Truth};
use crate::eval::Outcome;

/// Below this distance (m) two boxes match.
const LIMIT_M: f64 = DISTANCES_M[ERROR_DISTANCE];

/// Who belongs together in one class: annotation and detection, as their places before the filter.
pub(super) fn pairs(contest: &Contest<'_>, [truth, detections]: [&Sieve; 2]) -> Vec<[u32; 2]> {
    let taken = contest.matches(LIMIT_M);
    let found = contest.detection_places().iter().zip(taken);
    found
        .filter_map(|(detection, taken)| {
            let annotation = contest.truth_places()[taken?];
            let before = |sieve: &Sieve, place: u32| sieve.kept[place as usize];
            Some([before(truth, annotation), before(detections, *detection)])
        })
        .collect()
}

/// A box, whether it counts or not.
#[derive(Clone, Copy)]
struct Entry<'a> {
    one: &'a EvalBox,
    /// Its place before the filter.
    place: u32,
    /// Why it does not count.
    rule: Option<Rule>,
}

impl Entry<'_> {
    fn distance(&self, other: &Self) -> f64 {
        plane_distance(&self.one.translation, &other.one.translation)
    }
}

/// All annotations, or all detections.
struct Side<'a> {
    /// Sample by sample, in the order in which they were given.
    entries: Vec<Entry<'a>>,
    /// By place before the filter: the place of its partner on the other side, before the filter.
    partners: Vec<Option<u32>>,
    /// By place before the filter: where it is in `entries`.
    entry_of: Vec<u32>,
}

impl<'a> Side<'a> {
    fn new(
        kept: &'a [EvalBox],
        sieve: &'a Sieve,
        partners: impl Iterator<Item = [u32; 2]>,
    ) -> Self {
        let counted = kept.iter().zip(&sieve.kept);
        let mut entries: Vec<_> =
            counted.map(|(one, &place)| Entry { one, place, rule: None }).collect();
        let dropped = sieve.dropped.iter();
        entries.extend(dropped.map(|(place, one, rule)| Entry {
            one,
            place: *place,
            rule: Some(*rule),
        }));
        entries.sort_unstable_by_key(|entry| (entry.one.sample, entry.place));
        let mut side =
            Self { partners: vec![None; entries.len()], entry_of: vec![0; entries.len()], entries };
        for (at, entry) in side.entries.iter().enumerate() {
            side.entry_of[entry.place as usize] = at as u32;
        }
        for [place, partner] in partners {
            side.partners[place as usize] = Some(partner);
        }
        side
    }

    fn of_sample(&self, sample: u32) -> &[Entry<'a>] {
        let from = self.entries.partition_point(|entry| entry.one.sample < sample);
        let to = self.entries.partition_point(|entry| entry.one.sample <= sample);
        &self.entries[from..to]
    }

    fn at(&self, place: u32) -> Entry<'a> {
        self.entries[self.entry_of[place as usize] as usize]
    }
}

/// Everything that there is to tell of.
pub(super) struct Explainer<'a> {
    /// Tokens of the samples.
    samples: &'a [String],
    truth: &'a Truth,
    annotated: Side<'a>,
    detected: Side<'a>,
}

impl<'a> Explainer<'a> {
    /// `truth` and `detections` are what the filter kept, `sieves` what it did to either, `pairs` who
    /// belongs together in all classes.
    pub(super) fn new(
        samples: &'a [String],
        truth: &'a Truth,
        detections: &'a [EvalBox],
        sieves: [&'a Sieve; 2],
        pairs: &[[u32; 2]],
    ) -> Self {
        let there = pairs.iter().copied();
        let back = there.clone().map(|[annotation, detection]| [detection, annotation]);
        Self {
            samples,
            truth,
            annotated: Side::new(&truth.boxes, sieves[0], there),
            detected: Side::new(detections, sieves[1], back),
        }
    }

    /// A line for each box: samples in the order of the evaluation, annotations in the order of their
    /// rows, then detections in the order of the results.
    pub(super) fn outcomes(&self) -> Vec<BoxOutcome> {
        let mut all =
            Vec::with_capacity(self.annotated.entries.len() + self.detected.entries.len());
        let mut others = self.truth.others.iter().peekable();
        for sample in 0..self.samples.len() as u32 {
            let from = all.len();
            all.extend(self.annotated.of_sample(sample).iter().map(|entry| self.annotation(entry)));
            while let Some(other) = others.next_if(|other| other.sample == sample) {
                let class = other.category.clone();
                let why = "of a category that is not evaluated".to_owned();
                let at = (sample, &other.translation);
                all.push(self.row(Some(&other.name), at, class, (Outcome::Ignored, why)));
            }
            all[from..].sort_by_key(|row| row.line);
            let detections = self.detected.of_sample(sample);
            let rows = detections.iter().enumerate();
            all.extend(rows.map(|(at, entry)| self.detection(at + 1, entry)));
        }
        all
    }

    fn annotation(&self, entry: &Entry<'_>) -> BoxOutcome {
        let taken_by = self.annotated.partners[entry.place as usize];
        let matched = taken_by.map(|place| self.detected.at(place));
        let nearest = matched.or_else(|| nearest(entry, &self.detected));
        let verdict = match (entry.rule, matched) {
            (Some(rule), _) => (Outcome::Ignored, self.why_ignored(entry, rule, true)),
            (None, Some(found)) => (Outcome::Matched, within(entry.distance(&found))),
            (None, None) => (Outcome::Missed, self.why_missed(entry, nearest)),
        };
        let name = &self.truth.names[entry.place as usize];
        let mut row = self.box_row(Some(name), entry, verdict);
        if let Some(found) = nearest.filter(|_| entry.rule.is_none()) {
            row.partner = Some(self.number(&found));
            row.centre_distance_m = Some(entry.distance(&found));
            row.score = Some(found.one.score);
        }
        row.errors = matched.map(|found| errors(found.one, entry.one));
        row
    }

    fn detection(&self, number: usize, entry: &Entry<'_>) -> BoxOutcome {
        let partner = self.detected.partners[entry.place as usize];
        let matched = partner.map(|place| self.annotated.at(place));
        let nearest = matched.or_else(|| nearest(entry, &self.annotated));
        let verdict = match (entry.rule, matched) {
            (Some(rule), _) => (Outcome::Ignored, self.why_ignored(entry, rule, false)),
            (None, Some(truth)) => (Outcome::Matched, within(entry.distance(&truth))),
            (None, None) => (Outcome::False, self.why_false(entry, nearest)),
        };
        let mut row = self.box_row(None, entry, verdict);
        row.line = number;
        row.score = Some(entry.one.score);
        if let Some(truth) = nearest.filter(|_| entry.rule.is_none()) {
            let name = &self.truth.names[truth.place as usize];
            row.partner = Some(name.row);
            row.partner_token = Some(name.token.clone());
            row.centre_distance_m = Some(entry.distance(&truth));
        }
        row.errors = matched.map(|truth| errors(entry.one, truth.one));
        row
    }

    fn box_row(
        &self,
        name: Option<&Name>,
        entry: &Entry<'_>,
        verdict: (Outcome, String),
    ) -> BoxOutcome {
        let at = (entry.one.sample, &entry.one.translation);
        let row = self.row(name, at, entry.one.class.name().to_owned(), verdict);
        BoxOutcome { points: (entry.one.points >= 0).then_some(entry.one.points), ..row }
    }

    fn row(
        &self,
        name: Option<&Name>,
        (sample, translation): (u32, &[f64; 3]),
        class: String,
        (outcome, why): (Outcome, String),
    ) -> BoxOutcome {
        BoxOutcome {
            frame: self.samples[sample as usize].clone(),
            is_label: name.is_some(),
            line: name.map_or(0, |name| name.row),
            token: name.map(|name| name.token.clone()),
            class,
            outcome,
            why,
            partner: None,
            partner_token: None,
            centre_distance_m: None,
            errors: None,
            score: None,
            points: None,
            distance_m: plane_distance(translation, &self.truth.ego[sample as usize]),
            location: *translation,
        }
    }

    /// A detection's place among those of its sample, from 1.
    fn number(&self, detection: &Entry<'_>) -> usize {
        let first = self.detected.of_sample(detection.one.sample).first();
        first.map_or(0, |first| (detection.place - first.place) as usize + 1)
    }

    fn why_ignored(&self, entry: &Entry<'_>, rule: Rule, is_label: bool) -> String {
        match rule {
            Rule::TooFar => {
                let from = plane_distance(
                    &entry.one.translation,
                    &self.truth.ego[entry.one.sample as usize],
                );
                format!("{from:.3} m from the vehicle >= {} m", entry.one.class.range_m())
            }
            Rule::WithoutPoints if is_label => "no LiDAR or radar point in it".to_owned(),
            Rule::WithoutPoints => "its num_pts is 0".to_owned(),
            Rule::InRack => "its centre is in a bicycle rack".to_owned(),
        }
    }

    fn why_missed(&self, entry: &Entry<'_>, nearest: Option<Entry<'_>>) -> String {
        let class = entry.one.class.name();
        let why = match nearest.map(|found| entry.distance(&found)) {
            None => format!("no {class} is detected in its sample"),
            Some(distance) if distance < LIMIT_M => {
                format!("each detection nearer than {LIMIT_M} m took another annotation")
            }
            Some(distance) => format!("nearest detection {distance:.3} m >= {LIMIT_M} m"),
        };
        why + &self.beside(entry, &self.detected, "detected", false)
    }

    fn why_false(&self, entry: &Entry<'_>, nearest: Option<Entry<'_>>) -> String {
        let class = entry.one.class.name();
        let near = nearest.map(|truth| (entry.distance(&truth), truth));
        let why = match near {
            None => format!("no {class} is annotated in its sample"),
            Some((distance, truth)) if distance < LIMIT_M => {
                let taker = self.annotated.partners[truth.place as usize];
                let equal =
                    taker.is_some_and(|taker| self.detected.at(taker).one.score == entry.one.score);
                let by = if equal {
                    "an equal score further down in the file"
                } else {
                    "a higher score"
                };
                format!("the annotation at {distance:.3} m was taken by {by}")
            }
            Some((distance, _)) => format!("nearest annotation {distance:.3} m >= {LIMIT_M} m"),
        };
        why + &self.beside(entry, &self.annotated, "annotated", true)
    }

    /// What else lies near enough to explain the mistake: a box of another class, or one of the same
    /// that does not count.
    fn beside(&self, entry: &Entry<'_>, side: &Side<'_>, word: &str, is_label: bool) -> String {
        let near = |other: &&Entry<'_>| {
            let same = other.one.class == entry.one.class;
            same == other.rule.is_some() && entry.distance(other) < LIMIT_M
        };
        let others = side.of_sample(entry.one.sample).iter().filter(near);
        let nearest = others.min_by(|a, b| entry.distance(a).total_cmp(&entry.distance(b)));
        let Some(other) = nearest else { return String::new() };
        let name = DetectionClass::name(other.one.class);
        let distance = entry.distance(other);
        match other.rule {
            None => format!("; a {name} is {word} at {distance:.3} m"),
            Some(rule) => {
                let why = self.why_ignored(other, rule, is_label);
                format!("; a {name} {word} at {distance:.3} m does not count ({why})")
            }
        }
    }
}

fn within(distance: f64) -> String {
    format!("centre distance {distance:.3} m < {LIMIT_M} m")
}

/// The nearest box of the same class and sample that counts.
fn nearest<'a>(entry: &Entry<'_>, side: &Side<'a>) -> Option<Entry<'a>> {
    let same = |other: &&Entry<'_>| other.rule.is_none() && other.one.class == entry.one.class;
    let others = side.of_sample(entry.one.sample).iter().filter(same);
    others.min_by(|a, b| entry.distance(a).total_cmp(&entry.distance(b))).copied()
}
