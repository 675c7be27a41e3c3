//! The emergency expert on the whole turn of 000008 (122 555 returns) beside the checkout, or on a
//! made-up scan of that size: everything, and the ground estimate with its columns alone.
#![allow(missing_docs)]

#[allow(dead_code)]
#[path = "../tests/fake_network/mod.rs"]
mod fake_network;

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, criterion_group, criterion_main};
use emc2::config::EmergencyConfig;
use emc2::expert::Emergency;

fn scan() -> Vec<[f32; 4]> {
    let folder = std::env::var_os("EMC2_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = folder.join("data/kitti/training/velodyne/000008.bin");
    let real = std::fs::read(path).ok().map(|bytes| bytemuck::pod_collect_to_vec(&bytes));
    real.unwrap_or_else(|| fake_network::scan(1))
}

fn whole_turn(c: &mut Criterion) {
    let points = scan();
    let mut group = c.benchmark_group("emergency");
    let mut emergency = Emergency::new(&EmergencyConfig::default());
    group.bench_function("all", |b| {
        b.iter(|| black_box(emergency.find(black_box(&points), 1.73).len()));
    });
    group.bench_function("ground", |b| {
        b.iter(|| emergency.estimate_ground(black_box(&points), 1.73));
    });
    group.finish();
}

criterion_group!(benches, whole_turn);
criterion_main!(benches);
