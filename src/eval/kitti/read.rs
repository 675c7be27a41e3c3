//! Label and result files become frames; several threads read, the order is that of the names.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::NAMED;
use super::folder::{self, FrameFiles};
use super::{Error, Folders};
use crate::eval::parallel::{threads, try_map};
use crate::frame::Class;
use crate::sensor;
use crate::sensor::kitti::row::{ObjectRow, parse_rows};

/// A label or a detection.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its class; none for a name that is not KITTI's.
    pub class: Option<Class>,
    /// The columns.
    pub row: ObjectRow,
}

impl Entry {
    /// From one row.
    pub fn new(line: usize, row: ObjectRow) -> Self {
        Self { line, class: row.class(), row }
    }

    /// Horizontal distance from the camera to the box's middle, m.
    pub fn distance_m(&self) -> f64 {
        let [x, _, z] = self.row.location;
        x.hypot(z)
    }

    /// Height of the 2D box, pixels; negative for one upside down.
    pub fn height_px(&self) -> f64 {
        self.row.bbox[3] - self.row.bbox[1]
    }

    pub(super) fn score(&self) -> f64 {
        self.row.score.unwrap_or_default()
    }
}

/// The labels and detections of a frame, in file order: the order is part of the rules.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame {
    /// Its name.
    pub id: String,
    /// Ground truth.
    pub labels: Vec<Entry>,
    /// What is judged.
    pub detections: Vec<Entry>,
}

/// What was read, and what a reader of the figures should know about it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Input {
    /// In the order of their names.
    pub frames: Vec<Frame>,
    /// Counts of what was left out, in words; empty if nothing was.
    pub notes: Vec<String>,
}

/// Reads the files of the frames that are judged.
///
/// # Errors
/// See [`Error`]; where several files are bad, the first in the order of names is told.
pub fn read(folders: &Folders) -> Result<Input, Error> {
    let listing = folder::list(folders)?;
    let frames = try_map(&listing.frames, threads(0), read_frame)?;
    let mut notes = Vec::new();
    let mut note = |count: usize, what: &str| {
        if count > 0 {
            notes.push(format!("{count} {what}"));
        }
    };
    let named = |names: &[String]| {
        let more = if names.len() > NAMED { ", …" } else { "" };
        let first: Vec<_> = names.iter().take(NAMED).map(|name| format!("{name}.txt")).collect();
        format!("{}{more}", first.join(", "))
    };
    note(
        listing.no_frames.len(),
        &format!(
            "text files among the results are no frames, without a digit in their names: left out: {}",
            named(&listing.no_frames)
        ),
    );
    note(
        listing.odd_names.len(),
        &format!(
            "result files have other names than six digits: judged here; the official program reads files of \
             six digits only: {}",
            named(&listing.odd_names)
        ),
    );
    note(listing.results_not_listed, "result files are of frames that are not listed: left out");
    note(
        listing.listed_without_result,
        match folders.missing {
            folder::Missing::Empty => "listed frames have no result file: counted as empty",
            _ => "listed frames have no result file: left out",
        },
    );
    if folders.split.is_none() {
        note(
            listing.labels_without_result,
            "label files have no result file: left out, as in the official program",
        );
    }
    let scored = frames.iter().flat_map(|frame| &frame.labels).filter(|l| l.row.score.is_some());
    let scored = scored.count();
    if scored > 0 {
        notes.push(format!(
            "{scored} labels have a 16th column, a score: not used (the official program would read it as the next label)"
        ));
    }
    notes.extend(odd_truncation(&frames));
    notes.extend(odd_detections(&frames));
    Ok(Input { frames, notes })
}

/// That the second column is no share, as in View-of-Delft's labels: all 0 or 1, a fifth of them 1.
fn odd_truncation(frames: &[Frame]) -> Option<String> {
    let labels = || frames.iter().flat_map(|frame| &frame.labels).map(|label| label.row.truncation);
    let labels = || labels().filter(|truncation| *truncation >= 0.0);
    let (all, whole) = (labels().count(), labels().filter(|truncation| *truncation == 1.0).count());
    let shares = labels().any(|truncation| truncation != 0.0 && truncation != 1.0);
    (!shares && whole > 0 && 5 * whole >= all).then(|| {
        format!(
            "{whole} of {all} labels have a truncation of 1 and none has one between 0 and 1: by the rules these do not count (at most 0.5). If the column is \
             no share cut off (View-of-Delft has 1 for people wholly in the picture), set it to 0 in a copy of the labels"
        )
    })
}

fn read_frame(files: &FrameFiles) -> Result<Frame, Error> {
    let labels = entries(&files.label, "labels")?;
    let detections = match &files.result {
        Some(path) => entries(path, "results")?,
        None => Vec::new(),
    };
    let scored = labels.iter().find(|label| label.row.score.is_some());
    let unscored = detections.iter().find(|found| found.row.score.is_none());
    match (scored, unscored, &files.result) {
        (None, None, _) => {}
        (Some(label), Some(found), Some(result)) => {
            return Err(Error::Swapped {
                label: files.label.clone(),
                label_line: label.line,
                result: result.clone(),
                result_line: found.line,
            });
        }
        (Some(_), ..) => {} // View-of-Delft's labels have one: told, not used
        (None, Some(found), result) => {
            let path = result.as_ref().unwrap_or(&files.label);
            return Err(columns(path, found.line, 16, 15));
        }
    }
    let fraction = labels.iter().find(|label| label.row.occlusion.fract() != 0.0);
    if let Some(label) = fraction {
        return Err(Error::Occlusion {
            path: files.label.clone(),
            line: label.line,
            found: label.row.occlusion,
        });
    }
    Ok(Frame { id: files.id.clone(), labels, detections })
}

/// A label or result file, or a folder of them, that the system does not give.
pub(super) fn unreadable(what: &'static str, path: &Path, source: std::io::Error) -> Error {
    sensor::Error::Read { what, path: path.to_owned(), source }.into()
}

fn columns(path: &Path, line: usize, expected: usize, found: usize) -> Error {
    Error::Columns { path: path.to_owned(), line, expected, found }
}

fn entries(path: &Path, what: &'static str) -> Result<Vec<Entry>, Error> {
    let bytes = std::fs::read(path).map_err(|source| unreadable(what, path, source))?;
    let text = String::from_utf8_lossy(&bytes);
    let rows = parse_rows(&text, &path.to_string_lossy())?;
    Ok(rows.into_iter().map(|(line, row)| Entry::new(line, row)).collect())
}

/// Detections that the rules quietly pass over, counted and told.
fn odd_detections(frames: &[Frame]) -> Vec<String> {
    let mut unjudged: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut flat, mut first_flat, mut low, mut judged) = (0, None, 0, 0);
    for frame in frames {
        for found in &frame.detections {
            if !super::Judged::ALL.iter().any(|judged| Some(judged.class()) == found.class) {
                *unjudged.entry(found.row.kind.as_str()).or_default() += 1;
                continue;
            }
            judged += 1;
            if !found.row.has_box3() {
                flat += 1;
                first_flat.get_or_insert_with(|| format!("{} line {}", frame.id, found.line));
            }
            low += usize::from(found.height_px().abs() < super::Difficulty::Hard.height_px());
        }
    }
    let mut notes = Vec::new();
    if !unjudged.is_empty() {
        let each: Vec<String> = unjudged.iter().map(|(name, n)| format!("{name} {n}")).collect();
        notes.push(format!("detections of classes that are not judged: {}", each.join(", ")));
    }
    if let Some(first) = first_flat {
        notes.push(format!(
            "{flat} detections have no volume (a size that is not positive; the first is frame {first}): \
             they match nothing from above and in 3D"
        ));
    }
    if low * 2 > judged {
        notes.push(format!(
            "{low} of {judged} detections have a 2D box lower than 25 pixels: the rules ignore them at every \
             difficulty, from above and in 3D too. Do the results hold 2D boxes?"
        ));
    }
    notes
}
