//! What became of each annotation and detection: the form in which it is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::boxes::EvalBox;
use super::class::TpError;
use super::curve::one_error;
use crate::eval::Outcome;

/// One annotation or detection, judged at the distance at which true positives are (2 m).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BoxOutcome {
    /// The token of its sample.
    pub frame: String,
    /// Whether it is annotated.
    pub is_label: bool,
    /// From 1: the row of an annotation in `sample_annotation.json`, the place of a detection among
    /// those of its sample.
    pub line: usize,
    /// An annotation's token.
    pub token: Option<String>,
    /// Its class; the category of an annotation that has none.
    pub class: String,
    /// What became of it.
    pub outcome: Outcome,
    /// By which rule, in words.
    pub why: String,
    /// The `line` of its partner: whom it was matched with, or for an annotation that was missed and
    /// a detection that is false, the nearest of its class in the sample that counts.
    pub partner: Option<usize>,
    /// The partner's token, where that is an annotation.
    pub partner_token: Option<String>,
    /// Distance of the centres of it and its partner in the plane, m.
    pub centre_distance_m: Option<f64>,
    /// The errors of a matched pair under the devkit's keys (`trans_err` …), in its units; without
    /// those that the benchmark does not define for the class, or that are not known.
    pub errors: Option<BTreeMap<String, f64>>,
    /// The detection's score; for an annotation its partner's.
    pub score: Option<f64>,
    /// LiDAR and radar points within it, where that is known.
    pub points: Option<i32>,
    /// Distance from the vehicle in the plane, m.
    pub distance_m: f64,
    /// Centre in the global frame, m.
    pub location: [f64; 3],
}

/// The errors of a matched pair that are defined and known.
pub(super) fn errors(detection: &EvalBox, truth: &EvalBox) -> BTreeMap<String, f64> {
    let defined = TpError::ALL.into_iter().filter(|error| truth.class.has(*error));
    let each = defined.map(|error| (error, one_error(error, detection, truth, truth.class)));
    let known = each.filter(|(_, value)| !value.is_nan());
    known.map(|(error, value)| (error.key().to_owned(), value)).collect()
}
