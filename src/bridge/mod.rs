//! The adaptive multimodal data bridge (AMDB): a frame becomes a scene of regions that experts can
//! work on. The image branch is lazy: nothing is decoded until a plan asks for it.

use std::ops::Range;

use crate::frame::{Class, Dropped};
use crate::geometry::Box3;

/// Who proposed a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalSource {
    /// The bridge's BEV model.
    Bev,
    /// The emergency expert's clusters.
    Emergency,
}

/// A box worth looking at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Most likely class.
    pub class: Class,
    /// Position of that class in the bridge model's class list.
    pub class_index: usize,
    /// Where, LiDAR frame.
    pub box3: Box3,
    /// 0..1.
    pub confidence: f32,
    /// Who says so.
    pub source: ProposalSource,
}

/// The facts about a region that the router decides on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scenario {
    /// Horizontal distance from the sensor to the box centre, m.
    pub distance_m: f32,
    /// Returns inside the enlarged box.
    pub point_count: u32,
    /// Returns that an unobstructed object of this size at this distance would give.
    pub expected_points: f32,
    /// `point_count / expected_points`, limited to 0..1.
    pub visibility: f32,
    /// Share of the box's azimuth-elevation extent shadowed by nearer returns, 0..1.
    pub occlusion: f32,
    /// Share of the box outside every camera's image, 0..1 (0 where the rig has no camera).
    pub truncation: f32,
    /// The camera that sees most of it, if any (index into the rig's cameras).
    pub camera: Option<usize>,
}

/// A proposal with its points and its facts.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    /// The box it belongs to.
    pub proposal: Proposal,
    /// Which of [`Scene::points`] are in the enlarged box, in scan order.
    pub points: Range<usize>,
    /// What the router decides on.
    pub scenario: Scenario,
}

/// What the bridge makes of a frame. Owned by the bridge and reused from frame to frame.
#[derive(Debug, Default)]
pub struct Scene {
    /// Regions, by descending confidence (ties: BEV cell order).
    pub regions: Vec<Region>,
    /// Points of all regions, back to back: `[x, y, z, intensity]`, LiDAR frame.
    pub points: Vec<[f32; 4]>,
    /// Points left after crop and budget.
    pub points_used: u32,
    /// Occupied cells of the fine grid.
    pub cells_occupied: u32,
    /// What was dropped on the way.
    pub dropped: Dropped,
}

/// Image features of some regions, made by the lazy image branch.
/// Maps are channel-first, `side x side`, see `models/FEATURES.md`.
#[derive(Debug, Default)]
pub struct ImageFeatures {
    /// Channels of a feature map.
    pub channels: usize,
    /// Cells along each side of a map.
    pub side: usize,
    /// For each region of the scene: which window it has, or none.
    pub slot: Vec<Option<u32>>,
    /// For each slot: camera and tight window (left, top, width, height; pixels).
    pub windows: Vec<(usize, [f32; 4])>,
    /// Tight-window features: `slots x channels x side x side`.
    pub tight: Vec<f32>,
    /// Wide-window features, same layout.
    pub wide: Vec<f32>,
    /// Tight-window pixel confidence logits: `slots x side x side`.
    pub confidence: Vec<f32>,
}
