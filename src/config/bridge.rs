//! The adaptive data bridge: how many points and proposals go on.

use serde::{Deserialize, Serialize};

/// Adaptive data bridge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BridgeConfig {
    /// At most this many points go on; nearer points are thinned first.
    pub point_budget: usize,
    /// Least proposal confidence for each class: Car, Pedestrian, Cyclist.
    pub min_confidence: [f32; 3],
    /// At most this many proposals a frame.
    pub max_proposals: usize,
    /// Rotated BEV overlap above which the weaker proposal of a class is dropped.
    pub nms_overlap: f64,
    /// A picture that is further than this from its scan in time is not used, ms; `null` for no limit.
    pub max_picture_age_ms: Option<f64>,
    /// Inject clusters of the emergency expert where the model proposes nothing.
    pub inject_emergency: bool,
}

impl Default for BridgeConfig {
    fn default() -> Self {
        Self {
            point_budget: 130_000,
            min_confidence: [0.15, 0.1, 0.1],
            max_proposals: 64,
            nms_overlap: 0.2,
            max_picture_age_ms: Some(200.0),
            inject_emergency: false,
        }
    }
}
