//! `emc2 eval nuscenes`: a results file becomes AP, errors and NDS.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::write;
use crate::cli::exit::Exit;
use crate::eval::nuscenes::{Request, evaluate};
use crate::report::nuscenes_page;

#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)] // the word is taken by the tables' version
#[command(after_help = "\
Examples:
  emc2 eval nuscenes --root NUSCENES --version v1.0-mini --split mini_val --results results.json
  emc2 eval nuscenes --root NUSCENES --version v1.0-trainval --split val --results results.json --json out/

Every sample of the split must have an entry in the results, if need be an empty one; --subset evaluates
those that are there. Only the tables are read (ROOT/VERSION/*.json), no scans or images.")]
pub struct NuscenesArgs {
    /// The folder that holds v1.0-mini/, v1.0-trainval/ or the like.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: PathBuf,
    /// Which tables, such as v1.0-mini.
    #[arg(long, value_name = "NAME")]
    pub version: String,
    /// train, val, test, mini_train, mini_val, or a file that lists scene names.
    #[arg(long, value_name = "SPLIT|FILE")]
    pub split: String,
    /// The results file, in nuScenes' submission format.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub results: PathBuf,
    /// Evaluate only the samples that have results. The figures are then not the split's.
    #[arg(long)]
    pub subset: bool,
    /// Write metrics_summary.json and metrics_details.json into this folder; or, for a name that ends in
    /// .json, the summary to this file and the details beside it (NAME_details.json).
    #[arg(long, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub json: Option<PathBuf>,
    /// Write a page with tables, curves and score histograms.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// `emc2 eval nuscenes …`.
pub fn nuscenes(args: &NuscenesArgs) -> anyhow::Result<Exit> {
    let request = Request {
        subset: args.subset,
        ..Request::new(&args.root, &args.version, &args.split, &args.results)
    };
    let evaluation = evaluate(&request)?;
    println!("{evaluation}");
    if let Some(path) = &args.json {
        let [summary, details] = outputs(path);
        write(&summary, &evaluation.summary_json())?;
        write(&details, &evaluation.details_json())?;
        println!("\nwritten: {}, {}", summary.display(), details.display());
    }
    if let Some(path) = &args.html {
        let tables = args.root.join(&args.version);
        write(path, &nuscenes_page(&evaluation, &tables, &args.results)?)?;
        println!("\nwritten: {}", path.display());
    }
    Ok(Exit::Good)
}

/// Where summary and details go.
fn outputs(path: &Path) -> [PathBuf; 2] {
    match path.file_stem() {
        Some(stem) if path.extension().is_some_and(|extension| extension == "json") => {
            let stem = stem.to_string_lossy();
            let details = match stem.strip_suffix("_summary") {
                Some(name) => format!("{name}_details.json"),
                None => format!("{stem}_details.json"),
            };
            [path.to_owned(), path.with_file_name(details)]
        }
        _ => [path.join("metrics_summary.json"), path.join("metrics_details.json")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_lie_beside_the_summary() {
        let names = |path: &str| outputs(path.as_ref()).map(|path| path.display().to_string());
        assert_eq!(names("out"), ["out/metrics_summary.json", "out/metrics_details.json"]);
        assert_eq!(names("a/b.json"), ["a/b.json", "a/b_details.json"]);
        assert_eq!(names("x_summary.json"), ["x_summary.json", "x_details.json"]);
    }
}
