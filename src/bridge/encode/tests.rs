use std::sync::Arc;

use super::*;
use crate::bridge::fake::{car, scene};
use crate::calib::Rig;
use crate::frame::Frame;

/// A frame with points at these places in the box frame of `car([20, 3, -0.9], 0.5)`.
fn frame(local: &[[f64; 3]]) -> (Frame, Scene) {
    let proposal = car([20.0, 3.0, -0.9], 0.5);
    let mut frame = Frame::empty();
    frame.rig = Arc::new(Rig::kitti());
    frame.cloud.points = local
        .iter()
        .enumerate()
        .map(|(k, place)| {
            let [x, y, z] = proposal.box3.from_local(*place);
            [x as f32, y as f32, z as f32, k as f32 / 1000.0]
        })
        .collect();
    let scene = scene(&frame, &[proposal, car([50.0, -9.0, -0.9], 0.0)]);
    (frame, scene)
}

fn near(found: f32, expected: f32) {
    assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
}

#[test]
fn context_is_as_documented_and_unused_slots_are_zero() {
    let (_, scene) = frame(&[[0.0, 0.0, 0.0], [1.0, 0.2, 0.1]]);
    let mut out = vec![f32::NAN; 3 * CONTEXT];
    context(&scene, &[0], 1.73, &mut out);
    let azimuth = 3_f32.atan2(20.0);
    let expected = [
        4.0,
        1.7,
        1.5,
        0.83,
        409_f32.sqrt() / 70.0,
        3_f32.ln() / 8.0,
        1.0,
        0.0,
        0.0,
        0.8,
        (0.5 - azimuth).sin(),
        (0.5 - azimuth).cos(),
    ];
    for (found, expected) in out.iter().zip(expected) {
        near(*found, expected);
    }
    assert!(out[CONTEXT..].iter().all(|value| *value == 0.0));
}

#[test]
fn raster_puts_rear_right_first() {
    // Far rear, far right, at the bottom; and twice in the middle, near the top.
    let (_, scene) =
        frame(&[[-2.49, -1.34, -1.0], [0.01, 0.01, 0.9], [0.01, 0.01, 0.9], [0.01, 0.01, 1.04]]);
    assert_eq!(scene.regions[0].points.len(), 4);
    let mut out = vec![f32::NAN; 2 * 8 * 512];
    raster(&scene, &[0], &mut out);
    let at = |channel: usize, row: usize, column: usize| out[channel * 512 + row * 16 + column];
    near(at(0, 0, 0), 2_f32.ln() / 9_f32.ln());
    near(at(7, 0, 0), 2_f32.ln() / 33_f32.ln());
    near(at(5, 0, 0), 0.05 / 2.1);
    near(at(6, 0, 0), 0.0);
    near(at(4, 16, 8), 4_f32.ln() / 9_f32.ln());
    near(at(7, 16, 8), 4_f32.ln() / 33_f32.ln());
    near(at(5, 16, 8), 2.09 / 2.1);
    near(at(6, 16, 8), 0.002);
    assert_eq!(out.iter().filter(|value| **value != 0.0).count(), 3 + 4);
}

#[test]
fn too_few_points_repeat_and_too_many_are_thinned_evenly_and_counted() {
    let (_, few) = frame(&[[0.5, 0.2, 0.1], [1.0, -0.4, 0.3], [-1.0, 0.1, 0.0]]);
    let mut out = vec![f32::NAN; 3 * 8 * POINT];
    assert_eq!(points(&few, &[0, 1], 8, &mut out), 0);
    let intensity = |slot: usize, k: usize| out[(slot * 8 + k) * POINT + 3];
    for k in 0..8 {
        near(intensity(0, k), (k % 3) as f32 / 1000.0);
    }
    for (found, expected) in
        out[..POINT].iter().zip([0.5, 0.2, 0.1, 0.0, 0.25, 0.2 / 0.85, 0.1 / 0.75, 1.0])
    {
        near(*found, expected);
    }
    assert!(out[8 * POINT..].iter().all(|value| *value == 0.0), "no points, no slot: zeros");

    let many: Vec<[f64; 3]> = (0..21).map(|k| [0.05 * f64::from(k), 0.0, 0.0]).collect();
    let (_, many) = frame(&many);
    assert_eq!(points(&many, &[0], 8, &mut out), 13);
    for k in 0..8 {
        near(out[k * POINT + 3], (k * 21 / 8) as f32 / 1000.0);
    }
}

/// One slot: feature c of map cell (row, column) is c + row / 100; logits rise with the column.
fn image(window: [f32; 4]) -> ImageFeatures {
    let map = |offset: f32| {
        (0..16 * 256).map(|k| (k / 256) as f32 + (k % 256 / 16) as f32 / 100.0 + offset).collect()
    };
    ImageFeatures {
        channels: 16,
        side: 16,
        slot: vec![Some(0), None],
        windows: vec![(0, window)],
        tight: map(0.0),
        wide: map(100.0),
        confidence: (0..256).map(|k| (k % 16) as f32 / 10.0).collect(),
        ..ImageFeatures::default()
    }
}

#[test]
fn pixels_are_read_where_the_points_project() {
    let (frame, scene) = frame(&[[0.5, 0.2, 0.1], [1.0, -0.4, 0.3]]);
    let rig = frame.rig.as_ref();
    let point = scene.points[0];
    let [u, v, _] = rig.cameras[0].project([point[0], point[1], point[2]].map(f64::from)).unwrap();
    // The first point stands in the middle between columns 7 and 8, a quarter below row 3.
    let image =
        image([(u + 0.5 - 80.0) as f32, (v + 0.5 - (3.25 + 0.5) * 10.0) as f32, 160.0, 160.0]);
    let mut out = vec![f32::NAN; 3 * 4 * 17];
    pixels(&scene, &[0, 1], rig, &image, 4, &mut out);
    for (channel, value) in out[..16].iter().enumerate() {
        assert!((value - (channel as f32 + 0.0325)).abs() < 1e-4, "{value}");
    }
    near(out[16], 1.0 / (1.0 + (-0.75_f32).exp()));
    assert_eq!(out[..17], out[2 * 17..3 * 17], "points repeat as in `points`");
    assert!(out[4 * 17..].iter().all(|value| *value == 0.0), "no image, no slot: zeros");

    let mut means = vec![f32::NAN; 3 * 32];
    window(&[0, 1], &image, &mut means);
    near(means[0], 0.075);
    assert!((means[16 + 3] - 103.075).abs() < 1e-3);
    assert!(means[32..].iter().all(|value| *value == 0.0));
}

#[test]
fn a_point_behind_the_camera_has_no_pixel() {
    let mut frame = Frame::empty();
    frame.rig = Arc::new(Rig::kitti());
    // The camera sits 0.27 m before the sensor: this point is in the range, but behind it.
    frame.cloud.points = vec![[0.05, 0.3, -0.9, 0.5]];
    let scene = scene(&frame, &[car([0.5, 0.0, -0.9], 0.0)]);
    assert_eq!(scene.regions[0].points.len(), 1);
    let mut image = image([0.0, 0.0, 16.0, 16.0]);
    image.slot.truncate(1);
    let mut out = vec![f32::NAN; 2 * 17];
    pixels(&scene, &[0], &frame.rig, &image, 2, &mut out);
    assert!(out.iter().all(|value| *value == 0.0));
}
