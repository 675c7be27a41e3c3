//! `emc2 eval diff`.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::args_eval::DiffArgs;
use super::super::exit::{Exit, say};
use super::nuscenes::outputs;
use super::write;
use crate::eval::diff::{Side, diff as compare};
use crate::eval::nuscenes::BoxOutcome;
use crate::report::diff_table;

/// `emc2 eval diff`.
pub fn diff(args: &DiffArgs) -> anyhow::Result<Exit> {
    let difference = compare(read(&args.before)?, read(&args.after)?)?;
    say(&diff_table(&difference, args.limit));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&difference).context("writing the differences")?;
        write(path, &format!("{text}\n"))?;
    }
    Ok(Exit::Good)
}

/// Reads the figures in a file, or in a folder that `emc2 eval nuscenes --json` or `emc2 run --eval`
/// wrote, and the outcomes beside them.
fn read(path: &Path) -> anyhow::Result<Side> {
    let found = if path.is_dir() { figures_in(path)? } else { path.to_owned() };
    let path = found.as_path();
    let [_, _, outcomes] = outputs(path);
    let text = std::fs::read_to_string(path).with_context(|| unreadable(path))?;
    // The devkit writes figures that are not numbers as a bare NaN.
    let text = text.replace("NaN", "null");
    let figures = serde_json::from_str(&text).with_context(|| {
        format!("{}: expected the JSON that emc2 eval writes with --json", path.display())
    })?;
    let boxes = outcomes.is_file().then(|| read_outcomes(&outcomes)).transpose()?;
    Ok(Side { figures, boxes })
}

/// The file of figures in a folder: an evaluation's own first, then that of a run of either benchmark.
fn figures_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let places = ["metrics_summary.json", "eval.json", "eval/metrics_summary.json"];
    let found = places.iter().map(|name| folder.join(name)).find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "no figures in {}; expected eval.json (`emc2 run --eval` over KITTI), eval/metrics_summary.json (the same over \
             nuScenes) or metrics_summary.json (`emc2 eval nuscenes --json DIR`); a run without --eval has none",
            folder.display()
        )
    })
}

fn read_outcomes(path: &Path) -> anyhow::Result<Vec<BoxOutcome>> {
    let file = File::open(path).with_context(|| unreadable(path))?;
    serde_json::from_reader(BufReader::new(file)).with_context(|| {
        format!(
            "{}: expected what emc2 eval nuscenes writes with --json and --outcomes; write it again with this version",
            path.display()
        )
    })
}

fn unreadable(path: &Path) -> String {
    format!(
        "cannot read {}; expected what `emc2 eval kitti --json FILE`, `emc2 run --eval` (eval.json) or \
         `emc2 eval nuscenes --json DIR` (metrics_summary.json) wrote",
        path.display()
    )
}
