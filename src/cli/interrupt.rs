//! Ctrl-C, SIGTERM, SIGHUP: the first asks the work to stop after the frame at hand, the second stops
//! at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Installs the handler once a process; the flag turns true on the first Ctrl-C, SIGTERM or SIGHUP.
pub fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    // A second handler in the same process is refused; then the first one's flag is the one in use.
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after the frames at hand (again: at once)");
    });
    flag
}
