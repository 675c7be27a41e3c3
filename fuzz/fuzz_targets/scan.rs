//! Any bytes as a LiDAR scan.
#![no_main]

use emc2::sensor::scan::{ScanFormat, parse_scan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut points = Vec::new();
    if parse_scan(bytes, "scan", ScanFormat::default(), &mut points).is_ok() {
        assert!(points.iter().flatten().all(|value| value.is_finite()));
    }
});
