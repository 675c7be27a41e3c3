//! The adaptive multimodal data bridge (AMDB): a frame becomes a scene of regions that experts can
//! work on. The image branch is lazy: nothing is decoded until a plan asks for it.

mod box_frame;
pub mod budget;
pub mod encode;
mod error;
#[cfg(test)]
mod fake;
pub mod grid;
mod image;
mod intensity;
mod layout;
#[doc(hidden)]
pub mod plain;
mod process;
pub mod proposals;
pub mod regions;
pub mod visibility;

use std::ops::Range;

pub use box_frame::{BoxFrame, MARGIN_M, MARGIN_UP_M};
pub use error::Error;
pub use image::{ImageBranch, ImageFeatures, NoImage};
pub use layout::{BOX_CHANNELS, COARSE_CHANNELS, FINE_CHANNELS, GridLayout, SLICES};
pub use process::Bridge;

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
    /// Returns of the object itself (within 0.15 m of the box, at least 0.2 m above its bottom)
    /// over `expected_points`, limited to 0..1.
    pub visibility: f32,
    /// Share of the box's azimuth-elevation extent shadowed by nearer returns, 0..1.
    pub occlusion: f32,
    /// Share of the box outside every camera's image, 0..1 (0 where the rig has no camera).
    pub truncation: f32,
    /// The camera that sees most of it, if any (index into the rig's cameras).
    pub camera: Option<usize>,
    /// The part of that camera's picture that the image branch would look at for it (its wide
    /// window, for people and cyclists with the classifier's crop): left, top, right, bottom, shares 0..1 of
    /// the picture. All 0 without a camera.
    pub window: [f32; 4],
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
    /// Beams of the LiDAR, as its rig has them; 0: not known.
    pub beams: u32,
    /// What the intensities were multiplied by, to be on the model's scale; 1: as the sensor gave them.
    pub intensity_factor: f32,
    /// Points left after crop and budget.
    pub points_used: u32,
    /// Occupied cells of the fine grid.
    pub cells_occupied: u32,
    /// What was dropped on the way.
    pub dropped: Dropped,
}

/// A logit as a share, 0..1.
fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
