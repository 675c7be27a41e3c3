//! The output folder on disk. What it holds is valid at every moment: files are written under a
//! temporary name and renamed, a frame counts as finished when its line in `frames.jsonl` is
//! complete, and that line is written last.
//!
//! A frame name may hold `/` (KITTI tracking: `0000/000001`); it then becomes subfolders:
//! `results/0000/000001.txt`.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use super::Error;
use super::frames_jsonl::{self, FrameRecord, Header, Line, ParsedRun, SkippedFrame};

/// What to do with a run that is already in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Say so and stop.
    Refuse,
    /// Keep what is finished and go on; frames that were skipped are tried again.
    Resume,
    /// Delete its files, and only those, and begin anew.
    Replace,
}

/// What other commands, or the end of a run, make of all frames: of no worth once there are others.
const DERIVED: [&str; 8] = [
    "report.html",
    "results.json",
    "eval.json",
    "eval.html",
    "eval.jsonl",
    "eval/metrics_summary.json",
    "eval/metrics_details.json",
    "eval/metrics_outcomes.json",
];

/// An output folder that is open for writing. Locked against a second run while it lives.
#[derive(Debug)]
pub struct RunFolder {
    out: PathBuf,
    lines: File,
    lines_path: PathBuf,
    /// Length of the complete lines, bytes.
    complete: u64,
    earlier: ParsedRun,
    finished: HashSet<String>,
    /// Whether what was made of the frames of before is still there.
    derived: bool,
}

impl RunFolder {
    /// Opens `out`, makes it where it is missing, and writes the header.
    ///
    /// # Errors
    /// The folder cannot be written, holds a run (see [`Existing`]), is in use, or holds a run with
    /// another configuration or other models, which cannot be continued.
    pub fn open(out: &Path, header: &Header, existing: Existing) -> Result<Self, Error> {
        fs::create_dir_all(out).map_err(Error::io("make the folder", out))?;
        let lines_path = out.join("frames.jsonl");
        let mut lines = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lines_path)
            .map_err(Error::io("open for writing", &lines_path))?;
        match lines.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: lines_path }),
            // Some network file systems have no locks; a run there is as safe as before.
            Err(TryLockError::Error(_)) => {}
        }
        let mut bytes = Vec::new();
        lines.read_to_end(&mut bytes).map_err(Error::io("read", &lines_path))?;
        let parsed = frames_jsonl::parse(&bytes, &lines_path.display().to_string());
        let mut earlier = match parsed {
            // What is to go need not be right.
            Err(_) if existing == Existing::Replace => ParsedRun::default(),
            parsed => parsed?,
        };
        match existing {
            Existing::Refuse if !earlier.frames.is_empty() => {
                return Err(Error::AlreadyARun {
                    path: lines_path,
                    finished: earlier.frames.len(),
                });
            }
            Existing::Resume => {
                if let Some(found) = &earlier.header {
                    same_run(found, header, &lines_path)?;
                }
                // A frame whose boxes are gone is done again.
                earlier.frames.retain(|frame| {
                    let path = frame_path(out, "results", &frame.result.frame, "txt");
                    path.is_ok_and(|path| path.is_file())
                });
            }
            Existing::Refuse | Existing::Replace => {
                for frame in frames_jsonl::names(&bytes) {
                    remove_frame(out, &frame);
                }
                earlier = ParsedRun::default();
            }
        }
        if existing == Existing::Replace && !bytes.is_empty() {
            remove_derived(out);
        }
        let complete = earlier.complete_bytes as u64;
        let finished = earlier.frames.iter().map(|f| f.result.frame.clone()).collect();
        let derived = existing != Existing::Refuse;
        let mut folder = Self {
            out: out.to_path_buf(),
            lines,
            lines_path,
            complete,
            earlier,
            finished,
            derived,
        };
        folder.cut_back()?;
        let header = Box::new(header.clone());
        folder.append(&match folder.earlier.header {
            Some(_) => Line::Resumed(header),
            None => Line::Header(header),
        })?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.out
    }

    /// What an earlier run left here (only after [`Existing::Resume`]).
    pub fn earlier(&self) -> &ParsedRun {
        &self.earlier
    }

    /// Whether this frame needs no more work.
    pub fn is_finished(&self, frame: &str) -> bool {
        self.finished.contains(frame)
    }

    /// Writes one file of a frame: `folder/<frame>.extension`.
    ///
    /// # Errors
    /// The disk, or a frame name that is no path below the folder.
    pub fn write_frame_file(
        &self,
        folder: &str,
        frame: &str,
        extension: &str,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let path = frame_path(&self.out, folder, frame, extension)?;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Error::io("make the folder", parent))?;
        }
        write_whole(&path, bytes)
    }

    /// Writes a file directly in the folder, such as `report.html`.
    ///
    /// # Errors
    /// The disk.
    pub fn write_file(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        write_whole(&self.out.join(name), bytes)
    }

    /// Writes a frame's line: from now on it is finished. Its other files come before. With the first,
    /// what was made of an earlier run's frames alone goes away (results.json, eval.json, report.html).
    ///
    /// # Errors
    /// The disk. The file then still ends with a complete line.
    pub fn finish_frame(&mut self, record: FrameRecord) -> Result<(), Error> {
        if std::mem::take(&mut self.derived) {
            remove_derived(&self.out);
        }
        let frame = record.result.frame.clone();
        self.append(&Line::Frame(Box::new(record)))?;
        self.finished.insert(frame);
        Ok(())
    }

    /// Writes that a frame was skipped, and why.
    ///
    /// # Errors
    /// The disk.
    pub fn skip_frame(&mut self, skipped: &SkippedFrame) -> Result<(), Error> {
        self.append(&Line::Skipped(skipped.clone()))
    }

    fn append(&mut self, line: &Line) -> Result<(), Error> {
        let mut bytes = serde_json::to_vec(line).map_err(|error| Error::Io {
            doing: "write",
            path: self.lines_path.clone(),
            source: error.into(),
        })?;
        bytes.push(b'\n');
        if let Err(source) = self.lines.write_all(&bytes) {
            // Best effort: the reader leaves a half line out anyway.
            let _ = self.cut_back();
            return Err(Error::Io { doing: "write", path: self.lines_path.clone(), source });
        }
        self.complete += bytes.len() as u64;
        Ok(())
    }

    /// Drops what follows the last complete line, and writes on from there.
    fn cut_back(&mut self) -> Result<(), Error> {
        let cut = |file: &mut File, length| {
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length)).map(|_| ())
        };
        cut(&mut self.lines, self.complete).map_err(Error::io("write", &self.lines_path))
    }
}

/// Frames of two runs go into one file only when the same thing would come out of both.
fn same_run(found: &Header, now: &Header, path: &Path) -> Result<(), Error> {
    let differs = |what, found: String, expected: String| {
        if found == expected {
            return Ok(());
        }
        Err(Error::OtherRun { path: path.to_path_buf(), what, found, expected })
    };
    let models = |header: &Header| {
        let each =
            |m: &super::ModelInUse| format!("{} {} {}", m.role, m.sha256, m.providers.join("+"));
        header.models.iter().map(each).collect::<Vec<_>>().join(", ")
    };
    differs("version", found.version.clone(), now.version.clone())?;
    differs("source", found.source.clone(), now.source.clone())?;
    if !found.reading.is_empty() {
        differs("way of reading", found.reading.clone(), now.reading.clone())?;
    }
    let mut keys = [Vec::new(), Vec::new()];
    unlike("", &found.config, &now.config, &mut keys);
    let [there, here] = keys.map(|found| found.join(", "));
    differs("configuration", there, here)?;
    differs("set of models", models(found), models(now))
}

/// Keys that change how fast boxes come, not which.
const SAME_BOXES: [&str; 3] = ["runtime.threads", "runtime.spinning", "models.check_at_start"];

/// The keys in which two configurations are not alike, with the value of each.
fn unlike(key: &str, a: &Value, b: &Value, out: &mut [Vec<String>; 2]) {
    if let (Value::Object(of_a), Value::Object(of_b)) = (a, b) {
        let more = of_b.keys().filter(|name| !of_a.contains_key(*name));
        for name in of_a.keys().chain(more) {
            let path = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            if SAME_BOXES.contains(&path.as_str()) {
                continue;
            }
            let (a, b) = (of_a.get(name), of_b.get(name));
            unlike(&path, a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null), out);
        }
    } else if a != b {
        out[0].push(format!("{key}: {a}"));
        out[1].push(format!("{key}: {b}"));
    }
}

/// Where a frame's file lies. A name with `/` becomes subfolders.
fn frame_path(out: &Path, folder: &str, frame: &str, extension: &str) -> Result<PathBuf, Error> {
    let plain = |c: Component<'_>| matches!(c, Component::Normal(_));
    if frame.is_empty()
        || frame.ends_with('/')
        || frame.contains(['\\', '\0'])
        || !Path::new(frame).components().all(plain)
    {
        return Err(Error::FrameName { frame: frame.to_owned() });
    }
    Ok(out.join(folder).join(format!("{frame}.{extension}")))
}

/// Files of a frame that may be there; a file that is not there is no error.
fn remove_frame(out: &Path, frame: &str) {
    for (folder, extension) in [("results", "txt"), ("bev", "png"), ("overlay", "png")] {
        if let Ok(path) = frame_path(out, folder, frame, extension) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Takes away what was made of frames that are not all there is any more.
fn remove_derived(out: &Path) {
    for name in DERIVED {
        let _ = fs::remove_file(out.join(name));
    }
}

/// All of a file or nothing: a temporary name beside it, then a rename.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|source| {
        let _ = fs::remove_file(&part);
        Error::Io { doing: "write", path: path.to_path_buf(), source }
    })
}
