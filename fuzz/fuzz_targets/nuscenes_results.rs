//! Any bytes as a nuScenes results file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = emc2::eval::nuscenes::read_results_from(bytes, "results.json");
});
