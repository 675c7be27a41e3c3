//! What can be wrong with a calibration file.

use std::path::PathBuf;

/// An error of the calibration room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("reading the calibration {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line that the projection needs is not there.
    #[error(
        "{file}: no line `{key}:` found; expected it to hold {expected} numbers. Is this a \
         calibration of KITTI's {layout} layout?"
    )]
    MissingKey {
        /// Which file.
        file: String,
        /// The key.
        key: &'static str,
        /// How many numbers belong to it.
        expected: usize,
        /// The layout that the file was read as.
        layout: &'static str,
    },
    /// A line has too few or too many numbers.
    #[error("{file}, line {line}: `{key}` has {found} numbers, expected {expected}")]
    WrongCount {
        /// Which file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// How many belong there.
        expected: usize,
        /// How many stand there.
        found: usize,
    },
    /// Something that should be a number is not, or is not finite.
    #[error(
        "{file}, line {line}: value {position} of `{key}`: expected a finite number, found `{found}`"
    )]
    NotANumber {
        /// Which file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// The key.
        key: &'static str,
        /// Which value, from 1.
        position: usize,
        /// What stands there.
        found: String,
    },
    /// A 3×3 matrix that should be a rotation is not.
    #[error(
        "{file}: `{what}` is not a rotation: R Rᵀ departs from the identity by {departure:.2e} \
         (limit {limit:.0e}), determinant {determinant:.4}. Check the order of its numbers (row by row)"
    )]
    NotARotation {
        /// Which file.
        file: String,
        /// Key or place.
        what: String,
        /// Largest departure of R Rᵀ from the identity.
        departure: f64,
        /// What is tolerated.
        limit: f64,
        /// Determinant, 1 for a rotation.
        determinant: f64,
    },
    /// A camera matrix that cannot be one.
    #[error("{file}: `{what}` is not a camera matrix: {why}")]
    NotACamera {
        /// Which file.
        file: String,
        /// Key or place.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// The YAML cannot be read: the message holds line, column and the text there.
    #[error("{file}: {message}")]
    Yaml {
        /// Which file.
        file: String,
        /// The parser's words.
        message: String,
    },
    /// The YAML can be read, but a value makes no sense.
    #[error("{file}: `{place}`: expected {expected}, found {found}")]
    Value {
        /// Which file.
        file: String,
        /// Where in the file, as a path of keys.
        place: String,
        /// What belongs there.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
}
