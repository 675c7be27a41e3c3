//! Every step of the bridge on a whole turn of a 64-beam sensor: the real scan 000008 beside the
//! checkout where there is one, else a made-up one. Two scans take turns, as on a drive, so that
//! the cells of the frame before must really be cleared.
//!
//! `grids/packed` is what the bridge does, `grids/plain` the same tensors by adding each point to
//! its planes.

#[path = "../tests/fake_network/mod.rs"]
mod fake_network;

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use emc2::bridge::grid::Grids;
use emc2::bridge::visibility::RangeImage;
use emc2::bridge::{Bridge, GridLayout, ImageBranch, budget, encode, plain};
use emc2::calib::Rig;
use emc2::config::BridgeConfig;
use emc2::frame::{CameraImage, Dropped, Frame, ImageData, Stamp};
use emc2::pipeline::StageTimes;

fn real(id: &str) -> Option<Vec<[f32; 4]>> {
    let folder = std::env::var_os("EMC2_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = folder.join(format!("data/kitti/training/velodyne/{id}.bin"));
    std::fs::read(path).ok().map(|bytes| bytemuck::pod_collect_to_vec(&bytes))
}

fn frames() -> [Frame; 2] {
    let rig = Arc::new(Rig::kitti());
    let [width, height] = rig.cameras[0].size;
    let picture = Arc::new(image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([x as u8, y as u8, (x ^ y) as u8])
    }));
    [("000008", 1), ("000010", 2)].map(|(id, seed)| {
        let mut frame = Frame::empty();
        frame.rig = Arc::clone(&rig);
        frame.cloud.points = real(id).unwrap_or_else(|| fake_network::scan(seed));
        let data = ImageData::Rgb(Arc::clone(&picture));
        frame.images.push(CameraImage { camera: 0, stamp: Stamp(0), data });
        frame
    })
}

fn grids(criterion: &mut Criterion) {
    let frames = frames();
    let layout = GridLayout::default();
    let dropped = &mut Dropped::default();
    let scans = [0, 1].map(|k| {
        let mut kept = Vec::new();
        budget::crop(&frames[k].cloud.points, &layout, 1.73, &mut kept, dropped);
        kept
    });
    let mut group = criterion.benchmark_group("grids");
    let mut kept = Vec::new();
    group.bench_function("crop", |bencher| {
        bencher.iter(|| {
            budget::crop(black_box(&frames[0].cloud.points), &layout, 1.73, &mut kept, dropped);
        });
    });
    group.bench_function("thin to 40000", |bencher| {
        bencher.iter(|| {
            kept.clear();
            kept.extend_from_slice(&scans[0]);
            budget::thin(&mut kept, 40_000, dropped);
        });
    });
    let mut fine = vec![0.0; 12 * layout.fine_cells()];
    let mut coarse = vec![0.0; 8 * layout.coarse_cells()];
    let mut grids = Grids::new(layout.clone());
    let mut turn = 0;
    group.bench_function("packed", |bencher| {
        bencher.iter(|| {
            turn = 1 - turn;
            grids.gather(black_box(&scans[turn]), 1.73);
            grids.write_fine(&mut fine);
            grids.write_coarse(&mut coarse);
        });
    });
    group.bench_function("packed, gather only", |bencher| {
        bencher.iter(|| grids.gather(black_box(&scans[0]), 1.73));
    });
    group.bench_function("plain", |bencher| {
        bencher.iter(|| {
            turn = 1 - turn;
            plain::fill(&layout, black_box(&scans[turn]), 1.73, &mut fine, &mut coarse);
        });
    });
    group.finish();
}

fn steps(criterion: &mut Criterion) {
    let frames = frames();
    let mut group = criterion.benchmark_group("bridge");
    for count in [16, 64] {
        let network = fake_network::bridge_model(&fake_network::cars(count));
        let mut bridge = Bridge::new(&BridgeConfig::default(), Some(Box::new(network))).unwrap();
        bridge.process(&frames[0], &mut StageTimes::default()).unwrap();
        group.bench_function(format!("proposals, {count}"), |bencher| {
            bencher.iter(|| bridge.propose(&frames[0]));
        });
        group.bench_function(format!("regions, {count}"), |bencher| {
            bencher.iter(|| bridge.find_regions(&frames[0]));
        });
        let mut turn = 0;
        group.bench_function(format!("frame without model, {count} regions"), |bencher| {
            bencher.iter(|| {
                turn = 1 - turn;
                bridge.process(&frames[turn], &mut StageTimes::default()).unwrap().regions.len()
            });
        });
    }
    let bridge = Bridge::new(&BridgeConfig::default(), None);
    let mut bridge = bridge.unwrap();
    bridge.crop(&frames[0]);
    let mut range_image = RangeImage::default();
    group.bench_function("range image", |bencher| {
        bencher.iter(|| range_image.fill(&frames[0].rig.lidar, bridge.points(), 1.73));
    });
    group.finish();
}

fn inputs(criterion: &mut Criterion) {
    let [frame, _] = frames();
    let network = fake_network::bridge_model(&fake_network::cars(64));
    let mut bridge = Bridge::new(&BridgeConfig::default(), Some(Box::new(network))).unwrap();
    let scene = bridge.process(&frame, &mut StageTimes::default()).unwrap();
    let regions: Vec<usize> = (0..16.min(scene.regions.len())).collect();
    let mut images = ImageBranch::new(Some(Box::new(fake_network::image_model(16))), None).unwrap();
    let mut group = criterion.benchmark_group("inputs of 16 regions");
    group.bench_function("image windows", |bencher| {
        bencher.iter(|| {
            let times = &mut StageTimes::default();
            images.features(&frame, scene, &regions, times).unwrap().windows.len()
        });
    });
    let features = images.last();
    let mut memory = vec![0.0; 16 * 256 * 17];
    group.bench_function("raster", |bencher| {
        bencher.iter(|| encode::raster(scene, &regions, &mut memory[..16 * 4096]));
    });
    group.bench_function("points", |bencher| {
        bencher.iter(|| encode::points(scene, &regions, 256, &mut memory[..16 * 256 * 8]));
    });
    group.bench_function("pixels", |bencher| {
        bencher.iter(|| {
            encode::pixels(scene, &regions, &frame.rig, features, 256, &mut memory);
        });
    });
    group.finish();
}

criterion_group!(benches, grids, steps, inputs);
criterion_main!(benches);
