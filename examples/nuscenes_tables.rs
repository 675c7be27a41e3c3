//! Reads all tables of a nuScenes version and says how many rows there are:
//! `cargo run --release --example nuscenes_tables -- NUSCENES v1.0-trainval`.
#![allow(clippy::print_stdout)]

use emc2::sensor::nuscenes::tables::{Need, Tables};

fn main() -> Result<(), emc2::sensor::Error> {
    let mut words = std::env::args().skip(1);
    let root = words.next().unwrap_or_else(|| ".".to_owned());
    let version = words.next().unwrap_or_else(|| "v1.0-mini".to_owned());
    let started = std::time::Instant::now();
    let tables = Tables::load(root.as_ref(), &version, Need::EVERYTHING)?;
    println!(
        "{} scenes, {} key frames, {} annotations, {} files in {:.2} s",
        tables.scenes().len(),
        tables.samples().len(),
        tables.annotations().len(),
        tables.files().len(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}
