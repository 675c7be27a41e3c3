//! `metrics_summary.json` and `metrics_details.json` with the devkit's own keys; NaN is written bare.

use std::fmt::Write as _;

use super::class::{DetectionClass, TpError};
use super::curve::{POINTS, recall};
use super::evaluate::Evaluation;
use super::figures::{DISTANCES_M, ERROR_DISTANCE, MEAN_AP_WEIGHT};
use super::results::MAX_BOXES;

impl Evaluation {
    /// The text of `metrics_summary.json`. Of all keys only `eval_time` (s) differs from run to run.
    pub fn summary_json(&self) -> String {
        let figures = &self.figures;
        let by_class = |value: &dyn Fn(usize) -> String| {
            object(
                2,
                DetectionClass::ALL.iter().enumerate().map(|(at, class)| (class.name(), value(at))),
            )
        };
        let by_error = |indent, values: &[f64; TpError::COUNT]| {
            object(
                indent,
                TpError::ALL.iter().map(|&error| (error.key(), number(values[error as usize]))),
            )
        };
        let distances: Vec<_> = DISTANCES_M.iter().map(|&distance| number(distance)).collect();
        let label_aps = by_class(&|at| {
            let values = figures.classes[at].average_precisions;
            object(
                3,
                distances.iter().zip(values).map(|(key, value)| (key.as_str(), number(value))),
            )
        });
        let label_errors = by_class(&|at| by_error(3, &figures.classes[at].errors));
        let mean_dist_aps = by_class(&|at| number(figures.classes[at].mean_ap));
        let ranges = object(
            3,
            DetectionClass::ALL.iter().map(|class| (class.name(), class.range_m().to_string())),
        );
        let cfg = [
            ("class_range", ranges),
            ("dist_fcn", "\"center_distance\"".to_owned()),
            ("dist_ths", format!("[\n      {}\n    ]", distances.join(",\n      "))),
            ("dist_th_tp", number(DISTANCES_M[ERROR_DISTANCE])),
            ("min_recall", number(0.1)),
            ("min_precision", number(0.1)),
            ("max_boxes_per_sample", MAX_BOXES.to_string()),
            ("mean_ap_weight", format!("{MEAN_AP_WEIGHT}")),
        ];
        let meta = if self.meta.is_empty() { "{}" } else { &self.meta };
        object(
            1,
            [
                ("label_aps", label_aps),
                ("mean_dist_aps", mean_dist_aps),
                ("mean_ap", number(figures.mean_ap)),
                ("label_tp_errors", label_errors),
                ("tp_errors", by_error(2, &figures.errors)),
                ("tp_scores", by_error(2, &figures.scores)),
                ("nd_score", number(figures.nd_score)),
                ("eval_time", number(self.time_s)),
                ("cfg", object(2, cfg.into_iter())),
                ("meta", meta.to_owned()),
            ]
            .into_iter(),
        ) + "\n"
    }

    /// The text of `metrics_details.json`: the curves of each class and distance.
    pub fn details_json(&self) -> String {
        // About twenty bytes a number, 101 numbers a curve, eight curves for each of forty.
        let mut text = String::with_capacity(40 * 8 * POINTS * 22);
        text.push('{');
        let recalls: Vec<_> = (0..POINTS).map(recall).collect();
        let mut separator = "";
        for class in &self.figures.classes {
            for (curve, distance) in class.curves.iter().zip(DISTANCES_M) {
                let errors = |error: TpError| (error.key(), &curve.errors[error as usize]);
                // The devkit's order of keys is not that of the errors.
                let lists = [
                    ("recall", &recalls),
                    ("precision", &curve.precision),
                    ("confidence", &curve.confidence),
                    errors(TpError::Translation),
                    errors(TpError::Velocity),
                    errors(TpError::Scale),
                    errors(TpError::Orientation),
                    errors(TpError::Attribute),
                ];
                let _ = write!(text, "{separator}\"{}:{distance:?}\": {{", class.class.name());
                separator = ", ";
                for (place, (key, values)) in lists.into_iter().enumerate() {
                    let _ = write!(text, "{}\"{key}\": [", if place == 0 { "" } else { ", " });
                    for (place, value) in values.iter().enumerate() {
                        if place > 0 {
                            text.push_str(", ");
                        }
                        let _ = write!(text, "{value:?}");
                    }
                    text.push(']');
                }
                text.push('}');
            }
        }
        text.push_str("}\n");
        text
    }
}

/// A number as Python writes it: as many digits as it takes to come back, and bare NaN.
fn number(value: f64) -> String {
    format!("{value:?}")
}

fn object<'a>(indent: usize, entries: impl Iterator<Item = (&'a str, String)>) -> String {
    let space = "  ".repeat(indent);
    let lines: Vec<_> = entries.map(|(key, value)| format!("{space}\"{key}\": {value}")).collect();
    format!("{{\n{}\n{}}}", lines.join(",\n"), "  ".repeat(indent - 1))
}
