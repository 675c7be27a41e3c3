use proptest::prelude::*;
use std::sync::Arc;

use super::*;
use crate::bridge::fake::{car, scene};
use crate::frame::Frame;

fn frame(points: Vec<[f32; 4]>) -> Frame {
    let mut frame = Frame::empty();
    frame.rig = Arc::new(Rig::kitti());
    frame.cloud.points = points;
    frame
}

fn any_point() -> impl Strategy<Value = [f32; 4]> {
    (0.0..70.3_f32, -39.9..39.9_f32, -2.7..1.7_f32, 0.0..1.0_f32).prop_map(|(x, y, z, i)| {
        // Squeezed together, so that boxes hold points.
        [x, y * 0.2, z, i]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn buckets_find_exactly_the_points_that_testing_all_finds_in_scan_order(
        points in prop::collection::vec(any_point(), 0..3000),
        places in prop::collection::vec(
            (-5.0..75.0_f64, -45.0..45.0_f64, -2.0..1.0_f64, -4.0..4.0_f64), 0..150),
    ) {
        let proposals: Vec<_> =
            places.iter().map(|(x, y, z, yaw)| car([*x, *y * 0.2, *z], *yaw)).collect();
        let frame = frame(points);
        let scene = scene(&frame, &proposals);
        prop_assert_eq!(scene.regions.len(), proposals.len());
        let mut from = 0;
        for (region, proposal) in scene.regions.iter().zip(&proposals) {
            let bounds = BoxFrame::new(&proposal.box3);
            let expected: Vec<_> =
                frame.cloud.points.iter().filter(|point| bounds.holds(**point)).copied().collect();
            prop_assert_eq!(&scene.points[region.points.clone()], &expected[..]);
            prop_assert_eq!(region.points.start, from, "back to back");
            prop_assert_eq!(region.scenario.point_count as usize, expected.len());
            prop_assert!((0.0..=1.0).contains(&region.scenario.visibility));
            prop_assert!((0.0..=1.0).contains(&region.scenario.occlusion));
            prop_assert!((0.0..=1.0).contains(&region.scenario.truncation));
            from = region.points.end;
        }
        prop_assert_eq!(from, scene.points.len());
    }
}

#[test]
fn a_box_beside_the_image_is_truncated_and_one_in_it_is_not() {
    let frame = frame(vec![[20.0, 0.0, -1.0, 0.1]]);
    let scene = scene(&frame, &[car([20.0, 0.0, -0.9], 0.0), car([5.0, 20.0, -0.9], 0.0)]);
    let [seen, beside] = [0, 1].map(|k| scene.regions[k].scenario);
    assert_eq!((seen.camera, seen.truncation), (Some(0), 0.0));
    assert_eq!((beside.camera, beside.truncation), (None, 1.0));
    assert!((seen.distance_m - 20.0).abs() < 1e-6);
}

#[test]
fn a_rig_without_cameras_truncates_nothing() {
    let mut frame = frame(vec![[20.0, 0.0, -1.0, 0.1]]);
    Arc::make_mut(&mut frame.rig).cameras.clear();
    let scene = scene(&frame, &[car([20.0, 0.0, -0.9], 0.0)]);
    assert_eq!(
        (scene.regions[0].scenario.camera, scene.regions[0].scenario.truncation),
        (None, 0.0)
    );
}

#[test]
fn ground_around_a_hidden_car_does_not_make_it_visible() {
    // Only ground returns, in the enlarged box.
    let ground = (0..900)
        .map(|k| [18.0 + (k % 30) as f32 * 0.13, -1.0 + (k / 30) as f32 * 0.07, -1.65, 0.1])
        .collect();
    let scene = scene(&frame(ground), &[car([20.0, 0.0, -0.95], 0.0)]);
    let scenario = scene.regions[0].scenario;
    assert!(scenario.point_count > 500);
    assert_eq!(scenario.visibility, 0.0);
}

#[test]
fn unoccluded_labelled_cars_are_visible_and_hidden_ones_are_occluded() {
    use crate::geometry::KittiBox;
    use crate::sensor::kitti::row::ObjectRow;
    let Some(shared) = crate::test_data::shared() else { return };
    let training = shared.join("data/kitti/training");
    let (mut visible, mut clear, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
    for id in ["000008", "000010", "000038", "000142", "000217"] {
        let read =
            |folder: &str| std::fs::read_to_string(training.join(folder).join(format!("{id}.txt")));
        let scan = std::fs::read(training.join("velodyne_reduced").join(format!("{id}.bin")));
        let (Ok(labels), Ok(calib), Ok(scan)) = (read("label_2"), read("calib"), scan) else {
            continue;
        };
        let rig = crate::calib::parse_kitti_calib(&calib, id, [1242, 375]).unwrap();
        let points: Vec<[f32; 4]> = bytemuck::pod_collect_to_vec(&scan);
        let mut kept = Vec::new();
        let layout = GridLayout::default();
        let dropped = &mut crate::frame::Dropped::default();
        crate::bridge::budget::crop(&points, &layout, 1.73, &mut kept, dropped);
        let rows: Vec<ObjectRow> =
            labels.lines().map(|line| line.parse().unwrap()).filter(ObjectRow::has_box3).collect();
        let proposals: Vec<_> = rows
            .iter()
            .map(|row| {
                let label = KittiBox {
                    size_hwl: row.size_hwl,
                    location: row.location,
                    rotation_y: row.rotation_y,
                };
                Proposal { box3: label.to_box3(&rig.lidar_to_rect), ..car([0.0; 3], 0.0) }
            })
            .collect();
        let mut frame = frame(kept);
        frame.rig = Arc::new(rig);
        for (row, region) in rows.iter().zip(&scene(&frame, &proposals).regions) {
            let scenario = region.scenario;
            match (row.kind.as_str(), row.occlusion as i32) {
                ("Car", 0) if row.truncation < 0.1 => {
                    visible.push(scenario.visibility);
                    clear.push(scenario.occlusion);
                }
                ("Car", 2) => hidden.push(scenario.occlusion),
                _ => {}
            }
        }
    }
    let median = |values: &mut Vec<f32>| {
        values.sort_by(f32::total_cmp);
        values.get(values.len() / 2).copied()
    };
    assert!(median(&mut visible).is_none_or(|share| share >= 0.6), "{visible:?}");
    assert!(median(&mut clear).is_none_or(|share| share == 0.0), "{clear:?}");
    assert!(median(&mut hidden).is_none_or(|share| share > 0.1), "{hidden:?}");
}
