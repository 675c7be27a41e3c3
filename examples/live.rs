//! A program with sensors of its own: `cargo run --release --example live`. Points and pixels as drivers hand them over, a rig
//! file, a deadline, and what is said when a camera is lost. A synthetic drive stands in for the drivers.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use emc2::calib::Rig;
use emc2::config::Config;
use emc2::expert::backend::Overrides;
use emc2::frame::{CameraImage, Frame, ImageData, PointCloud};
use emc2::pipeline::{Models, Pipeline};
use emc2::sensor::synthetic::{SyntheticConfig, SyntheticDrive};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // calib/example-vehicle.yaml explains every line of such a file.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("calib/kitti.yaml");
    let rig = Arc::new(Rig::from_yaml(&file)?);
    let config = Config::default();
    let models = Models::load(&config, &Overrides::default())?;
    let strange =
        rig.check().into_iter().map(|found| format!("{}: {}", found.place, found.message));
    for warning in strange.chain(models.mismatches(&rig.lidar)) {
        eprintln!("warning: {warning}");
    }
    let mut pipeline = Pipeline::new(&config, models)?;
    pipeline.set_deadline(Some(Duration::from_millis(80)));

    let drive = SyntheticDrive::new(SyntheticConfig::default());
    for index in 0..4 {
        let driver = drive.frame(index);
        // The picture's stamp is its own: one that is too old is not used, and that is said.
        let data = match index {
            2 => ImageData::Missing("the camera's driver timed out".to_owned()),
            _ => ImageData::Rgb(Arc::new(driver.image)),
        };
        let frame = Frame {
            id: format!("live-{index}"),
            stamp: driver.stamp,
            cloud: PointCloud::from_driver(&driver.scan, &rig.lidar),
            images: vec![CameraImage { camera: 0, stamp: driver.stamp, data }],
            rig: Arc::clone(&rig),
            ..Frame::empty()
        };
        let result = pipeline.process(&frame);
        println!("{}: {:.1} ms", result.frame, result.times.total_ms);
        for lost in &result.degraded {
            println!("  {:?}: {}", lost.step, lost.cause);
        }
        for found in result.detections.iter().filter(|found| found.score > 0.5) {
            let [x, y, _] = found.box3.center;
            println!(
                "  {} {:.2} at x {x:.1}, y {y:.1} m: {}",
                found.class.name(),
                found.score,
                found.reason
            );
        }
    }
    Ok(())
}
