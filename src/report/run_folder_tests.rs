//! What the output folder promises to someone whose run was interrupted.

use std::fs;

use super::scene_for_tests::scene;
use super::{
    Error, Existing, FrameOutput, Header, ModelInUse, ReportOptions, RunFolder, RunReport, SCHEMA,
    parse,
};

fn header() -> Header {
    Header {
        schema: SCHEMA,
        version: "0.1.0".to_owned(),
        source: "made up".to_owned(),
        config: serde_json::json!({"router": {"policy": "region-table"}}),
        models: vec![ModelInUse { role: "bev".to_owned(), ..ModelInUse::default() }],
        ..Header::default()
    }
}

fn output(frame_name: &str, options: &ReportOptions) -> FrameOutput {
    let (mut frame, mut result) = scene();
    frame.id = frame_name.to_owned();
    result.frame = frame.id.clone();
    let [width, height] = frame.rig.cameras[0].size;
    let image = image::RgbImage::from_pixel(width, height, image::Rgb([60, 70, 80]));
    FrameOutput::make(&frame, &result, Some(&image), 0, true, options).unwrap()
}

fn run(out: &std::path::Path, existing: Existing, frames: &[&str]) -> RunReport {
    let folder = RunFolder::open(out, &header(), existing).unwrap();
    let options = ReportOptions::default();
    let mut report = RunReport::new(folder, header(), options);
    for frame in frames {
        report.add(output(frame, &options)).unwrap();
    }
    report
}

#[test]
fn a_run_cut_in_the_middle_of_a_line_goes_on_after_the_last_whole_one() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), Existing::Refuse, &["000001", "000002"]).finish().unwrap();
    let path = out.path().join("frames.jsonl");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 40]).unwrap();

    let mut report = run(out.path(), Existing::Resume, &[]);
    assert!(report.folder().is_finished("000001"));
    assert!(!report.folder().is_finished("000002"));
    let options = ReportOptions::default();
    report.add(output("000002", &options)).unwrap();
    let summary = report.finish().unwrap();
    assert_eq!((summary.frames, summary.frames_earlier, summary.boxes), (2, 1, 8));

    let again = parse(&fs::read(&path).unwrap(), "again").unwrap();
    let names: Vec<_> = again.frames.iter().map(|f| f.result.frame.as_str()).collect();
    assert_eq!(names, ["000001", "000002"]);
    assert_eq!(again.complete_bytes, fs::read(&path).unwrap().len());
}

#[test]
fn every_place_where_a_run_can_be_cut_can_be_read_back() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), Existing::Refuse, &["000001", "000002"]).finish().unwrap();
    let whole = fs::read(out.path().join("frames.jsonl")).unwrap();
    for length in 0..whole.len() {
        let run = parse(&whole[..length], "cut").unwrap();
        assert!(run.complete_bytes <= length);
    }
}

#[test]
fn a_line_holds_all_of_a_result() {
    let made = output("0000/000003", &ReportOptions::default()).record;
    let line = super::Line::Frame(Box::new(made.clone()));
    let text = serde_json::to_string(&line).unwrap();
    assert!(!text.contains('\n'));
    let super::Line::Frame(read) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
    assert_eq!(*read, made);
}

#[test]
fn a_finished_run_is_not_overwritten_unasked() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), Existing::Refuse, &["000001"]).finish().unwrap();
    let error = RunFolder::open(out.path(), &header(), Existing::Refuse).unwrap_err();
    assert!(matches!(error, Error::AlreadyARun { finished: 1, .. }));
    assert!(error.to_string().contains("--resume"), "{error}");

    let foreign = out.path().join("results/mine.txt");
    fs::write(&foreign, "keep").unwrap();
    run(out.path(), Existing::Replace, &["000005"]).finish().unwrap();
    assert!(foreign.exists());
    assert!(!out.path().join("results/000001.txt").exists());
    assert!(out.path().join("results/000005.txt").exists());
}

#[test]
fn a_run_with_other_settings_is_not_continued() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), Existing::Refuse, &["000001"]).finish().unwrap();
    let mut other = header();
    other.config["router"]["policy"] = "scene-tree".into();
    other.config["fusion"]["overlap"] = 0.5.into();
    let error = RunFolder::open(out.path(), &other, Existing::Resume).unwrap_err();
    assert!(matches!(error, Error::OtherRun { what: "configuration", .. }));
    // The keys that are not alike, and no others.
    let said = "(there: router.policy: \"region-table\", fusion: null; now: router.policy: \"scene-tree\", fusion: {\"overlap\":0.5})";
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn frames_read_in_another_way_do_not_go_into_one_run_but_threads_may_differ() {
    let out = tempfile::tempdir().unwrap();
    let mut first = header();
    first.reading = "what the camera sees".to_owned();
    first.config["runtime"]["threads"] = 2.into();
    drop(RunFolder::open(out.path(), &first, Existing::Refuse).unwrap());
    let mut other = first.clone();
    other.reading = "the whole turn".to_owned();
    let error = RunFolder::open(out.path(), &other, Existing::Resume).unwrap_err();
    assert!(matches!(error, Error::OtherRun { what: "way of reading", .. }), "{error}");
    other = first.clone();
    other.config["runtime"]["threads"] = 1.into();
    RunFolder::open(out.path(), &other, Existing::Resume).unwrap();
}

#[test]
fn a_finished_frame_whose_boxes_are_gone_is_done_again_and_counts_once() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), Existing::Refuse, &["000001", "000002"]).finish().unwrap();
    fs::remove_file(out.path().join("results/000001.txt")).unwrap();
    let mut report = run(out.path(), Existing::Resume, &[]);
    assert!(!report.folder().is_finished("000001") && report.folder().is_finished("000002"));
    report.add(output("000001", &ReportOptions::default())).unwrap();
    assert_eq!(report.finish().unwrap().frames, 2);
    let again = parse(&fs::read(out.path().join("frames.jsonl")).unwrap(), "again").unwrap();
    let names: Vec<_> = again.frames.iter().map(|f| f.result.frame.as_str()).collect();
    assert_eq!(names, ["000002", "000001"]);
}

#[test]
fn what_was_made_of_a_run_goes_with_its_frames_and_not_before() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), Existing::Refuse, &["000001"]).finish().unwrap();
    let made = ["eval.json", "results.json", "eval/metrics_summary.json"];
    let make = || {
        fs::create_dir_all(out.path().join("eval")).unwrap();
        made.iter().for_each(|name| fs::write(out.path().join(name), "{}").unwrap());
    };
    let there = || made.map(|name| out.path().join(name).exists());
    make();
    // Refused, or nothing new: it stays.
    RunFolder::open(out.path(), &header(), Existing::Refuse).unwrap_err();
    let mut other = header();
    other.version = "0.0.9".to_owned();
    RunFolder::open(out.path(), &other, Existing::Resume).unwrap_err();
    let mut report = run(out.path(), Existing::Resume, &[]);
    assert_eq!(there(), [true; 3]);
    // One more frame: it is of other frames now.
    report.add(output("000002", &ReportOptions::default())).unwrap();
    assert_eq!(there(), [false; 3]);
    drop(report);
    make();
    run(out.path(), Existing::Replace, &[]);
    assert_eq!(there(), [false; 3]);
}

#[test]
fn a_damaged_run_is_not_continued_but_replaced_with_all_its_files() {
    let out = tempfile::tempdir().unwrap();
    run(out.path(), Existing::Refuse, &["000001", "000002"]).finish().unwrap();
    let path = out.path().join("frames.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen('{', "damaged {", 1)).unwrap();
    let error = RunFolder::open(out.path(), &header(), Existing::Resume).unwrap_err();
    assert!(matches!(error, Error::BadLine { line: 1, .. }), "{error}");
    run(out.path(), Existing::Replace, &["000003"]).finish().unwrap();
    let left: Vec<_> = fs::read_dir(out.path().join("results")).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn two_runs_cannot_write_one_folder() {
    let out = tempfile::tempdir().unwrap();
    let _first = run(out.path(), Existing::Refuse, &[]);
    let error = RunFolder::open(out.path(), &header(), Existing::Resume).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
}

#[test]
fn an_output_folder_that_cannot_be_made_names_the_path_and_the_remedy() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("file");
    fs::write(&file, "").unwrap();
    let text =
        RunFolder::open(&file.join("below"), &header(), Existing::Refuse).unwrap_err().to_string();
    assert!(text.contains("below") && text.contains("choose another --out"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_says_so_and_leaves_no_half_file() {
    // Every write to /dev/full fails as on a full disk.
    let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let text = Error::io("write", std::path::Path::new("out/frames.jsonl"))(source).to_string();
    assert!(text.contains("disk is full") && text.contains("--resume"), "{text}");
    let out = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", out.path().join("000001.txt.part")).unwrap();
    fs::create_dir(out.path().join("results")).unwrap();
    fs::rename(out.path().join("000001.txt.part"), out.path().join("results/000001.txt.part"))
        .unwrap();
    let mut report = run(out.path(), Existing::Refuse, &[]);
    let error = report.add(output("000001", &ReportOptions::default())).unwrap_err().to_string();
    assert!(error.contains("disk is full"), "{error}");
    assert!(!report.folder().is_finished("000001"));
    assert!(!out.path().join("results/000001.txt").exists());
}

#[test]
fn frame_names_become_subfolders_but_never_leave_the_folder() {
    let out = tempfile::tempdir().unwrap();
    let mut report = run(out.path(), Existing::Refuse, &["0000/000001"]);
    assert!(out.path().join("results/0000/000001.txt").exists());
    for name in ["../x", "/etc/x", "a/../../x", "", "a\\b", "a/"] {
        let error = report.add(output(name, &ReportOptions::default())).unwrap_err();
        assert!(matches!(error, Error::FrameName { .. }), "{name}: {error}");
    }
}

#[test]
fn a_skipped_frame_is_told_until_it_is_finished() {
    let out = tempfile::tempdir().unwrap();
    let mut report = run(out.path(), Existing::Refuse, &["000001"]);
    report.skip("000002", "17 bytes are no points").unwrap();
    report.skip("000003", "no scan").unwrap();
    assert_eq!(report.finish().unwrap().skipped.len(), 2);
    let report = run(out.path(), Existing::Resume, &["000002"]);
    assert_eq!(report.folder().earlier().skipped.len(), 2);
    drop(report);
    let again = parse(&fs::read(out.path().join("frames.jsonl")).unwrap(), "again").unwrap();
    assert_eq!(again.skipped.iter().map(|s| s.frame.as_str()).collect::<Vec<_>>(), ["000003"]);
}

#[test]
fn a_line_that_is_not_ours_names_file_and_line() {
    for text in ["{}\n", "nonsense\n", "{\"line\":\"frame\"}\n"] {
        let error = parse(text.as_bytes(), "old/frames.jsonl").unwrap_err().to_string();
        assert!(error.starts_with("old/frames.jsonl, line 1:"), "{error}");
    }
}

#[test]
fn the_page_loads_nothing_and_runs_no_foreign_text() {
    let out = tempfile::tempdir().unwrap();
    let options = ReportOptions { pictures: true, ..ReportOptions::default() };
    let mut header = header();
    header.source = "</title><script>alert(1)</script>".to_owned();
    header.command = vec!["emc2".to_owned(), "<img src=x onerror=alert(2)>".to_owned()];
    let folder = RunFolder::open(out.path(), &header, Existing::Refuse).unwrap();
    let mut report = RunReport::new(folder, header, options);
    let mut made = output("a&b<c", &options);
    made.record.result.degraded[0].cause = "</script><script>alert(3)</script>".to_owned();
    report.add(made).unwrap();
    report.skip("<b>", "<script>alert(4)</script>").unwrap();
    report.finish().unwrap();
    for file in ["overlay/a&b<c.png", "bev/a&b<c.png"] {
        assert!(out.path().join(file).exists(), "{file}");
    }
    let page = fs::read_to_string(out.path().join("report.html")).unwrap();
    assert_eq!(page.matches("<script").count(), 2, "the data and the program");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img "));
    for load in ["src=\"http", "href=\"http", "url(", "@import", "fetch(", "src=\"//"] {
        assert!(!page.contains(load), "{load}");
    }
    let addresses =
        page.matches("http").count() - page.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(addresses, 0, "no address but the name of the SVG language");
}
