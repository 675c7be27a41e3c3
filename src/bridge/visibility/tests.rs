use super::*;
use crate::calib::Rig;

fn lidar() -> LidarSpec {
    Rig::kitti().lidar
}

fn car(x: f64, y: f64, yaw: f64) -> Box3 {
    Box3::new([x, y, -0.95], [4.0, 1.7, 1.5], yaw)
}

/// Returns on an upright wall across the view, from `left` to `right` (y, m) at distance x.
fn wall(x: f32, [left, right]: [f32; 2], [low, high]: [f32; 2]) -> Vec<[f32; 4]> {
    let steps = |from: f32, to: f32| (0..=400).map(move |k| from + (to - from) * k as f32 / 400.0);
    steps(left, right).flat_map(|y| steps(low, high).map(move |z| [x, y, z, 0.3])).collect()
}

fn occlusion(points: &[[f32; 4]], box3: &Box3) -> f32 {
    let mut image = RangeImage::default();
    image.fill(&lidar(), points, 1.73);
    image.occlusion(box3)
}

#[test]
fn a_car_gives_fewer_returns_the_farther_it_stands_and_more_from_the_side() {
    let at = |x: f64, yaw: f64| expected_points(&lidar(), &car(x, 0.0, yaw));
    for pair in [5.0, 10.0, 20.0, 30.0, 45.0, 60.0].windows(2) {
        assert!(at(pair[0], 0.3) > at(pair[1], 0.3));
    }
    assert!(at(25.0, std::f64::consts::FRAC_PI_2) > 1.5 * at(25.0, 0.0));
    assert!((at(25.0, 0.4) - at(25.0, 0.4 + std::f64::consts::PI)).abs() < 0.01);
}

#[test]
fn the_ray_count_of_a_small_face_is_its_solid_angle() {
    // A thin plate across the view, 1 m x 1 m at 20 m: 1 / 400 steradian.
    let plate = Box3::new([20.0, 0.0, -0.5], [1e-6, 1.0, 1.0], 0.0);
    let lidar = lidar();
    let beam_step = (lidar.elevation_deg[1] - lidar.elevation_deg[0]).to_radians() / 63.0;
    let rays = 1.0 / 400.0 / (beam_step * lidar.azimuth_step_deg.to_radians());
    let kept = RETURNED * (-(20.0 - LOSS_FROM_M) / LOSS_M).exp();
    assert!((f64::from(expected_points(&lidar, &plate)) / (rays * kept) - 1.0).abs() < 0.01);
}

#[test]
fn a_box_above_the_beams_or_around_the_sensor_is_not_expected_to_return() {
    let high = Box3::new([10.0, 0.0, 8.0], [4.0, 1.7, 1.5], 0.0);
    assert_eq!(expected_points(&lidar(), &high), 0.0);
    let around = Box3::new([0.0, 0.0, 0.0], [4.0, 2.0, 2.0], 0.0);
    assert_eq!(expected_points(&lidar(), &around), 0.0);
    let broken = Box3::new([f64::NAN, 0.0, 0.0], [4.0, 2.0, 2.0], 0.0);
    assert_eq!(expected_points(&lidar(), &broken), 0.0);
}

#[test]
fn a_wall_hides_what_stands_behind_it_and_nothing_before_it() {
    let points = wall(15.0, [-4.0, 4.0], [-1.7, 0.5]);
    assert!(occlusion(&points, &car(25.0, 0.0, 0.3)) > 0.95);
    assert_eq!(occlusion(&points, &car(10.0, 0.0, 0.3)), 0.0);
    assert_eq!(occlusion(&points, &car(25.0, 14.0, 0.3)), 0.0);
}

#[test]
fn half_a_wall_hides_about_half() {
    let points = wall(15.0, [0.0, 6.0], [-1.7, 0.5]);
    let share = occlusion(&points, &car(25.0, 0.0, 0.0));
    assert!((0.35..0.65).contains(&share), "{share}");
}

#[test]
fn the_box_itself_and_the_ground_hide_nothing() {
    let mut points = wall(23.1, [-0.85, 0.85], [-1.7, -0.2]);
    points.extend((0..2000).map(|k| [3.0 + k as f32 * 0.01, 0.0, -1.7, 0.1]));
    assert_eq!(occlusion(&points, &car(25.0, 0.0, 0.0)), 0.0);
}

#[test]
fn a_box_straight_behind_is_seen_across_the_seam() {
    let behind: Vec<_> = wall(15.0, [-4.0, 4.0], [-1.7, 0.5])
        .into_iter()
        .map(|[x, y, z, i]| [-x, y, z, i])
        .collect();
    assert!(occlusion(&behind, &car(-25.0, 0.0, 0.3)) > 0.95);
    assert_eq!(occlusion(&behind, &car(25.0, 0.0, 0.3)), 0.0);
}

#[test]
fn odd_points_and_an_empty_sensor_do_no_harm() {
    let points = [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [1e-30, 0.0, 1e30, 0.0]];
    assert_eq!(occlusion(&points, &car(25.0, 0.0, 0.0)), 0.0);
    let nothing = crate::frame::Frame::empty().rig.lidar.clone();
    let mut image = RangeImage::default();
    image.fill(&nothing, &points, 0.0);
    assert!(image.occlusion(&car(25.0, 0.0, 0.0)) >= 0.0);
    assert_eq!(expected_points(&nothing, &car(25.0, 0.0, 0.0)), 0.0);
}
