//! Why an evaluation could not be made: where, what was expected, what was found, what to do.

use std::path::PathBuf;

use crate::sensor;
use crate::sensor::nuscenes::json::JsonError;

/// What went wrong while evaluating nuScenes results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tables or the split cannot be read.
    #[error(transparent)]
    Tables(#[from] sensor::Error),
    /// The results file cannot be opened or read on.
    #[error("cannot read the results {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The results are not what they should be at one place.
    #[error("{file}, {place}: {cause}. {todo}")]
    Results {
        /// Which file.
        file: String,
        /// Sample, box and field, as far as they were reached.
        place: String,
        /// What is wrong, and where in the file.
        cause: Box<JsonError>,
        /// What to do.
        todo: &'static str,
    },
    /// More boxes in a sample than the benchmark allows.
    #[error(
        "{file}, sample {sample}: expected at most {limit} boxes, found {found}. \
         Keep the {limit} of the highest scores (the limit counts before any filter)"
    )]
    TooManyBoxes {
        /// Which file.
        file: String,
        /// Which sample.
        sample: String,
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// A sample that has results twice.
    #[error(
        "{file}, byte {byte}: the sample {sample} has results for the second time. \
         Expected each sample once; put its boxes into one list"
    )]
    DuplicateSample {
        /// Which file.
        file: String,
        /// Where its list begins for the second time.
        byte: u64,
        /// Which sample.
        sample: String,
    },
    /// A sample that two of several results files hold.
    #[error(
        "{first} and {second} both hold results for the sample {sample}. Expected each sample in one of \
         the files; leave it out of the other"
    )]
    SampleInTwoFiles {
        /// One file.
        first: String,
        /// The other.
        second: String,
        /// Which sample.
        sample: String,
    },
    /// Results that lack samples of the split.
    #[error(
        "{file}: {missing} of the {expected} samples of {split} have no entry, first {}; expected one for each, \
         if need be with an empty list. {hint}", first.join(", ")
    )]
    MissingSamples {
        /// Which file.
        file: String,
        /// The split.
        split: String,
        /// How many are missing.
        missing: usize,
        /// How many there should be.
        expected: usize,
        /// The first few, in the tables' order.
        first: Vec<String>,
        /// What to do.
        hint: String,
    },
    /// Results for samples that are not in the split.
    #[error(
        "{file}: {extra} of the {found} samples with results are not in {split}, first {}. {hint}", first.join(", ")
    )]
    ExtraSamples {
        /// Which file.
        file: String,
        /// The split.
        split: String,
        /// How many do not belong there.
        extra: usize,
        /// How many samples have results.
        found: usize,
        /// The first few, in the file's order.
        first: Vec<String>,
        /// What they are, and what to do.
        hint: String,
    },
    /// The tables hold nothing of the split.
    #[error(
        "the tables {tables} hold no sample of {split}: expected one of its {expected} scenes, found {found}. \
         Give the version and the split that belong together"
    )]
    EmptySplit {
        /// Where the tables are.
        tables: String,
        /// The split.
        split: String,
        /// How many scenes the split has.
        expected: usize,
        /// Which scenes the tables hold.
        found: String,
    },
    /// The split has samples, but none of them is annotated.
    #[error(
        "the tables {tables} hold {samples} samples of {split} but not one annotation of them. \
         The test split's annotations are not public; evaluate on val or mini_val"
    )]
    NoAnnotations {
        /// Where the tables are.
        tables: String,
        /// The split.
        split: String,
        /// How many samples.
        samples: usize,
    },
    /// An annotation or sample that the benchmark's rules cannot use.
    #[error(
        "the tables {tables}: {what} {token}: expected {expected}, found {found}. Copy the tables again"
    )]
    Truth {
        /// Where the tables are.
        tables: String,
        /// What it is: `annotation` or `sample`.
        what: &'static str,
        /// Its token.
        token: String,
        /// What the rules ask for.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}
