//! Promises of projection on known geometry.

use proptest::prelude::*;

use super::*;
use crate::geometry::{Box3, KittiBox};

/// A box's rectangle by brute force: the hull of a dense cloud over its twelve edges and faces.
fn by_sampling(camera: &Camera, box3: &Box3) -> Option<[f64; 4]> {
    let mut full: Option<[f64; 4]> = None;
    for [a, b] in Box3::EDGES {
        let (a, b) = (box3.corners()[a], box3.corners()[b]);
        for step in 0..=20_000 {
            let t = f64::from(step) / 20_000.0;
            let point = std::array::from_fn(|i| a[i] + t * (b[i] - a[i]));
            if let Some([u, v, _]) = camera.project(point) {
                let r = full.get_or_insert([u, v, u, v]);
                *r = [r[0].min(u), r[1].min(v), r[2].max(u), r[3].max(v)];
            }
        }
    }
    full
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_projected_box_encloses_what_is_before_the_camera(
        x in -6.0..40.0f64, y in -15.0..15.0f64, z in -2.0..1.0f64,
        size in prop::array::uniform3(0.3..8.0f64), yaw in -4.0..4.0f64,
    ) {
        let rig = Rig::kitti();
        let camera = &rig.cameras[0];
        let box3 = Box3::new([x, y, z], size, yaw);
        match (camera.project_box(&box3), by_sampling(camera, &box3)) {
            (None, None) => {}
            (Some(seen), Some(sampled)) => {
                for i in 0..4 {
                    // Samples near the near plane miss the cut by a step of the edge.
                    let slack = 1e-6 + 0.01 * sampled[i].abs().max(seen.full[i].abs());
                    prop_assert!((seen.full[i] - sampled[i]).abs() < slack.max(1.0),
                        "{:?} {:?}", seen.full, sampled);
                }
                prop_assert!((0.0..=1.0).contains(&seen.visible_share));
                prop_assert!(seen.depth_min >= NEAR_M);
                prop_assert!(seen.clipped[0] >= 0.0 && seen.clipped[2] <= 1241.0);
                prop_assert!(seen.clipped[1] >= 0.0 && seen.clipped[3] <= 374.0);
            }
            // A corner may poke through the near plane between two samples.
            (seen, sampled) => prop_assert!(
                seen.is_none_or(|s| s.depth_min < NEAR_M + 1e-3), "{:?} {:?}", seen, sampled),
        }
    }

    #[test]
    fn the_projector_agrees_with_the_camera(p in prop::array::uniform3(-50.0..50.0f64)) {
        let rig = Rig::kitti();
        let camera = &rig.cameras[0];
        if let (Some(a), Some(b)) = (camera.project(p), camera.projector().project(p)) {
            prop_assert!((0..3).all(|i| (a[i] - b[i]).abs() < 1e-8 * a[i].abs().max(1.0)));
        }
    }
}

#[test]
fn a_projection_equals_kittis_three_matrices() {
    // P2 · R0_rect · Tr_velo_to_cam · x, by hand.
    let p2 = nalgebra::Matrix3x4::new(
        721.5377,
        0.0,
        609.5593,
        44.85728,
        0.0,
        721.5377,
        172.854,
        0.2163791,
        0.0,
        0.0,
        1.0,
        0.002745884,
    );
    let rig = Rig::kitti();
    for point in [[20.0, 3.0, -1.0], [5.0, -4.0, 0.5], [60.0, 10.0, 2.0]] {
        let [x, y, z] = rig.lidar_to_rect.apply(point);
        let q = p2 * nalgebra::Vector4::new(x, y, z, 1.0);
        let [u, v, depth] = rig.cameras[0].project(point).unwrap();
        assert!((u - q.x / q.z).abs() < 1e-9 && (v - q.y / q.z).abs() < 1e-9);
        assert!((depth - q.z).abs() < 1e-12);
    }
}

#[test]
fn a_box_passing_the_camera_is_seen_in_part() {
    let camera = &Rig::kitti().cameras[0];
    let car = Box3::new([0.0, 2.5, -0.9], [4.2, 1.8, 1.5], 0.0);
    let seen = camera.project_box(&car).unwrap();
    assert_eq!(seen.depth_min, NEAR_M);
    assert!(seen.full[0] < -1000.0, "the near end is far out of the image: {:?}", seen.full);
    assert!(seen.full[2] < 609.0, "and the car stays on the left: {:?}", seen.full);
    assert!(seen.visible_share < 0.2);
    assert!((camera.view_share(&Box3 { center: [20.0, 0.0, -0.9], ..car }) - 1.0).abs() < 1e-12);
    assert_eq!(camera.view_share(&Box3 { center: [-20.0, 0.0, -0.9], ..car }), 0.0);
    let broken = Box3 { yaw: f64::NAN, ..car };
    assert!(camera.project_box(&broken).is_none());
    assert_eq!(camera.view_share(&broken), 0.0);
}

#[test]
fn real_labels_project_onto_their_own_2d_boxes() {
    let Some(shared) = crate::test_data::shared() else { return };
    let training = shared.join("data/kitti/training");
    let mut overlaps = Vec::new();
    for entry in std::fs::read_dir(training.join("label_2")).unwrap() {
        let path = entry.unwrap().path();
        let calib = training.join("calib").join(path.file_name().unwrap());
        let rig = Rig::from_kitti_calib(&calib, KITTI_IMAGE_SIZE).unwrap();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if words[0] != "Car" {
                continue;
            }
            let n: Vec<f64> = words[1..].iter().map(|w| w.parse().unwrap()).collect();
            let label = KittiBox {
                size_hwl: [n[7], n[8], n[9]],
                location: [n[10], n[11], n[12]],
                rotation_y: n[13],
            };
            let box3 = label.to_box3(&rig.lidar_to_rect);
            let seen =
                rig.cameras[0].project_box(&box3).expect("a labelled car is in view").clipped;
            let shared = (seen[2].min(n[5]) - seen[0].max(n[3])).max(0.0)
                * (seen[3].min(n[6]) - seen[1].max(n[4])).max(0.0);
            let area = |r: &[f64]| (r[2] - r[0]) * (r[3] - r[1]);
            overlaps.push(shared / (area(&seen) + area(&n[3..7]) - shared));
        }
    }
    overlaps.sort_by(f64::total_cmp);
    let median = overlaps[overlaps.len() / 2];
    let good = overlaps.iter().filter(|&&o| o > 0.7).count() as f64 / overlaps.len() as f64;
    // Labels were drawn by hand: not all agree with their own 3D box.
    assert!(median > 0.9 && good > 0.95, "{} cars, median {median}, {good}", overlaps.len());
}
