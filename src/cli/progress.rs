//! Progress: a bar on a terminal, plain lines elsewhere.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How far a piece of work is.
pub struct Progress {
    name: &'static str,
    total: usize,
    bar: Option<ProgressBar>,
    said: Cell<Instant>,
}

impl Progress {
    /// Begins.
    pub fn new(name: &'static str, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64).with_prefix(name);
            let style = ProgressStyle::with_template(
                "{prefix:>8} {bar:32} {pos}/{len} {per_sec:.1} {eta} left {msg}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { name, total, bar, said: Cell::new(Instant::now()) }
    }

    /// So many are done.
    pub fn at(&self, done: usize) {
        match &self.bar {
            Some(bar) => bar.set_position(done as u64),
            None => {
                if self.said.get().elapsed() > Duration::from_secs(5) {
                    self.said.set(Instant::now());
                    eprintln!("{}: {done}/{}", self.name, self.total);
                }
            }
        }
    }

    /// Tells something without tearing the bar.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    /// Ends.
    pub fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
