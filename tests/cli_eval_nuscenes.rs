//! `emc2 eval nuscenes`, as a person calls it.

mod nuscenes_world;

use std::path::Path;

use assert_cmd::Command;
use nuscenes_world::{invented, unpack};

/// The invented drives on disk, and the command that judges results on them.
fn command(folder: &Path) -> Command {
    let tables = folder.join("v1.0-mini");
    std::fs::create_dir_all(&tables).unwrap();
    for (name, text) in invented() {
        std::fs::write(tables.join(name).with_extension("json"), text).unwrap();
    }
    std::fs::write(folder.join("results.json"), unpack("results")).unwrap();
    let mut command = Command::cargo_bin("emc2").unwrap();
    command.current_dir(folder).args(["eval", "nuscenes", "--root", ".", "--version", "v1.0-mini"]);
    command.args(["--results", "results.json"]);
    command
}

#[test]
fn figures_are_printed_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = command(folder.path())
        .args(["--split", "mini_val", "--json", "out", "--html", "page.html"])
        .assert()
        .success();
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    for part in
        ["28 samples", "mAP 0.3891   NDS 0.5407", "traffic_cone", "annotations are of categories"]
    {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let summary = std::fs::read_to_string(folder.path().join("out/metrics_summary.json")).unwrap();
    assert!(summary.contains("\"nd_score\": 0.54069804083"), "{summary}");
    assert!(folder.path().join("out/metrics_details.json").is_file());
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 20, "curves and scores of ten classes");
    assert!(!page.contains("src=\"http") && page.contains("0.5407"));
    assert!(!page.contains("NaN"), "what has no figure has a dash");
}

#[test]
fn a_wrong_version_or_split_fails_with_the_choices() {
    let folder = tempfile::tempdir().unwrap();
    let run = command(folder.path()).args(["--split", "val2"]).assert().failure();
    let text = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(text.contains("mini_val") && text.contains("val2"), "{text}");
    let mut other = Command::cargo_bin("emc2").unwrap();
    other.current_dir(folder.path()).args([
        "eval",
        "nuscenes",
        "--root",
        ".",
        "--version",
        "v1.0-trainval",
    ]);
    let run = other.args(["--results", "results.json", "--split", "mini_val"]).assert().failure();
    let text = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(text.contains("v1.0-trainval") && text.contains("v1.0-mini"), "{text}");
}
