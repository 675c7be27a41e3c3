//! `emc2 eval`: labels and results become figures.

mod diff;
mod kitti;
mod nuscenes;

use std::path::Path;

use anyhow::Context as _;

use super::args_eval::EvalCommand;
use super::exit::Exit;

pub use nuscenes::{NuscenesArgs, nuscenes as judge_nuscenes};

pub use kitti::{Wanted, tell as tell_kitti};

/// `emc2 eval …`.
pub fn eval(command: &EvalCommand) -> anyhow::Result<Exit> {
    match command {
        EvalCommand::Kitti(args) => kitti::kitti(args),
        EvalCommand::Nuscenes(args) => nuscenes::nuscenes(args),
        EvalCommand::Diff(args) => diff::diff(args),
    }
}

/// Writes a file, making its folder.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    create(path)?
        .write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Begins a file, making its folder.
fn create(path: &Path) -> anyhow::Result<std::fs::File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))
}
