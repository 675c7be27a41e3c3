//! The library in a few lines: `cargo run --release --example boxes` prints the boxes of a synthetic frame.
#![allow(clippy::print_stdout)]

use emc2::config::Config;
use emc2::expert::backend::Overrides;
use emc2::pipeline::{Models, Pipeline};
use emc2::sensor::Source as _;
use emc2::sensor::synthetic::{SyntheticConfig, SyntheticSource};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::default();
    let models = Models::load(&config, &Overrides::default())?;
    let mut pipeline = Pipeline::new(&config, models)?;
    let source = SyntheticSource::new(SyntheticConfig { frames: 1, ..SyntheticConfig::default() });
    let frame = source.load(0)?;
    for found in &pipeline.process(&frame).detections {
        let [x, y, z] = found.box3.center;
        let name = found.class.name();
        println!(
            "{name:<10} {:.2}  x {x:5.1} y {y:5.1} z {z:4.1} m  {}",
            found.score, found.reason
        );
    }
    Ok(())
}
