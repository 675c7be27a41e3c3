//! Any bytes as the golden pair of a small contract.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use emc2::expert::backend::Golden;
use emc2::expert::contract::Contract;
use libfuzzer_sys::fuzz_target;

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let text = include_str!("../../tests/fixtures/models/affine/contract.yaml");
    Contract::parse(text, Path::new("contract")).expect("the fixture's contract is good")
});

fuzz_target!(|bytes: &[u8]| {
    let _ = Golden::parse(bytes, &CONTRACT, Path::new("golden"));
});
