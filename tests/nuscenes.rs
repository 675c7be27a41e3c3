//! nuScenes as a data set: sweeps that stand still, bad folders that say so, a submission that is whole.

mod nuscenes_folder;

use std::fs;
use std::path::Path;

use emc2::eval::nuscenes::{Request, evaluate};
use emc2::frame::{Frame, ImageData};
use emc2::sensor::nuscenes::{LIDAR, Nuscenes, Options, Selection};
use emc2::sensor::{Error, Source};
use nalgebra::{Isometry3, Point3, Translation3, UnitQuaternion};
use nuscenes_folder::{File, Tables, VERSION, write_scan};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A sensor with nuScenes' axes (x right, y forward), a pitch, and its place on the vehicle.
fn mounted() -> Isometry3<f64> {
    Isometry3::from_parts(
        Translation3::new(0.94, 0.0, 1.84),
        UnitQuaternion::from_euler_angles(0.0, 0.024, -std::f64::consts::FRAC_PI_2),
    )
}

/// A vehicle that drives a bend from a place in the world; `sweep` counts turns of 0.05 s.
fn ego(start: [f64; 3], speed: f64, sweep: usize) -> Isometry3<f64> {
    let time = 0.05 * sweep as f64;
    let heading = start[2] + 0.4 * time;
    let along = speed * time;
    Isometry3::from_parts(
        Translation3::new(start[0] + along * heading.cos(), start[1] + along * heading.sin(), 0.0),
        UnitQuaternion::from_euler_angles(0.01, -0.008, heading),
    )
}

/// A drive of `sweeps` turns among points that stand still in the world, a key frame every second turn.
fn drive(root: &Path, sweeps: usize, start: [f64; 3], speed: f64, world: &[[f64; 3]]) -> Tables {
    let samples = sweeps.div_ceil(2);
    let sample = |turn: usize| format!("sample-{}", turn / 2);
    let last = sample(sweeps - 1);
    let mut tables = Tables::new("scene-0001", [&sample(0), &last], |channel| {
        (
            mounted(),
            if channel == LIDAR { json!([]) } else { json!([[9, 0, 5], [0, 9, 5], [0, 0, 1]]) },
        )
    });
    for index in 0..samples {
        let name = |index: Option<usize>| {
            index.filter(|&i| i < samples).map_or(String::new(), |i| format!("sample-{i}"))
        };
        let (before, behind) = (name(index.checked_sub(1)), name(Some(index + 1)));
        tables.add_sample(&format!("sample-{index}"), 100_000 * index as i64, &before, &behind);
    }
    let turn = |index: Option<usize>| {
        index.filter(|&i| i < sweeps).map_or(String::new(), |i| format!("turn-{i}"))
    };
    for index in 0..sweeps {
        let place = ego(start, speed, index);
        let folder = if index % 2 == 0 { "samples" } else { "sweeps" };
        let filename = format!("{folder}/LIDAR_TOP/{index}.pcd.bin");
        let seen = world.iter().map(|&point| {
            let p = (place * mounted()).inverse_transform_point(&Point3::from(point));
            [p.x as f32, p.y as f32, p.z as f32, 51.0, (index % 32) as f32]
        });
        write_scan(&root.join(&filename), seen);
        tables.add_file(&File {
            token: &turn(Some(index)),
            sample: &sample(index),
            channel: LIDAR,
            timestamp_us: 50_000 * index as i64,
            is_key_frame: index % 2 == 0,
            size: [0, 0],
            filename: &filename,
            previous: &turn(index.checked_sub(1)),
            next: &turn(Some(index + 1)),
            ego: place,
        });
    }
    tables
}

const WORLD: [[f64; 3]; 3] = [[620.0, 1650.0, 0.4], [585.0, 1660.0, 2.0], [601.0, 1612.0, 1.0]];
const START: [f64; 3] = [600.0, 1640.0, 0.3];

fn small(root: &Path) -> Tables {
    drive(root, 4, START, 12.0, &WORLD)
}

fn open(root: &Path, sweeps: usize, strict: bool) -> Result<Nuscenes, Error> {
    Nuscenes::open(root, VERSION, Options { sweeps, strict, ..Options::default() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_stands_still_stays_put_over_all_sweeps(
        x in -2000.0..2000.0f64, y in -2000.0..2000.0f64, yaw in -3.0..3.0f64, speed in 0.0..30.0f64,
        spots in prop::collection::vec((4.0..60.0f64, -3.1..3.1f64, -1.0..3.0f64), 1..8),
        wanted in 1..8usize,
    ) {
        let root = tempfile::tempdir().unwrap();
        let turns = 5;
        let here = ego([x, y, yaw], speed, turns - 1);
        // At the end of the drive the spots are where they are said to be, and earlier not too near.
        let world: Vec<[f64; 3]> = spots
            .iter()
            .map(|(far, azimuth, z)| {
                let far = far + speed * 0.05 * turns as f64;
                (here * Point3::new(far * azimuth.cos(), far * azimuth.sin(), *z)).into()
            })
            .collect();
        drive(root.path(), turns, [x, y, yaw], speed, &world).write(root.path());
        let source = open(root.path(), wanted, true).unwrap();
        let frame = source.load(source.len() - 1).unwrap();
        let merged = wanted.min(turns);
        prop_assert_eq!(frame.cloud.points.len(), merged * world.len());
        prop_assert_eq!(frame.rig.lidar.azimuth_step_deg, 0.33 / merged as f64);
        let to_global = source.lidar_to_global(source.len() - 1).unwrap();
        for (index, point) in frame.cloud.points.iter().enumerate() {
            let global = to_global.apply([point[0], point[1], point[2]].map(f64::from));
            for (a, b) in global.iter().zip(world[index % world.len()]) {
                // f32 in the file and in the cloud: 60 m have steps of 4 micrometres.
                prop_assert!((a - b).abs() < 5e-5, "sweep {}: {} {}", index / world.len(), a, b);
            }
        }
    }
}

#[test]
fn a_scenes_first_key_frame_has_only_its_own_turn() {
    let root = tempfile::tempdir().unwrap();
    small(root.path()).write(root.path());
    let source = open(root.path(), 10, true).unwrap();
    let counts: Vec<_> =
        (0..source.len()).map(|i| source.load(i).unwrap().cloud.points.len()).collect();
    assert_eq!(counts, [WORLD.len(), 3 * WORLD.len()]);
    assert!(source.name().contains("10 sweeps"), "{}", source.name());
    assert!(open(root.path(), 0, true).is_err());
}

#[test]
fn a_key_frame_without_cameras_is_a_frame_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    small(root.path()).write(root.path());
    let frame = open(root.path(), 1, false).unwrap().load(0).unwrap();
    assert!(frame.images.is_empty() && frame.rig.cameras.is_empty());
    assert!(frame.labels.is_none(), "tables without a single annotation say nothing of labels");
    assert_eq!(frame.rig.lidar.origin_height_m, 1.84);
    // Straight ahead is the label frame's depth.
    let ahead = frame.rig.lidar_to_rect.apply([7.0, 2.0, 1.0]);
    assert!((ahead[0] + 2.0).abs() < 1e-12 && (ahead[1] + 1.0).abs() < 1e-12);
    assert!((ahead[2] - 7.0).abs() < 1e-12);
}

#[test]
fn a_missing_picture_is_counted_and_under_strict_an_error() {
    let root = tempfile::tempdir().unwrap();
    let mut tables = small(root.path());
    tables.add_file(&File {
        token: "picture",
        sample: "sample-0",
        channel: "CAM_FRONT",
        timestamp_us: -40_000,
        is_key_frame: true,
        size: [1600, 900],
        filename: "samples/CAM_FRONT/0.jpg",
        previous: "",
        next: "",
        ego: ego(START, 12.0, 0),
    });
    tables.write(root.path());
    let frame = open(root.path(), 1, false).unwrap().load(0).unwrap();
    assert_eq!(frame.dropped.images_unusable, 1);
    assert_eq!(frame.rig.cameras[0].time_offset_s, -0.04);
    let ImageData::Missing(cause) = &frame.images[0].data else { panic!("there is no picture") };
    assert!(cause.contains("CAM_FRONT/0.jpg"), "{cause}");
    let error = open(root.path(), 1, true).unwrap().load(0).unwrap_err();
    assert!(matches!(error, Error::ImageMissing { .. }), "{error}");
}

/// Reads the first frame, which must fail with these words; the second must still be good.
fn refuses(root: &Path, words: &[&str]) {
    let source = open(root, 1, false).unwrap();
    let mut frame = Frame::empty();
    let error = source.load_into(0, &mut frame).expect_err("the frame is spoilt").to_string();
    for word in words {
        assert!(error.contains(word), "{word:?} is not in: {error}");
    }
    source.load_into(1, &mut frame).expect("the next frame is good");
    assert_eq!(frame.cloud.points.len(), WORLD.len());
}

#[test]
fn a_scan_that_is_missing_cut_or_of_other_columns_is_named_and_the_next_is_read() {
    let root = tempfile::tempdir().unwrap();
    small(root.path()).write(root.path());
    let scan = root.path().join("samples/LIDAR_TOP/0.pcd.bin");
    fs::write(&scan, [0; 51]).unwrap();
    refuses(root.path(), &["0.pcd.bin", "51 bytes", "20-byte points", "byte 40"]);
    let kitti: Vec<u8> = (0..20).flat_map(|i| (i as f32 + 0.5).to_le_bytes()).collect();
    fs::write(&scan, kitti).unwrap();
    refuses(root.path(), &["0.pcd.bin", "point 0", "laser ring", "found 4.5"]);
    fs::write(&scan, []).unwrap();
    refuses(root.path(), &["empty"]);
    fs::remove_file(&scan).unwrap();
    refuses(root.path(), &["cannot read the scan", "0.pcd.bin"]);
}

#[test]
fn a_token_that_leads_nowhere_is_found_when_the_tables_are_read() {
    let root = tempfile::tempdir().unwrap();
    let mut tables = small(root.path());
    tables.0.get_mut("sample_data").unwrap()[2]["ego_pose_token"] = json!("nowhere");
    tables.write(root.path());
    let error = open(root.path(), 1, false).err().expect("a token dangles").to_string();
    for word in ["sample_data.json", "row 3", "ego_pose_token", "nowhere"] {
        assert!(error.contains(word), "{word:?} is not in: {error}");
    }
}

#[test]
fn a_sample_without_a_scan_in_the_tables_fails_alone() {
    let root = tempfile::tempdir().unwrap();
    let mut tables = small(root.path());
    tables.0.get_mut("sample_data").unwrap()[0]["is_key_frame"] = json!(false);
    tables.write(root.path());
    refuses(root.path(), &["sample-0", "LIDAR_TOP"]);
    assert!(open(root.path(), 1, false).unwrap().lidar_to_global(0).is_err());
}

#[test]
fn a_quaternion_that_is_none_is_an_error_of_its_frame() {
    let root = tempfile::tempdir().unwrap();
    let mut tables = small(root.path());
    tables.0.get_mut("ego_pose").unwrap()[0]["rotation"] = json!([3.0, 0.0, 0.0, 0.0]);
    tables.write(root.path());
    refuses(root.path(), &["ego_pose", "length is not 1", "0.pcd.bin"]);
}

#[test]
fn a_split_that_the_tables_do_not_hold_says_what_they_hold() {
    let root = tempfile::tempdir().unwrap();
    small(root.path()).write(root.path());
    let select = |selection| {
        Nuscenes::open(root.path(), VERSION, Options { selection, ..Options::default() })
    };
    let error = select(Selection::Split("mini_val".to_owned())).err().unwrap().to_string();
    assert!(error.contains("scene-0103") && error.contains("scene-0001"), "{error}");
    let named = |name: &str| select(Selection::Named(vec![name.to_owned()]));
    assert_eq!(named("scene-0001").unwrap().ids(), ["sample-0", "sample-1"]);
    assert_eq!(named("sample-1").unwrap().ids(), ["sample-1"]);
    assert!(named("sample-7").is_err());
}

fn emc2(root: &Path, out: &Path) -> assert_cmd::Command {
    let config = root.join("emergency.yaml");
    fs::write(&config, "models: {bev: null, lpe: null, vee: null, ape: null, image: null}\n")
        .unwrap();
    let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("emc2"));
    command.args(["run", "--dataset", "nuscenes", "--version", VERSION, "--root"]).arg(root);
    command.arg("--out").arg(out).arg("--config").arg(config);
    command
}

fn results(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("results.json")).unwrap()).unwrap()
}

#[test]
fn a_run_writes_a_submission_with_every_sample_and_a_resumed_one_the_same() {
    let root = tempfile::tempdir().unwrap();
    // A car-sized block of returns ahead of the vehicle, for the emergency expert.
    let block: Vec<[f64; 3]> = (0..400)
        .map(|i| {
            let (along, up) = (f64::from(i % 20) * 0.2, f64::from(i / 20) * 0.07);
            let spot = Point3::new(13.0 + along, 2.0, 0.35 + up);
            (ego(START, 0.0, 0) * spot).into()
        })
        .collect();
    let mut tables = drive(root.path(), 4, START, 0.0, &block);
    for sample in ["sample-0", "sample-1"] {
        let place = ego(START, 0.0, 0) * Translation3::new(15.0, 2.0, 1.0);
        tables.add_box(sample, "vehicle.car", &place, [1.8, 4.0, 1.5], 400);
    }
    tables.write(root.path());
    let out = root.path().join("out");
    let scan = root.path().join("samples/LIDAR_TOP/0.pcd.bin");
    let hidden = root.path().join("hidden");
    fs::rename(&scan, &hidden).unwrap();
    let said = emc2(root.path(), &out).assert().success();
    let said = String::from_utf8(said.get_output().stdout.clone()).unwrap();
    assert!(
        said.contains("1 samples could not be read and have an empty list: sample-0"),
        "{said}"
    );
    let first = results(&out);
    assert_eq!(first["results"].as_object().unwrap().len(), 2);
    assert_eq!(first["results"]["sample-0"], json!([]));
    assert!(!first["results"]["sample-1"].as_array().unwrap().is_empty());
    assert_eq!(first["meta"]["use_camera"], false);

    fs::rename(&hidden, &scan).unwrap();
    emc2(root.path(), &out).arg("--resume").assert().success();
    let whole = results(&out);
    assert_eq!(whole["results"]["sample-1"], first["results"]["sample-1"]);
    let own = whole["results"]["sample-0"].as_array().unwrap();
    // The vehicle stands, so both samples have the same boxes in the world, where the block is.
    assert_eq!(own.len(), first["results"]["sample-1"].as_array().unwrap().len());
    let near = own.iter().any(|written| {
        let at = |axis: usize| written["translation"][axis].as_f64().unwrap() - block[10][axis];
        at(0).hypot(at(1)) < 3.0
    });
    assert!(near, "{own:?}");

    // What is written is what the benchmark's rules accept, all samples there.
    let split = root.path().join("split.txt");
    fs::write(&split, "scene-0001\n").unwrap();
    let file = out.join("results.json");
    let request = Request::new(root.path(), VERSION, &split.display().to_string(), &file);
    let evaluation = evaluate(&request).unwrap();
    assert_eq!((evaluation.samples, evaluation.samples_of_split), (2, 2));
}

#[test]
fn words_of_nuscenes_with_kitti_are_wrong_usage_and_a_version_must_be_said() {
    let root = tempfile::tempdir().unwrap();
    let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("emc2"));
    command.args(["run", "--dataset", "nuscenes", "--out", "x", "--root"]).arg(root.path());
    let said = command.assert().code(2);
    assert!(String::from_utf8_lossy(&said.get_output().stderr).contains("--version"));
    let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("emc2"));
    command.args(["run", "--dataset", "kitti", "--sweeps", "3", "--out", "x", "--root"]);
    command.arg(root.path()).assert().code(2);
}
