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
use crate::config::{EMERGENCY_REACH_M as REACH_M, EmergencyConfig};
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
        let reach = config.max_distance_m.clamp(*REACH_M.start(), *REACH_M.end());
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
        self.estimate_ground(points, origin_height);
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

    /// The first step alone: where the ground is.
    pub fn estimate_ground(&mut self, points: &[[f32; 4]], origin_height: f32) {
        self.ground.estimate(points, origin_height);
    }

    /// Height of the estimated ground at a place, LiDAR frame, m.
    pub fn ground_at(&self, x: f32, y: f32) -> f32 {
        self.ground.at(x, y)
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
            quality_weight: 0.0,
            picture: 0.0,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Flat ground with things on it, given as boxes of returns on their near sides.
    fn scan(things: &[Box3]) -> Vec<[f32; 4]> {
        let mut points = Vec::new();
        for x in -100..100 {
            for y in -100..100 {
                points.push([0.5 * x as f32 + 0.1, 0.5 * y as f32 + 0.1, -1.73, 0.3]);
            }
        }
        for thing in things {
            let [l, w, h] = thing.size;
            for step in 0..40 {
                for level in 1..12 {
                    let (share, z) =
                        (f64::from(step) / 39.0 - 0.5, h * (f64::from(level) / 12.0 - 0.5));
                    for side in [[-0.5 * l, share * w, z], [share * l, -0.5 * w, z]] {
                        let [x, y, z] = thing.from_local(side).map(|v| v as f32);
                        points.push([x, y, z, 0.5]);
                    }
                }
            }
        }
        points
    }

    fn thing(x: f64, y: f64, size: [f64; 3], yaw: f64) -> Box3 {
        Box3::new([x, y, -1.73 + 0.5 * size[2]], size, yaw)
    }

    #[test]
    fn things_of_plausible_size_become_boxes_and_walls_do_not() {
        let car = thing(15.0, 3.0, [4.0, 1.7, 1.5], 0.3);
        let person = thing(10.0, -4.0, [0.6, 0.6, 1.75], 0.0);
        let wall = thing(25.0, -10.0, [15.0, 0.3, 2.2], 0.0);
        let mut emergency = Emergency::new(&EmergencyConfig::default());
        let found = emergency.find(&scan(&[car, person, wall]), 1.73).to_vec();
        let classes: Vec<_> = found.iter().map(|proposal| proposal.class).collect();
        assert_eq!(classes, [Class::Pedestrian, Class::Car], "nearest first");
        assert!(crate::geometry::bev_overlap(&found[1].box3, &car) > 0.7, "{:?}", found[1].box3);
        assert!(found.iter().all(|p| p.source == ProposalSource::Emergency && p.confidence == 0.3));
        assert_eq!(emergency.counts().implausible, 1);
        assert_eq!(found, emergency.find(&scan(&[car, person, wall]), 1.73));
    }

    #[test]
    fn only_what_the_experts_left_uncovered_is_added() {
        let cars =
            [thing(15.0, 3.0, [4.0, 1.7, 1.5], 0.3), thing(25.0, -6.0, [4.0, 1.7, 1.5], 0.1)];
        let mut emergency = Emergency::new(&EmergencyConfig::default());
        assert_eq!(emergency.find(&scan(&cars), 1.73).len(), 2);
        let mut out = Vec::new();
        emergency.uncovered(&cars[..1], &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!((out[0].region, out[0].expert), (None, ExpertKind::Emergency));
        assert!((out[0].box3.center[0] - 25.0).abs() < 0.5);
    }

    #[test]
    fn an_empty_or_broken_scan_gives_no_boxes() {
        let mut emergency = Emergency::new(&EmergencyConfig::default());
        assert!(emergency.find(&[], 1.73).is_empty());
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 0.0];
        let broken: Vec<_> =
            odd.iter().flat_map(|&x| odd.map(|z| [x, 3.0, z, 0.0])).cycle().take(1000).collect();
        emergency.find(&broken, 1.73);
    }
}
