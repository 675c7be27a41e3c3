//! The real binary in a temporary folder: what a person or a script sees.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::OnceLock;
use std::time::Duration;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;

mod binary;

use binary::{emc2, no_models, synthetic_drive};

/// A synthetic drive of four frames, made once.
fn drive() -> &'static Path {
    static DRIVE: OnceLock<PathBuf> = OnceLock::new();
    DRIVE.get_or_init(|| synthetic_drive("cli-drive", 4, 3))
}

/// A synthetic drive of so many frames that a test may damage.
fn own_drive(folder: &Path, frames: u32) -> PathBuf {
    let root = folder.join("drive");
    let words = ["--frames", &frames.to_string(), "--seed", "5"];
    emc2().args(["synth", "--out"]).arg(&root).args(words).assert().success();
    root
}

fn run_over(root: &Path, out: &Path, config: &Path) -> Command {
    let mut command = emc2();
    command.args(["run", "--dataset", "kitti", "--root"]).arg(root);
    command.arg("--out").arg(out).arg("--config").arg(config);
    command
}

#[test]
fn help_teaches_where_to_start() {
    emc2()
        .arg("--help")
        .assert()
        .success()
        .stdout(contains("emc2 demo").and(contains("Exit codes")));
    emc2().args(["run", "--help"]).assert().success().stdout(contains("--budget-ms"));
}

#[test]
fn no_command_is_wrong_usage() {
    emc2().assert().code(2);
    emc2().args(["run", "--dataset", "cityscapes"]).assert().code(2).stderr(contains("kitti-raw"));
}

#[test]
fn completions_are_printed_for_shells() {
    emc2().args(["completions", "bash"]).assert().success().stdout(contains("_emc2"));
}

#[test]
fn the_printed_default_configuration_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let output = emc2().args(["config", "--default"]).output().unwrap();
    let path = folder.path().join("emc2.yaml");
    fs::write(&path, output.stdout).unwrap();
    emc2()
        .args(["config", "--config"])
        .arg(&path)
        .assert()
        .success()
        .stdout(contains("region-table"));
}

#[test]
fn the_configuration_in_force_holds_the_words_of_the_command_line() {
    emc2().args(["config", "--threads", "7"]).assert().success().stdout(contains("threads: 7"));
}

#[test]
fn a_mistake_in_the_configuration_is_exit_code_2_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.yaml");
    fs::write(&path, "bridge:\n  max_proposal: 3\n").unwrap();
    emc2()
        .args(["config", "--config"])
        .arg(&path)
        .assert()
        .code(2)
        .stderr(contains("max_proposal").and(contains("line 2")));
}

#[test]
fn an_unknown_policy_lists_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    run_over(drive(), &folder.path().join("out"), &no_models(folder.path()))
        .args(["--policy", "fastest"])
        .assert()
        .failure()
        .stderr(contains("fastest").and(contains("scene-tree")));
}

#[test]
fn without_any_model_emergency_boxes_come_out_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    run_over(drive(), &out, &no_models(folder.path()))
        .arg("--pictures")
        .assert()
        .success()
        .stdout(contains("degraded on 4 frames"));
    let lines = fs::read_to_string(out.join("frames.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 5, "a header and four frames");
    assert!(lines.contains("no_model") && lines.contains("emergency"));
    for frame in ["000000", "000003"] {
        for file in ["results/{}.txt", "bev/{}.png", "overlay/{}.png"] {
            let path = out.join(file.replace("{}", frame));
            assert!(path.is_file(), "{} is missing", path.display());
        }
    }
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("000003"));
}

#[test]
fn two_jobs_write_the_same_results_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = no_models(folder.path());
    let mut results = Vec::new();
    for jobs in ["1", "2"] {
        let out = folder.path().join(jobs);
        run_over(drive(), &out, &config).args(["--jobs", jobs]).assert().success();
        let read = |id: &str| fs::read_to_string(out.join("results").join(id)).unwrap();
        results.push(["000000.txt", "000001.txt", "000002.txt", "000003.txt"].map(read));
    }
    assert_eq!(results[0], results[1]);
}

#[test]
fn an_earlier_run_is_neither_overwritten_nor_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let (out, config) = (folder.path().join("out"), no_models(folder.path()));
    run_over(drive(), &out, &config).assert().success();
    run_over(drive(), &out, &config).assert().failure().stderr(contains("--resume"));
    run_over(drive(), &out, &config)
        .arg("--resume")
        .assert()
        .success()
        .stdout(contains("4 from before"));
    run_over(drive(), &out, &config)
        .arg("--force")
        .assert()
        .success()
        .stdout(contains("0 from before"));
}

/// A drive with the first scan cut in the middle of a point.
fn damaged(folder: &Path) -> PathBuf {
    let root = own_drive(folder, 4);
    let scan = root.join("training/velodyne/000000.bin");
    let bytes = fs::read(&scan).unwrap();
    fs::write(&scan, &bytes[..1603]).unwrap();
    root
}

#[test]
fn a_truncated_scan_is_skipped_and_reported_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let root = damaged(folder.path());
    let out = folder.path().join("out");
    run_over(&root, &out, &no_models(folder.path()))
        .assert()
        .success()
        .stdout(contains("skipped: 1"))
        .stderr(contains("000000.bin").and(contains("1603")));
    let lines = fs::read_to_string(out.join("frames.jsonl")).unwrap();
    assert!(lines.contains("\"skipped\""));
}

#[test]
fn a_truncated_scan_under_strict_is_exit_code_3() {
    let folder = tempfile::tempdir().unwrap();
    let root = damaged(folder.path());
    run_over(&root, &folder.path().join("out"), &no_models(folder.path()))
        .arg("--strict")
        .assert()
        .code(3)
        .stderr(contains("000000"));
}

#[test]
fn a_missing_image_is_counted_and_the_frame_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let root = damaged(folder.path());
    fs::remove_file(root.join("training/image_2/000001.png")).unwrap();
    fs::write(root.join("training/image_2/000002.png"), b"not a picture").unwrap();
    run_over(&root, &folder.path().join("out"), &no_models(folder.path()))
        .assert()
        .success()
        .stdout(contains("images_unusable 2"));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    run_over(Path::new("/nowhere/kitti"), &folder.path().join("out"), &no_models(folder.path()))
        .assert()
        .failure()
        .stderr(contains("/nowhere/kitti"));
}

#[test]
fn an_output_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"x").unwrap();
    run_over(drive(), &file.join("out"), &no_models(folder.path()))
        .assert()
        .code(1)
        .stderr(contains("file/out"));
}

#[test]
fn a_missing_library_says_where_it_looked_and_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    emc2()
        .args([
            "run",
            "--dataset",
            "kitti",
            "--onnxruntime",
            "/nowhere/libonnxruntime.so",
            "--root",
        ])
        .arg(drive())
        .arg("--out")
        .arg(folder.path().join("out"))
        .assert()
        .code(1)
        .stderr(contains("/nowhere/libonnxruntime.so"));
}

#[test]
fn a_strict_provider_that_is_absent_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    emc2()
        .args(["run", "--dataset", "kitti", "--providers", "cuda,cpu", "--root"])
        .arg(drive())
        .arg("--out")
        .arg(folder.path().join("out"))
        .assert()
        .code(1)
        .stderr(contains("cuda").or(contains("CUDA")));
}

#[test]
fn a_trace_is_written_for_perfetto() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.json");
    run_over(drive(), &folder.path().join("out"), &no_models(folder.path()))
        .arg("--trace")
        .arg(&trace)
        .assert()
        .success();
    let events: serde_json::Value = serde_json::from_slice(&fs::read(&trace).unwrap()).unwrap();
    let names: Vec<&str> =
        events.as_array().unwrap().iter().filter_map(|event| event["name"].as_str()).collect();
    for stage in ["frame", "bridge", "router", "experts", "fusion"] {
        assert!(names.contains(&stage), "no span named {stage}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_was_finished_and_resume_goes_on() {
    stopped_and_resumed("-INT");
}

#[cfg(unix)]
#[test]
fn so_does_a_service_manager_s_sigterm() {
    stopped_and_resumed("-TERM");
}

#[cfg(target_os = "linux")]
#[test]
fn a_standard_output_that_cannot_be_written_is_an_error_and_no_panic() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Process::new(assert_cmd::cargo::cargo_bin!("emc2"));
    let done = command.args(["config", "--default"]).stdout(full).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("standard output cannot be written"), "{said}");
}

#[test]
fn threads_and_jobs_have_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let (out, config) = (folder.path().join("out"), no_models(folder.path()));
    for (word, limit) in [("--threads", "1 to 256"), ("--jobs", "1 to 64")] {
        for count in ["0", "9999"] {
            let mut command = run_over(drive(), &out, &config);
            command.args([word, count]).assert().code(2).stderr(contains(limit));
        }
    }
}

#[test]
fn an_unreadable_frame_costs_recall_when_judged() {
    let folder = tempfile::tempdir().unwrap();
    let root = own_drive(folder.path(), 2);
    let scan = root.join("training/velodyne/000001.bin");
    let bytes = fs::read(&scan).unwrap();
    fs::write(&scan, &bytes[..bytes.len() - 6]).unwrap();
    let (out, config) = (folder.path().join("out"), no_models(folder.path()));
    run_over(&root, &out, &config).arg("--eval").assert().success();
    let judged: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("eval.json")).unwrap()).unwrap();
    assert_eq!(judged["emc2"]["frames"], 2, "{judged:.300}");
}

#[test]
fn a_rig_that_cannot_be_meant_is_told_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let root = own_drive(folder.path(), 1);
    let path = root.join("training/calib/000000.txt");
    let text = fs::read_to_string(&path).unwrap();
    let rest = text.lines().filter(|line| !line.starts_with("Tr_velo_to_cam"));
    let identity = "Tr_velo_to_cam: 1 0 0 0 0 1 0 0 0 0 1 0";
    fs::write(&path, rest.chain([identity]).fold(String::new(), |all, line| all + line + "\n"))
        .unwrap();
    let (out, config) = (folder.path().join("out"), no_models(folder.path()));
    let told = contains("warning: the rig of frame 000000").and(contains("emc2 rig"));
    run_over(&root, &out, &config).assert().stderr(told);
    run_over(drive(), &folder.path().join("good"), &config)
        .assert()
        .stderr(contains("warning: the rig").not());
}

/// A run that a signal stops, and that goes on with `--resume`.
#[cfg(unix)]
fn stopped_and_resumed(signal: &str) {
    let folder = tempfile::tempdir().unwrap();
    let root = own_drive(folder.path(), 30);
    let (out, config) = (folder.path().join("out"), no_models(folder.path()));
    let mut child = Process::new(assert_cmd::cargo::cargo_bin!("emc2"))
        .args(["run", "--dataset", "kitti", "--pictures", "--root"])
        .arg(&root)
        .arg("--out")
        .arg(&out)
        .arg("--config")
        .arg(&config)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Once the first results are on disk the run is under way.
    let results = out.join("results");
    while fs::read_dir(&results).map_or(0, Iterator::count) < 2 {
        assert!(child.try_wait().unwrap().is_none(), "the run ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    Process::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap();
    let finished = fs::read_dir(&results).unwrap().count();
    assert_eq!(status.code(), Some(130), "{finished} of 30 frames were finished");
    assert!(finished < 30);
    for entry in fs::read_dir(&results).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(text.lines().all(|line| line.split_whitespace().count() == 16), "a torn line");
    }
    run_over(&root, &out, &config)
        .args(["--pictures", "--resume", "--jobs", "2"])
        .assert()
        .success()
        .stderr(contains("from before were timed with 1 jobs of 2 threads"));
    assert_eq!(fs::read_dir(&results).unwrap().count(), 30);
}
