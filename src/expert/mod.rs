//! Experts: a batch of regions in, refined boxes out.
//!
//! [`Deadline`], [`Metered`] and [`Fallback`] are small wrappers around any expert. The usual
//! stack is [`Ladder`]: the ladder asks, the deadline cuts into batches, the meter measures each.

pub mod ape;
pub mod backend;
pub mod contract;
mod deadline;
mod emergency;
mod error;
mod fallback;
pub mod lpe;
mod metered;
mod patience;
mod region;
pub mod vee;

pub use deadline::Deadline;
pub use emergency::{Emergency, EmergencyCounts};
pub use error::Error;
pub use fallback::{Failure, Fallback};
pub use metered::{Metered, RunningMedian};
pub use patience::Patience;
pub use region::RegionExpert;

/// Model experts as the pipeline stacks them.
pub type Ladder<E> = Fallback<Deadline<Metered<E>>>;

use crate::bridge::{ImageFeatures, ProposalSource, Scene};
use crate::frame::{Class, DegradationSet, ExpertKind, Frame};
use crate::geometry::Box3;

/// What an expert may look at.
#[derive(Clone, Copy)]
pub struct ExpertInput<'a> {
    /// The frame.
    pub frame: &'a Frame,
    /// Its regions.
    pub scene: &'a Scene,
    /// Image features of the regions that have them.
    pub image: Option<&'a ImageFeatures>,
}

/// An expert's word on one region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refinement {
    /// Which region of the scene; none for a box that the emergency expert added afterwards.
    pub region: Option<usize>,
    /// Class.
    pub class: Class,
    /// Refined box, LiDAR frame.
    pub box3: Box3,
    /// The expert's own score before calibration, 0..1.
    pub score: f32,
    /// The overlap with the true box that the expert expects, 0..1.
    pub quality: f32,
    /// Exponent of the quality in the score; 0 for a proposal as it is.
    pub quality_weight: f32,
    /// What the crop classifier added to the quality's log-odds; 0 where it was not asked.
    pub picture: f32,
    /// Who made it.
    pub expert: ExpertKind,
    /// Steps down on the way, after the plan (the plan's own are in its assignment).
    pub degraded: DegradationSet,
}

impl Refinement {
    /// The region's proposal as it is, for a region that no expert refined.
    pub fn proposal(scene: &Scene, region: usize, degraded: DegradationSet) -> Self {
        let proposal = &scene.regions[region].proposal;
        Self {
            region: Some(region),
            class: proposal.class,
            box3: proposal.box3,
            score: proposal.confidence,
            quality: proposal.confidence,
            quality_weight: 0.0,
            picture: 0.0,
            expert: match proposal.source {
                ProposalSource::Bev => ExpertKind::Bridge,
                ProposalSource::Emergency => ExpertKind::Emergency,
            },
            degraded,
        }
    }

    /// Takes in what the crop classifier says of the object: log-odds, added to those of the quality, and the score
    /// changes with it. A proposal as it is stays as it is.
    pub fn weigh_picture(&mut self, logit: f32) {
        if self.quality_weight == 0.0 {
            return;
        }
        let before = self.quality.clamp(1e-6, 1.0 - 1e-6);
        let after = 1.0 / (1.0 + (1.0 - before) / before * (-logit).exp());
        self.score = (self.score * (after / before).powf(self.quality_weight)).min(1.0);
        self.quality = after;
        self.picture = logit;
    }
}

/// A loaded network: fixed-shape inputs written in place, outputs read in place.
///
/// `expert::backend` implements it on ONNX Runtime; tests implement it in a few lines.
pub trait Network: Send {
    /// What it eats and says.
    fn contract(&self) -> &contract::Contract;
    /// The memory of an input (contract order), row-major. It keeps its content from run to run.
    fn input_mut(&mut self, index: usize) -> &mut [f32];
    /// Runs once. Outputs with a value that is not finite are an error, never handed on.
    fn run(&mut self) -> Result<(), Error>;
    /// An output of the last run (contract order), row-major.
    fn output(&self, index: usize) -> &[f32];
}

/// Milliseconds an expert spent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ExpertMeter {
    /// Filling inputs and decoding outputs (ours).
    pub encode_ms: f64,
    /// Inside the network.
    pub model_ms: f64,
    /// Region points left out because the input holds fewer.
    pub points_thinned: u64,
}

/// One of the experts, or a wrapper around one.
pub trait Expert: Send {
    /// Which one.
    fn kind(&self) -> ExpertKind;

    /// Regions of one network run; wrappers cut longer lists into such pieces.
    fn batch(&self) -> usize;

    /// Whether a region needs an image window ([`ImageFeatures::slot`]) to be worth sending.
    fn needs_image(&self) -> bool {
        false
    }

    /// Refines the given regions of the scene; appends one refinement a region, in order. On an
    /// error nothing has been appended.
    fn refine(
        &mut self,
        input: &ExpertInput<'_>,
        regions: &[usize],
        out: &mut Vec<Refinement>,
        meter: &mut ExpertMeter,
    ) -> Result<(), Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refined(confidence: f32, quality: f32, weight: f32) -> Refinement {
        Refinement {
            region: Some(0),
            class: Class::Pedestrian,
            box3: Box3::new([10.0, 0.0, 0.0], [0.8, 0.6, 1.8], 0.0),
            score: confidence.powf(1.0 - weight) * quality.powf(weight),
            quality,
            quality_weight: weight,
            picture: 0.0,
            expert: ExpertKind::Ape,
            degraded: DegradationSet::default(),
        }
    }

    #[test]
    fn log_odds_of_the_picture_are_added_to_those_of_the_quality() {
        let mut one = refined(0.5, 0.8, 0.7);
        one.weigh_picture(-(4.0_f32.ln()));
        assert!((one.quality - 0.5).abs() < 1e-6, "4 to 1, over 4");
        assert!((one.score - 0.5).abs() < 1e-6, "as if the expert had said so");
        let mut both = refined(0.5, 0.8, 0.7);
        both.weigh_picture(1.5);
        both.weigh_picture(-1.5);
        assert!((both.score - refined(0.5, 0.8, 0.7).score).abs() < 1e-5);
    }

    #[test]
    fn certainties_stay_in_range_and_proposals_stay_as_they_are() {
        for quality in [0.0, 1.0] {
            for logit in [-50.0, 50.0] {
                let mut one = refined(0.9, quality, 0.7);
                one.weigh_picture(logit);
                assert!((0.0..=1.0).contains(&one.score) && (0.0..=1.0).contains(&one.quality));
            }
        }
        let mut proposal = refined(0.4, 0.4, 0.0);
        proposal.weigh_picture(2.0);
        assert_eq!(proposal, refined(0.4, 0.4, 0.0));
    }
}

#[cfg(test)]
mod wrapper_tests;
