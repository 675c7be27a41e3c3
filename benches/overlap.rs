//! Overlap, suppression and projection of boxes.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use emc2::calib::Rig;
use emc2::geometry::{BevRect, Box3, Nms, bev_overlap, overlap_3d};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Car-sized boxes within `spread` m of a point ahead.
fn cars(count: usize, spread: f64) -> Vec<Box3> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    (0..count)
        .map(|_| {
            let mut near = |s: f64| rng.random_range(-s..s);
            Box3::new(
                [20.0 + near(spread), near(spread), -0.9 + near(0.2)],
                [4.0 + near(0.5), 1.7 + near(0.2), 1.5 + near(0.2)],
                near(3.2),
            )
        })
        .collect()
}

fn pairs(c: &mut Criterion) {
    // 1000 pairs an iteration: ns a pair is the µs shown.
    let near = cars(2000, 1.0);
    let rects: Vec<BevRect> = near.iter().map(Box3::footprint).collect();
    let far = cars(2000, 40.0);
    let far_rects: Vec<BevRect> = far.iter().map(Box3::footprint).collect();
    let mut group = c.benchmark_group("1000 pairs");
    for (name, rects) in [("overlapping", &rects), ("scattered", &far_rects)] {
        group.bench_function(format!("prepared footprints, {name}"), |b| {
            b.iter(|| {
                black_box(rects).chunks_exact(2).map(|p| p[0].intersection_area(&p[1])).sum::<f64>()
            });
        });
    }
    for (name, boxes) in [("overlapping", &near), ("scattered", &far)] {
        group.bench_function(format!("bev_overlap, {name}"), |b| {
            b.iter(|| {
                black_box(boxes).chunks_exact(2).map(|p| bev_overlap(&p[0], &p[1])).sum::<f64>()
            });
        });
        group.bench_function(format!("overlap_3d, {name}"), |b| {
            b.iter(|| {
                black_box(boxes).chunks_exact(2).map(|p| overlap_3d(&p[0], &p[1])).sum::<f64>()
            });
        });
    }
}

fn nms(c: &mut Criterion) {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let boxes = cars(500, 30.0);
    let scores: Vec<f32> = (0..500).map(|_| rng.random_range(0.0..1.0)).collect();
    let mut scratch = Nms::default();
    c.bench_function("nms of 500 boxes", |b| {
        b.iter(|| scratch.suppress(black_box(&boxes), black_box(&scores), 0.1).len());
    });
}

fn project(c: &mut Criterion) {
    let rig = Rig::kitti();
    let camera = &rig.cameras[0];
    let whole = Box3::new([20.0, 2.0, -0.9], [4.0, 1.7, 1.5], 0.4);
    let passing = Box3::new([0.5, 2.0, -0.9], [4.0, 1.7, 1.5], 0.1);
    c.bench_function("project_box, ahead", |b| b.iter(|| camera.project_box(black_box(&whole))));
    c.bench_function("project_box, cut", |b| b.iter(|| camera.project_box(black_box(&passing))));
    c.bench_function("view_share", |b| b.iter(|| camera.view_share(black_box(&whole))));
}

criterion_group!(benches, pairs, nms, project);
criterion_main!(benches);
