//! `emc2 run --eval`: the run's results against the labels of its source.

use std::path::{Path, PathBuf};

use super::args::{Dataset, SourceArgs};
use super::eval::{Wanted, tell_kitti};
use super::exit::UsageError;
use crate::eval::kitti::{Difficulty, Folders, Metric, Missing, Options};

/// Where the labels of a source are, checked before a long run.
pub fn labels(args: &SourceArgs) -> anyhow::Result<PathBuf> {
    let inside: &[&str] = match args.dataset {
        Dataset::Kitti => &["training/label_2", "label_2"],
        Dataset::KittiRaw => &["label_2"],
        Dataset::KittiTracking | Dataset::Nuscenes => {
            let message = "--eval reads the labels of kitti and kitti-raw; for nuscenes run \
                           emc2 eval nuscenes on the results.json afterwards (kitti-tracking has one \
                           label file a sequence, which the object benchmark does not judge)";
            return Err(UsageError(message.to_owned()).into());
        }
    };
    let found = inside.iter().map(|name| args.root.join(name)).find(|path| path.is_dir());
    found.ok_or_else(|| {
        let message = format!(
            "--eval needs labels: expected {} in {}",
            inside.join(" or "),
            args.root.display()
        );
        UsageError(message).into()
    })
}

/// Judges the frames of a run; writes `eval.json` and `eval.html` into its folder.
pub fn kitti(labels: &Path, out: &Path, frames: &[String], brief: bool) -> anyhow::Result<()> {
    let folders = Folders {
        labels: labels.to_owned(),
        results: out.join("results"),
        split: Some(frames.to_vec()),
        missing: Missing::Skip, // a frame that could not be read was told of
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
    println!();
    tell_kitti(&folders, &Options::default(), &wanted)
}
