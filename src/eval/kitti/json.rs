//! The figures as JSON: `{class: {metric: {difficulty: {r11, r40, precision41}}}}`, null for what
//! the benchmark's program does not evaluate, and everything that goes beyond it under `emc2`.

use serde_json::{Map, Value, json};

use super::curve::{Values, r11, r40};
use super::judge::{ClassFigures, Curve, Curves, Evaluation};
use super::object::{Difficulty, Judged, Metric};
use super::outcome::Outcomes;

/// Version of what lies under `emc2`.
pub const SCHEMA: u32 = 1;

/// All figures. `outcomes` (what became of each label and detection) makes the file one that
/// `emc2 eval diff` can compare box by box.
pub fn to_json(evaluation: &Evaluation, notes: &[String], outcomes: &[Outcomes]) -> Value {
    let mut classes = Map::new();
    for judged in Judged::ALL {
        let figures = evaluation.classes.iter().find(|figures| figures.class == judged);
        let value = figures.map_or(Value::Null, |figures| {
            let mut table = curves(&figures.official);
            table.insert("aos".to_owned(), aos(figures));
            Value::Object(table)
        });
        classes.insert(judged.key().to_owned(), value);
    }
    let by_class = |value: &dyn Fn(&ClassFigures) -> Value| -> Value {
        let each = evaluation.classes.iter().map(|f| (f.class.key().to_owned(), value(f)));
        Value::Object(each.collect())
    };
    classes.insert(
        "emc2".to_owned(),
        json!({
            "benchmark": "kitti",
            "schema": SCHEMA,
            "version": env!("CARGO_PKG_VERSION"),
            "frames": evaluation.frames,
            "notes": notes,
            "counts": by_class(&counts),
            "loose": by_class(&|figures| Value::Object(curves(&figures.loose))),
            "areas": by_class(&|figures| json!(figures.areas.rows)),
            "outcomes": outcomes,
        }),
    );
    Value::Object(classes)
}

fn curves(table: &[Option<Curves>; 3]) -> Map<String, Value> {
    let metric = |metric: Metric| {
        let value = table[metric as usize]
            .as_ref()
            .map_or(Value::Null, |curves| by_difficulty(curves, |curve| values(&curve.precision)));
        (metric.key().to_owned(), value)
    };
    Metric::ALL.map(metric).into_iter().collect()
}

fn aos(figures: &ClassFigures) -> Value {
    let image = figures.official[Metric::Image as usize].as_ref();
    let judged = image.filter(|curves| curves[0].similarity.is_some());
    judged.map_or(Value::Null, |curves| {
        by_difficulty(curves, |curve| curve.similarity.as_ref().map_or(Value::Null, values))
    })
}

fn by_difficulty(curves: &Curves, value: impl Fn(&Curve) -> Value) -> Value {
    let each = Difficulty::ALL.map(|d| (d.key().to_owned(), value(&curves[d as usize])));
    Value::Object(each.into_iter().collect())
}

fn values(values: &Values) -> Value {
    json!({ "r11": r11(values), "r40": r40(values), "precision41": values.to_vec() })
}

/// `{metric: {difficulty: {n_gt, points: [[score, tp, fp, fn], …]}}}`.
fn counts(figures: &ClassFigures) -> Value {
    let points = |curve: &Curve| {
        let point = |p: &super::Point| {
            json!([p.score, p.true_positives, p.false_positives, p.false_negatives])
        };
        json!({ "n_gt": curve.labels, "points": curve.points.iter().map(point).collect::<Vec<_>>() })
    };
    let metric = |metric: Metric| {
        let curves = figures.official[metric as usize].as_ref();
        let value = curves.map_or(Value::Null, |curves| by_difficulty(curves, points));
        (metric.key().to_owned(), value)
    };
    Value::Object(Metric::ALL.map(metric).into_iter().collect())
}
