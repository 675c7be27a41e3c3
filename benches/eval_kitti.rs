//! KITTI evaluation: reading and judging a real result set (data beside the checkout, if present),
//! and how the cost of judging grows with the frames (a made-up set, up to ten times KITTI's val).

#![allow(clippy::print_stderr)]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use emc2::eval::kitti::{self, Entry, Folders, Frame, Judged, Missing, Options};
use emc2::sensor::kitti::row::ObjectRow;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Frames of KITTI's customary validation list.
const VAL: usize = 3769;

fn golden() -> Option<PathBuf> {
    let unpacked = std::env::var_os("EMC2_UNPACKED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/shared"), PathBuf::from);
    Some(unpacked.join("kitti_eval")).filter(|path| path.is_dir())
}

fn real(c: &mut Criterion) {
    let Some(folder) = golden() else {
        eprintln!(
            "no real result sets in target/shared (run `make test` with data beside the checkout)"
        );
        return;
    };
    let mut group = c.benchmark_group("files to figures");
    group.sample_size(20);
    for (set, labels, classes) in [
        ("pointgnn_vish_val", "labels_val", &Judged::ALL[..1]),
        ("pointrcnn_train", "labels_train", &Judged::ALL[..]),
    ] {
        let folders = Folders {
            labels: folder.join(labels),
            results: folder.join("results").join(set).join("data"),
            split: None,
            missing: Missing::Refuse,
        };
        for (name, draws) in [("with intervals", 1000), ("without", 0)] {
            let options = Options { classes: classes.to_vec(), draws, ..Options::default() };
            group.bench_function(BenchmarkId::new(set, name), |b| {
                b.iter(|| {
                    let input = kitti::read(&folders).expect("golden results can be read");
                    black_box(kitti::evaluate(&input.frames, &options))
                });
            });
        }
    }
    group.finish();
}

/// Seven labels a frame, most of them found, and four mistakes.
fn made_up(frames: usize) -> Vec<Frame> {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut row = |score: Option<f64>| {
        let (x, z) = (random.random_range(-15.0..15.0), random.random_range(6.0..60.0));
        let (u, half) = (600.0 + 700.0 * x / z, 900.0 / z);
        ObjectRow {
            kind: ["Car", "Car", "Car", "Van", "Pedestrian", "Cyclist"][random.random_range(0..6)]
                .to_owned(),
            truncation: 0.0,
            occlusion: f64::from(random.random_range(0..4)),
            alpha: 0.0,
            bbox: [u - half, 180.0 - half, u + half, 180.0 + half],
            size_hwl: [1.5, 1.6, 3.9],
            location: [x, 1.7, z],
            rotation_y: random.random_range(-3.1..3.1),
            score,
        }
    };
    let frame =
        |at: usize, random: &mut ChaCha8Rng, row: &mut dyn FnMut(Option<f64>) -> ObjectRow| {
            let labels: Vec<ObjectRow> = (0..7).map(|_| row(None)).collect();
            let mut found: Vec<ObjectRow> = labels[..5].to_vec();
            for row in &mut found {
                row.location[0] += random.random_range(-0.3..0.3);
                row.score = Some(random.random());
            }
            found.extend((0..4).map(|_| row(Some(0.3))));
            let entries = |rows: Vec<ObjectRow>| {
                rows.into_iter().enumerate().map(|(line, row)| Entry::new(line + 1, row)).collect()
            };
            Frame { id: format!("{at:06}"), labels: entries(labels), detections: entries(found) }
        };
    let mut scores = ChaCha8Rng::seed_from_u64(6);
    (0..frames).map(|at| frame(at, &mut scores, &mut row)).collect()
}

fn growth(c: &mut Criterion) {
    let mut group = c.benchmark_group("growth, three classes");
    group.sample_size(10);
    let all = made_up(10 * VAL);
    for times in [1, 2, 5, 10] {
        let frames = &all[..times * VAL];
        group.throughput(Throughput::Elements(frames.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(frames.len()), frames, |b, frames| {
            let options = Options { draws: 0, ..Options::default() };
            b.iter(|| black_box(kitti::evaluate(frames, &options)));
        });
    }
    group.finish();
}

criterion_group!(benches, real, growth);
criterion_main!(benches);
