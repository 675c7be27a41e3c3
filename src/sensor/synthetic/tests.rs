use std::collections::BTreeMap;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use super::*;
use crate::calib::parse_kitti_calib;
use crate::frame::Class;
use crate::geometry::Box3;
use crate::sensor::Source;
use crate::sensor::kitti::{KittiObject, Options, row::parse_rows};

fn drive(frames: usize, jobs: usize) -> SyntheticDrive {
    SyntheticDrive::new(SyntheticConfig { frames, jobs, seed: 7, ..Default::default() })
}

fn frame() -> &'static SyntheticFrame {
    static FRAME: OnceLock<SyntheticFrame> = OnceLock::new();
    FRAME.get_or_init(|| drive(1, 1).frame(3))
}

/// All files below a folder with their checksums.
fn checksums(folder: &std::path::Path, found: &mut BTreeMap<PathBuf, [u8; 32]>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            checksums(&path, found);
        } else {
            let digest = Sha256::digest(std::fs::read(&path).unwrap());
            found.insert(path, digest.into());
        }
    }
}

#[test]
fn a_seed_gives_the_same_bytes_whatever_the_number_of_threads() {
    let runs: Vec<Vec<[u8; 32]>> = [1, 3]
        .into_iter()
        .map(|jobs| {
            let folder = tempfile::tempdir().unwrap();
            let mut calls = 0;
            let summary = drive(2, jobs).write(folder.path(), |_, all| {
                calls += 1;
                assert_eq!(all, 2);
            });
            assert_eq!((summary.unwrap().frames, calls), (2, 2));
            let mut found = BTreeMap::new();
            checksums(folder.path(), &mut found);
            assert_eq!(found.len(), 9);
            found.into_values().collect()
        })
        .collect();
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn another_seed_or_moment_gives_another_scan() {
    let a = drive(1, 1).scan(0).scan;
    let other = SyntheticDrive::new(SyntheticConfig { seed: 8, ..Default::default() });
    assert_ne!(a, other.scan(0).scan);
    assert_ne!(a, drive(1, 1).scan(1).scan);
    assert_eq!(a, drive(9, 1).scan(0).scan);
}

/// Distance by which a point lies outside a box, m; both in the rectified camera frame.
fn outside(row: &crate::sensor::kitti::row::ObjectRow, p: [f64; 3]) -> f64 {
    let [h, w, l] = row.size_hwl;
    let d = [0, 1, 2].map(|k| p[k] - row.location[k]);
    let (sin, cos) = row.rotation_y.sin_cos();
    let along = d[0] * cos - d[2] * sin;
    let across = d[0] * sin + d[2] * cos;
    let out = [along.abs() - l / 2.0, across.abs() - w / 2.0, (d[1] + h / 2.0).abs() - h / 2.0];
    out.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

#[test]
fn the_points_of_an_object_lie_in_its_label() {
    let frame = frame();
    let rig = parse_kitti_calib(&drive(1, 1).calib_text(), "synthetic", [1242, 375]).unwrap();
    let (mut inside, mut all) = (0, 0);
    for label in frame.labels.iter().filter(|l| l.row.has_box3()) {
        let own: Vec<[f32; 4]> = (frame.scan.iter().zip(&frame.owners))
            .filter(|(_, o)| **o == label.object)
            .map(|(p, _)| *p)
            .collect();
        assert_eq!(own.len(), label.points);
        let within = own
            .iter()
            .filter(|p| {
                let rect = rig.lidar_to_rect.apply([p[0], p[1], p[2]].map(f64::from));
                // Range noise has a standard deviation of 2 cm.
                outside(&label.row, rect) < 0.03
            })
            .count();
        inside += within;
        all += own.len();
        assert!(within as f64 >= 0.95 * own.len() as f64 - 1.0, "{within}/{} {label:?}", own.len());
    }
    assert!(all > 1000, "{all}");
    assert!(f64::from(inside as u32) >= 0.99 * f64::from(all as u32), "{inside} of {all}");
}

#[test]
fn every_kind_of_object_appears_in_a_drive() {
    let drive = drive(1, 1);
    let classes: std::collections::BTreeSet<Class> =
        (0..3).flat_map(|k| drive.scene(k * 80).placed.into_iter().map(|p| p.class)).collect();
    for class in [Class::Car, Class::Van, Class::Pedestrian, Class::Cyclist] {
        assert!(classes.contains(&class), "{class:?}");
    }
}

#[test]
fn readers_of_kitti_understand_calibration_and_labels() {
    let frame = frame();
    let rig = parse_kitti_calib(&drive(1, 1).calib_text(), "synthetic", [1242, 375]).unwrap();
    let mut text = String::new();
    for label in &frame.labels {
        label.row.write(2, &mut text);
        text.push('\n');
    }
    let rows = parse_rows(&text, "synthetic").unwrap();
    assert_eq!(rows.len(), frame.labels.len());
    for ((_, row), label) in rows.iter().zip(&frame.labels) {
        assert_eq!(row.class(), Some(label.label.class));
        let Some(box3) = label.label.box3 else { continue };
        // The box that the rest of the crate makes of the row is the box of the scene.
        let read = crate::geometry::KittiBox {
            size_hwl: label.row.size_hwl,
            location: label.row.location,
            rotation_y: label.row.rotation_y,
        }
        .to_box3(&rig.lidar_to_rect);
        let gap = |a: Box3, b: Box3| {
            (0..3).map(|k| (a.center[k] - b.center[k]).abs()).fold(0.0, f64::max)
        };
        assert!(gap(read, box3) < 0.03, "{read:?} {box3:?}");
        assert!((read.yaw - box3.yaw).sin().abs() < 0.01 && (read.yaw - box3.yaw).cos() > 0.0);
    }
}

#[test]
fn lidar_and_camera_see_the_same_scene() {
    let drive = drive(1, 1);
    let scene = drive.scene(3);
    let (scan, owners) = drive.fire(&scene, 3);
    let (_, seen) = camera::picture(&scene, &drive.rig);
    let rig = parse_kitti_calib(&drive.calib_text(), "synthetic", [1242, 375]).unwrap();
    let (mut same, mut all) = (0, 0);
    for (p, owner) in scan.iter().zip(&owners).filter(|(_, o)| **o != 0) {
        let Some([u, v, _]) = rig.cameras[0].project([p[0], p[1], p[2]].map(f64::from)) else {
            continue;
        };
        let (x, y) = (u.round(), v.round());
        if (0.0..1242.0).contains(&x) && (0.0..375.0).contains(&y) {
            all += 1;
            same += i32::from(seen[y as usize * 1242 + x as usize] == *owner);
        }
    }
    assert!(all > 1000 && same * 100 >= all * 93, "{same} of {all}");
}

#[test]
fn objects_move_smoothly_from_frame_to_frame() {
    let ego = |k: usize| traffic::ego(7, k as f32 * traffic::FRAME_TIME);
    for k in [0usize, 40, 200] {
        let at = |k: usize| {
            let s = ego(k);
            traffic::actors(7, k as f32 * traffic::FRAME_TIME, s, s + 90.0)
        };
        let (now, next) = (at(k), at(k + 1));
        let speeds: Vec<f32> = now
            .iter()
            .filter_map(|a| {
                let same = next.iter().filter(|b| b.class == a.class && b.size == a.size);
                let gap = |b: &&traffic::Actor| (b.s - a.s).hypot(b.d - a.d) / 0.1;
                same.map(|b| gap(&b)).min_by(f32::total_cmp)
            })
            .collect();
        assert!(speeds.len() + 8 > now.len(), "{} of {}", speeds.len(), now.len());
        assert!(speeds.iter().all(|v| *v < 12.0), "{speeds:?}");
        assert!(speeds.iter().any(|v| *v > 7.0) && speeds.iter().any(|v| *v < 0.01));
    }
}

#[test]
fn two_vehicles_never_share_a_place() {
    for k in 0..40 {
        let time = k as f32 * 0.7;
        let s = traffic::ego(7, time);
        let all = traffic::actors(7, time, s, s + 120.0);
        let cars: Vec<_> =
            all.iter().filter(|a| matches!(a.class, Class::Car | Class::Van)).collect();
        for (i, a) in cars.iter().enumerate() {
            for b in &cars[..i] {
                let apart = (a.s - b.s).abs() > (a.size[0] + b.size[0]) / 2.0
                    || (a.d - b.d).abs() > (a.size[1] + b.size[1]) / 2.0;
                assert!(apart, "at {time} s: {} {} and {} {}", a.s, a.d, b.s, b.d);
            }
        }
    }
}

#[test]
fn an_output_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = drive(1, 1).write(file.path(), |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::Folder { .. }));
    assert!(error.to_string().contains(&file.path().display().to_string()));
}

#[test]
fn a_drive_read_from_disk_is_the_drive_from_memory() {
    let folder = tempfile::tempdir().unwrap();
    let drive = drive(1, 1);
    drive.write(folder.path(), |_, _| {}).unwrap();
    let options = Options { crop_to_image: false, strict: true, ..Default::default() };
    let disk = KittiObject::open(folder.path(), options).unwrap();
    let memory = SyntheticSource::new(drive.config().clone());
    assert_eq!(disk.ids(), memory.ids());
    let (a, b) = (disk.load(0).unwrap(), memory.load(0).unwrap());
    assert_eq!(a.cloud.points, b.cloud.points);
    assert_eq!(a.rig.cameras[0].size, b.rig.cameras[0].size);
    let shift = (a.rig.cameras[0].intrinsic - b.rig.cameras[0].intrinsic).abs().max();
    assert!(shift < 1e-6, "{shift}");
    let (a, b) = (a.labels.unwrap(), b.labels.unwrap());
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(&b) {
        assert_eq!((a.class, a.occlusion), (b.class, b.occlusion));
        if let (Some(p), Some(q)) = (a.box3, b.box3) {
            assert!((0..3).all(|k| (p.center[k] - q.center[k]).abs() < 0.03), "{p:?} {q:?}");
        }
    }
    assert!(memory.load(1).is_err());
}
