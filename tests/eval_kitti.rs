//! What the evaluation promises beyond the official digits: properties, reasons, differences.

use std::path::Path;

use assert_cmd::Command;
use emc2::eval::kitti::{
    self, Band, Difficulty, Entry, Evaluation, Frame, Judged, Metric, Options, Outcome, Strictness,
};
use emc2::sensor::kitti::row::ObjectRow;
use predicates::prelude::*;
use predicates::str::contains;
use proptest::prelude::*;

fn row(class: &str, at: (f64, f64), yaw: f64, score: Option<f64>) -> ObjectRow {
    let u = 600.0 + 700.0 * at.0 / at.1;
    let half = 900.0 / at.1;
    ObjectRow {
        kind: class.to_owned(),
        truncation: 0.0,
        occlusion: 0.0,
        alpha: 0.3,
        bbox: [u - half, 180.0 - half, u + half, 180.0 + half],
        size_hwl: [1.5, 1.6, 3.9],
        location: [at.0, 1.7, at.1],
        rotation_y: yaw,
        score,
    }
}

prop_compose! {
    fn object(scored: bool)(
        class in prop::sample::select(vec!["Car", "Van", "Pedestrian", "Cyclist"]),
        x in -12.0..12.0f64, z in 6.0..45.0f64, yaw in -3.1..3.1f64, score in 0u8..20,
    ) -> ObjectRow {
        row(class, (x, z), yaw, scored.then(|| f64::from(score) / 20.0))
    }
}

/// Labels, some of them found nearly where they are, and some mistakes.
fn frame() -> impl Strategy<Value = (Vec<ObjectRow>, Vec<ObjectRow>)> {
    (
        prop::collection::vec(object(false), 0..8),
        prop::collection::vec((0usize..8, -0.4..0.4f64, 0u8..20), 0..8),
        prop::collection::vec(object(true), 0..4),
    )
        .prop_map(|(labels, found, mut detections)| {
            for (which, off, score) in found {
                if let Some(label) = labels.get(which) {
                    let mut row = label.clone();
                    row.location[0] += off;
                    row.score = Some(f64::from(score) / 20.0);
                    detections.push(row);
                }
            }
            (labels, detections)
        })
}

fn frames(rows: &[(Vec<ObjectRow>, Vec<ObjectRow>)]) -> Vec<Frame> {
    let entries = |rows: &[ObjectRow]| -> Vec<Entry> {
        rows.iter().enumerate().map(|(at, row)| Entry::new(at + 1, row.clone())).collect()
    };
    let frame = |(at, (labels, detections)): (usize, &(Vec<ObjectRow>, Vec<ObjectRow>))| Frame {
        id: format!("{at:06}"),
        labels: entries(labels),
        detections: entries(detections),
    };
    rows.iter().enumerate().map(frame).collect()
}

fn judge(rows: &[(Vec<ObjectRow>, Vec<ObjectRow>)]) -> Evaluation {
    kitti::evaluate(&frames(rows), &Options { draws: 0, ..Options::default() })
}

proptest! {
    #[test]
    fn the_order_of_frames_changes_nothing(mut rows in prop::collection::vec(frame(), 1..8)) {
        let before = judge(&rows);
        rows.reverse();
        let after = judge(&rows);
        for (a, b) in before.classes.iter().zip(&after.classes) {
            prop_assert_eq!(&a.areas, &b.areas);
            for (a, b) in a.official.iter().flatten().flatten().zip(b.official.iter().flatten().flatten()) {
                prop_assert_eq!(a.labels, b.labels);
                prop_assert_eq!(format!("{:?}", a.precision), format!("{:?}", b.precision));
            }
        }
    }

    #[test]
    fn the_number_of_threads_changes_nothing(rows in prop::collection::vec(frame(), 1..8)) {
        let frames = frames(&rows);
        let with = |threads| format!("{:?}", kitti::evaluate(&frames, &Options { threads, draws: 50, ..Options::default() }));
        prop_assert_eq!(with(1), with(3));
    }

    #[test]
    fn moving_and_turning_the_world_changes_nothing_on_the_ground(
        rows in prop::collection::vec(frame(), 1..6), turn in -3.0..3.0f64, shift in -20.0..20.0f64,
    ) {
        let (sin, cos) = turn.sin_cos();
        let moved = |row: &ObjectRow| {
            let [x, y, z] = row.location;
            // KITTI's rotation about y (down) takes (x, z) so.
            let location = [cos * x + sin * z + shift, y, cos * z - sin * x + shift];
            ObjectRow { location, rotation_y: row.rotation_y + turn, ..row.clone() }
        };
        let other: Vec<_> = rows
            .iter()
            .map(|(labels, found)| {
                (labels.iter().map(moved).collect::<Vec<_>>(), found.iter().map(moved).collect::<Vec<_>>())
            })
            .collect();
        for (a, b) in judge(&rows).classes.iter().zip(&judge(&other).classes) {
            for metric in [Metric::Bev, Metric::Box3d] {
                let area = |c: &kitti::ClassFigures| c.areas.get(metric, Strictness::Loose, Band::All);
                let (a, b) = (area(a).and_then(|a| a.area), area(b).and_then(|b| b.area));
                prop_assert_eq!(a.is_some(), b.is_some());
                prop_assert!((a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn a_false_box_never_helps(rows in prop::collection::vec(frame(), 1..6), score in 0.0..1.0f64) {
        let mut worse = rows.clone();
        worse[0].1.push(row("Car", (60.0, 20.0), 0.0, Some(score)));
        let area = |e: &Evaluation, metric| {
            e.classes[0].areas.get(metric, Strictness::Official, Band::All).and_then(|a| a.area)
        };
        let (before, after) = (judge(&rows), judge(&worse));
        for metric in Metric::ALL {
            if let (Some(before), Some(after)) = (area(&before, metric), area(&after, metric)) {
                prop_assert!(after <= before + 1e-12, "{after} > {before}");
            }
        }
    }

    #[test]
    fn what_is_explained_adds_up_to_the_counts(rows in prop::collection::vec(frame(), 1..6)) {
        let frames = frames(&rows);
        let evaluation = judge(&rows);
        for figures in &evaluation.classes {
            let Some(curves) = &figures.official[Metric::Box3d as usize] else { continue };
            let Some(lowest) = curves[Difficulty::Hard as usize].points.last() else { continue };
            let told = kitti::outcomes(&frames, figures.class, Metric::Box3d, Difficulty::Hard, lowest.score);
            let count = |labels: bool, outcome| {
                told.objects.iter().filter(|o| o.is_label == labels && o.outcome == outcome).count() as u64
            };
            prop_assert_eq!(count(true, Outcome::Matched), lowest.true_positives);
            prop_assert_eq!(count(false, Outcome::Matched), lowest.true_positives);
            prop_assert_eq!(count(true, Outcome::Missed), lowest.false_negatives);
            prop_assert_eq!(count(false, Outcome::False), lowest.false_positives);
        }
    }
}

#[test]
fn ground_truth_against_itself_is_perfect() {
    let labels: Vec<_> = (0..60)
        .map(|at| {
            let label =
                row("Car", (f64::from(at % 7) * 4.0 - 12.0, 8.0 + f64::from(at % 5)), 0.4, None);
            let mut found = label.clone();
            found.score = Some(1.0 - f64::from(at) / 100.0);
            (vec![label], vec![found])
        })
        .collect();
    let car = &judge(&labels).classes[0];
    for curves in car.official.iter().flatten() {
        for curve in curves {
            assert_eq!(
                (kitti::r11(&curve.precision), kitti::r40(&curve.precision)),
                (100.0, 100.0)
            );
        }
    }
    assert_eq!(
        car.areas.get(Metric::Box3d, Strictness::Official, Band::All).unwrap().area,
        Some(1.0)
    );
}

#[test]
fn a_detection_without_volume_lies_on_a_dont_care_row_from_above() {
    let nowhere = |row: ObjectRow| ObjectRow {
        size_hwl: [-1.0; 3],
        location: [-1000.0; 3],
        rotation_y: -10.0,
        ..row
    };
    let label = row("Car", (0.0, 10.0), 0.0, None);
    let found = row("Car", (0.0, 10.0), 0.0, Some(0.9));
    let flat = nowhere(row("Car", (5.0, 20.0), 0.0, Some(0.95)));
    let dont_care = nowhere(row("DontCare", (20.0, 20.0), 0.0, None));
    let mistakes = |labels: Vec<ObjectRow>, metric: Metric| {
        let judged = judge(&[(labels, vec![found.clone(), flat.clone()])]);
        judged.classes[0].official[metric as usize].as_ref().unwrap()[0].points[0].false_positives
    };
    let with = || vec![label.clone(), dont_care.clone()];
    assert_eq!(mistakes(vec![label.clone()], Metric::Bev), 1);
    assert_eq!(mistakes(with(), Metric::Bev), 0);
    assert_eq!(mistakes(with(), Metric::Box3d), 1, "no height is shared");
    assert_eq!(mistakes(with(), Metric::Image), 1, "the 2D boxes lie apart");
}

#[test]
fn every_row_has_one_line_of_explanation() {
    let mut labels = vec![row("Car", (0.0, 10.0), 0.0, None), row("Van", (5.0, 20.0), 0.0, None)];
    labels.push(row("DontCare", (-5.0, 20.0), 0.0, None));
    labels.push(row("Tram", (9.0, 30.0), 0.0, None));
    let found =
        vec![row("Car", (0.1, 10.0), 0.0, Some(0.9)), row("Car", (-9.0, 30.0), 0.0, Some(0.4))];
    let frames = frames(&[(labels, found)]);
    let lines =
        kitti::explain(&frames, &Judged::ALL, Metric::Box3d, Difficulty::Hard, f64::NEG_INFINITY);
    let told: Vec<_> = lines.iter().map(|l| (l.is_label, l.line, l.outcome)).collect();
    let ignored = Outcome::Ignored;
    assert_eq!(
        told,
        [
            (true, 1, Outcome::Matched),
            (true, 2, ignored),
            (true, 3, ignored),
            (true, 4, ignored),
            (false, 1, Outcome::Matched),
            (false, 2, Outcome::False),
        ]
    );
    assert!(lines[1].why.contains("neighbouring") && lines[3].why.contains("not judged"));
    assert_eq!(lines[4].partner, Some(1));
}

#[test]
fn a_difference_names_the_boxes_gained_and_lost() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["labels", "a", "b"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    let near = row("Car", (0.0, 10.0), 0.0, None);
    let far = row("Car", (5.0, 25.0), 0.0, None);
    let scored =
        |row: &ObjectRow, score| format!("{}\n", ObjectRow { score: Some(score), ..row.clone() });
    std::fs::write(at("labels/000003.txt"), format!("{near}\n{far}\n")).unwrap();
    std::fs::write(at("a/000003.txt"), scored(&near, 0.9)).unwrap();
    let mistake = row("Car", (-8.0, 15.0), 0.0, Some(0.3));
    std::fs::write(at("b/000003.txt"), format!("{}{mistake}\n", scored(&far, 0.8))).unwrap();
    for name in ["a", "b"] {
        let mut command = Command::cargo_bin("emc2").unwrap();
        command
            .args(["eval", "kitti", "--labels"])
            .arg(at("labels"))
            .arg("--results")
            .arg(at(name));
        command
            .arg("--json")
            .arg(at(&format!("{name}.json")))
            .arg("--html")
            .arg(at(&format!("{name}.html")));
        command.assert().success();
    }
    let page = std::fs::read_to_string(at("b.html")).unwrap();
    assert!(page.contains("no detection touches it") && page.contains("<svg"));
    let mut diff = Command::cargo_bin("emc2").unwrap();
    diff.args(["eval", "diff"]).arg(at("a.json")).arg(at("b.json")).assert().success().stdout(
        contains("labels gained (missed before, found now): 1")
            .and(contains("000003 line 2"))
            .and(contains("labels lost (found before, missed now): 1"))
            .and(contains("000003 line 1"))
            .and(contains("new mistakes: 1"))
            .and(contains("mistakes gone").not()),
    );
}

/// A folder of labels and results of one frame, judged as `emc2 run --eval` does, with its page.
fn judged(folder: &Path, run: &str, label: &str, result: &str) -> String {
    let at = |name: &str| folder.join(run).join(name);
    for name in ["labels", "results"] {
        std::fs::create_dir_all(at(name)).unwrap();
    }
    std::fs::write(at("labels/000003.txt"), label).unwrap();
    std::fs::write(at("results/000003.txt"), result).unwrap();
    let mut command = Command::cargo_bin("emc2").unwrap();
    command.args(["eval", "kitti", "--labels"]).arg(at("labels"));
    command.arg("--results").arg(at("results")).arg("--json").arg(at("eval.json"));
    command.arg("--html").arg(at("eval.html")).assert().success();
    std::fs::read_to_string(at("eval.html")).unwrap()
}

#[test]
fn two_run_folders_are_compared_by_their_own_evaluations() {
    let folder = tempfile::tempdir().unwrap();
    let car = row("Car", (0.0, 10.0), 0.0, None);
    let found = ObjectRow { score: Some(0.9), ..car.clone() };
    judged(folder.path(), "one", &format!("{car}\n"), "");
    judged(folder.path(), "two", &format!("{car}\n"), &format!("{found}\n"));
    std::fs::create_dir(folder.path().join("bare")).unwrap();
    let diff = |a: &str, b: &str| {
        let mut command = Command::cargo_bin("emc2").unwrap();
        command.args(["eval", "diff"]).arg(folder.path().join(a)).arg(folder.path().join(b));
        command.assert()
    };
    diff("one", "two").success().stdout(contains("labels gained").and(contains("000003 line 1")));
    diff("one", "bare").code(1).stderr(contains("no figures in").and(contains("eval.json")));
}

#[test]
fn the_page_has_a_dash_and_no_figure_for_a_class_without_labels() {
    let folder = tempfile::tempdir().unwrap();
    let car = row("Car", (0.0, 10.0), 0.0, None);
    let found = ObjectRow { score: Some(0.9), ..car.clone() };
    let cyclist = row("Cyclist", (5.0, 15.0), 0.0, Some(0.8));
    let page = judged(folder.path(), "run", &format!("{car}\n"), &format!("{found}\n{cyclist}\n"));
    assert!(page.contains("<li><b>–</b> Cyclist, moderate: no labels</li>"), "{page}");
    assert!(page.contains("</b> Car 3D &gt; 0.7, moderate, R40</li>"));
    let (_, section) = page.split_once("<h2>Cyclist</h2>").unwrap();
    let (table, _) = section.split_once("</table>").unwrap();
    assert!(table.contains("<td class=\"n\">–") && !table.contains("0.0000"), "{table}");
}
