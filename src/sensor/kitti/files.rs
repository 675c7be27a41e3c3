//! Folders and text files of KITTI's layouts: what is in them, or why they cannot be read.

use std::path::{Path, PathBuf};

use super::Options;
use super::row::{ObjectRow, parse_rows};
use crate::frame::Stamp;
use crate::sensor::Error;

/// The rows of a label file with their line numbers, and the file's name.
pub(super) type LabelRows = (Vec<(usize, ObjectRow)>, String);

/// The names, without ending, of a folder's files that end in `.ending`; none if it is no folder.
pub(super) fn stems(folder: &Path, ending: &str) -> Result<Option<Vec<String>>, Error> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let unreadable = |source| Error::Read { what: "folder", path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = PathBuf::from(entry.map_err(unreadable)?.file_name());
        if path.extension().is_some_and(|found| found == ending)
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.push(stem.to_owned());
        }
    }
    Ok(Some(names))
}

/// A whole text file.
pub(super) fn read_text(what: &'static str, path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read {
        what,
        path: path.to_owned(),
        source,
    })
}

/// The rows of a label file, or none where there is no such file.
pub(super) fn read_labels(path: &Path) -> Result<Option<LabelRows>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    let file = path.display().to_string();
    Ok(Some((parse_rows(&read_text("label file", path)?, &file)?, file)))
}

/// What is in a folder, for messages.
pub(super) fn contents(folder: &Path) -> String {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return if folder.exists() {
            "it is not a folder that can be read"
        } else {
            "it does not exist"
        }
        .to_owned();
    };
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    if names.is_empty() {
        return "it is empty".to_owned();
    }
    let more = names.len().saturating_sub(8);
    names.truncate(8);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("it holds {}{tail}", names.join(", "))
}

/// An error where a folder of labels was asked for by name and is not there.
pub(super) fn label_folder(
    base: &Path,
    options: &Options,
    usual: &str,
    layout: &'static str,
) -> Result<PathBuf, Error> {
    let folder = base.join(options.labels_from.as_deref().unwrap_or(usual));
    if options.labels_from.is_some() && !folder.is_dir() {
        return Err(Error::Layout {
            layout,
            root: base.to_owned(),
            expected: "the folder of labels that was asked for (labels_from)",
            found: format!("there is no {}; {}", folder.display(), contents(base)),
        });
    }
    Ok(folder)
}

/// The error for a frame number that is not there.
pub(super) fn id_at<'a>(ids: &'a [String], index: usize, name: &str) -> Result<&'a str, Error> {
    ids.get(index).map(String::as_str).ok_or_else(|| Error::Index {
        name: name.to_owned(),
        index,
        len: ids.len(),
    })
}

/// KITTI's ten turns a second, for layouts that store no time of their own.
pub(super) fn tenth_seconds(frame_number: u64) -> Stamp {
    Stamp(i64::try_from(frame_number.saturating_mul(100_000_000)).unwrap_or(i64::MAX))
}
