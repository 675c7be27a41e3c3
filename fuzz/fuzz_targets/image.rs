//! Any bytes as a picture, whole and the upper rows alone.
#![no_main]

use emc2::calib::{Camera, Rig};
use emc2::frame::ImageData;
use emc2::sensor::image::{decode_bytes, decode_upper};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(whole) = decode_bytes(bytes, "image") else { return };
    let camera = Camera { size: whole.dimensions().into(), ..Rig::kitti().cameras.remove(0) };
    let upper = decode_upper(&ImageData::Encoded(bytes.into()), &camera, 1 + whole.height() / 3);
    let upper = upper.expect("the whole decodes");
    assert!(upper.as_raw()[..] == whole.as_raw()[..upper.as_raw().len()]);
});
