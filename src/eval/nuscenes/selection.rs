//! Which samples are evaluated, and whether the results are those of just these samples.

use std::collections::{HashMap, HashSet};

use super::error::Error;
use super::results::Results;
use crate::sensor::nuscenes::splits::{scenes_of, splits_with};
use crate::sensor::nuscenes::tables::{Id, Sample, Tables, Token};

/// How many samples an error names.
const SHOWN: usize = 3;

/// The samples of a split, and where results for others would be told.
pub(super) struct Selection<'a> {
    pub(super) tables: &'a Tables,
    pub(super) tables_label: &'a str,
    pub(super) split: &'a str,
    pub(super) results_label: &'a str,
}

impl Selection<'_> {
    /// The split's samples in the tables' order. With `subset` only those that have results.
    /// And how many the split has.
    ///
    /// # Errors
    /// Where the tables hold none of the split, or the results are not those of just these samples.
    pub(super) fn samples(
        &self,
        results: &Results,
        subset: bool,
    ) -> Result<(Vec<Id<Sample>>, usize), Error> {
        let scenes: HashSet<String> = scenes_of(self.split)?.into_iter().collect();
        let is_in_split: Vec<_> =
            self.tables.scenes().iter().map(|scene| scenes.contains(&scene.name)).collect();
        let all = (0..self.tables.samples().len()).map(Id::<Sample>::new);
        let of_split: Vec<Id<Sample>> =
            all.filter(|&sample| is_in_split[self.tables[sample].scene.place()]).collect();
        if of_split.is_empty() {
            return Err(self.empty_split(scenes.len()));
        }
        self.refuse_extra(results, &is_in_split)?;
        let present: HashSet<Token> = results.samples.iter().map(|&(token, _)| token).collect();
        let has_results = |sample: &Id<Sample>| present.contains(&self.tables[*sample].token);
        let missing: Vec<_> = of_split.iter().filter(|sample| !has_results(sample)).collect();
        if missing.is_empty() {
            let count = of_split.len();
            return Ok((of_split, count));
        }
        if subset && missing.len() < of_split.len() {
            let count = of_split.len();
            return Ok((of_split.into_iter().filter(has_results).collect(), count));
        }
        let hint = if present.is_empty() {
            "The results object is empty: did the run write any?"
        } else {
            "To evaluate only the samples that have results, give --subset; the figures are then not the split's"
        };
        Err(Error::MissingSamples {
            file: self.results_label.to_owned(),
            split: self.split.to_owned(),
            missing: missing.len(),
            expected: of_split.len(),
            first: missing
                .iter()
                .take(SHOWN)
                .map(|&&sample| self.tables.spell(self.tables[sample].token))
                .collect(),
            hint: hint.to_owned(),
        })
    }

    fn empty_split(&self, expected: usize) -> Error {
        let names = self.tables.scenes().iter().map(|scene| scene.name.as_str());
        let found = match self.tables.scenes().len() {
            0 => "no scene at all".to_owned(),
            count => {
                let shown: Vec<_> = names.clone().take(SHOWN).collect();
                let splits = most_frequent(names.flat_map(splits_with));
                let of = splits.map_or(String::new(), |split| format!(", of {split}"));
                format!("{count} others ({}, …{of})", shown.join(", "))
            }
        };
        let (tables, split) = (self.tables_label.to_owned(), self.split.to_owned());
        Error::EmptySplit { tables, split, expected, found }
    }

    fn refuse_extra(&self, results: &Results, is_in_split: &[bool]) -> Result<(), Error> {
        let sample_of = |token: Token| self.tables.sample_of_token(token);
        let extra: Vec<_> = results
            .samples
            .iter()
            .map(|&(token, _)| (token, sample_of(token)))
            .filter(|(_, sample)| {
                !sample.is_some_and(|sample| is_in_split[self.tables[sample].scene.place()])
            })
            .collect();
        if extra.is_empty() {
            return Ok(());
        }
        let known = extra.iter().filter_map(|(_, sample)| *sample);
        let scene_names = known.map(|sample| self.tables[self.tables[sample].scene].name.as_str());
        let known_count = scene_names.clone().count();
        let hint = match most_frequent(scene_names.flat_map(splits_with)) {
            Some(other) if known_count == results.samples.len() => {
                format!("They are samples of {other}: give --split {other}, or the results of {}", self.split)
            }
            Some(other) => format!("{known_count} of them are samples of {other}; leave them out"),
            None if known_count == 0 => {
                "The tables know none of these tokens: are they another version's, or another data set's?"
                    .to_owned()
            }
            None => "Leave them out, or name their scenes in the list".to_owned(),
        };
        Err(Error::ExtraSamples {
            file: self.results_label.to_owned(),
            split: self.split.to_owned(),
            extra: extra.len(),
            found: results.samples.len(),
            first: extra
                .iter()
                .take(SHOWN)
                .map(|&(token, _)| results.spellings.text(token))
                .collect(),
            hint,
        })
    }
}

/// The word that comes most often, the first of equals in the alphabet.
fn most_frequent<'a>(words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut counts = HashMap::new();
    for word in words {
        *counts.entry(word).or_insert(0usize) += 1;
    }
    counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(a.0))).map(|(word, _)| word)
}
