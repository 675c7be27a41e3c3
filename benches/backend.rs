//! The backend's own cost: start, loading, what a run costs beside the network, the finite guard.
//!
//! `EMC2_MODELS=folder` adds loading of every model there (default `models`).
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{Criterion, criterion_group, criterion_main};
use emc2::config::RuntimeConfig;
use emc2::expert::Network;
use emc2::expert::backend::{OrtModel, Overrides, locate, start};
use emc2::expert::contract;

fn load(folder: &Path, threads: usize) -> OrtModel {
    let overrides = Overrides { threads: Some(threads), ..Overrides::default() };
    OrtModel::load(folder, &RuntimeConfig::default(), &overrides).unwrap()
}

fn backend(criterion: &mut Criterion) {
    if locate(None).is_err() {
        return;
    }
    let before = std::time::Instant::now();
    start(None).unwrap();
    println!("start of ONNX Runtime, once: {:.1} ms", before.elapsed().as_secs_f64() * 1e3);

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tiny = root.join("tests/fixtures/models/affine");
    for threads in [1, 2] {
        let mut model = load(&tiny, threads);
        let name = format!("backend/run a tiny network, {threads} threads");
        criterion.bench_function(&name, |bencher| bencher.iter(|| model.run().unwrap()));
    }
    criterion.bench_function("backend/load a tiny network", |bencher| {
        bencher.iter(|| load(&tiny, 2));
    });

    let models = std::env::var_os("EMC2_MODELS").map_or_else(|| root.join("models"), PathBuf::from);
    let folders: Vec<_> = contract::list(&models).unwrap_or_default();
    let folders: Vec<_> = folders.iter().filter(|entry| entry.contract.is_ok()).collect();
    for threads in [1, 2] {
        if folders.is_empty() {
            continue;
        }
        let name = format!("backend/load {} models, {threads} threads", folders.len());
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| {
                folders.iter().for_each(|entry| drop(black_box(load(&entry.folder, threads))))
            });
        });
        let mut all: Vec<_> = folders.iter().map(|entry| load(&entry.folder, threads)).collect();
        let name = format!("backend/run {} models in turn, {threads} threads", all.len());
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| all.iter_mut().for_each(|model| drop(black_box(model.run()))));
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = backend
}
criterion_main!(benches);
