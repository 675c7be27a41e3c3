//! The four things that can become of a label or a detection, by whatever benchmark's rules.

use serde::{Deserialize, Serialize};

/// What became of a label or detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A label and a detection that belong together.
    Matched,
    /// A label that no detection took.
    Missed,
    /// A detection without a label.
    False,
    /// Neither find nor mistake; the reason says why.
    Ignored,
}
