//! Real data beside the checkout, if present. Tests that need it skip and say so.
#![allow(clippy::print_stderr)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// The folder with real data: `EMC2_SHARED`, or `../shared` beside the checkout. Prints that the
/// calling test skips, with a running count, where there is none.
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("EMC2_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if folder.join("data").is_dir() {
        return Some(folder);
    }
    let count = SKIPPED.fetch_add(1, Ordering::Relaxed) + 1;
    eprintln!("skipped (number {count} here): no real data at {}", folder.display());
    None
}
