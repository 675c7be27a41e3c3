//! Real drives are read as they were recorded: counts, crops and labels agree with the data set.

mod shared_data;

use std::sync::atomic::{AtomicUsize, Ordering};

use emc2::calib::{Camera, Rig};
use emc2::frame::{Class, Frame, ImageData};
use emc2::sensor::kitti::{KittiObject, KittiRaw, Options, Scan, read_split};
use emc2::sensor::{Frames, Source, image};
use shared_data::shared;

#[test]
fn every_frame_of_the_object_set_is_read_and_nothing_in_it_is_unknown() {
    let Some(root) = shared().map(|folder| folder.join("data/kitti")) else { return };
    let source = KittiObject::open(&root, Options::default()).unwrap();
    assert_eq!(source.len(), 114);
    let (mut labels, mut images) = (0, 0);
    for frame in Frames::new(&source) {
        let frame = frame.unwrap();
        assert_eq!((frame.dropped.points_not_finite, frame.dropped.labels_unknown_class), (0, 0));
        assert!(frame.cloud.points.len() > 5_000, "{}: {}", frame.id, frame.cloud.points.len());
        images += usize::from(matches!(frame.images[0].data, ImageData::File(_)));
        for label in frame.labels.as_ref().unwrap() {
            assert_eq!(label.box3.is_none(), label.class == Class::DontCare);
            labels += 1;
        }
    }
    assert!(labels > 700 && images > 10, "{labels} labels, {images} images");
}

#[test]
fn cutting_a_whole_turn_gives_the_scan_that_the_data_set_calls_reduced() {
    let Some(root) = shared().map(|folder| folder.join("data/kitti")) else { return };
    for id in ["000001", "000004", "000008", "000010", "000038"] {
        let read = |scan, crop_to_image| {
            let ids = Some(vec![id.to_owned()]);
            let options = Options { scan, crop_to_image, ids, ..Options::default() };
            KittiObject::open(&root, options).unwrap().load(0).unwrap()
        };
        let whole = read(Scan::Full, false);
        let cut = read(Scan::Full, true);
        let reduced = read(Scan::Reduced, false);
        let (ours, theirs) = (&cut.cloud.points, &reduced.cloud.points);
        assert_eq!(whole.cloud.points.len() - ours.len(), cut.dropped.points_outside_view as usize);
        let key = |point: &[f32; 4]| point.map(f32::to_bits);
        let set: std::collections::HashSet<_> = theirs.iter().map(key).collect();
        let shared = ours.iter().filter(|point| set.contains(&key(point))).count();
        // Single points at the image's very edge may differ by rounding.
        assert!(ours.len() - shared <= 5 && theirs.len() - shared <= 5, "{id}: {shared} in common");
    }
}

#[test]
fn points_lie_in_the_labelled_cars() {
    let Some(root) = shared().map(|folder| folder.join("data/kitti")) else { return };
    let ids = read_split(&root.join("ImageSets/lidar_val.txt")).unwrap();
    let source =
        KittiObject::open(&root, Options { ids: Some(ids), ..Options::default() }).unwrap();
    let (mut cars, mut hit) = (0, 0);
    for frame in Frames::new(&source) {
        let frame = frame.unwrap();
        for label in frame.labels.iter().flatten().filter(|label| label.class == Class::Car) {
            let object = label.box3.unwrap();
            let inside = |p: &&[f32; 4]| object.contains([p[0], p[1], p[2]].map(f64::from));
            cars += 1;
            hit += usize::from(frame.cloud.points.iter().filter(inside).count() >= 5);
        }
    }
    assert!(hit * 100 >= cars * 90, "{hit} of {cars} cars hold at least 5 points");
}

#[test]
fn every_raw_drive_is_read_with_or_without_images() {
    let Some(root) = shared().map(|folder| folder.join("data/kitti_raw/2011_09_26")) else {
        return;
    };
    for (drive, frames, has_images, has_labels) in [
        ("0001", 21, false, true),
        ("0009", 5, true, true),
        ("0018", 5, true, true),
        ("0027", 42, false, false),
        ("0052", 78, true, false),
    ] {
        let source = KittiRaw::open_drive(&root, drive, Options::default()).unwrap();
        assert_eq!(source.len(), frames, "{drive}");
        let mut reading = Frames::new(&source);
        let mut frame = Frame::empty();
        while let Some(read) = reading.next_into(&mut frame) {
            read.unwrap();
            assert_eq!(matches!(frame.images[0].data, ImageData::File(_)), has_images, "{drive}");
            assert_eq!(frame.labels.is_some(), has_labels, "{drive}");
            assert_eq!(frame.dropped.labels_unknown_class, 0);
            assert!((5_000..40_000).contains(&frame.cloud.points.len()), "{drive} {}", frame.id);
        }
    }
}

#[test]
fn another_citys_frames_are_read_and_its_own_classes_counted() {
    let Some(root) = shared().map(|folder| folder.join("data/view_of_delft")) else { return };
    let options = Options { intensity_max: Some(255.0), ..Options::default() };
    let source = KittiObject::open(&root, options).unwrap();
    let frames: Vec<_> = Frames::new(&source).map(Result::unwrap).collect();
    let count = |of: fn(&Frame) -> u64| frames.iter().map(of).sum::<u64>();
    assert_eq!(count(|frame| frame.labels.as_ref().unwrap().len() as u64), 25);
    assert_eq!(count(|frame| frame.dropped.labels_unknown_class), 37);
    assert_eq!(count(|frame| frame.dropped.intensities_clamped), 0);
    assert!(frames.iter().all(|frame| frame.rig.cameras[0].size == [1936, 1216]));
}

#[test]
fn images_decode_to_the_size_of_their_camera() {
    let Some(root) = shared().map(|folder| folder.join("data/kitti")) else { return };
    let ids = Some(["000001", "000003", "000008"].map(str::to_owned).to_vec());
    let source = KittiObject::open(&root, Options { ids, ..Options::default() }).unwrap();
    for frame in Frames::new(&source) {
        let frame = frame.unwrap();
        image::decode_for(&frame.images[0].data, &frame.rig.cameras[0]).unwrap();
    }
}

#[test]
fn the_upper_rows_of_pictures_are_those_of_the_whole() {
    let Some(root) = shared().map(|folder| folder.join("data/kitti/training/image_2")) else {
        return;
    };
    for file in ["000008.png", "000002.jpg", "003866.jpg"] {
        let data = ImageData::File(root.join(file));
        let whole = image::decode(&data).unwrap();
        let camera = Camera { size: whole.dimensions().into(), ..Rig::kitti().cameras.remove(0) };
        for rows in [1, 100, 256, 257, 272] {
            let upper = image::decode_upper(&data, &camera, rows).unwrap();
            assert_eq!(upper.dimensions(), (whole.width(), rows), "{file}");
            let bytes = upper.as_raw().len();
            assert!(upper.as_raw()[..] == whole.as_raw()[..bytes], "{file}, {rows} rows");
        }
    }
}

#[test]
fn threads_that_read_at_once_get_what_one_gets_alone() {
    let Some(root) = shared().map(|folder| folder.join("data/kitti")) else { return };
    let ids = read_split(&root.join("ImageSets/lidar_val.txt")).unwrap();
    let source =
        KittiObject::open(&root, Options { ids: Some(ids), ..Options::default() }).unwrap();
    let alone: Vec<_> = Frames::new(&source).map(|frame| frame.unwrap().cloud.points).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut frame = Frame::empty();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= source.len() {
                        break;
                    }
                    source.load_into(index, &mut frame).unwrap();
                    assert_eq!(frame.cloud.points, alone[index]);
                }
            });
        }
    });
}
