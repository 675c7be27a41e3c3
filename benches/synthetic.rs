//! Costs of a synthetic frame: the scan alone, and scan, picture and labels.

use criterion::{Criterion, criterion_group, criterion_main};
use emc2::sensor::synthetic::{SyntheticConfig, SyntheticDrive};

fn synthetic(c: &mut Criterion) {
    let drive = SyntheticDrive::new(SyntheticConfig::default());
    let mut group = c.benchmark_group("synthetic");
    group.sample_size(10);
    group.bench_function("scan", |b| b.iter(|| drive.scan(0)));
    group.bench_function("frame", |b| b.iter(|| drive.frame(0)));
    group.finish();
}

criterion_group!(benches, synthetic);
criterion_main!(benches);
