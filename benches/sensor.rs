//! Reading a frame: parse a whole turn, cut it to the camera's view, read labels, decode images.
//! On the real frame 000008 (122 555 points) if it is there, else on a made-up turn of that size.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use emc2::calib::{Camera, Rig};
use emc2::frame::{Frame, ImageData};
use emc2::sensor::kitti::row::parse_rows;
use emc2::sensor::kitti::{KittiObject, Options};
use emc2::sensor::scan::{ScanFormat, parse_scan};
use emc2::sensor::{Source, image, view};

const LABEL: &str =
    "Car 0.00 1 2.04 334.85 178.94 624.50 372.04 1.57 1.50 3.68 -1.17 1.65 7.86 1.90\n";

fn kitti() -> Option<PathBuf> {
    let shared = std::env::var_os("EMC2_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let root = shared.join("data/kitti");
    root.join("training/velodyne/000008.bin").is_file().then_some(root)
}

/// A turn of 64 rings whose points lie 5 m to 50 m away.
fn made_up_turn() -> Vec<u8> {
    (0..122_555_u32)
        .flat_map(|index| {
            let azimuth = (index / 64) as f32 * (std::f32::consts::TAU / 1915.0);
            let elevation = (2.0 - (index % 64) as f32 * 0.42).to_radians();
            let range =
                5.0 + (index.wrapping_mul(2_654_435_761) >> 8) as f32 * (45.0 / 16_777_216.0);
            [
                range * elevation.cos() * azimuth.cos(),
                range * elevation.cos() * azimuth.sin(),
                range * elevation.sin(),
                0.3,
            ]
        })
        .flat_map(f32::to_le_bytes)
        .collect()
}

fn sensor(bench: &mut Criterion) {
    let root = kitti();
    let scan = root.as_ref().map_or_else(made_up_turn, |root| {
        std::fs::read(root.join("training/velodyne/000008.bin")).expect("scan")
    });
    let format = ScanFormat::default();
    let mut points = Vec::new();
    bench.bench_function("parse_scan/122555", |b| {
        b.iter(|| parse_scan(black_box(&scan), "scan", format, &mut points).expect("a good scan"));
    });

    let camera = Rig::kitti().cameras.remove(0);
    parse_scan(&scan, "scan", format, &mut points).expect("a good scan");
    let mut cut = Vec::with_capacity(points.len());
    bench.bench_function("copy_and_keep_visible/122555", |b| {
        b.iter(|| {
            cut.clear();
            cut.extend_from_slice(&points);
            view::keep_visible(black_box(&mut cut), &camera)
        });
    });
    // What of the figure above is the copy.
    bench.bench_function("copy_alone/122555", |b| {
        b.iter(|| {
            cut.clear();
            cut.extend_from_slice(black_box(&points));
        });
    });

    let labels = LABEL.repeat(20);
    bench.bench_function("labels/20_rows", |b| {
        b.iter(|| parse_rows(black_box(&labels), "labels").expect("good labels"));
    });

    let Some(root) = root else { return };
    let ids = Some(vec!["000008".to_owned()]);
    let source =
        KittiObject::open(&root, Options { ids, ..Options::default() }).expect("the data set");
    let mut frame = Frame::empty();
    bench.bench_function("load_into/000008", |b| {
        b.iter(|| source.load_into(0, black_box(&mut frame)).expect("a good frame"));
    });
    for file in ["000008.png", "000003.jpg"] {
        let data = ImageData::File(root.join("training/image_2").join(file));
        bench.bench_function(&format!("decode/{file}"), |b| {
            b.iter(|| image::decode(black_box(&data)).expect("a good image"));
        });
        source.load_into(0, &mut frame).expect("a good frame");
        let camera = Camera {
            size: image::decode(&data).expect("a good image").dimensions().into(),
            ..frame.rig.cameras[0].clone()
        };
        bench.bench_function(&format!("decode_upper_256_rows/{file}"), |b| {
            b.iter(|| image::decode_upper(black_box(&data), &camera, 256).expect("a good image"));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(40);
    targets = sensor
}
criterion_main!(benches);
