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

/// A folder of golden figures, such as `kitti_eval`, from the packed archives beside the real data;
/// unpacked once into `target/shared`, or found in `EMC2_UNPACKED`. Prints that the calling test
/// skips where there is none.
#[allow(dead_code)] // not every test binary needs it
pub fn golden(part: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("EMC2_UNPACKED") {
        return Some(PathBuf::from(folder).join(part));
    }
    let shared = shared()?;
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/shared");
    std::fs::create_dir_all(&folder).expect("target/ can be written");
    // Test binaries run beside one another; one of them unpacks.
    let lock = std::fs::File::create(folder.join("lock")).expect("target/ can be written");
    lock.lock().expect("the lock file can be locked");
    let done = std::process::Command::new(shared.join("unpack"))
        .arg(&folder)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("the unpacking script starts");
    assert!(done.success(), "unpacking the golden figures failed: {done}");
    Some(folder.join(part))
}
