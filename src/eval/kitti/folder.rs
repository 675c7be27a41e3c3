//! Which frames are judged: the files of a results folder, a list of frames, and the labels.
//!
//! The official program's offline copy judges the frames that have a result file, and no other. It goes by
//! the last ten characters of each name, read as a number, and opens the files of that number in six digits.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::Error;
use super::error::NAMED;
use super::read::unreadable;

/// What a listed frame without a result file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// An error.
    #[default]
    Refuse,
    /// A frame in which nothing was detected: its labels are missed.
    Empty,
    /// A frame that is not judged, as in the official program.
    Skip,
}

/// Where labels and results are, and which frames count.
#[derive(Debug, Clone)]
pub struct Folders {
    /// A folder of label files, or one with `label_2/` or `training/label_2/` in it.
    pub labels: PathBuf,
    /// A folder of result files, or one with `data/` or `results/` in it.
    pub results: PathBuf,
    /// The frames that count; all that have a result file where none are listed.
    pub split: Option<Vec<String>>,
    /// What a listed frame without a result file means.
    pub missing: Missing,
}

/// The files of one frame.
#[derive(Debug, Clone)]
pub(super) struct FrameFiles {
    pub id: String,
    pub label: PathBuf,
    /// None for a frame counted as empty.
    pub result: Option<PathBuf>,
}

/// The frames to read, in the order of their names, and what was left out.
pub(super) struct Listing {
    pub frames: Vec<FrameFiles>,
    /// Text files among the results that are no frames, such as `readme`.
    pub no_frames: Vec<String>,
    /// Result files whose names are not six digits, as those that the official program opens.
    pub odd_names: Vec<String>,
    pub results_not_listed: usize,
    pub listed_without_result: usize,
    pub labels_without_result: usize,
}

pub(super) fn list(folders: &Folders) -> Result<Listing, Error> {
    let results = locate(&folders.results, &["data", "results"]);
    let labels = locate(&folders.labels, &["label_2", "training/label_2"]);
    let found = text_files(&results, "results")?;
    let label_ids = text_files(&labels, "labels")?;
    let listed = |name: &String| folders.split.as_ref().is_some_and(|ids| ids.contains(name));
    let (found, no_frames): (BTreeSet<String>, BTreeSet<String>) = found
        .into_iter()
        .partition(|name| is_numbered(name) || label_ids.contains(name) || listed(name));
    refuse_same_number(&results, &found)?;
    if found.is_empty() {
        return Err(Error::NoResults { path: results });
    }
    let wanted: BTreeSet<String> = match &folders.split {
        Some(ids) => ids.iter().cloned().collect(),
        None => found.clone(),
    };
    let absent: Vec<&String> = wanted.difference(&found).collect();
    if !absent.is_empty() && folders.missing == Missing::Refuse {
        return Err(Error::NoResult {
            results,
            frames: absent.iter().take(NAMED).map(|id| (*id).clone()).collect(),
            count: absent.len(),
            of: wanted.len(),
        });
    }
    let judged: Vec<&String> = wanted
        .iter()
        .filter(|id| folders.missing == Missing::Empty || found.contains(*id))
        .collect();
    if judged.is_empty() {
        return Err(Error::NoResults { path: results });
    }
    let unlabelled: Vec<&&String> = judged.iter().filter(|id| !label_ids.contains(**id)).collect();
    if !unlabelled.is_empty() {
        return Err(Error::NoLabel {
            labels,
            frames: unlabelled.iter().take(NAMED).map(|id| (**id).clone()).collect(),
            count: unlabelled.len(),
            of: judged.len(),
        });
    }
    let frames = judged.iter().map(|id| FrameFiles {
        id: (*id).clone(),
        label: labels.join(format!("{id}.txt")),
        result: found.contains(*id).then(|| results.join(format!("{id}.txt"))),
    });
    Ok(Listing {
        frames: frames.collect(),
        no_frames: no_frames.into_iter().collect(),
        odd_names: judged
            .iter()
            .filter(|id| found.contains(**id) && !is_official(id))
            .map(|id| (*id).clone())
            .collect(),
        results_not_listed: found.difference(&wanted).count(),
        listed_without_result: absent.len(),
        labels_without_result: label_ids.difference(&found).filter(|id| is_numbered(id)).count(),
    })
}

/// Whether a name could be a frame's: all customary ones have a number in them. `readme` has none, nor
/// has `stats_car_detection`, which the official program leaves beside its results.
fn is_numbered(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|stem| stem.bytes().any(|byte| byte.is_ascii_digit()))
}

/// Whether the name is six digits: the official program opens no other file.
fn is_official(name: &str) -> bool {
    name.len() == 6 && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The folder itself if there are files of frames in it, else the first of the customary subfolders.
fn locate(folder: &Path, inside: &[&str]) -> PathBuf {
    let is_frame = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.ok().and_then(|entry| entry.file_name().into_string().ok());
        name.is_some_and(|name| name.strip_suffix(".txt").is_some_and(is_numbered))
    };
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.any(is_frame)) {
        return folder.to_owned();
    }
    let named = inside.iter().map(|name| folder.join(name)).find(|path| path.is_dir());
    named.unwrap_or_else(|| folder.to_owned())
}

/// Names of the `.txt` files below a folder, without the ending, `/` between folders.
fn text_files(folder: &Path, what: &'static str) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((path, prefix)) = folders.pop() {
        let failed = |source| unreadable(what, &path, source);
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            if let Some(stem) = name.strip_suffix(".txt") {
                names.insert(format!("{prefix}{stem}"));
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push((entry.path(), format!("{prefix}{name}/")));
            }
        }
    }
    Ok(names)
}

/// `8.txt` beside `000008.txt`.
fn refuse_same_number(folder: &Path, names: &BTreeSet<String>) -> Result<(), Error> {
    let mut numbers = HashMap::new();
    for name in names {
        let Ok(number) = name.parse::<u64>() else { continue };
        if let Some(first) = numbers.insert(number, name) {
            return Err(Error::Duplicate {
                first: folder.join(format!("{first}.txt")),
                second: folder.join(format!("{name}.txt")),
                number,
            });
        }
    }
    Ok(())
}
