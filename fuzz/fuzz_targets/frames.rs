//! Any bytes as a run's `frames.jsonl`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = emc2::report::parse(bytes, "frames.jsonl");
});
