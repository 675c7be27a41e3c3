//! `emc2 run --eval`: the run's results against the labels of its source.

use std::path::{Path, PathBuf};

use super::args::{Dataset, SourceArgs};
use super::eval::{NuscenesArgs, Wanted, tell_kitti};
use super::exit::UsageError;
use super::source::Opened;
use crate::eval::kitti::{Difficulty, Folders, Metric, Missing, Options};
use crate::report::NUSCENES_RESULTS;
use crate::sensor::nuscenes::splits;
use crate::sensor::nuscenes::tables::Token;

/// How a run is to be judged.
pub enum Judge {
    /// By the KITTI object benchmark, against the label files in this folder.
    Kitti(PathBuf),
    /// By the nuScenes detection benchmark.
    Nuscenes(NuscenesArgs),
}

impl Judge {
    /// Checks before a long run that its source has labels.
    pub fn of(args: &SourceArgs, out: &Path) -> anyhow::Result<Self> {
        let inside: &[&str] = match args.dataset {
            Dataset::Kitti => &["training/label_2", "label_2"],
            Dataset::KittiRaw => &["label_2"],
            Dataset::KittiTracking => {
                let message = "--eval reads the labels of kitti, kitti-raw and nuscenes: kitti-tracking has \
                               one label file a sequence, which the object benchmark does not judge";
                return Err(UsageError(message.to_owned()).into());
            }
            Dataset::Nuscenes => return Self::nuscenes(args, out),
        };
        let found = inside.iter().map(|name| args.root.join(name)).find(|path| path.is_dir());
        found.map(Self::Kitti).ok_or_else(|| {
            let inside = inside.join(" or ");
            let message =
                format!("judging needs labels: expected {inside} in {}", args.root.display());
            UsageError(message).into()
        })
    }

    /// Checks before a long run that what is run over can be judged: the benchmark knows scenes alone.
    pub fn fits(&self, source: &Opened) -> anyhow::Result<()> {
        let (Self::Nuscenes(request), Opened::Nuscenes(source)) = (self, source) else {
            return Ok(());
        };
        let names = splits::scenes_of(&request.split)?;
        let is_sample = |name: &&String| source.tables().sample_of_token(Token::of(name)).is_some();
        match names.iter().find(is_sample) {
            None => Ok(()),
            Some(name) => {
                let message = format!(
                    "--eval judges whole scenes: expected scene names in {}, found the sample {name}; \
                     without --eval, `emc2 eval nuscenes --subset` judges the samples that have results",
                    request.split
                );
                Err(UsageError(message).into())
            }
        }
    }

    fn nuscenes(args: &SourceArgs, out: &Path) -> anyhow::Result<Self> {
        let (Some(version), Some(split)) = (&args.version, &args.split) else {
            let message =
                "--eval judges nuScenes by splits: say which one with --split (and --version)";
            return Err(UsageError(message.to_owned()).into());
        };
        Ok(Self::Nuscenes(NuscenesArgs {
            root: args.root.clone(),
            version: version.clone(),
            split: split.display().to_string(),
            results: vec![out.join(NUSCENES_RESULTS)],
            subset: false,
            json: Some(out.join("eval")),
            outcomes: true,
            explain: Some(out.join("eval.jsonl")),
            html: Some(out.join("eval.html")),
        }))
    }
}

/// Judges the frames of a run; writes `eval.json` and `eval.html` into its folder.
pub fn kitti(labels: &Path, out: &Path, frames: &[String], brief: bool) -> anyhow::Result<()> {
    let folders = Folders {
        labels: labels.to_owned(),
        results: out.join("results"),
        split: Some(frames.to_vec()),
        missing: Missing::Empty, // a frame that could not be read was told of, and its objects are missed
    };
    let wanted = Wanted {
        json: Some(out.join("eval.json")),
        html: Some(out.join("eval.html")),
        explain: Some(out.join("eval.jsonl")),
        metric: Metric::Box3d,
        difficulty: Difficulty::Moderate,
        threshold: f64::NEG_INFINITY,
        brief,
    };
    sayln!();
    tell_kitti(&folders, &Options::default(), &wanted)
}
