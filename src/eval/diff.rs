//! What changed between two evaluations: two JSON files come in, figures side by side and the
//! boxes that were gained and lost come out.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kitti::{ObjectOutcome, Outcome, Outcomes};

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

/// A label or detection whose fate changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// In the evaluation where it is a find, or a mistake.
    pub now: ObjectOutcome,
    /// In the other evaluation, for labels.
    pub other: Option<ObjectOutcome>,
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
}

/// How far apart two false boxes of one frame may be and still be the same mistake, m.
const SAME_PLACE_M: f64 = 1.0;

/// Compares two evaluations.
///
/// # Errors
/// See [`DiffError`].
pub fn diff(before: &Value, after: &Value) -> Result<Difference, DiffError> {
    let kinds = [benchmark(before, "the first file")?, benchmark(after, "the second file")?];
    if kinds[0] != kinds[1] {
        return Err(DiffError::Benchmarks { before: kinds[0], after: kinds[1] });
    }
    let mut found = Difference { figures: figures(before, after), ..Difference::default() };
    if kinds[0] == "KITTI" {
        let outcomes = [outcomes(before, "the first file")?, outcomes(after, "the second file")?];
        boxes(&outcomes[0], &outcomes[1], &mut found)?;
    }
    Ok(found)
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

fn boxes(before: &[Outcomes], after: &[Outcomes], found: &mut Difference) -> Result<(), DiffError> {
    for new in after {
        let Some(old) = before.iter().find(|old| old.class == new.class) else { continue };
        if (old.metric, old.difficulty) != (new.metric, new.difficulty) {
            let name = |o: &Outcomes| format!("{} {}", o.metric.key(), o.difficulty.key());
            return Err(DiffError::Outcomes { before: name(old), after: name(new) });
        }
        let [old_labels, new_labels] = [labels(old), labels(new)];
        found.frames_differ |= old_labels.len() != new_labels.len();
        for (key, label) in &new_labels {
            let Some(other) = old_labels.get(key) else {
                found.frames_differ = true;
                continue;
            };
            let change = |now: &ObjectOutcome, other: &ObjectOutcome| Change {
                now: now.clone(),
                other: Some(other.clone()),
            };
            match (other.outcome, label.outcome) {
                (Outcome::Missed, Outcome::Matched) => found.gained.push(change(label, other)),
                (Outcome::Matched, Outcome::Missed) => found.lost.push(change(other, label)),
                _ => {}
            }
        }
        found.new_mistakes.extend(only_in(new, old));
        found.gone_mistakes.extend(only_in(old, new));
    }
    Ok(())
}

fn labels(outcomes: &Outcomes) -> BTreeMap<(&str, usize), &ObjectOutcome> {
    let labels = outcomes.objects.iter().filter(|object| object.is_label);
    labels.map(|object| ((object.frame.as_str(), object.line), object)).collect()
}

/// Mistakes without one of the other evaluation in the same place.
fn only_in<'a>(mine: &'a Outcomes, other: &'a Outcomes) -> impl Iterator<Item = Change> + 'a {
    let mistakes = |outcomes: &'a Outcomes| {
        outcomes.objects.iter().filter(|o| !o.is_label && o.outcome == Outcome::False)
    };
    let mut places: HashMap<&str, Vec<[f64; 3]>> = HashMap::new();
    for mistake in mistakes(other) {
        places.entry(&mistake.frame).or_default().push(mistake.location);
    }
    let near = |a: &[f64; 3], b: &[f64; 3]| (a[0] - b[0]).hypot(a[2] - b[2]) < SAME_PLACE_M;
    mistakes(mine)
        .filter(move |mistake| {
            let there = places.get(mistake.frame.as_str());
            !there.is_some_and(|there| there.iter().any(|place| near(place, &mistake.location)))
        })
        .map(|mistake| Change { now: mistake.clone(), other: None })
}
