//! The rates at which right and wrong extrinsics are judged, on real frames.

use nalgebra::Isometry3;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::calib::{KITTI_IMAGE_SIZE, Rig};
use crate::geometry::Pose;

/// KITTI object frames that have both scan and picture.
fn real_frames(count: usize) -> Vec<(Rig, FrameEdges)> {
    let Some(shared) = crate::test_data::shared() else { return Vec::new() };
    let training = shared.join("data/kitti/training");
    let mut pictures: Vec<_> = std::fs::read_dir(training.join("image_2"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pictures.sort();
    let mut frames = Vec::new();
    for picture in pictures {
        let id = picture.file_stem().unwrap().to_str().unwrap();
        let scan = ["velodyne_reduced", "velodyne"]
            .map(|folder| training.join(folder).join(format!("{id}.bin")))
            .into_iter()
            .find(|path| path.exists());
        let Some(scan) = scan else { continue };
        let bytes = std::fs::read(scan).unwrap();
        let values: Vec<f32> =
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let points = values.chunks_exact(4).map(|p| p.try_into().unwrap()).collect();
        let gray = image::open(&picture).unwrap().to_luma8();
        let calib = training.join(format!("calib/{id}.txt"));
        let mut rig = Rig::from_kitti_calib(&calib, KITTI_IMAGE_SIZE).unwrap();
        rig.cameras[0].size = [gray.width(), gray.height()];
        let edges = FrameEdges::new(&PointCloud { points }, &gray, &rig.lidar);
        frames.push((rig, edges));
        if frames.len() == count {
            break;
        }
    }
    frames
}

/// Each frame alone, under an extrinsic that is turned.
fn alone(frames: &[(Rig, FrameEdges)], wrong_deg: [f64; 3]) -> Vec<AlignmentCheck> {
    let check = |(rig, edges): &(Rig, FrameEdges)| {
        let mut camera = rig.cameras[0].clone();
        let off = Isometry3::from_parts(Default::default(), turn(wrong_deg));
        camera.from_lidar = Pose::new(off * camera.from_lidar.isometry);
        let mut one = AlignmentCheck::new(&camera, &rig.lidar);
        one.add_edges(edges).ok().map(|()| one)
    };
    frames.iter().filter_map(check).collect()
}

/// Verdicts of random groups of so many frames.
fn verdicts(frames: &[AlignmentCheck], size: usize, groups: usize) -> Vec<Verdict> {
    let mut random = ChaCha8Rng::seed_from_u64(20_110_926);
    let group = |_| {
        let picked = rand::seq::index::sample(&mut random, frames.len(), size).into_vec();
        let mut all = frames[picked[0]].clone();
        picked[1..].iter().for_each(|&at| all.merge(&frames[at]));
        all.result().unwrap().verdict()
    };
    (0..groups).map(group).collect()
}

fn doubted(verdicts: &[Verdict]) -> f64 {
    let count = verdicts.iter().filter(|v| matches!(v, Verdict::Turned | Verdict::Chance)).count();
    count as f64 / verdicts.len() as f64
}

#[test]
fn right_extrinsics_are_good_and_turned_ones_are_doubted() {
    let frames = real_frames(60);
    if frames.is_empty() {
        return;
    }
    let right = alone(&frames, [0.0; 3]);
    let all = verdicts(&right, right.len(), 1);
    assert_eq!(all, [Verdict::Good], "all frames together");
    for (size, most) in [(5, 0.05), (8, 0.01), (10, 0.0)] {
        let share = doubted(&verdicts(&right, size, 300));
        eprintln!("right, groups of {size}: {:.1} % doubted", 100.0 * share);
        assert!(share <= most, "{share} of the groups of {size}");
    }
    for degrees in [1.5, 2.0, 2.5, 3.7, 5.0, 6.2, 8.0, 12.0] {
        let mut shares = [[1.0; 6]; 2];
        for (at, (axis, sign)) in
            [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0), (2, 1.0), (2, -1.0)].into_iter().enumerate()
        {
            let mut wrong = [0.0; 3];
            wrong[axis] = sign * degrees;
            let turned = alone(&frames, wrong);
            let all = verdicts(&turned, turned.len(), 1);
            assert!(doubted(&all) == 1.0, "{wrong:?}: {all:?} of all frames together");
            shares[0][at] = doubted(&verdicts(&turned, 5, 300));
            shares[1][at] = doubted(&verdicts(&turned, 8, 300));
        }
        let [five, eight] = shares.map(|s| s.iter().sum::<f64>() / 6.0);
        eprintln!(
            "turned by {degrees} degrees: {:.1} % of five and {:.1} % of eight frames doubted; by axis {:.3?}",
            100.0 * five,
            100.0 * eight,
            shares[1]
        );
        assert!(five >= 0.9 && eight >= 0.95, "{degrees}: {five} of five, {eight} of eight");
    }
}

#[test]
fn too_few_frames_give_no_verdict_however_they_look() {
    let seen = |frames, score, turned_score| {
        Alignment { frames, score, turned_score, turn_deg: [-2.0, 0.0, 0.0] }.verdict()
    };
    assert_eq!(seen(4, 1.19, 1.37), Verdict::TooFew);
    assert_eq!(seen(5, 1.19, 1.37), Verdict::Turned);
    assert_eq!(seen(5, 1.48, 1.38), Verdict::Good);
    assert_eq!(seen(5, 1.10, 1.12), Verdict::Chance);
    assert_eq!(seen(5, 0.0, 0.0), Verdict::Chance, "nothing in view");
}

#[test]
fn frames_that_say_nothing_are_refused_with_the_reason() {
    let rig = Rig::kitti();
    let mut check = AlignmentCheck::new(&rig.cameras[0], &rig.lidar);
    let gray = GrayImage::new(1242, 375);
    let small = check.add(&PointCloud::default(), &GrayImage::new(4, 4));
    assert_eq!(small, Err(NotJudged::ImageSize { expected: [1242, 375], found: [4, 4] }));
    let scattered =
        (0..2000u32).map(|i| [10.0 + (i * 7 % 40) as f32, (i * 13 % 20) as f32, 0.0, 0.0]);
    let cloud = PointCloud { points: scattered.collect() };
    assert!(matches!(check.add(&cloud, &gray), Err(NotJudged::ScanOrder { .. })));
    let ring = (0..2000).map(|i| f32::to_radians(i as f32 * 0.18));
    let flat =
        PointCloud { points: ring.map(|a| [9.0 * a.cos(), 9.0 * a.sin(), -1.0, 0.1]).collect() };
    let few = check.add(&flat, &gray);
    assert_eq!(few, Err(NotJudged::FewEdges { found: 0, needed: 100 }));
    assert_eq!(check.add(&PointCloud::default(), &gray), Err(NotJudged::ScanOrder { share: 0.0 }));
    assert!(check.result().is_none());
}
