//! `emc2 synth`: a synthetic drive on disk.

use std::path::Path;

use super::args::SynthArgs;
use super::exit::{Exit, UsageError};
use super::progress::Progress;
use crate::sensor::synthetic::{Summary, SyntheticConfig, SyntheticDrive};

/// Writes the drive and says where it is.
pub fn synth(args: &SynthArgs) -> anyhow::Result<Exit> {
    let summary = write(&args.out, args.frames, args.seed)?;
    sayln!(
        "{} frames, {} points, {} labelled objects, {} DontCare areas, {:.1} MB",
        summary.frames,
        summary.points,
        summary.labels,
        summary.dont_care,
        summary.bytes as f64 / 1e6
    );
    sayln!("drive: {}", args.out.display());
    sayln!(
        "next:  emc2 run --dataset kitti --root {0} --out {0}-run --pictures",
        args.out.display()
    );
    Ok(Exit::Good)
}

/// Writes a drive with a progress bar.
pub fn write(out: &Path, frames: usize, seed: u64) -> anyhow::Result<Summary> {
    if frames == 0 {
        return Err(UsageError("--frames must be at least 1".to_owned()).into());
    }
    let drive = SyntheticDrive::new(SyntheticConfig { frames, seed, ..SyntheticConfig::default() });
    let progress = Progress::new("drive", frames);
    let summary = drive.write(out, |done, _| progress.at(done))?;
    progress.done();
    Ok(summary)
}
