//! Which expert's boxes were right: the outcomes of an evaluation joined with the run's own account.
//!
//! `frames.jsonl` holds the boxes of a frame in the order of its result file; some of them are not
//! in the file (nothing of them in the image). Rows and boxes are paired in that order by class and
//! score.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{FrameRecord, ParsedRun, expert_name};
use crate::eval::kitti::{Frame, Judged, Outcome, Outcomes};
use crate::frame::Detection;

/// The detections of one group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExpertRow {
    /// Which class.
    pub class: Judged,
    /// What groups them: `expert` or `visibility`.
    pub by: String,
    /// The group: an expert's name, or a band of visibility.
    pub group: String,
    /// Detections that are matched with a label.
    pub finds: usize,
    /// Detections without a label.
    pub mistakes: usize,
    /// Neither.
    pub ignored: usize,
    /// Finds among finds and mistakes, 0..=1; none without any.
    pub precision: Option<f64>,
    /// Mean overlap of the finds, 0..=1.
    pub mean_overlap: Option<f64>,
}

/// Bands of visibility (the share of expected returns that a region has).
const VISIBILITY: [(f32, &str); 4] =
    [(0.25, "0-0.25"), (0.5, "0.25-0.5"), (0.75, "0.5-0.75"), (f32::INFINITY, "0.75-1")];

#[derive(Debug, Default)]
struct Tally {
    finds: usize,
    mistakes: usize,
    ignored: usize,
    overlap: f64,
}

/// Counts finds and mistakes by expert and by visibility; detections of frames that the run does
/// not know are left out.
pub fn expert_rows(run: &ParsedRun, frames: &[Frame], outcomes: &[Outcomes]) -> Vec<ExpertRow> {
    let records: HashMap<&str, &FrameRecord> =
        run.frames.iter().map(|record| (record.result.frame.as_str(), record)).collect();
    let mut made_by: HashMap<(&str, usize), &Detection> = HashMap::new();
    for frame in frames {
        let Some(record) = records.get(frame.id.as_str()) else { continue };
        let mut boxes = record.result.detections.iter();
        for row in &frame.detections {
            let score = row.row.score.unwrap_or_default();
            // Result files carry four decimals.
            let same = |b: &&Detection| {
                Some(b.class) == row.class && (f64::from(b.score) - score).abs() < 1e-4
            };
            // A row without its box would use up the others: look ahead first.
            let found = boxes.clone().position(|b| same(&b));
            if let Some(detection) = found.and_then(|found| boxes.nth(found)) {
                made_by.insert((frame.id.as_str(), row.line), detection);
            }
        }
    }
    let mut rows = Vec::new();
    for outcomes in outcomes {
        let mut tallies: BTreeMap<(&str, usize, &str), Tally> = BTreeMap::new();
        for object in outcomes.objects.iter().filter(|object| !object.is_label) {
            let Some(made) = made_by.get(&(object.frame.as_str(), object.line)) else { continue };
            let band = VISIBILITY.iter().position(|(to, _)| made.visibility < *to).unwrap_or(3);
            let expert = expert_name(made.expert);
            for key in [("expert", 0, expert), ("visibility", band, VISIBILITY[band].1)] {
                let tally = tallies.entry(key).or_default();
                match object.outcome {
                    Outcome::Matched => {
                        tally.finds += 1;
                        tally.overlap += object.overlap;
                    }
                    Outcome::False => tally.mistakes += 1,
                    _ => tally.ignored += 1,
                }
            }
        }
        rows.extend(tallies.into_iter().map(|((by, _, group), tally)| {
            let judged = tally.finds + tally.mistakes;
            ExpertRow {
                class: outcomes.class,
                by: by.to_owned(),
                group: group.to_owned(),
                finds: tally.finds,
                mistakes: tally.mistakes,
                ignored: tally.ignored,
                precision: (judged > 0).then(|| tally.finds as f64 / judged as f64),
                mean_overlap: (tally.finds > 0).then(|| tally.overlap / tally.finds as f64),
            }
        }));
    }
    rows
}
