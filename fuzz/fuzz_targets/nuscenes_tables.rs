//! Any bytes as nuScenes tables: one object that holds each table under its name.
#![no_main]

use emc2::sensor::nuscenes::tables::{Need, Tables, split_tables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tables) = split_tables(bytes) {
        let _ = Tables::load_from(&tables, Need::EVERYTHING);
    }
});
