//! Any text as configuration, contract and rig.
#![no_main]

use std::path::Path;

use emc2::calib::parse_rig_yaml;
use emc2::config::Config;
use emc2::expert::contract::Contract;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Config::parse(text, Path::new("config"));
    let _ = Contract::parse(text, Path::new("contract"));
    let _ = parse_rig_yaml(text, "rig");
});
