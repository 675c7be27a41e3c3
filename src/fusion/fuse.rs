//! One box for one object: clusters of overlapping boxes of a class, best first.

use std::cmp::Ordering;

use super::{Curve, Error};
use crate::config::{FusionConfig, FusionMethod};
use crate::expert::Refinement;
use crate::frame::{Dropped, ExpertKind};
use crate::geometry::{BevRect, Box3};

/// A box that stays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fused {
    /// The best refinement it stands for (position in the list given to [`Fusion::fuse`]): class,
    /// expert, region and steps down are its.
    pub refinement: usize,
    /// Where, LiDAR frame.
    pub box3: Box3,
    /// Calibrated score, 0..1: that of the best.
    pub score: f32,
    /// Refinements that became this box, itself included.
    pub members: u32,
}

/// What fusion left out, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FusionCounts {
    /// Suppressed by, or averaged into, a better box.
    pub merged: u64,
    /// Below the score limit.
    pub below_score: u64,
    /// A box or score that is not finite, or a side that is not positive.
    pub not_finite: u64,
}

impl FusionCounts {
    /// Adds the counts to a frame's.
    pub fn add_to(&self, dropped: &mut Dropped) {
        dropped.boxes_merged += self.merged;
        dropped.boxes_below_score += self.below_score;
        dropped.boxes_not_finite += self.not_finite;
    }
}

/// A cluster while it grows. Sums are of differences from the best box, so that boxes that are
/// equal fuse to exactly that box.
struct Cluster {
    best: usize,
    score: f32,
    rect: BevRect,
    members: u32,
    weight: f64,
    shift: [f64; 3],
    growth: [f64; 3],
    /// Sine and cosine of twice the turn.
    turn: [f64; 2],
}

/// Fuses refinements; reuses its memory and allocates nothing once it has seen its largest frame.
pub struct Fusion {
    method: FusionMethod,
    overlap: f64,
    across_classes: f64,
    min_score: f32,
    curves: [Curve; 5],
    /// Calibrated score and position, in order of rank.
    ranked: Vec<(f32, usize)>,
    clusters: Vec<Cluster>,
    fused: Vec<Fused>,
    counts: FusionCounts,
}

impl Fusion {
    /// Fusion with these settings; every table and limit is checked here.
    pub fn new(config: &FusionConfig) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&config.overlap) {
            return Err(Error::Limit { key: "overlap", found: config.overlap });
        }
        if !(0.0..=1.0).contains(&config.across_classes) {
            return Err(Error::Limit { key: "across_classes", found: config.across_classes });
        }
        if !(0.0..=1.0).contains(&config.min_score) {
            return Err(Error::Limit { key: "min_score", found: f64::from(config.min_score) });
        }
        let tables = &config.calibration;
        Ok(Self {
            method: config.method,
            overlap: config.overlap,
            across_classes: config.across_classes,
            min_score: config.min_score,
            curves: [
                Curve::new(ExpertKind::Bridge, &tables.bridge)?,
                Curve::new(ExpertKind::Lpe, &tables.lpe)?,
                Curve::new(ExpertKind::Vee, &tables.vee)?,
                Curve::new(ExpertKind::Ape, &tables.ape)?,
                Curve::new(ExpertKind::Emergency, &tables.emergency)?,
            ],
            ranked: Vec::new(),
            clusters: Vec::new(),
            fused: Vec::new(),
            counts: FusionCounts::default(),
        })
    }

    /// The calibrated score of an expert's raw one.
    pub fn calibrate(&self, expert: ExpertKind, score: f32) -> f32 {
        self.curves[expert as usize].apply(score)
    }

    /// The boxes that stay, best first. Boxes of one class whose footprints overlap (IoU) by more
    /// than the limit are one object; a box joins the best box it overlaps with. Boxes of two classes
    /// that overlap by more than their own limit are one object as well, of the better box's class.
    /// The order of the refinements does not matter.
    pub fn fuse(&mut self, refinements: &[Refinement]) -> &[Fused] {
        self.ranked.clear();
        self.clusters.clear();
        self.fused.clear();
        self.counts = FusionCounts::default();
        for (index, refinement) in refinements.iter().enumerate() {
            let score = self.calibrate(refinement.expert, refinement.score);
            let sides = refinement.box3.size.iter().all(|&side| side > 0.0);
            if score.is_finite() && sides && refinement.box3.is_finite() {
                self.ranked.push((score, index));
            } else {
                self.counts.not_finite += 1;
            }
        }
        self.ranked.sort_unstable_by(|a, b| rank(refinements, a, b));
        for &(score, index) in &self.ranked {
            let candidate = &refinements[index];
            let rect = candidate.box3.footprint();
            let alike = |cluster: &Cluster| refinements[cluster.best].class == candidate.class;
            let home = self.clusters.iter_mut().find(|cluster| {
                let limit = if alike(cluster) { self.overlap } else { self.across_classes };
                limit < 1.0 && cluster.rect.iou(&rect) > limit
            });
            match home {
                Some(cluster) => {
                    self.counts.merged += 1;
                    // A second opinion on what it is says nothing of where it is.
                    if alike(cluster) {
                        let best = &refinements[cluster.best].box3;
                        cluster.add(best, &candidate.box3, f64::from(score));
                    }
                }
                None => self.clusters.push(Cluster::new(index, score, rect)),
            }
        }
        // Clusters were opened in order of rank, and a fused box has its best member's score.
        for cluster in &self.clusters {
            if cluster.score < self.min_score {
                self.counts.below_score += 1;
                continue;
            }
            let best = refinements[cluster.best].box3;
            let box3 = match self.method {
                FusionMethod::Nms => best,
                FusionMethod::Wbf => cluster.mean(&best),
            };
            let Cluster { best: refinement, score, members, .. } = *cluster;
            self.fused.push(Fused { refinement, box3, score, members });
        }
        &self.fused
    }

    /// What the last call left out.
    pub fn counts(&self) -> FusionCounts {
        self.counts
    }
}

/// Higher score first; equal scores by what the boxes are, so that the order in which the experts
/// spoke cannot matter; the position decides only between equals.
fn rank(refinements: &[Refinement], a: &(f32, usize), b: &(f32, usize)) -> Ordering {
    let (one, other) = (&refinements[a.1], &refinements[b.1]);
    let numbers = |r: &Refinement| {
        let ([x, y, z], [l, w, h]) = (r.box3.center, r.box3.size);
        [x, y, z, l, w, h, r.box3.yaw]
    };
    let by_numbers = || {
        let pairs = numbers(one).into_iter().zip(numbers(other));
        pairs.map(|(p, q)| p.total_cmp(&q)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    b.0.total_cmp(&a.0)
        .then_with(|| one.class.cmp(&other.class))
        .then_with(by_numbers)
        .then_with(|| one.expert.cmp(&other.expert))
        .then_with(|| one.region.cmp(&other.region))
        .then_with(|| a.1.cmp(&b.1))
}

impl Cluster {
    fn new(best: usize, score: f32, rect: BevRect) -> Self {
        let weight = f64::from(score);
        Self {
            best,
            score,
            rect,
            members: 1,
            weight,
            shift: [0.0; 3],
            growth: [0.0; 3],
            turn: [0.0, weight],
        }
    }

    fn add(&mut self, best: &Box3, other: &Box3, weight: f64) {
        let mut size = other.size;
        let mut twice = 2.0 * (other.yaw - best.yaw);
        if twice.cos() < 0.0 {
            // Turned by more than 45 degrees against the best: its length is the other's width.
            size.swap(0, 1);
            twice += std::f64::consts::PI;
        }
        for (axis, side) in size.into_iter().enumerate() {
            self.shift[axis] += weight * (other.center[axis] - best.center[axis]);
            self.growth[axis] += weight * (side - best.size[axis]);
        }
        self.turn[0] += weight * twice.sin();
        self.turn[1] += weight * twice.cos();
        self.weight += weight;
        self.members += 1;
    }

    /// Centre and size averaged; yaw averaged modulo pi with the direction of the best box.
    fn mean(&self, best: &Box3) -> Box3 {
        if self.members == 1 || self.weight <= 0.0 {
            return *best;
        }
        let turn = 0.5 * self.turn[0].atan2(self.turn[1]);
        let yaw = best.yaw + turn;
        Box3 {
            center: std::array::from_fn(|i| best.center[i] + self.shift[i] / self.weight),
            size: std::array::from_fn(|i| best.size[i] + self.growth[i] / self.weight),
            yaw: if turn == 0.0 { best.yaw } else { yaw.sin().atan2(yaw.cos()) },
        }
    }
}
