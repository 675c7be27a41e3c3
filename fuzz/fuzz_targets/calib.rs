//! Any text as calibrations of the object, tracking and raw layouts.
#![no_main]

use emc2::calib::{parse_kitti_calib, parse_kitti_raw_calib};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = parse_kitti_calib(text, "calib", [1242, 375]);
    let _ = parse_kitti_raw_calib((text, "cameras"), (text, "velodyne"));
});
