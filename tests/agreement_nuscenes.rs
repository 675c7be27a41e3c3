//! Every figure of summary and details agrees with the official devkit's within 1e-9.

mod nuscenes_world;
mod shared_data;

use std::path::Path;

use emc2::eval::nuscenes::{Request, evaluate, evaluate_from};
use nuscenes_world::{invented, request, unpack};
use serde_json::Value;
use shared_data::golden;

/// How far a figure may be from the devkit's.
const TOLERANCE: f64 = 1e-9;

/// The devkit writes NaN bare; here it is null, which equals nothing but null.
fn parse(text: &str) -> Value {
    serde_json::from_str(&text.replace("NaN", "null")).unwrap()
}

fn compare(path: &str, ours: &Value, theirs: &Value, figures: &mut usize) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{path}");
            for (key, value) in a.iter().filter(|(key, _)| *key != "eval_time") {
                compare(&format!("{path}/{key}"), value, &b[key], figures);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len(), "{path}");
            for (place, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}/{place}"), a, b, figures);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= TOLERANCE, "{path}: {a} instead of {b}");
            *figures += 1;
        }
        _ => assert_eq!(ours, theirs, "{path}"),
    }
}

fn agrees(folder: &Path, set: &str, tables: &str) {
    let results = folder.join("results").join(set).with_extension("json");
    let mut request = Request::new(&folder.join(tables), "v1.0-mini", "mini_val", &results);
    let evaluation = evaluate(&request).unwrap();
    let (summary, details) = (evaluation.summary_json(), evaluation.details_json());
    let golden = |name: &str| {
        let path = folder.join("golden").join(set).join(name);
        parse(&std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("{}", path.display())))
    };
    let mut figures = 0;
    compare(set, &parse(&summary), &golden("metrics_summary.json"), &mut figures);
    compare(set, &parse(&details), &golden("metrics_details.json"), &mut figures);
    assert!(figures > 40 * 8 * 101, "{set}: only {figures} figures were compared");
    let counts = golden("counts.json");
    for class in &evaluation.figures.classes {
        let of = |key: &str| counts[key][class.class.name()].as_u64().unwrap() as usize;
        let kept = [class.truth.kept, class.detections.kept];
        assert_eq!(kept, [of("gt_after_filters"), of("pred_after_filters")], "{set}");
    }
    request.threads = 1;
    let alone = evaluate(&request).unwrap();
    assert_eq!(alone.details_json(), details, "{set}: one thread gives other bytes");
}

#[test]
fn every_figure_of_invented_drives_is_that_of_the_devkit() {
    let evaluation = evaluate_from(&request(), &invented(), unpack("results").as_slice()).unwrap();
    let golden = |name: &str| parse(&String::from_utf8(unpack(name)).unwrap());
    let mut figures = 0;
    compare(
        "summary",
        &parse(&evaluation.summary_json()),
        &golden("metrics_summary"),
        &mut figures,
    );
    compare(
        "details",
        &parse(&evaluation.details_json()),
        &golden("metrics_details"),
        &mut figures,
    );
    assert!(figures > 40 * 8 * 101, "only {figures} figures were compared");
}

#[test]
fn every_figure_of_every_set_is_that_of_the_devkit() {
    let Some(folder) = golden("nuscenes_eval") else { return };
    for (set, tables) in [
        ("real_pointpillars", "tables_mini_val"),
        ("minival_fine", "tables_mini_val"),
        ("minival_ties", "tables_mini_val"),
        ("minival_nan", "tables_mini_val"),
        ("derived_edge", "tables_derived"),
        ("synthetic_edge", "tables_synthetic"),
    ] {
        agrees(&folder, set, tables);
    }
}
