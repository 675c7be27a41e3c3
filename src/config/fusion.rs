//! Fusion: how boxes of several experts become one, and their scores' calibration.

use serde::{Deserialize, Serialize};

/// How overlapping boxes of a class become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FusionMethod {
    /// Keep the best, drop the rest.
    Nms,
    /// Average them, weighted by score.
    Wbf,
}

/// Fusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FusionConfig {
    /// `nms` or `wbf`.
    pub method: FusionMethod,
    /// Rotated BEV overlap above which two boxes of a class are one object.
    pub overlap: f64,
    /// Rotated BEV overlap above which boxes of two classes are one object, which is what the better
    /// one says; 1: never.
    pub across_classes: f64,
    /// Boxes below this are dropped at the end.
    pub min_score: f32,
    /// For each expert a table `[raw score, calibrated score]`, rising; linear in between. Empty: that of
    /// the model's contract, and unchanged where that has none.
    pub calibration: Calibration,
}

/// Score tables per expert.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Calibration {
    pub bridge: Vec<[f32; 2]>,
    pub lpe: Vec<[f32; 2]>,
    pub vee: Vec<[f32; 2]>,
    pub ape: Vec<[f32; 2]>,
    pub emergency: Vec<[f32; 2]>,
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self {
            method: FusionMethod::Nms,
            overlap: 0.1,
            across_classes: 1.0,
            min_score: 0.02,
            calibration: Calibration::default(),
        }
    }
}
