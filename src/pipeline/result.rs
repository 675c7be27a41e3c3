//! What comes out of one frame: boxes with their reasons, times, and everything that was dropped.

use serde::{Deserialize, Serialize};

use crate::frame::{Degradation, Detection, Dropped, Stamp};

/// Milliseconds spent in each stage of one frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StageTimes {
    /// Reading and parsing (measured by the source, outside the pipeline).
    pub read_ms: f64,
    /// Crop, budget, grids.
    pub grid_ms: f64,
    /// BEV model (ONNX Runtime).
    pub bev_model_ms: f64,
    /// Decoding the heat map into proposals.
    pub proposals_ms: f64,
    /// Region points, visibility, occlusion.
    pub regions_ms: f64,
    /// Emergency expert, where it ran.
    pub emergency_ms: f64,
    /// Router.
    pub router_ms: f64,
    /// Waiting for the pictures that the plan wants: files are decoded beside this thread, while the
    /// experts that need none are at work.
    pub image_decode_ms: f64,
    /// Image windows (projection, pooling).
    pub image_windows_ms: f64,
    /// Image model (ONNX Runtime).
    pub image_model_ms: f64,
    /// Waiting for the classifier, which works beside this thread.
    #[serde(default)]
    pub classifier_ms: f64,
    /// Expert inputs and decoding (ours).
    pub expert_encode_ms: f64,
    /// Expert models (ONNX Runtime).
    pub expert_model_ms: f64,
    /// APE's share of the two before, with that of experts that stood in for it.
    #[serde(default)]
    pub ape_ms: f64,
    /// Calibration, suppression.
    pub fusion_ms: f64,
    /// Whole frame without reading.
    pub total_ms: f64,
}

/// What came out of one frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameResult {
    /// The frame's name.
    pub frame: String,
    /// LiDAR stamp.
    pub stamp: Stamp,
    /// Boxes, by descending score.
    pub detections: Vec<Detection>,
    /// Where the time went.
    pub times: StageTimes,
    /// What was dropped.
    pub dropped: Dropped,
    /// Points that entered, points used, occupied cells, regions.
    pub counts: Counts,
    /// Regions sent to each expert: bridge, lpe, vee, ape, emergency.
    pub plan: PlanSummary,
    /// Steps down of the whole frame, with their cause in words.
    pub degraded: Vec<FrameDegradation>,
}

/// Sizes along the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Points of the scan.
    pub points: u32,
    /// Points after crop and budget.
    pub points_used: u32,
    /// Occupied cells of the fine grid.
    pub cells: u32,
    /// Regions.
    pub regions: u32,
    /// What the intensities were multiplied by, to be on the scale that the bridge's model knows; 1: as
    /// the sensor gave them, 0: not told (files of versions before).
    #[serde(default)]
    pub intensity_factor: f32,
}

/// How many regions each expert got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PlanSummary {
    pub bridge: u32,
    pub lpe: u32,
    pub vee: u32,
    pub ape: u32,
    pub emergency: u32,
}

/// A step down and its cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameDegradation {
    /// Which step.
    pub step: Degradation,
    /// Why, in words.
    pub cause: String,
}
