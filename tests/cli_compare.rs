//! `emc2 compare`: its digits are those of `emc2 run --eval`, its words are checked before the long run.
#![allow(clippy::print_stderr)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use assert_cmd::Command;
use emc2::expert::backend::locate;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

mod binary;

use binary::{emc2, no_models, synthetic_drive};

/// A synthetic drive of six frames, made once.
fn drive() -> &'static Path {
    static DRIVE: OnceLock<PathBuf> = OnceLock::new();
    DRIVE.get_or_init(|| synthetic_drive("compare-drive", 6, 11))
}

fn compare(root: &Path, out: &Path) -> Command {
    let mut command = emc2();
    command.args(["compare", "--dataset", "kitti", "--root"]).arg(root).arg("--out").arg(out);
    command
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn runtime() -> bool {
    match locate(None) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("skipped: {error}");
            false
        }
    }
}

/// Whether the figures of a setting are those of an `eval.json`.
fn same_figures(setting: &Value, evaluation: &Value) {
    for class in setting["classes"].as_array().unwrap() {
        let name = class["class"].as_str().unwrap();
        let expected = evaluation["emc2"]["areas"][name].as_array().unwrap();
        let found = class["areas"].as_array().unwrap();
        assert_eq!(found.len(), expected.len(), "{name}");
        for (found, expected) in found.iter().zip(expected) {
            for key in ["metric", "limit", "overlap", "band", "labels", "area", "interval"] {
                assert_eq!(found[key], expected[key], "{name} {key}");
            }
        }
        for metric in ["2d", "bev", "3d"] {
            for difficulty in ["easy", "moderate", "hard"] {
                let official = &evaluation[name][metric][difficulty]["r40"];
                assert_eq!(&class["r40"][metric][difficulty], official, "{name} {metric}");
            }
        }
    }
}

#[test]
fn the_digits_are_those_of_a_run_with_eval_under_each_policy() {
    if !runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("compare");
    let policies = ["always:bridge", "always:ape", "region-table", "scene-tree"];
    compare(drive(), &out)
        .args(["--policies", &policies.join(","), "--budgets", "0", "--sweep", "d=15", "c=0.2,0.6"])
        .args(["--repeats", "2", "--warmup", "1", "--draws", "200"])
        .assert()
        .success()
        .stdout(contains("scene-tree, D 15 m, C 0.2").and(contains("routed curve")));
    let found = json(&out.join("compare.json"));
    let settings = found["settings"].as_array().unwrap();
    assert_eq!(settings.len(), 7);
    for policy in policies {
        let setting = settings.iter().find(|setting| setting["name"] == policy).unwrap();
        let run = folder.path().join(policy.replace(':', "-"));
        emc2()
            .args(["run", "--dataset", "kitti", "--policy", policy, "--root"])
            .arg(drive())
            .arg("--out")
            .arg(&run)
            .assert()
            .success();
        let evaluation = run.join("eval.json");
        emc2()
            .args(["eval", "kitti", "--draws", "200", "--labels"])
            .arg(drive())
            .arg("--results")
            .arg(&run)
            .arg("--json")
            .arg(&evaluation)
            .assert()
            .success();
        same_figures(setting, &json(&evaluation));
        assert_eq!(setting["whole_ms"]["count"], 12, "six frames, two repeats, no warm-up");
        assert_eq!(setting["frames_varied"], 0);
    }
    // A budget of nothing leaves the proposals as they are.
    let by_name = |name: &str| settings.iter().find(|setting| setting["name"] == name).unwrap();
    let (spent, bridge) = (by_name("region-table, 0 ms"), by_name("always:bridge"));
    assert_eq!(spent["regions"], bridge["regions"]);
    let area = |setting: &Value| setting["classes"][0]["areas"][0]["area"].clone();
    assert_eq!(area(spent), area(bridge));
    // Differences are to the region table, and of itself none.
    assert_eq!(found["reference"], "region-table");
    let own = &by_name("region-table")["classes"][0]["areas"];
    assert!(own.as_array().unwrap().iter().all(|row| row["difference"] == 0.0));
    assert!(found["ratio"]["ratio"].as_f64().unwrap() > 0.0);
    assert!(!found["cells"]["rows"].as_array().unwrap().is_empty());
    parts_add_up(settings);
}

#[test]
fn what_is_left_out_of_the_pictures_is_measured_and_turned_away_regions_go_to_lpe() {
    if !runtime() {
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let out = out.path();
    compare(drive(), out)
        .args(["--policies", "always:ape,always:lpe", "--budgets", "0", "--repeats", "1"])
        .args(["--warmup", "0", "--draws", "50", "--skip", "0,0.9,1", "--skip-by", "draft,near"])
        .assert()
        .success()
        .stdout(contains("Pixels left out").and(contains("always:ape, 90 % skipped, draft")));
    let found = json(&out.join("compare.json"));
    let rows = found["sparsity"].as_array().unwrap();
    assert_eq!(rows.len(), 7, "one without a limit, three shares in two orders");
    let row = |name: &str| rows.iter().find(|row| row["setting"] == name).unwrap();
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap();
    let (all, none) = (row("always:ape"), row("always:ape, 100 % skipped, near"));
    // A limit of nothing changes nothing; a limit of all leaves the picture alone.
    for key in ["skipped", "regions", "labels", "labels_inside"] {
        assert_eq!(row("always:ape, 0 % skipped, draft")[key], all[key], "{key}");
        assert_eq!(row("always:ape, 100 % skipped, draft")[key], none[key], "{key}");
    }
    assert_eq!((number(none, "skipped"), number(none, "regions")), (1.0, 0.0));
    assert_eq!(none["labels_inside"], 0);
    let tenth = row("always:ape, 90 % skipped, draft");
    assert!(number(tenth, "skipped") >= 0.9 && number(tenth, "skipped") <= 1.0);
    assert!(number(tenth, "labels_inside") <= number(all, "labels_inside"));
    assert!(number(all, "labels") > 0.0 && number(all, "labels_inside") > 0.0);
    // Each control is held against the draft's order at its share.
    let control = none["less_draft"].as_array().unwrap();
    assert!(control.iter().any(|less| less["class"] == "car" && less["difference"] == 0.0));
    assert_eq!(row("always:ape, 90 % skipped, draft")["less_draft"], Value::Array(Vec::new()));
    for setting in found["settings"].as_array().unwrap() {
        // Of --budgets 0; all others are one expert for all, whatever is left out.
        assert_eq!(setting["routed"], setting["name"] == "region-table, 0 ms");
    }
    let fronts = found["fronts"].to_string();
    assert!(fronts.contains("always:lpe") && !fronts.contains("skipped"), "{fronts}");
    assert!(out.join("pictures/car-left-out.svg").is_file());
    // With nothing to look at the boxes are LPE's.
    let settings = found["settings"].as_array().unwrap();
    let setting = |name: &str| settings.iter().find(|setting| setting["name"] == name).unwrap();
    let blind = setting("always:ape, 100 % skipped, draft");
    assert_eq!(blind["classes"][0]["areas"], setting("always:lpe")["classes"][0]["areas"]);
    assert!(blind["degraded"]["pixels"].as_u64().unwrap() > 0);
}

#[test]
fn pictures_may_be_decoded_before_the_clock_runs() {
    if !runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        compare(drive(), &out)
            .args([
                "--policies",
                "always:ape",
                "--budgets",
                "0",
                "--repeats",
                "1",
                "--warmup",
                "0",
                "--draws",
                "50",
            ])
            .args(more)
            .assert()
            .success();
        json(&out.join("compare.json"))
    };
    let (files, pixels) = (run("files", &[]), run("pixels", &["--decoded"]));
    assert_eq!(files["settings"][0]["classes"], pixels["settings"][0]["classes"]);
    let notes = |found: &Value| found["notes"].to_string();
    assert!(notes(&pixels).contains("--decoded") && !notes(&files).contains("--decoded"));
}

/// The split of the time is of all of it, and every region has an expert.
fn parts_add_up(settings: &[Value]) {
    for setting in settings {
        let split = setting["split_ms"].as_object().unwrap();
        let sum: f64 = split.values().map(|part| part.as_f64().unwrap()).sum();
        let whole = setting["whole_ms"]["mean"].as_f64().unwrap();
        assert!((sum - whole).abs() < 1e-6 * whole, "{sum} and {whole}");
    }
    let regions = |setting: &Value| -> u64 {
        setting["regions"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum()
    };
    assert!(regions(&settings[0]) > 0);
    assert!(settings.iter().all(|setting| regions(setting) == regions(&settings[0])));
}

#[test]
fn what_a_setting_stepped_down_from_is_told_and_the_table_can_be_had_anew() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let config = no_models(folder.path());
    let run = || {
        let mut command = compare(drive(), &out);
        command.arg("--config").arg(&config).args(["--repeats", "1"]);
        command
    };
    let first = run().assert().success().stdout(
        contains("always:ape: no region reached APE").and(contains("no_model on 6 of 6 frames")),
    );
    let again =
        emc2().arg("report").arg(out.join("compare.json")).assert().success().get_output().clone();
    let (table, first) = (again.stdout, first.get_output().stdout.clone());
    assert!(first.starts_with(&table), "the table from the file is the one of the run");
    everything_for_people(&out);
    run().assert().code(2).stderr(contains("--force"));
    run().arg("--force").assert().success();
}

/// Page, pictures and report from the file alone: the same as the run wrote, with every setting in them.
fn everything_for_people(out: &Path) {
    let again = out.join("again");
    let file = out.join("compare.json");
    let (html, markdown) = (again.join("page.html"), again.join("models/REPORT.md"));
    let mut command = emc2();
    command.arg("report").arg(&file).arg("--html").arg(&html).arg("--markdown").arg(&markdown);
    command.arg("--picture").arg(again.join("docs/cars.svg"));
    command.arg("--pictures").arg(again.join("pictures")).assert().success();
    let read = |path: &Path| fs::read_to_string(path).unwrap();
    let (page, report) = (read(&html), read(&markdown));
    assert_eq!(page, read(&out.join("compare.html")));
    assert!(report.contains("](<../docs/cars.svg>)"));
    assert_eq!(read(&again.join("docs/cars.svg")), read(&again.join("pictures/car-whole.svg")));
    for picture in ["car-whole.svg", "car-behind.svg", "car-differences.svg"] {
        let drawn = read(&again.join("pictures").join(picture));
        assert_eq!(drawn, read(&out.join("pictures").join(picture)));
        assert!(drawn.contains("scene-tree"), "{picture}");
    }
    for setting in json(&file)["settings"].as_array().unwrap() {
        let (name, whole) = (setting["name"].as_str().unwrap(), &setting["whole_ms"]);
        let row = format!("| {name} | {:.2} |", whole["p50"].as_f64().unwrap());
        assert!(page.contains(name) && report.contains(&row), "{row}");
    }
    let broken = out.join("again/broken.json");
    fs::write(&broken, read(&file).replacen("\"schema\":1", "\"schema\":9", 1)).unwrap();
    emc2().arg("report").arg(&broken).assert().failure().stderr(contains("schema 1, found 9"));
    fs::write(&broken, "{}").unwrap();
    emc2().arg("report").arg(&broken).assert().failure().stderr(contains("not a compare.json"));
}

#[test]
fn words_that_make_no_sense_are_refused_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let empty = folder.path().join("empty.txt");
    fs::write(&empty, "# none\n").unwrap();
    let refused = |words: &[&str], said: &str| {
        let said = contains(said.to_owned());
        compare(drive(), &out).args(words).assert().code(2).stderr(said);
    };
    refused(&["--policies", "fastest,region-table"], "there is no policy \"fastest\"");
    refused(&["--policies", "region-table", "--budgets", ""], "--budgets");
    refused(&["--sweep", "e=3"], "d=M");
    refused(&["--budgets=-4"], "-4");
    refused(&["--repeats", "0"], "--repeats");
    refused(&["--split", empty.to_str().unwrap()], "names no frame");
    compare(Path::new("/nowhere"), &out).assert().code(2).stderr(contains("label_2"));
    emc2().args(["compare", "--dataset", "kitti"]).assert().code(2).stderr(contains("--root"));
    emc2()
        .args(["compare", "--dataset", "kitti-tracking", "--root"])
        .arg(drive())
        .arg("--out")
        .arg(&out)
        .assert()
        .code(2)
        .stderr(contains("kitti-raw"));
    assert!(!out.exists(), "nothing is written");
}

/// The drive, its files linked so that some can be left out.
fn copy(folder: &Path) -> PathBuf {
    let root = folder.join("copy");
    for part in ["velodyne", "image_2", "calib", "label_2"] {
        let to = root.join("training").join(part);
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(drive().join("training").join(part)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    root
}

#[test]
fn a_frame_without_label_or_scan_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = no_models(folder.path());
    let root = copy(folder.path());
    let run = || {
        let mut command = compare(&root, &folder.path().join("out"));
        command.arg("--config").arg(&config);
        command
    };
    fs::remove_file(root.join("training/label_2/000002.txt")).unwrap();
    run().assert().code(2).stderr(contains("000002").and(contains("label_2")));
    run().args(["--frames", "000001,000003"]).assert().success();
    fs::write(root.join("training/velodyne/000003.bin"), [0; 17]).unwrap();
    run()
        .args(["--frames", "000001,000003", "--force"])
        .assert()
        .failure()
        .stderr(contains("000003"));
}
