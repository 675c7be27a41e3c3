//! `--dataset`, `--root`, `--version`, `--split`, `--frames`: which frames.

use anyhow::Context as _;

use super::args::{Dataset, SourceArgs};
use super::exit::UsageError;
use crate::sensor::nuscenes::{self, Nuscenes, Selection};
use crate::sensor::{Source, kitti};

/// A source, by what can be asked of it beyond its frames.
pub enum Opened {
    /// One of KITTI's layouts.
    Kitti(Box<dyn Source>),
    /// nuScenes.
    Nuscenes(Box<Nuscenes>),
}

impl Opened {
    /// Its frames.
    pub fn source(&self) -> &dyn Source {
        match self {
            Self::Kitti(source) => source.as_ref(),
            Self::Nuscenes(source) => source.as_ref(),
        }
    }
}

/// Opens the source that the words name.
pub fn open(args: &SourceArgs, strict: bool) -> anyhow::Result<Opened> {
    let layout = match args.dataset {
        Dataset::Kitti => kitti::Layout::Object,
        Dataset::KittiRaw => kitti::Layout::Raw,
        Dataset::KittiTracking => kitti::Layout::Tracking,
        Dataset::Nuscenes => return some_frames(open_nuscenes(args, strict)?, args),
    };
    if args.version.is_some() || args.sweeps != 1 {
        let message = "--version and --sweeps belong to --dataset nuscenes".to_owned();
        return Err(UsageError(message).into());
    }
    for (name, value) in [
        ("--intensity-max", args.intensity_max.map(f64::from)),
        ("--lidar-height", args.lidar_height),
    ] {
        if value.is_some_and(|value| !(value > 0.0 && value.is_finite())) {
            return Err(UsageError(format!("{name}: expected a number above 0")).into());
        }
    }
    let ids = match &args.split {
        Some(path) => Some(kitti::read_split(path).map_err(|error| UsageError(error.to_string()))?),
        None if args.frames.is_empty() => None,
        None => Some(args.frames.clone()),
    };
    let options = kitti::Options {
        crop_to_image: !args.whole_turn,
        strict,
        ids,
        intensity_max: args.intensity_max,
        lidar_height_m: args.lidar_height,
        lidar_beams: args.lidar_beams,
        ..kitti::Options::default()
    };
    let source = kitti::open(layout, &args.root, options)
        .with_context(|| format!("opening {}", args.root.display()))?;
    some_frames(Opened::Kitti(source), args)
}

/// How these words have frames read, where that changes what comes out of them.
pub fn reading(args: &SourceArgs) -> String {
    let view = if args.whole_turn { "the whole turn" } else { "what the camera sees" };
    let told = |value: Option<String>| value.unwrap_or_else(|| "as recognised".to_owned());
    // Said only where it was given: runs from before there was such a word go on.
    let beams = args.lidar_beams.map_or(String::new(), |beams| format!("; beams: {beams}"));
    format!(
        "{view}; full intensity: {}; LiDAR height: {}{beams}; sweeps: {}",
        told(args.intensity_max.map(|max| max.to_string())),
        told(args.lidar_height.map(|height| format!("{height} m"))),
        args.sweeps
    )
}

fn open_nuscenes(args: &SourceArgs, strict: bool) -> anyhow::Result<Opened> {
    if args.intensity_max.is_some() || args.lidar_height.is_some() || args.lidar_beams.is_some() {
        let message = "--intensity-max, --lidar-height and --lidar-beams belong to KITTI's layouts: nuScenes' tables \
                       say where its LiDAR is";
        return Err(UsageError(message.to_owned()).into());
    }
    let selection = match &args.split {
        Some(split) => Selection::Split(split.display().to_string()),
        None if args.frames.is_empty() => Selection::All,
        None => Selection::Named(args.frames.clone()),
    };
    if args.sweeps == 0 {
        return Err(UsageError("--sweeps must be at least 1".to_owned()).into());
    }
    let options = nuscenes::Options {
        selection,
        sweeps: args.sweeps,
        strict,
        ..nuscenes::Options::default()
    };
    let version = args.version.as_deref().unwrap_or_default();
    let source = Nuscenes::open(&args.root, version, options)
        .with_context(|| format!("opening {}", args.root.display()))?;
    Ok(Opened::Nuscenes(Box::new(source)))
}

fn some_frames(opened: Opened, args: &SourceArgs) -> anyhow::Result<Opened> {
    if opened.source().is_empty() {
        let message = format!("{}: there is no frame in it", args.root.display());
        return Err(UsageError(message).into());
    }
    Ok(opened)
}
