//! What became of each label and detection, and by which rule.
//!
//! All detections take part, whatever their score: this is the matching at the lowest threshold,
//! one metric and difficulty at a time.

use serde::{Deserialize, Serialize};

use super::judge::counts_if_unused;
use super::matching::{Matching, Rule};
use super::object::{Difficulty, Judged, Metric, Strictness};
use super::read::{Entry, Frame};
use super::task::{FrameShapes, Part, Task, too_hard};
pub use crate::eval::outcome::Outcome;
use crate::frame::Class;

/// One label or detection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectOutcome {
    /// The frame's name.
    pub frame: String,
    /// Whether it is ground truth.
    pub is_label: bool,
    /// Its line in its file, from 1.
    pub line: usize,
    /// Its class as written.
    pub class: String,
    /// What became of it.
    pub outcome: Outcome,
    /// By which rule, in words.
    pub why: String,
    /// The line of its partner in the other file: whom it was matched with, or for a label that was
    /// missed and a detection that is false, the best that there was.
    pub partner: Option<usize>,
    /// Overlap with the partner, 0..=1.
    pub overlap: f64,
    /// The detection's score; for a label its partner's.
    pub score: Option<f64>,
    /// Horizontal distance from the camera, m.
    pub distance_m: f64,
    /// Middle of the box's bottom in the rectified camera frame, m.
    pub location: [f64; 3],
}

/// The judged class that a row belongs to: its own, or the one that it is a neighbour of.
fn owner(entry: &Entry) -> Option<Judged> {
    let class = entry.class?;
    Judged::ALL
        .into_iter()
        .find(|judged| judged.class() == class || judged.neighbour() == Some(class))
}

/// One line for each label and detection, in the order of frames and lines: each is judged as the
/// class that it belongs to.
pub fn explain(
    frames: &[Frame],
    classes: &[Judged],
    metric: Metric,
    difficulty: Difficulty,
    threshold: f64,
) -> Vec<ObjectOutcome> {
    let mut all: Vec<ObjectOutcome> = classes
        .iter()
        .flat_map(|class| outcomes(frames, *class, metric, difficulty, threshold).objects)
        .collect();
    for frame in frames {
        let rows = frame.labels.iter().map(|label| (label, true));
        for (entry, is_label) in rows.chain(frame.detections.iter().map(|found| (found, false))) {
            if owner(entry).is_some_and(|owner| classes.contains(&owner)) {
                continue;
            }
            let why = match entry.class {
                Some(Class::DontCare) => {
                    "a DontCare area: mistakes in the image inside it do not count"
                }
                _ => "of a class that is not judged",
            };
            all.push(object(frame, entry, is_label, (Outcome::Ignored, why.to_owned())));
        }
    }
    all.sort_by(|a, b| (&a.frame, !a.is_label, a.line).cmp(&(&b.frame, !b.is_label, b.line)));
    all
}

fn object(
    frame: &Frame,
    entry: &Entry,
    is_label: bool,
    (outcome, why): (Outcome, String),
) -> ObjectOutcome {
    ObjectOutcome {
        frame: frame.id.clone(),
        is_label,
        line: entry.line,
        class: entry.row.kind.clone(),
        outcome,
        why,
        partner: None,
        overlap: 0.0,
        score: entry.row.score,
        distance_m: entry.distance_m(),
        location: entry.row.location,
    }
}

/// What became of all labels and detections, for one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Which class.
    pub class: Judged,
    /// What was compared.
    pub metric: Metric,
    /// Which labels count.
    pub difficulty: Difficulty,
    /// The overlap that a match must exceed.
    pub limit: f64,
    /// Labels, then detections of each frame, in file order.
    pub objects: Vec<ObjectOutcome>,
}

/// What became of each label and detection of a class; detections with a score below `threshold`
/// are said to be so.
pub fn outcomes(
    frames: &[Frame],
    class: Judged,
    metric: Metric,
    difficulty: Difficulty,
    threshold: f64,
) -> Outcomes {
    let limit = class.limit(Strictness::Official, metric);
    let rule = Rule { metric, limit };
    let mut objects = Vec::new();
    let mut matching = Matching::default();
    for frame in frames {
        let shapes = FrameShapes::new(frame);
        let task = Task::new(frame, &shapes, class);
        matching.by_overlap(&task, rule, difficulty, threshold);
        let judge = FrameJudge {
            frame,
            shapes,
            task: &task,
            matching: &matching,
            rule,
            class,
            difficulty,
            threshold,
        };
        let mine = |rows: &[Entry]| -> Vec<usize> {
            (0..rows.len()).filter(|index| owner(&rows[*index]) == Some(class)).collect()
        };
        objects.extend(mine(&frame.labels).into_iter().map(|index| judge.label(index)));
        objects.extend(mine(&frame.detections).into_iter().map(|index| judge.detection(index)));
    }
    Outcomes { class, metric, difficulty, limit, objects }
}

struct FrameJudge<'a> {
    frame: &'a Frame,
    shapes: FrameShapes,
    task: &'a Task,
    matching: &'a Matching,
    rule: Rule,
    class: Judged,
    difficulty: Difficulty,
    threshold: f64,
}

impl FrameJudge<'_> {
    fn label(&self, index: usize) -> ObjectOutcome {
        let entry = &self.frame.labels[index];
        let at = self.task.truths.iter().position(|truth| truth.index as usize == index);
        let taken_by = at.and_then(|at| self.matching.taken_by[at]);
        let partner = taken_by.map(|found| self.task.found[found as usize].index as usize);
        let ignored = |why: String| (Outcome::Ignored, why);
        let (outcome, why) = match at.map(|at| (&self.task.truths[at], taken_by)) {
            None => ignored(format!("not a {}", self.class.key())),
            Some((truth, _)) if truth.neighbour => {
                ignored("of the neighbouring class: neither find nor miss".to_owned())
            }
            Some((truth, _)) if truth.ignored[self.difficulty as usize] => {
                ignored(too_hard(entry, self.difficulty).unwrap_or_default())
            }
            Some((_, Some(found)))
                if self.task.found[found as usize].part[self.difficulty as usize]
                    == Part::Ignored =>
            {
                ignored(format!(
                    "taken by a detection lower than {} px: neither find nor miss",
                    self.difficulty.height_px()
                ))
            }
            Some((_, Some(_))) => (Outcome::Matched, self.above_limit()),
            Some((_, None)) => (Outcome::Missed, self.why_missed(index)),
        };
        let nearest = partner.or_else(|| {
            (outcome == Outcome::Missed).then(|| self.best_for_label(index).map(|best| best.0))?
        });
        let overlap = nearest.map_or(0.0, |found| self.overlap(index, found));
        let other = nearest.map(|found| &self.frame.detections[found]);
        self.with_partner(
            (entry, true),
            (outcome, why),
            other.map(|o| o.line),
            overlap,
            other.map(Entry::score),
        )
    }

    fn detection(&self, index: usize) -> ObjectOutcome {
        let entry = &self.frame.detections[index];
        let at = self.task.found.iter().position(|found| found.index as usize == index);
        let truth = at.and_then(|at| {
            self.matching.taken_by.iter().position(|taken| *taken == Some(at as u32))
        });
        let d = self.difficulty as usize;
        let ignored = |why: String| (Outcome::Ignored, why);
        let low = || format!("2D box lower than {} px", self.difficulty.height_px());
        let (outcome, why) = match at.map(|at| &self.task.found[at]) {
            None => ignored(format!("not a {}", self.class.key())),
            Some(found) if found.part[d] == Part::None => {
                ignored(format!("not a {}", self.class.key()))
            }
            Some(found) if found.score < self.threshold => {
                ignored(format!("score below {}", self.threshold))
            }
            Some(found) => match truth.map(|truth| &self.task.truths[truth]) {
                Some(truth) if truth.neighbour => {
                    ignored("took a label of the neighbouring class".to_owned())
                }
                Some(truth) if truth.ignored[d] => {
                    ignored("took a label that does not count".to_owned())
                }
                Some(_) if found.part[d] == Part::Ignored => ignored(low()),
                Some(_) => (Outcome::Matched, self.above_limit()),
                None if found.part[d] == Part::Ignored => ignored(low()),
                None if !counts_if_unused(found, self.rule, d) => {
                    ignored("lies in a DontCare area".to_owned())
                }
                None => (Outcome::False, self.why_false(index)),
            },
        };
        let nearest = truth.map(|truth| self.task.truths[truth].index as usize).or_else(|| {
            (outcome == Outcome::False)
                .then(|| self.best_for_detection(index).map(|best| best.0))?
        });
        let overlap = nearest.map_or(0.0, |label| self.overlap(label, index));
        let line = nearest.map(|label| self.frame.labels[label].line);
        self.with_partner((entry, false), (outcome, why), line, overlap, entry.row.score)
    }

    fn with_partner(
        &self,
        (entry, is_label): (&Entry, bool),
        verdict: (Outcome, String),
        partner: Option<usize>,
        overlap: f64,
        score: Option<f64>,
    ) -> ObjectOutcome {
        let object = object(self.frame, entry, is_label, verdict);
        ObjectOutcome { partner, overlap, score, ..object }
    }

    fn above_limit(&self) -> String {
        format!("overlap > {}", self.rule.limit)
    }

    fn overlap(&self, label: usize, found: usize) -> f64 {
        self.shapes.detections[found].overlap(&self.shapes.labels[label], self.rule.metric)
    }

    /// The detection that takes part with the largest overlap with a label.
    fn best_for_label(&self, label: usize) -> Option<(usize, f64)> {
        let d = self.difficulty as usize;
        let part = self
            .task
            .found
            .iter()
            .filter(|found| found.part[d] != Part::None && found.score >= self.threshold);
        let overlaps =
            part.map(|found| found.index as usize).map(|at| (at, self.overlap(label, at)));
        overlaps.filter(|(_, overlap)| *overlap > 0.0).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    fn best_for_detection(&self, found: usize) -> Option<(usize, f64)> {
        let part = self.task.truths.iter().map(|truth| truth.index as usize);
        let overlaps = part.map(|label| (label, self.overlap(label, found)));
        overlaps.filter(|(_, overlap)| *overlap > 0.0).max_by(|a, b| a.1.total_cmp(&b.1))
    }

    fn why_missed(&self, label: usize) -> String {
        match self.best_for_label(label) {
            None => "no detection touches it".to_owned(),
            Some((_, overlap)) if overlap > self.rule.limit => {
                "the detection above the limit was taken by an earlier label".to_owned()
            }
            Some((_, overlap)) => format!("best overlap {overlap:.3} <= {}", self.rule.limit),
        }
    }

    fn why_false(&self, found: usize) -> String {
        match self.best_for_detection(found) {
            None => "touches no label".to_owned(),
            Some((_, overlap)) if overlap > self.rule.limit => {
                "a second detection on a label that is taken".to_owned()
            }
            Some((_, overlap)) => format!("best overlap {overlap:.3} <= {}", self.rule.limit),
        }
    }
}
