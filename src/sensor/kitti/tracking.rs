//! KITTI's tracking layout: `training/velodyne/0000/000000.bin`, `image_02/0000/000000.png`, and for
//! each sequence one `calib/0000.txt` and one `label_02/0000.txt`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Options;
use super::files::{contents, id_at, label_folder, read_text, stems, tenth_seconds};
use super::reader::{Calibration, Parts, Reader};
use super::row::{ObjectRow, RowError};
use crate::frame::Frame;
use crate::sensor::{Error, Source};

const LAYOUT: &str = "KITTI tracking";

/// A folder in KITTI's tracking layout. Frames are named `sequence/frame`, such as `0000/000042`;
/// stamps count from 0 within a sequence, a tenth of a second a frame.
pub struct KittiTracking {
    name: String,
    base: PathBuf,
    ids: Vec<String>,
    labels: HashMap<String, SequenceLabels>,
    reader: Reader,
}

/// A sequence's label file, its lines sorted by frame but not yet read further: so that a bad line
/// is an error of its own frame only.
#[derive(Debug, PartialEq, Eq)]
pub struct SequenceLabels {
    file: String,
    lines: HashMap<u64, Vec<(usize, String)>>,
}

impl SequenceLabels {
    /// Sorts the lines of a label file, which begin with frame and track number. `file` names it in
    /// errors.
    ///
    /// # Errors
    /// [`Error::Row`] for a line whose frame number cannot be read: it could belong to any frame.
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        let mut lines: HashMap<u64, Vec<(usize, String)>> = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let Some(first) = line.split_ascii_whitespace().next() else { continue };
            let frame = first.parse().map_err(|_| Error::Row {
                file: file.to_owned(),
                line: index + 1,
                cause: RowError::Whole { column: 1, name: "frame", found: first.to_owned() },
            })?;
            lines.entry(frame).or_default().push((index + 1, line.to_owned()));
        }
        Ok(Self { file: file.to_owned(), lines })
    }

    /// The rows of one frame with their line numbers, without frame and track number; none for a
    /// frame in which nothing is labelled.
    ///
    /// # Errors
    /// [`Error::Row`] at the frame's first bad line.
    pub fn rows(&self, frame: u64) -> Result<Vec<(usize, ObjectRow)>, Error> {
        let lines = self.lines.get(&frame).map_or(&[][..], Vec::as_slice);
        lines
            .iter()
            .map(|(line, text)| match parse_line(text) {
                Ok(row) => Ok((*line, row)),
                Err(cause) => Err(Error::Row { file: self.file.clone(), line: *line, cause }),
            })
            .collect()
    }
}

fn parse_line(line: &str) -> Result<ObjectRow, RowError> {
    // The rest of the line behind its first two columns.
    let mut rest = line.trim_ascii_start();
    let mut track = "";
    for _ in 0..2 {
        let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        track = &rest[..end];
        rest = rest[end..].trim_ascii_start();
    }
    // DontCare areas have track -1.
    if track.parse::<i64>().is_err() {
        return Err(RowError::Whole { column: 2, name: "track", found: track.to_owned() });
    }
    rest.parse().map_err(|error: RowError| error.behind(2))
}

impl KittiTracking {
    /// Opens the data set's folder, or its `training` or `testing` folder.
    ///
    /// # Errors
    /// [`Error::Layout`] where there is no sequence with scans (or no folder `labels_from`),
    /// [`Error::Split`] for a bad name in `ids`, [`Error::Row`] for a label line that belongs to no
    /// frame, [`Error::Read`] where a folder or label file cannot be read.
    pub fn open(root: &Path, options: Options) -> Result<Self, Error> {
        let inner = root.join("training");
        let base = if inner.is_dir() { inner } else { root.to_owned() };
        let reader = Reader::new(options);
        let wrong = |found| Error::Layout {
            layout: LAYOUT,
            root: base.clone(),
            expected: "velodyne/0000/*.bin, calib/0000.txt and, if there are any, image_02/0000 and \
                       label_02/0000.txt, here or in a folder `training`",
            found,
        };
        let found = list_scans(&base)?;
        if found.is_empty() {
            return Err(wrong(format!("no scan in velodyne/*/; {}", contents(&base))));
        }
        let label_base = label_folder(&base, &reader.options, "label_02", LAYOUT)?;
        let ids = match &reader.options.ids {
            None => reader.ids(|| Ok(found))?,
            // A sequence's name stands for its frames.
            Some(_) => reader
                .ids(|| Ok(Vec::new()))?
                .into_iter()
                .flat_map(|id| {
                    let prefix = format!("{id}/");
                    let mut frames: Vec<_> =
                        found.iter().filter(|known| known.starts_with(&prefix)).cloned().collect();
                    frames.sort_unstable();
                    if frames.is_empty() { vec![id] } else { frames }
                })
                .collect(),
        };
        let mut labels = HashMap::new();
        for (sequence, _) in ids.iter().filter_map(|id| id.split_once('/')) {
            let path = label_base.join(format!("{sequence}.txt"));
            if !labels.contains_key(sequence) && path.exists() {
                let text = read_text("label file", &path)?;
                let parsed = SequenceLabels::parse(&text, &path.display().to_string())?;
                labels.insert(sequence.to_owned(), parsed);
            }
        }
        Ok(Self { name: format!("{LAYOUT} {}", root.display()), base, ids, labels, reader })
    }
}

fn list_scans(base: &Path) -> Result<Vec<String>, Error> {
    let velodyne = base.join("velodyne");
    let Ok(sequences) = std::fs::read_dir(&velodyne) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in sequences {
        let entry = entry.map_err(|source| Error::Read {
            what: "folder",
            path: velodyne.clone(),
            source,
        })?;
        if let Some(sequence) = entry.file_name().to_str() {
            let names = stems(&entry.path(), "bin")?.into_iter().flatten();
            found.extend(names.map(|name| format!("{sequence}/{name}")));
        }
    }
    Ok(found)
}

impl Source for KittiTracking {
    fn name(&self) -> &str {
        &self.name
    }

    fn ids(&self) -> &[String] {
        &self.ids
    }

    fn load_into(&self, index: usize, frame: &mut Frame) -> Result<(), Error> {
        let id = id_at(&self.ids, index, &self.name)?;
        let (sequence, name) = id.split_once('/').unwrap_or((id, ""));
        let number = name.parse::<u64>().unwrap_or(0);
        let rows = self.labels.get(sequence).map(|labels| {
            let rows = labels.rows(number)?;
            Ok((rows, labels.file.clone()))
        });
        let parts = Parts {
            id,
            stamp: tenth_seconds(number),
            scan: self.base.join(format!("velodyne/{id}.bin")),
            image_stem: self.base.join("image_02").join(id),
            calibration: Calibration::File(self.base.join(format!("calib/{sequence}.txt"))),
            labels: rows.transpose(),
        };
        self.reader.fill(parts, frame)
    }
}
