//! Box by box on the command line: `--explain`, `--outcomes`, `emc2 eval diff`, results in parts.

mod nuscenes_world;

use std::path::Path;

use assert_cmd::Command;
use nuscenes_world::{Box, at, results, world};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

const CAR: &str = "vehicle.car";

/// Two samples; a near and a far car in the first, one in the second.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("v1.0-mini");
    std::fs::create_dir(&tables).unwrap();
    let second = Box { sample: 1, ..at(CAR, 15.0, 0.0) };
    let truth = [at(CAR, 10.0, 0.0), at(CAR, 30.0, 0.0), second];
    for (name, text) in world(&[0, 500_000], &truth, &[]) {
        std::fs::write(tables.join(name).with_extension("json"), text).unwrap();
    }
    folder
}

fn put(folder: &TempDir, name: &str, boxes: &[Box]) {
    std::fs::write(folder.path().join(name), results(2, boxes)).unwrap();
}

fn eval(folder: &Path, results: &[&str]) -> Command {
    let mut command = Command::cargo_bin("emc2").unwrap();
    command.current_dir(folder).args(["eval", "nuscenes", "--root", ".", "--version", "v1.0-mini"]);
    command.args(["--split", "mini_val"]);
    for name in results {
        command.args(["--results", name]);
    }
    command
}

fn diff(folder: &Path, args: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::cargo_bin("emc2").unwrap();
    command.current_dir(folder).args(["eval", "diff"]).args(args).assert()
}

#[test]
fn explain_writes_a_line_for_each_box_in_kittis_columns() {
    let folder = folder();
    put(&folder, "a.json", &[at("car", 10.1, 0.0), at("car", 20.0, 9.0)]);
    let run = eval(folder.path(), &["a.json"]).args(["--explain", "why/a.jsonl"]).assert();
    run.code(0).stdout(contains("written: why/a.jsonl"));
    let text = std::fs::read_to_string(folder.path().join("why/a.jsonl")).unwrap();
    let rows: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let told: Vec<_> =
        rows.iter().map(|row| format!("{} {}", row["frame"], row["outcome"])).collect();
    assert_eq!(
        told,
        [
            "\"m0\" \"matched\"",
            "\"m0\" \"missed\"",
            "\"m0\" \"matched\"",
            "\"m0\" \"false\"",
            "\"m1\" \"missed\""
        ]
    );
    // Those of emc2 eval kitti --explain, but for the overlap, which does not exist here.
    for key in [
        "frame",
        "is_label",
        "line",
        "class",
        "outcome",
        "why",
        "partner",
        "score",
        "distance_m",
        "location",
    ] {
        assert!(rows.iter().all(|row| row.get(key).is_some()), "{key}");
    }
    assert_eq!((&rows[2]["partner"], &rows[2]["partner_token"]), (&1.into(), &"n0".into()));
    assert!(rows[0]["errors"]["trans_err"].as_f64().unwrap() > 0.09);
    assert_eq!(rows[4]["why"], "no car is detected in its sample");
}

#[test]
fn the_page_lists_the_worst_misses_with_the_runs_pictures() {
    let folder = folder();
    put(&folder, "a.json", &[at("car", 10.1, 0.0), at("car", 20.0, 9.0)]);
    std::fs::create_dir(folder.path().join("overlay")).unwrap();
    image::RgbImage::new(4, 4).save(folder.path().join("overlay/m0.png")).unwrap();
    eval(folder.path(), &["./a.json"]).args(["--html", "a.html"]).assert().code(0);
    let page = std::fs::read_to_string(folder.path().join("a.html")).unwrap();
    for part in [
        "Missed labels, nearest first (2)",
        "Mistakes, most confident first (1)",
        "nearest annotation 13.454 m &gt;= 2 m",
        "frame m0",
    ] {
        assert!(page.contains(part), "{part:?} is not on the page");
    }
}

#[test]
fn a_difference_names_the_boxes_gained_and_lost() {
    let folder = folder();
    put(&folder, "a.json", &[at("car", 10.0, 0.0)]);
    let mistake = Box { sample: 1, score: 0.3, ..at("car", 20.0, 9.0) };
    put(&folder, "b.json", &[at("car", 30.0, 0.0), mistake]);
    for (results, out) in [("a.json", "a"), ("b.json", "b_summary.json")] {
        eval(folder.path(), &[results]).args(["--outcomes", "--json", out]).assert().code(0);
    }
    let said = contains("labels gained (missed before, found now): 1")
        .and(contains("m0 line 2    car          30.0 m"))
        .and(contains("labels lost (found before, missed now): 1"))
        .and(contains("m0 line 1    car          10.0 m"))
        .and(contains("new mistakes: 1"))
        .and(contains("mistakes gone").not())
        .and(contains("note:").not());
    let difference = diff(folder.path(), &["a", "b_summary.json", "--json", "d.json"]);
    difference.code(0).stdout(said);
    let text = std::fs::read_to_string(folder.path().join("d.json")).unwrap();
    let written: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(written["gained"][0]["now"]["token"], "n1");
    assert_eq!(written["new_mistakes"][0]["now"]["frame"], "m1");
    diff(folder.path(), &["a", "a"]).code(0).stdout(contains("gained").not());
}

#[test]
fn a_difference_says_whose_outcomes_are_missing_and_old_ones_are_taken_away() {
    let folder = folder();
    put(&folder, "a.json", &[at("car", 10.0, 0.0)]);
    let evaluate = |out: &str, more: &[&str]| {
        eval(folder.path(), &["a.json"]).args(["--json", out]).args(more).assert().code(0);
    };
    evaluate("with", &["--outcomes"]);
    evaluate("without", &[]);
    let said = |who: &str| contains(format!("boxes are not compared: {who} no outcomes"));
    diff(folder.path(), &["with", "without"]).code(0).stdout(said("the second evaluation has"));
    diff(folder.path(), &["without", "with"])
        .code(0)
        .stdout(said("the first evaluation has").and(contains("--json and --outcomes")));
    diff(folder.path(), &["without", "without"]).code(0).stdout(said("the two evaluations have"));
    evaluate("with", &[]);
    diff(folder.path(), &["with", "without"]).code(0).stdout(said("the two evaluations have"));
}

#[test]
fn outcomes_that_are_not_as_this_version_writes_them_are_refused() {
    let folder = folder();
    put(&folder, "a.json", &[at("car", 10.0, 0.0)]);
    eval(folder.path(), &["a.json"]).args(["--outcomes", "--json", "a"]).assert().code(0);
    for text in ["[{\"frame\": \"m0\"}]", "[", ""] {
        std::fs::write(folder.path().join("a/metrics_outcomes.json"), text).unwrap();
        let what = contains("metrics_outcomes.json").and(contains("write it again"));
        diff(folder.path(), &["a", "a"]).code(1).stderr(what);
    }
    eval(folder.path(), &["a.json"]).arg("--outcomes").assert().code(2).stderr(contains("--json"));
}

#[test]
fn results_in_two_files_are_those_of_one() {
    let folder = folder();
    let found = [at("car", 10.1, 0.0), Box { sample: 1, ..at("car", 15.3, 0.0) }];
    put(&folder, "whole.json", &found);
    let whole = std::fs::read_to_string(folder.path().join("whole.json")).unwrap();
    let cut = whole.find(",\"m1\"").unwrap();
    std::fs::write(folder.path().join("1.json"), format!("{}}}}}", &whole[..cut])).unwrap();
    let second = format!("{{\"results\":{{{}", &whole[cut + 1..]);
    std::fs::write(folder.path().join("2.json"), second).unwrap();
    let table = |results: &[&str]| eval(folder.path(), results).output().unwrap().stdout;
    assert!(!table(&["whole.json"]).is_empty());
    assert_eq!(table(&["whole.json"]), table(&["1.json", "2.json"]));
    // A part alone lacks a sample; a part twice has one too often.
    eval(folder.path(), &["2.json"]).assert().code(1).stderr(contains("1 of the 2 samples"));
    let what = contains("whole.json and 2.json both hold results for the sample m1");
    eval(folder.path(), &["whole.json", "2.json"]).assert().code(1).stderr(what);
}
