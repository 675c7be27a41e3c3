//! `frames.jsonl`: a header, then one JSON object a line, each with its kind in `line`.
//!
//! The schema is documented in `docs/frames.jsonl.md`. This file holds the types and the parser; [`super::RunFolder`] writes.

use serde::{Deserialize, Serialize};

use crate::pipeline::FrameResult;

use super::{Error, Machine};

/// Version of the schema, in every header. It grows when a key changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// The first line.
    Header(Box<Header>),
    /// A finished frame.
    Frame(Box<FrameRecord>),
    /// A frame that could not be processed.
    Skipped(SkippedFrame),
    /// The run was interrupted and goes on from here.
    Resumed(Box<Header>),
}

/// What was run, with what, where.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of this program.
    pub version: String,
    /// The words of the command line.
    pub command: Vec<String>,
    /// When the run began, seconds of UNIX time.
    pub started_unix_s: u64,
    /// Where the frames came from, in words.
    pub source: String,
    /// How they were read, where that changes what comes out: the view, the scales, the sweeps.
    pub reading: String,
    /// The whole configuration in force.
    pub config: serde_json::Value,
    /// The models and where each really runs.
    pub models: Vec<ModelInUse>,
    /// Pipelines working side by side.
    pub jobs: usize,
    /// Warnings at the start, such as a provider that could not be had.
    pub warnings: Vec<String>,
    /// The machine.
    pub machine: Machine,
}

/// A loaded model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelInUse {
    /// Its part: `bev`, `lpe`, `vee`, `ape`, `image`.
    pub role: String,
    /// Its contract's name.
    pub name: String,
    /// SHA-256 of its file, hexadecimal.
    pub sha256: String,
    /// The providers that its session really uses, in order.
    pub providers: Vec<String>,
    /// Precision, such as `fp32`.
    pub precision: String,
}

/// A finished frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameRecord {
    /// What the pipeline said.
    #[serde(flatten)]
    pub result: FrameResult,
    /// Whether this was the first frame of its pipeline.
    pub cold: bool,
    /// Boxes in `results/<frame>.txt`.
    pub kitti_written: u32,
    /// Boxes that are only here, because nothing of them lies in the image.
    pub kitti_outside_image: u32,
}

/// A frame that could not be processed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFrame {
    /// The frame's name.
    pub frame: String,
    /// Why, in words.
    pub cause: String,
}

/// An earlier run, read back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParsedRun {
    /// Its header; none for a file that was cut within its first line.
    pub header: Option<Header>,
    /// Finished frames, in the file's order.
    pub frames: Vec<FrameRecord>,
    /// Frames that were skipped and not finished later.
    pub skipped: Vec<SkippedFrame>,
    /// Length of the file up to the end of its last complete line, bytes.
    pub complete_bytes: usize,
}

/// Reads a `frames.jsonl`. A last line without its line feed (the run was interrupted there) is left
/// out; `source_name` is for messages.
///
/// # Errors
/// [`Error::BadLine`] when a complete line is not JSON of this schema, or the first is no header.
pub fn parse(bytes: &[u8], source_name: &str) -> Result<ParsedRun, Error> {
    let complete_bytes = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let mut run = ParsedRun { complete_bytes, ..ParsedRun::default() };
    for (index, text) in bytes[..complete_bytes].split_inclusive(|&b| b == b'\n').enumerate() {
        let bad = |message: String| Error::BadLine {
            source_name: source_name.to_owned(),
            line: index + 1,
            message,
        };
        let line: Line = serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
        match line {
            Line::Header(header) if index == 0 => {
                if header.schema != SCHEMA {
                    return Err(bad(format!("expected schema {SCHEMA}, found {}", header.schema)));
                }
                run.header = Some(*header);
            }
            _ if index == 0 => return Err(bad("the first line is no header".to_owned())),
            Line::Header(_) => return Err(bad("a second header".to_owned())),
            Line::Frame(frame) => run.frames.push(*frame),
            Line::Skipped(skipped) => run.skipped.push(skipped),
            Line::Resumed(_) => {}
        }
    }
    let mut seen = std::collections::HashSet::new();
    // A frame that was done again, because its files had gone, counts once, as it was done last.
    run.frames.reverse();
    run.frames.retain(|frame| seen.insert(frame.result.frame.clone()));
    run.frames.reverse();
    let finished = std::mem::take(&mut seen);
    // A frame that was skipped twice is told once, with its latest cause.
    run.skipped.reverse();
    run.skipped.retain(|s| !finished.contains(&s.frame) && seen.insert(s.frame.clone()));
    run.skipped.reverse();
    Ok(run)
}

/// The names of the frames of a file, whatever else is in it: what an earlier run may have left files of.
pub(super) fn names(bytes: &[u8]) -> Vec<String> {
    let lines = bytes.split(|&b| b == b'\n');
    let frames = lines.filter_map(|text| match serde_json::from_slice(text) {
        Ok(Line::Frame(frame)) => Some(frame.result.frame),
        _ => None,
    });
    frames.collect()
}
