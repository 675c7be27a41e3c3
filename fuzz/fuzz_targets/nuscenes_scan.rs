//! Any bytes as a nuScenes LiDAR scan.
#![no_main]

use emc2::geometry::Pose;
use emc2::sensor::nuscenes::scan::parse_sweep;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut points = Vec::new();
    let still = Pose::<(), ()>::identity().isometry;
    if parse_sweep(bytes, "scan", &still, 1 << 20, &mut points).is_ok() {
        assert!(points.iter().flatten().all(|value| value.is_finite()));
    }
});
