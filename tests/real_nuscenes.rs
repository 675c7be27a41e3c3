//! Real nuScenes data is read as it was recorded: poses, projections, points in boxes.

mod nuscenes_folder;
mod shared_data;

use emc2::frame::{Class, ImageData};
use emc2::geometry::Pose;
use emc2::geometry::frames::{Camera, Lidar};
use emc2::sensor::Source;
use emc2::sensor::nuscenes::tables::Token;
use emc2::sensor::nuscenes::{CAMERAS, Nuscenes, Options, Selection};
use nalgebra::{Isometry3, Point3, Quaternion, Translation3, UnitQuaternion};
use serde_json::Value;
use shared_data::{golden, shared};

/// The corners of an annotation in the world: half of its own axes each way.
fn corners(translation: [f64; 3], [w, l, h]: [f64; 3], q: [f64; 4]) -> [Point3<f64>; 8] {
    let place = Isometry3::from_parts(
        Translation3::from(translation),
        UnitQuaternion::from_quaternion(Quaternion::new(q[0], q[1], q[2], q[3])),
    );
    std::array::from_fn(|i| {
        let half = |size: f64, bit: usize| if i >> bit & 1 == 0 { 0.5 * size } else { -0.5 * size };
        place * Point3::new(half(l, 0), half(w, 1), half(h, 2))
    })
}

#[test]
fn five_thousand_projections_agree_with_the_development_kit() {
    let (Some(folder), Some(shared)) = (golden("nuscenes_eval"), shared()) else { return };
    let text = std::fs::read_to_string(shared.join("data/nuscenes/projection_mini_val.json"));
    let golden: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let root = folder.join("tables_mini_val");
    let selection = Selection::Split("mini_val".to_owned());
    let options = Options { selection, ..Options::default() };
    let source = Nuscenes::open(&root, "v1.0-mini", options).unwrap();
    assert_eq!(source.len(), 81);
    let tables = source.tables();
    let mut worst: [f64; 3] = [0.0; 3];
    let (mut rows, mut boxes, mut rig) = (0, 0, None);
    for row in golden["rows"].as_array().unwrap() {
        let text = |column: usize| row[column].as_str().unwrap();
        let index = source.index_of(text(0)).expect("a sample of the split");
        if rig.as_ref().is_none_or(|(known, _)| *known != index) {
            rig = Some((index, source.rig(index).unwrap()));
        }
        let (_, rig) = rig.as_ref().unwrap();
        let camera = rig.cameras.iter().find(|camera| camera.name == text(2)).unwrap();
        let annotation = tables
            .annotations_of(tables.sample_of_token(Token::of(text(0))).unwrap())
            .iter()
            .map(|&id| &tables[id])
            .find(|annotation| annotation.token == Token::of(text(3)))
            .expect("an annotation of the sample");
        // Differences of the world's large coordinates first: that is where digits would be lost.
        let lidar_to_global = source.lidar_to_global(index).unwrap().isometry;
        let project = |global: Point3<f64>| {
            camera.project(lidar_to_global.inverse_transform_point(&global).coords.into())
        };
        let numbers = |value: &Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
        };
        let centre = numbers(&row[4]);
        let seen = project(annotation.translation.into()).unwrap();
        for (slot, (a, b)) in worst.iter_mut().zip(centre.iter().zip(seen)) {
            *slot = slot.max((a - b).abs());
        }
        rows += 1;
        // The kit cuts the box's outline at the border: what it says there depends on the cut.
        let corners = corners(annotation.translation, annotation.size_wlh, annotation.rotation);
        let pixels = corners.map(project);
        let inside = |p: &Option<[f64; 3]>| p.is_some_and(|[u, v, _]| camera.sees(u, v));
        if !pixels.iter().all(inside) {
            continue;
        }
        let pixels = pixels.map(Option::unwrap);
        let low = [0, 1].map(|axis| pixels.iter().map(|p| p[axis]).fold(f64::MAX, f64::min));
        let high = [0, 1].map(|axis| pixels.iter().map(|p| p[axis]).fold(f64::MIN, f64::max));
        let ours = [low[0], low[1], high[0] - low[0], high[1] - low[1]];
        for (a, b) in numbers(&row[5]).iter().zip(ours) {
            assert!((a - b).abs() < 2e-9, "{} {}: {a} {b}", text(0), text(3));
        }
        boxes += 1;
    }
    assert_eq!(rows, 5441);
    assert!(boxes > 1000, "{boxes} boxes");
    assert!(worst.iter().all(|departure| *departure < 1e-9), "u, v, depth depart by {worst:?}");
}

#[test]
fn the_real_key_frame_has_its_pictures_its_points_and_its_boxes() {
    let root = tempfile::tempdir().unwrap();
    let Some(info) = nuscenes_folder::real_frame(shared(), root.path()) else { return };
    let options = Options { strict: true, ..Options::default() };
    let source = Nuscenes::open(root.path(), nuscenes_folder::VERSION, options).unwrap();
    assert_eq!(source.ids(), [info["token"].as_str().unwrap()]);
    let frame = source.load(0).unwrap();
    assert_eq!(frame.images.len(), 6);
    assert!(frame.images.iter().all(|image| matches!(image.data, ImageData::File(_))));
    let own = frame.dropped.points_on_vehicle;
    assert_eq!(frame.cloud.points.len() as u64 + own, 34_688);

    // The rig leads from points to pixels as the description does, which starts at raw points.
    let raw_to_lidar = nuscenes_folder::matrix(&info["lidar_points"]["lidar2ego"]).rotation;
    for camera in &frame.rig.cameras {
        let theirs = nuscenes_folder::matrix(&info["images"][&camera.name]["lidar2cam"]);
        let theirs: Pose<Lidar, Camera> = Pose::new(theirs * raw_to_lidar.inverse());
        let departure = camera.from_lidar.isometry.to_matrix() - theirs.isometry.to_matrix();
        assert!(departure.abs().max() < 1e-5, "{}: {departure}", camera.name);
    }
    assert_eq!(frame.rig.cameras.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), CAMERAS);
    assert!(frame.rig.check().is_empty(), "{:?}", frame.rig.check());

    // The counts of returns in the boxes are those that the data set gives, but for faces grazed.
    let tables = source.tables();
    let sample = tables.sample_of_token(Token::of(&frame.id)).unwrap();
    let labels = frame.labels.as_ref().unwrap();
    let counts = tables.annotations_of(sample).iter().map(|&id| tables[id].lidar_points);
    let labelled = tables
        .annotations_of(sample)
        .iter()
        .map(|&id| tables.category_of(id))
        .map(|category| category.starts_with("vehicle.") || category.starts_with("human."));
    let counts: Vec<i32> = counts.zip(labelled).filter(|(_, yes)| *yes).map(|(n, _)| n).collect();
    assert_eq!(counts.len(), labels.len());
    let mut equal = 0;
    for (label, count) in labels.iter().zip(&counts) {
        let box3 = label.box3.unwrap();
        let inside =
            |point: &&[f32; 4]| box3.contains([point[0], point[1], point[2]].map(f64::from));
        let found = frame.cloud.points.iter().filter(inside).count() as i32;
        equal += i32::from((found - count).abs() <= 1 + count / 10);
    }
    assert!(equal as usize * 10 >= counts.len() * 9, "{equal} of {} counts", counts.len());
    let cars = info["instances"].as_array().unwrap().iter().filter(|o| o["class"] == "car").count();
    assert_eq!(labels.iter().filter(|label| label.class == Class::Car).count(), cars);
}

#[test]
fn the_road_is_level_and_as_far_below_the_sensor_as_the_rig_says() {
    let root = tempfile::tempdir().unwrap();
    if nuscenes_folder::real_frame(shared(), root.path()).is_none() {
        return;
    }
    let source = Nuscenes::open(root.path(), nuscenes_folder::VERSION, Options::default()).unwrap();
    let frame = source.load(0).unwrap();
    let height = frame.rig.lidar.origin_height_m;
    assert!((height - 1.84).abs() < 0.01);
    // Turned by the axes alone, the road would stand 0.65 m higher at 27 m ahead, and lower behind.
    for band in [-27.0, -15.0, -9.0, 9.0, 15.0, 27.0_f32] {
        let near = |p: &&[f32; 4]| (p[0] - band).abs() < 3.0 && p[1].abs() < 5.0;
        let mut z: Vec<f32> = frame.cloud.points.iter().filter(near).map(|p| p[2]).collect();
        z.sort_by(f32::total_cmp);
        let road = f64::from(z[z.len() / 4]) + height;
        assert!(road.abs() < 0.1, "the road at {band} m is {road:.2} m above the ground");
    }
}
