//! Any text as label files and lists of frames; rows that are read come back the same.
#![no_main]

use emc2::sensor::kitti::row::{ObjectRow, parse_rows};
use emc2::sensor::kitti::{SequenceLabels, parse_split};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = parse_split(text, "split");
    let _ = SequenceLabels::parse(text, "labels").map(|labels| labels.rows(0).is_ok());
    for (_, row) in parse_rows(text, "labels").iter().flatten() {
        assert_eq!(row.to_string().parse::<ObjectRow>().as_ref(), Ok(row));
    }
});
