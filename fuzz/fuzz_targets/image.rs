//! Any bytes as a picture.
#![no_main]

use emc2::sensor::image::decode_bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode_bytes(bytes, "image");
});
