//! Several results files become one, as if the second stood behind the first: a drive that was run in
//! parts gives the figures of the whole.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::results::{Results, read_results};
use crate::sensor::nuscenes::tables::{Token, TokenMap};

/// Reads results files one after the other and joins them in their order. The `meta` is the first's.
///
/// # Errors
/// As [`read_results`]; [`Error::SampleInTwoFiles`] where two of them hold the same sample.
pub fn read_results_of(paths: &[PathBuf]) -> Result<Results, Error> {
    let mut whole = Results::default();
    // Which file each sample came from; one file has been checked by its reader.
    let mut files: TokenMap<usize> = TokenMap::default();
    for (file, path) in paths.iter().enumerate() {
        let part = read_results(path)?;
        if paths.len() > 1 {
            for &(sample, _) in &part.samples {
                if let Some(first) = files.insert(sample, file) {
                    return Err(twice(&paths[first], path, &part, sample));
                }
            }
        }
        whole.append(part);
    }
    Ok(whole)
}

fn twice(first: &Path, second: &Path, part: &Results, sample: Token) -> Error {
    Error::SampleInTwoFiles {
        first: first.display().to_string(),
        second: second.display().to_string(),
        sample: part.spellings.text(sample),
    }
}

impl Results {
    /// Puts `other` behind what is there; the samples of the two must differ. `meta` stays that of the
    /// first.
    pub fn append(&mut self, other: Self) {
        if self.samples.is_empty() {
            *self = other;
            return;
        }
        let (samples, boxes) = (self.samples.len() as u32, self.boxes.len());
        self.samples.extend(other.samples.into_iter().map(|(token, end)| (token, boxes + end)));
        let moved = other
            .boxes
            .into_iter()
            .map(|one| super::EvalBox { sample: samples + one.sample, ..one });
        self.boxes.extend(moved);
        self.spellings.merge(other.spellings);
    }
}
