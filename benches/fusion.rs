//! Fusing a frame: 64 and 256 refinements in groups of overlapping boxes, by either method.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use emc2::config::{Calibration, FusionConfig, FusionMethod};
use emc2::expert::Refinement;
use emc2::frame::{Class, DegradationSet, ExpertKind};
use emc2::fusion::Fusion;
use emc2::geometry::Box3;

fn refinements(count: usize) -> Vec<Refinement> {
    (0..count)
        .map(|index| {
            // Four boxes an object, a little apart and turned; objects 5 m apart along a street.
            let (object, copy) = ((index / 4) as f64, (index % 4) as f64);
            let center =
                [5.0 + 5.0 * (object % 13.0), 4.0 * (object / 13.0).floor() + 0.1 * copy, -1.0];
            let score = 0.95 - 0.003 * ((index * 37) % count) as f32;
            Refinement {
                region: Some(index),
                class: Class::Car,
                box3: Box3::new(center, [3.9, 1.6, 1.5], 0.05 * copy),
                score,
                quality: score,
                quality_weight: 0.0,
                picture: 0.0,
                expert: [ExpertKind::Lpe, ExpertKind::Vee, ExpertKind::Ape][index % 3],
                degraded: DegradationSet::default(),
            }
        })
        .collect()
}

fn methods(c: &mut Criterion) {
    let mut group = c.benchmark_group("fusion");
    let curve = vec![[0.0, 0.0], [0.3, 0.2], [0.7, 0.75], [1.0, 1.0]];
    for count in [64, 256] {
        let refinements = refinements(count);
        for method in [FusionMethod::Nms, FusionMethod::Wbf] {
            let calibration = Calibration { lpe: curve.clone(), ..Calibration::default() };
            let config = FusionConfig { method, calibration, ..FusionConfig::default() };
            let mut fusion = Fusion::new(&config).unwrap();
            group.bench_function(format!("{method:?}/{count}").to_lowercase(), |b| {
                b.iter(|| black_box(fusion.fuse(black_box(&refinements)).len()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, methods);
criterion_main!(benches);
