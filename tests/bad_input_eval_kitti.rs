//! What `emc2 eval kitti` says of results and labels that cannot be judged, and what it bears.

use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;

const LABEL: &str = "Car 0.00 0 1.55 300 150 400 250 1.5 1.6 3.9 -3.0 1.7 12.0 1.57";

/// A folder with `labels/` and `results/`; each file by its path below it.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["labels", "results"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    for (path, text) in files {
        std::fs::write(folder.path().join(path), text).unwrap();
    }
    folder
}

fn eval(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("emc2").unwrap();
    command.args(["eval", "kitti", "--labels"]).arg(folder.join("labels"));
    command.arg("--results").arg(folder.join("results"));
    command
}

fn result(text: &str) -> TempDir {
    folder(&[("labels/000000.txt", LABEL), ("results/000000.txt", text)])
}

#[test]
fn a_result_that_is_not_a_number_names_file_line_and_column() {
    let line = LABEL.replace("12.0", "NaN");
    let folder = result(&format!("{LABEL} 0.9\n{line} 0.8\n"));
    let what = contains("000000.txt line 2").and(contains("column 14 (z)")).and(contains("NaN"));
    eval(folder.path()).assert().code(1).stderr(what);
}

#[test]
fn a_result_without_a_score_says_how_many_columns_it_lacks() {
    let folder = result(LABEL);
    let what = contains("000000.txt line 1")
        .and(contains("expected 16 columns"))
        .and(contains("found 15"));
    eval(folder.path()).assert().code(1).stderr(what);
}

#[test]
fn a_line_cut_short_names_its_columns() {
    let folder = result("Car 0 0 1.5 300 150 400");
    eval(folder.path()).assert().code(1).stderr(contains("line 1").and(contains("found 7")));
}

#[test]
fn a_seventeenth_column_is_refused_since_the_official_program_would_shift_all_that_follows() {
    let folder = result(&format!("{LABEL} 0.9 7"));
    eval(folder.path()).assert().code(1).stderr(contains("line 1").and(contains("found 17")));
}

#[test]
fn swapped_folders_are_recognised() {
    let folder =
        folder(&[("labels/000000.txt", &format!("{LABEL} 0.9")), ("results/000000.txt", LABEL)]);
    eval(folder.path()).assert().code(1).stderr(contains("swapped").and(contains("--labels")));
}

#[test]
fn a_score_behind_a_label_is_told_and_not_used() {
    let folder = folder(&[
        ("labels/000000.txt", &format!("{LABEL} 1")),
        ("results/000000.txt", &format!("{LABEL} 0.9")),
    ]);
    let told = contains("1 labels have a 16th column");
    eval(folder.path()).assert().code(0).stderr(told).stdout(contains("labels: 1, 1, 1"));
}

#[test]
fn an_occlusion_that_is_no_whole_number_is_refused() {
    let folder = folder(&[
        ("labels/000000.txt", &LABEL.replace("0.00 0 1.55", "0.00 0.5 1.55")),
        ("results/000000.txt", ""),
    ]);
    eval(folder.path()).assert().code(1).stderr(contains("occlusion").and(contains("found 0.5")));
}

#[test]
fn an_empty_folder_says_what_should_be_in_it() {
    let folder = folder(&[("labels/000000.txt", LABEL)]);
    eval(folder.path())
        .assert()
        .code(1)
        .stderr(contains("no result file").and(contains("000008.txt")));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = folder(&[]);
    std::fs::remove_dir(folder.path().join("results")).unwrap();
    eval(folder.path()).assert().code(1).stderr(contains("cannot read the results"));
}

#[test]
fn results_without_labels_are_listed() {
    let folder = folder(&[
        ("labels/000000.txt", LABEL),
        ("results/000000.txt", ""),
        ("results/000007.txt", ""),
    ]);
    eval(folder.path())
        .assert()
        .code(1)
        .stderr(contains("1 of the 2 result files").and(contains("000007")));
}

#[test]
fn text_files_that_are_no_frames_are_left_out_and_told() {
    let found = format!("{LABEL} 0.9");
    let folder = folder(&[
        ("labels/000000.txt", LABEL),
        ("labels/readme.txt", "Made in 2011"),
        ("results/000000.txt", &found),
        ("results/notes.txt", "Made by an old detector"),
    ]);
    let told = contains("1 text files among the results are no frames").and(contains("notes.txt"));
    // The official program takes some such names for a number.
    let told = told.and(contains("official").not());
    let told = told.and(contains("label files have no result").not());
    eval(folder.path()).assert().code(0).stderr(told).stdout(contains("1 frames judged"));
    // A label of that name makes a frame of it.
    std::fs::write(folder.path().join("labels/notes.txt"), LABEL).unwrap();
    eval(folder.path()).assert().code(1).stderr(contains("notes.txt line 1"));
}

#[test]
fn what_the_official_program_leaves_beside_its_results_does_not_hide_them() {
    let folder =
        folder(&[("labels/000000.txt", LABEL), ("results/stats_car_detection.txt", "0.9 0.8 0.7")]);
    std::fs::create_dir(folder.path().join("results/data")).unwrap();
    std::fs::write(folder.path().join("results/data/000000.txt"), format!("{LABEL} 0.9")).unwrap();
    eval(folder.path()).assert().code(0).stdout(contains("1 frames judged")).stderr("");
}

#[test]
fn names_of_other_than_six_digits_are_judged_and_told() {
    let found = format!("{LABEL} 0.9");
    let folder = folder(&[
        ("labels/0000000007.txt", LABEL),
        ("labels/000008.txt", LABEL),
        ("results/0000000007.txt", &found),
        ("results/000008.txt", &found),
    ]);
    let told = contains("1 result files have other names than six digits")
        .and(contains("the official program reads files of six digits only: 0000000007.txt"))
        .and(contains("000008.txt").not());
    eval(folder.path()).assert().code(0).stderr(told).stdout(contains("2 frames judged"));
}

#[test]
fn the_same_frame_under_two_names_is_refused() {
    let folder =
        folder(&[("labels/000008.txt", LABEL), ("results/000008.txt", ""), ("results/8.txt", "")]);
    eval(folder.path()).assert().code(1).stderr(contains("same frame, number 8"));
}

#[test]
fn listed_frames_without_results_are_an_error_unless_said_otherwise() {
    let found = format!("{LABEL} 0.9");
    let folder = folder(&[
        ("labels/000000.txt", LABEL),
        ("labels/000001.txt", LABEL),
        ("results/000000.txt", &found),
        ("list.txt", "000000\n000001\n"),
    ]);
    let list = folder.path().join("list.txt");
    let with = |missing: &str| {
        let mut command = eval(folder.path());
        command.arg("--split").arg(&list).args(["--missing", missing]);
        command.assert()
    };
    with("refuse")
        .code(1)
        .stderr(contains("1 of the 2 listed frames").and(contains("--missing empty")));
    // One label of two found, or one of one.
    with("empty").code(0).stdout(contains("labels: 2, 2, 2")).stderr(contains("counted as empty"));
    with("skip").code(0).stdout(contains("labels: 1, 1, 1")).stderr(contains("left out"));
}

#[test]
fn a_frame_listed_twice_is_refused() {
    let folder = folder(&[
        ("labels/000000.txt", LABEL),
        ("results/000000.txt", ""),
        ("list.txt", "000000\n000000\n"),
    ]);
    let list = folder.path().join("list.txt");
    eval(folder.path()).arg("--split").arg(list).assert().code(2).stderr(contains("line 2"));
}

#[test]
fn a_class_that_is_not_judged_is_wrong_usage() {
    let folder = result("");
    eval(folder.path()).args(["--classes", "bus"]).assert().code(2).stderr(contains("\"bus\""));
}

#[test]
fn a_class_that_is_named_twice_is_judged_once() {
    let folder = result(&format!("{LABEL} 0.9"));
    let told = |classes: &str| {
        let lines = folder.path().join("why.jsonl");
        let mut command = eval(folder.path());
        let run = command.args(["--classes", classes, "--explain"]).arg(&lines).output().unwrap();
        assert!(run.status.success());
        (run.stdout, std::fs::read_to_string(lines).unwrap())
    };
    assert_eq!(told("car").1.lines().count(), 2);
    assert_eq!(told("car,car,Car"), told("car"));
    assert_eq!(told("cyclist,car,cyclist"), told("cyclist,car"));
}

#[test]
fn a_lowest_score_that_is_no_number_is_wrong_usage() {
    let folder = result(&format!("{LABEL} 0.9"));
    let with = |score: &str| eval(folder.path()).args(["--explain-score", score]).assert();
    let what = || contains("--explain-score: expected a number").and(contains("found NaN"));
    with("nan").code(2).stderr(what()).stdout("");
    with("NaN").code(2).stderr(what());
    for score in ["0.5", "-3", "inf"] {
        with(score).code(0);
    }
}

#[test]
fn unknown_classes_and_boxes_without_volume_are_counted_and_told() {
    let flat = LABEL.replace("1.5 1.6 3.9", "-1 -1 -1");
    let bus = LABEL.replace("Car", "Bus");
    let folder = result(&format!("{LABEL} 0.9\n{flat} 0.8\n{bus} 0.7\n"));
    let what = contains("not judged: Bus 1").and(contains("1 detections have no volume"));
    eval(folder.path()).assert().code(0).stderr(what);
}

#[test]
fn line_ends_of_windows_and_blank_lines_change_nothing() {
    let plain = result(&format!("{LABEL} 0.9\n"));
    let odd = result(&format!("\r\n{LABEL} 0.9\r\n\r\n"));
    let table = |folder: &TempDir| eval(folder.path()).output().unwrap().stdout;
    assert_eq!(table(&plain), table(&odd));
}

#[test]
fn files_that_are_no_evaluations_cannot_be_compared() {
    let folder = folder(&[("a.json", "{\"x\": 1}"), ("b.json", "{")]);
    let diff = |a: &str, b: &str| {
        let mut command = Command::cargo_bin("emc2").unwrap();
        command.args(["eval", "diff"]).arg(folder.path().join(a)).arg(folder.path().join(b));
        command.assert().code(1)
    };
    diff("a.json", "a.json").stderr(contains("the first file is no evaluation"));
    diff("b.json", "a.json").stderr(contains("b.json"));
    diff("c.json", "a.json").stderr(contains("cannot read"));
}

#[test]
fn a_truncation_that_is_no_share_is_told() {
    let judged = |second: &str| {
        let label = LABEL.replace("Car 0.00", &format!("Car {second}"));
        let labels = format!("{LABEL}\n{label}");
        let folder = folder(&[("labels/000000.txt", &labels), ("results/000000.txt", "")]);
        eval(folder.path()).assert().code(0)
    };
    judged("1").stderr(contains("1 of 2 labels have a truncation of 1").and(contains("Delft")));
    for share in ["0", "0.4"] {
        judged(share).stderr(contains("truncation").not());
    }
}
