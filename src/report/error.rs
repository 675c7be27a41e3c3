//! What can go wrong when results are written or an earlier run is read back.

use std::io;
use std::path::{Path, PathBuf};

/// An output that could not be made, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk said no.
    #[error("cannot {doing} {}: {source}; {}", path.display(), remedy(source))]
    Io {
        /// What was being done, such as `write`.
        doing: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The folder already holds a run, and nobody said what to do with it.
    #[error(
        "{} already holds a run with {finished} finished frames; continue it with --resume, or give another --out",
        path.display()
    )]
    AlreadyARun {
        /// Its `frames.jsonl`.
        path: PathBuf,
        /// Frames in it.
        finished: usize,
    },
    /// The run to continue was made with other settings, so its frames would not compare.
    #[error(
        "cannot continue the run in {}: its {what} differs (there: {found}; now: {expected}); give another --out, or the settings of that run",
        path.display()
    )]
    OtherRun {
        /// Its `frames.jsonl`.
        path: PathBuf,
        /// Which part of the header.
        what: &'static str,
        /// What the file says.
        found: String,
        /// What this run would say.
        expected: String,
    },
    /// Another process has the folder open.
    #[error("another run is writing {}; wait for it, or give another --out", path.display())]
    Busy {
        /// Its `frames.jsonl`.
        path: PathBuf,
    },
    /// A complete line of `frames.jsonl` that is not what this version writes.
    #[error(
        "{source_name}, line {line}: {message}; this is not a frames.jsonl of this version: give another --out"
    )]
    BadLine {
        /// The file.
        source_name: String,
        /// 1 for the first line.
        line: usize,
        /// What was expected and found.
        message: String,
    },
    /// A frame whose name cannot be a path below the output folder.
    #[error(
        "frame name {frame:?} cannot be a file name (empty, absolute, or with `..` or a backslash); rename the frame in its source"
    )]
    FrameName {
        /// The name.
        frame: String,
    },
    /// A picture that could not be encoded.
    #[error("cannot encode the {what} of frame {frame}: {source}")]
    Encode {
        /// Which picture.
        what: &'static str,
        /// Whose.
        frame: String,
        /// Why.
        source: image::ImageError,
    },
    /// A plot that could not be drawn.
    #[error("cannot draw the plot {title:?}: {cause}")]
    Plot {
        /// Its title.
        title: String,
        /// Why.
        cause: String,
    },
}

impl Error {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { doing, path, source }
    }
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, then continue with --resume (everything finished is kept)"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose an --out folder that you may write to"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file is where a folder is needed: choose another --out"
        }
        io::ErrorKind::NotFound => "check that the path exists",
        _ => "check the disk, then continue with --resume",
    }
}
