//! What changed between two evaluations: two of their files come in, figures side by side and the
//! boxes that were gained and lost come out.

mod boxes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kitti::Outcomes;
use super::nuscenes::BoxOutcome;
use boxes::{compare, compare_by_class};

pub use boxes::{Change, JudgedBox};

/// Two evaluations that cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// A file that is no evaluation.
    #[error(
        "{which} is no evaluation: expected the JSON of emc2 eval kitti --json, or a nuScenes metrics_summary.json"
    )]
    NoEvaluation {
        /// `the first file` or `the second file`.
        which: &'static str,
    },
    /// One of each.
    #[error("the first file is of {before}, the second of {after}: only like can be compared")]
    Benchmarks {
        /// Of the first.
        before: &'static str,
        /// Of the second.
        after: &'static str,
    },
    /// Box by box parts that compare different things.
    #[error(
        "the outcomes compare different things ({before} and {after}): write both files with the same --explain-metric and --explain-difficulty"
    )]
    Outcomes {
        /// In the first.
        before: String,
        /// In the second.
        after: String,
    },
    /// A part that is not as this version writes it.
    #[error("{which}, outcomes: {cause}; write the file again with this version")]
    Schema {
        /// `the first file` or `the second file`.
        which: &'static str,
        /// What is wrong.
        cause: String,
    },
}

/// One figure in both evaluations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is, such as `car 3d moderate r40`.
    pub name: String,
    /// In the first; none where it is not evaluated.
    pub before: Option<f64>,
    /// In the second.
    pub after: Option<f64>,
}

/// All that changed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Figures, in a fixed order; those that are equal too.
    pub figures: Vec<Figure>,
    /// Labels found in the second only.
    pub gained: Vec<Change>,
    /// Labels found in the first only.
    pub lost: Vec<Change>,
    /// Mistakes of the second only.
    pub new_mistakes: Vec<Change>,
    /// Mistakes of the first only.
    pub gone_mistakes: Vec<Change>,
    /// Frames in one of the two only.
    pub frames_differ: bool,
    /// Why boxes could not be compared, in words; none if they were.
    pub boxes_missing: Option<String>,
}

/// One of the two evaluations.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// The figures: what `emc2 eval kitti --json` wrote, or a nuScenes summary.
    pub figures: Value,
    /// What became of each box, for nuScenes; KITTI's figures hold theirs.
    pub boxes: Option<Vec<BoxOutcome>>,
}

/// Compares two evaluations.
///
/// # Errors
/// See [`DiffError`].
pub fn diff(before: Side, after: Side) -> Result<Difference, DiffError> {
    let boxes = [before.boxes, after.boxes];
    let (before, after) = (&before.figures, &after.figures);
    let kinds = [benchmark(before, "the first file")?, benchmark(after, "the second file")?];
    if kinds[0] != kinds[1] {
        return Err(DiffError::Benchmarks { before: kinds[0], after: kinds[1] });
    }
    let mut found = Difference { figures: figures(before, after), ..Difference::default() };
    if kinds[0] == "KITTI" {
        let outcomes = [outcomes(before, "the first file")?, outcomes(after, "the second file")?];
        kitti_boxes(outcomes, &mut found)?;
    } else {
        match boxes {
            [Some(before), Some(after)] => {
                let judged = |boxes: Vec<BoxOutcome>| boxes.into_iter().map(Into::into).collect();
                compare_by_class([judged(before), judged(after)], [0, 1], &mut found);
            }
            [before, after] => {
                found.boxes_missing =
                    Some(missing([before.is_some(), after.is_some()], "--json and --outcomes"));
            }
        }
    }
    Ok(found)
}

/// Why boxes are not compared, where one or both of the two lack them; `with` is what writes them.
fn missing(there: [bool; 2], with: &str) -> String {
    let (which, again) = match there {
        [true, _] => ("the second evaluation has", "it"),
        [_, true] => ("the first evaluation has", "it"),
        _ => ("the two evaluations have", "both"),
    };
    format!("boxes are not compared: {which} no outcomes. Evaluate {again} again with {with}")
}

fn benchmark(value: &Value, which: &'static str) -> Result<&'static str, DiffError> {
    if value.get("nd_score").is_some() {
        Ok("nuScenes")
    } else if ["car", "pedestrian", "cyclist"].iter().any(|class| value.get(class).is_some()) {
        Ok("KITTI")
    } else {
        Err(DiffError::NoEvaluation { which })
    }
}

/// Every number below the figures' keys, by path; curves and settings are left out.
fn figures(before: &Value, after: &Value) -> Vec<Figure> {
    let mut all: BTreeMap<String, [Option<f64>; 2]> = BTreeMap::new();
    for (at, value) in [before, after].into_iter().enumerate() {
        collect(value, String::new(), &mut |name, number| {
            all.entry(name).or_default()[at] = Some(number);
        });
        areas(value, &mut |name, number| all.entry(name).or_default()[at] = Some(number));
    }
    let figure =
        |(name, [before, after]): (String, [Option<f64>; 2])| Figure { name, before, after };
    all.into_iter().map(figure).collect()
}

fn collect(value: &Value, name: String, tell: &mut impl FnMut(String, f64)) {
    const NO_FIGURES: [&str; 5] = ["emc2", "precision41", "cfg", "meta", "eval_time"];
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter().filter(|(key, _)| !NO_FIGURES.contains(&key.as_str())) {
                let name = if name.is_empty() { key.clone() } else { format!("{name} {key}") };
                collect(value, name, tell);
            }
        }
        Value::Number(number) => tell(name, number.as_f64().unwrap_or(f64::NAN)),
        _ => {}
    }
}

/// The areas under whole curves, by class, metric, limit and band.
fn areas(value: &Value, tell: &mut impl FnMut(String, f64)) {
    let Some(classes) = value.pointer("/emc2/areas").and_then(Value::as_object) else { return };
    for (class, rows) in classes {
        for row in rows.as_array().into_iter().flatten() {
            let text = |key: &str| row.get(key).map(|v| v.to_string().replace('"', ""));
            if let (Some(metric), Some(overlap), Some(band), Some(area)) = (
                text("metric"),
                text("overlap"),
                text("band"),
                row.get("area").and_then(Value::as_f64),
            ) {
                tell(format!("{class} area {metric}@{overlap} {band}"), area);
            }
        }
    }
}

fn outcomes(value: &Value, which: &'static str) -> Result<Vec<Outcomes>, DiffError> {
    let Some(outcomes) = value.pointer("/emc2/outcomes") else { return Ok(Vec::new()) };
    serde_json::from_value(outcomes.clone())
        .map_err(|error| DiffError::Schema { which, cause: error.to_string() })
}

fn kitti_boxes(
    [before, after]: [Vec<Outcomes>; 2],
    found: &mut Difference,
) -> Result<(), DiffError> {
    let there = [!before.is_empty(), !after.is_empty()];
    if there != [true; 2] {
        found.boxes_missing = Some(missing(there, "--json"));
    }
    let mut before: Vec<Option<Outcomes>> = before.into_iter().map(Some).collect();
    for new in after {
        let same = |old: &&mut Option<Outcomes>| old.as_ref().is_some_and(|o| o.class == new.class);
        let Some(old) = before.iter_mut().find(same).and_then(Option::take) else { continue };
        if (old.metric, old.difficulty) != (new.metric, new.difficulty) {
            let name = |o: &Outcomes| format!("{} {}", o.metric.key(), o.difficulty.key());
            return Err(DiffError::Outcomes { before: name(&old), after: name(&new) });
        }
        let judged =
            |o: Outcomes| -> Vec<JudgedBox> { o.objects.into_iter().map(Into::into).collect() };
        compare([&judged(old), &judged(new)], [0, 2], found);
    }
    Ok(())
}
