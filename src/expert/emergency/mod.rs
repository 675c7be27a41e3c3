//! The emergency expert: boxes without any model, from ground removal and clustering.
//!
//! Returns above the estimated ground are gathered into columns, columns into clusters, and a
//! cluster whose extent is that of a car, a pedestrian or a cyclist becomes a box. It works at two
//! places: [`Emergency::proposals`] injects boxes before the router (all there are when the
//! bridge's model is gone), [`Emergency::uncovered`] adds boxes after the experts where they found
//! nothing. Such boxes are always marked [`ExpertKind::Emergency`] and carry the configured score:
//! they say "something of this size stands here", not how sure it is.

mod cluster;
mod fit;
mod ground;

use super::{Error, Expert, ExpertInput, ExpertMeter, Refinement};
use crate::bridge::{Proposal, ProposalSource};
use crate::config::EmergencyConfig;
use crate::frame::{Class, DegradationSet, ExpertKind, Frame};
use crate::geometry::Box3;

/// What became of a frame's returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EmergencyCounts {
    /// Returns in range that are ground.
    pub ground: u64,
    /// Returns in range above the ground and below the height of interest.
    pub kept: u64,
    /// Returns beyond the range, not finite, or above the height of interest.
    pub ignored: u64,
    /// Clusters of connected columns.
    pub clusters: u64,
    /// Of these, too few returns.
    pub too_few: u64,
    /// Of these, of no plausible size (walls, hedges, poles).
    pub implausible: u64,
}

/// Finds boxes without a model; reuses its memory.
pub struct Emergency {
    config: EmergencyConfig,
    ground: ground::Ground,
    clusters: cluster::Clusters,
    fitter: fit::Fitter,
    proposals: Vec<Proposal>,
    counts: EmergencyCounts,
}

impl Emergency {
    /// With these settings.
    pub fn new(config: &EmergencyConfig) -> Self {
        let reach = config.max_distance_m.clamp(5.0, 120.0);
        Self {
            config: config.clone(),
            ground: ground::Ground::new(reach, config.ground_margin_m),
            clusters: cluster::Clusters::new(reach),
            fitter: fit::Fitter::default(),
            proposals: Vec::new(),
            counts: EmergencyCounts::default(),
        }
    }

    /// Boxes of everything that stands on the ground and has the size of a known class, nearest
    /// first; LiDAR frame. Valid until the next call.
    pub fn proposals(&mut self, frame: &Frame) -> &[Proposal] {
        self.find(&frame.cloud.points, frame.rig.lidar.origin_height_m as f32)
    }

    /// As [`Emergency::proposals`], from returns (LiDAR frame, m) and the sensor's height (m).
    pub fn find(&mut self, points: &[[f32; 4]], origin_height: f32) -> &[Proposal] {
        self.counts = EmergencyCounts::default();
        self.proposals.clear();
        self.ground.estimate(points, origin_height);
        self.clusters.gather(points, &self.ground, &mut self.counts);
        self.clusters.connect(self.config.cluster_radius_m);
        for cluster in self.clusters.iter() {
            self.counts.clusters += 1;
            if cluster.returns() < self.config.min_points {
                self.counts.too_few += 1;
                continue;
            }
            match self.fitter.fit(cluster, &self.ground) {
                Some((class, box3)) => self.proposals.push(Proposal {
                    class,
                    class_index: class_index(class),
                    box3,
                    confidence: self.config.score,
                    source: ProposalSource::Emergency,
                }),
                None => self.counts.implausible += 1,
            }
        }
        let square = |p: &Proposal| p.box3.center[0].powi(2) + p.box3.center[1].powi(2);
        self.proposals.sort_by(|a, b| square(a).total_cmp(&square(b)));
        &self.proposals
    }

    /// The proposals of the last frame.
    pub fn last(&self) -> &[Proposal] {
        &self.proposals
    }

    /// What became of the last frame's returns.
    pub fn counts(&self) -> EmergencyCounts {
        self.counts
    }

    /// Of the last frame's proposals, those that none of the given boxes covers (no centre of the
    /// one lies within the other's radius): appended as refinements without a region.
    pub fn uncovered(&self, boxes: &[Box3], out: &mut Vec<Refinement>) {
        let covers = |a: &Box3, b: &Box3| {
            let apart = (a.center[0] - b.center[0]).hypot(a.center[1] - b.center[1]);
            let radius = |x: &Box3| 0.5 * x.size[0].hypot(x.size[1]);
            apart < radius(a).max(radius(b))
        };
        let free = self.proposals.iter().filter(|p| !boxes.iter().any(|b| covers(b, &p.box3)));
        out.extend(free.map(|proposal| Refinement {
            region: None,
            class: proposal.class,
            box3: proposal.box3,
            score: proposal.confidence,
            quality: proposal.confidence,
            expert: ExpertKind::Emergency,
            degraded: DegradationSet::default(),
        }));
    }
}

/// Place of a class in the bridge model's list.
fn class_index(class: Class) -> usize {
    match class {
        Class::Pedestrian => 1,
        Class::Cyclist => 2,
        _ => 0,
    }
}

impl Expert for Emergency {
    fn kind(&self) -> ExpertKind {
        ExpertKind::Emergency
    }

    fn batch(&self) -> usize {
        usize::MAX
    }

    /// Regions come back as they were proposed: there is no model to refine them. Never fails.
    fn refine(
        &mut self,
        input: &ExpertInput<'_>,
        regions: &[usize],
        out: &mut Vec<Refinement>,
        _meter: &mut ExpertMeter,
    ) -> Result<(), Error> {
        let as_proposed = |&region: &usize| Refinement {
            expert: ExpertKind::Emergency,
            ..Refinement::proposal(input.scene, region, DegradationSet::default())
        };
        out.extend(regions.iter().map(as_proposed));
        Ok(())
    }
}
