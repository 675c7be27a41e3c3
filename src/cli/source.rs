//! `--dataset`, `--root`, `--split`, `--frames`: which frames.

use anyhow::Context as _;

use super::args::{Dataset, SourceArgs};
use super::exit::UsageError;
use crate::sensor::{Source, kitti};

/// Opens the source that the words name.
pub fn open(args: &SourceArgs, strict: bool) -> anyhow::Result<Box<dyn Source>> {
    let ids = match &args.split {
        Some(path) => Some(kitti::read_split(path).map_err(|error| UsageError(error.to_string()))?),
        None if args.frames.is_empty() => None,
        None => Some(args.frames.clone()),
    };
    let options = kitti::Options {
        crop_to_image: !args.whole_turn,
        strict,
        ids,
        ..kitti::Options::default()
    };
    let layout = match args.dataset {
        Dataset::Kitti => kitti::Layout::Object,
        Dataset::KittiRaw => kitti::Layout::Raw,
        Dataset::KittiTracking => kitti::Layout::Tracking,
    };
    let source = kitti::open(layout, &args.root, options)
        .with_context(|| format!("opening {}", args.root.display()))?;
    if source.is_empty() {
        let message = format!("{}: there is no frame in it", args.root.display());
        return Err(UsageError(message).into());
    }
    Ok(source)
}
