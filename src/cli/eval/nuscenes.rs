//! `emc2 eval nuscenes`: a results file becomes AP, errors and NDS.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueHint};

use super::{create, write};
use crate::cli::exit::Exit;
use crate::eval::nuscenes::{BoxOutcome, Request, evaluate};
use crate::report::{NuscenesPage, nuscenes_page};

#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)] // the word is taken by the tables' version
#[command(after_help = "\
Examples:
  emc2 eval nuscenes --root NUSCENES --version v1.0-mini --split mini_val --results results.json
  emc2 eval nuscenes --root NUSCENES --version v1.0-trainval --split val --results results.json --json out/
  emc2 eval nuscenes --root NUSCENES --version v1.0-trainval --split val --results first.json --results second.json
  emc2 eval nuscenes --root NUSCENES --version v1.0-mini --split mini_val --results results.json --explain why.jsonl

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
    /// The results file, in nuScenes' submission format, or the folder of a run, whose results.json is taken.
    /// Given several times, the files are taken as one: a split that was run in parts.
    #[arg(long, required = true, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub results: Vec<PathBuf>,
    /// Evaluate only the samples that have results. The figures are then not the split's.
    #[arg(long)]
    pub subset: bool,
    /// Write metrics_summary.json and metrics_details.json into this folder; or, for a name that ends in
    /// .json, the summary to this file and the details beside it (NAME_details.json).
    #[arg(long, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub json: Option<PathBuf>,
    /// With --json, also write metrics_outcomes.json (NAME_outcomes.json): what became of each box, which is what
    /// emc2 eval diff compares box by box. About 500 bytes a box.
    #[arg(long, requires = "json")]
    pub outcomes: bool,
    /// Write one JSON line for each annotation and detection: what became of it, and by which rule.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub explain: Option<PathBuf>,
    /// Write a page with tables, curves, score histograms and the worst misses.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// `emc2 eval nuscenes …`.
pub fn nuscenes(args: &NuscenesArgs) -> anyhow::Result<Exit> {
    let results =
        args.results.iter().map(|path| results_file(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let request = Request {
        root: args.root.clone(),
        version: args.version.clone(),
        split: args.split.clone(),
        results: results.clone(),
        subset: args.subset,
        outcomes: args.outcomes || args.explain.is_some() || args.html.is_some(),
        threads: 0,
    };
    let evaluation = evaluate(&request)?;
    let outcomes = evaluation.outcomes.as_deref().unwrap_or_default();
    sayln!("{evaluation}");
    let mut written = Vec::new();
    if let Some(path) = &args.json {
        let [summary, details, boxes] = outputs(path);
        write(&summary, &evaluation.summary_json())?;
        write(&details, &evaluation.details_json())?;
        written.extend([summary, details]);
        if args.outcomes {
            write_lines(&boxes, outcomes, [b"[\n", b",\n", b"\n]\n"])?;
            written.push(boxes);
        } else {
            take_away(&boxes)?;
        }
    }
    if let Some(path) = &args.explain {
        write_lines(path, outcomes, [b"", b"\n", b"\n"])?;
        written.push(path.clone());
    }
    if let Some(path) = &args.html {
        let tables = args.root.join(&args.version);
        // A run leaves its pictures beside its results.
        let run = results.first().and_then(|path| path.parent());
        let pictures = run.map(|run| run.join("overlay"));
        let page =
            NuscenesPage { evaluation: &evaluation, tables: &tables, results: &results, pictures };
        write(path, &nuscenes_page(&page)?)?;
        written.push(path.clone());
    }
    if !written.is_empty() {
        let names: Vec<_> = written.iter().map(|path| path.display().to_string()).collect();
        sayln!("\nwritten: {}", names.join(", "));
    }
    Ok(Exit::Good)
}

/// A results file as it is named, or that of a run's folder.
fn results_file(path: &Path) -> anyhow::Result<PathBuf> {
    let inside = path.join("results.json");
    anyhow::ensure!(
        !path.is_dir() || inside.is_file(),
        "{} is a folder without results.json; expected a results file, or the --out of \
         `emc2 run --dataset nuscenes`",
        path.display()
    );
    Ok(if path.is_dir() { inside } else { path.to_owned() })
}

/// Where summary, details and outcomes go.
pub(super) fn outputs(path: &Path) -> [PathBuf; 3] {
    match path.file_stem() {
        Some(stem) if path.extension().is_some_and(|extension| extension == "json") => {
            let stem = stem.to_string_lossy();
            let name = stem.strip_suffix("_summary").unwrap_or(&stem);
            let beside = |what: &str| path.with_file_name(format!("{name}_{what}.json"));
            [path.to_owned(), beside("details"), beside("outcomes")]
        }
        _ => ["metrics_summary.json", "metrics_details.json", "metrics_outcomes.json"]
            .map(|name| path.join(name)),
    }
}

/// Removes the outcomes of an earlier evaluation, which are not those of the new summary beside them.
fn take_away(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing the earlier {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a line of JSON for each box as it goes, with what stands before, between and behind them.
fn write_lines(
    path: &Path,
    outcomes: &[BoxOutcome],
    [before, between, behind]: [&[u8]; 3],
) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(create(path)?);
    file.write_all(before).with_context(failed)?;
    for (place, outcome) in outcomes.iter().enumerate() {
        if place > 0 {
            file.write_all(between).with_context(failed)?;
        }
        serde_json::to_writer(&mut file, outcome).with_context(failed)?;
    }
    file.write_all(behind).with_context(failed)?;
    file.flush().with_context(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_stands_for_its_results() {
        let folder = tempfile::tempdir().unwrap();
        let none = results_file(folder.path()).unwrap_err().to_string();
        assert!(none.contains("without results.json"), "{none}");
        let inside = folder.path().join("results.json");
        std::fs::write(&inside, "{}").unwrap();
        assert_eq!(results_file(folder.path()).unwrap(), inside);
        let file = folder.path().join("other.json");
        assert_eq!(results_file(&file).unwrap(), file);
    }

    #[test]
    fn details_lie_beside_the_summary() {
        let names = |path: &str| outputs(path.as_ref()).map(|path| path.display().to_string());
        assert_eq!(
            names("out"),
            ["out/metrics_summary.json", "out/metrics_details.json", "out/metrics_outcomes.json"]
        );
        assert_eq!(names("a/b.json"), ["a/b.json", "a/b_details.json", "a/b_outcomes.json"]);
        assert_eq!(
            names("metrics_summary.json"),
            ["metrics_summary.json", "metrics_details.json", "metrics_outcomes.json"]
        );
    }
}
