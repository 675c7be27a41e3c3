//! Why a folder of results could not be evaluated: where, what was expected, what was found.

use std::path::PathBuf;

/// An error of the KITTI evaluation. All of them are found while reading.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder that cannot be read, or a line that is no row.
    #[error(transparent)]
    Sensor(#[from] crate::sensor::Error),
    /// A label with a score, or a detection without one.
    #[error(
        "{} line {line}: expected {expected} columns ({}), found {found}", path.display(),
        if *expected == 15 { "a label: class, 2D box, size, place, heading" } else { "a result: the columns of a label, then the score" }
    )]
    Columns {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// 15 for labels, 16 for results.
        expected: usize,
        /// What is there.
        found: usize,
    },
    /// Labels where results should be and results where labels should be.
    #[error(
        "the folders look swapped: {} line {label_line} has a score (16 columns, a result) and {} \
         line {result_line} has none (15 columns, a label). Exchange --labels and --results",
        label.display(), result.display()
    )]
    Swapped {
        /// The file among the labels.
        label: PathBuf,
        /// Its line, from 1.
        label_line: usize,
        /// The file among the results.
        result: PathBuf,
        /// Its line, from 1.
        result_line: usize,
    },
    /// An occlusion that is not a whole number. The official program reads an integer there and
    /// takes what is left of the number for the next column.
    #[error(
        "{} line {line}, column 3 (occlusion): expected a whole number (0, 1, 2, 3, or -1), found {found}",
        path.display()
    )]
    Occlusion {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is there.
        found: f64,
    },
    /// A folder without result files.
    #[error(
        "{}: no result file in it. Expected FRAME.txt files, such as 000008.txt, one a frame \
         (an empty file for a frame without detections)", path.display()
    )]
    NoResults {
        /// Which folder.
        path: PathBuf,
    },
    /// Results for frames that have no label.
    #[error(
        "{count} of the {of} result files have no label file in {}: {}. Are these the labels of \
         this run? A list of frames (--split) leaves others out", labels.display(), some_of(frames, *count)
    )]
    NoLabel {
        /// Where labels were looked for.
        labels: PathBuf,
        /// The first few frames.
        frames: Vec<String>,
        /// How many there are.
        count: usize,
        /// Result files in all.
        of: usize,
    },
    /// Listed frames without a result file.
    #[error(
        "{count} of the {of} listed frames have no result file in {}: {}. A detector that found \
         nothing writes an empty file: say --missing empty to count their labels as missed, or \
         --missing skip to leave these frames out, as the official program does", results.display(), some_of(frames, *count)
    )]
    NoResult {
        /// Where results were looked for.
        results: PathBuf,
        /// The first few frames.
        frames: Vec<String>,
        /// How many there are.
        count: usize,
        /// Listed frames in all.
        of: usize,
    },
    /// Two files that are the same frame.
    #[error(
        "{} and {} are the same frame, number {number}: which one counts? Remove one",
        first.display(), second.display()
    )]
    Duplicate {
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// The number that both names stand for.
        number: u64,
    },
}

/// How many names a message lists.
pub(super) const NAMED: usize = 5;

fn some_of(frames: &[String], count: usize) -> String {
    let names = frames.join(", ");
    if count > frames.len() { format!("{names} and {} more", count - frames.len()) } else { names }
}
