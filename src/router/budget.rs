//! The millisecond budget: which regions keep the better expert until the time is spent.
//!
//! The experts run fixed batches, so milliseconds are bought by the batch, not by the region. All
//! regions start as proposals. Each step looks at every expert: the free places of its open batch,
//! or a new batch, filled with the regions to which it would bring most. The block with the highest
//! expected gain per millisecond that still fits is bought, until nothing fits. A region may climb
//! more than once; the place it leaves is free for another. No region climbs above what the policy
//! wanted for it.
//!
//! Expected gain of an expert for a region: its prior in the region's distance band
//! ([`GainConfig`]) times the proposal's uncertainty `c (1 - c)`, but at least 0.01, since a
//! trusted box still gains in place.
//!
//! **An expert that the budget never buys is never measured again**, and one slow measurement (a busy
//! machine, a device that wakes up) would shut it out for good. So after some frames in a row in which
//! it was bought for nobody, though a region got less than it, one batch of it is bought first and taken
//! for half of the budget; each time that does not bring it back, the next try comes twice as late. One
//! expert is tried in a frame.

use super::cost::{Costs, EXPERTS, slot};
use super::plan::cheaper;
use super::{Available, Error, Plan};
use crate::bridge::{Region, Scene};
use crate::config::{GainConfig, RouterConfig};
use crate::frame::{Degradation, ExpertKind};

/// The uncertainty that even a fully trusted proposal keeps.
const LEAST_UNCERTAINTY: f32 = 0.01;
/// Frames in a row that an expert is shut out before it is tried again, at first and at most.
const WAIT: u32 = 16;
const LONGEST_WAIT: u32 = 1024;

/// How long an expert has been wanted and not bought, and after how many such frames it is tried.
#[derive(Debug, Clone, Copy)]
struct Starved {
    frames: u32,
    wait: u32,
}

impl Starved {
    /// After a frame in which it was missed, bought, or bought for a try.
    fn went(&mut self, bought: bool, tried: bool) {
        *self = match (tried, bought) {
            (true, true) => Self { frames: 0, wait: (2 * self.wait).min(LONGEST_WAIT) },
            (false, true) => Self { frames: 0, wait: WAIT },
            (_, false) => Self { frames: self.frames + 1, ..*self },
        };
    }
}

/// Cuts plans down to the budget. Reuses its memory.
pub(super) struct Budget {
    limit_ms: Option<f64>,
    gains: GainConfig,
    starved: [Starved; 3],
    /// Position of the expert that the last plan tried.
    tried: Option<usize>,
    /// What the policy wanted and what was bought so far, for each region.
    wanted: Vec<ExpertKind>,
    bought: Vec<ExpertKind>,
    /// Candidates of one block: gain and region.
    block: Vec<(f32, usize)>,
    best: Vec<usize>,
}

impl Budget {
    pub(super) fn new(config: &RouterConfig) -> Result<Self, Error> {
        let gains = config.gain.clone();
        let rows = [("gain.lpe", gains.lpe), ("gain.vee", gains.vee), ("gain.ape", gains.ape)];
        for (key, row) in rows {
            if let Some(&found) = row.iter().find(|gain| !(gain.is_finite() && **gain >= 0.0)) {
                return Err(Error::Number { key, expected: "gains of 0 or more", found });
            }
        }
        if !gains.edges_m.is_sorted() {
            let (key, expected) = ("gain.edges_m", "two rising distances");
            return Err(Error::Number { key, expected, found: gains.edges_m[1] });
        }
        let mut budget = Self {
            limit_ms: None,
            gains,
            starved: [Starved { frames: 0, wait: WAIT }; 3],
            tried: None,
            wanted: Vec::new(),
            bought: Vec::new(),
            block: Vec::new(),
            best: Vec::new(),
        };
        budget.set_limit(config.budget_ms)?;
        Ok(budget)
    }

    pub(super) fn set_limit(&mut self, limit_ms: Option<f64>) -> Result<(), Error> {
        if let Some(found) = limit_ms
            && (found.is_nan() || found < 0.0)
        {
            return Err(Error::Budget { found });
        }
        self.limit_ms = limit_ms;
        Ok(())
    }

    /// The expert that the last plan tried, its cost being believed too high.
    pub(super) fn tried(&self) -> Option<ExpertKind> {
        self.tried.map(|at| EXPERTS[at])
    }

    fn gain(&self, region: &Region, expert: ExpertKind) -> f32 {
        let distance = region.scenario.distance_m;
        let band = usize::from(distance >= self.gains.edges_m[0])
            + usize::from(distance >= self.gains.edges_m[1]);
        let prior = match expert {
            ExpertKind::Lpe => self.gains.lpe[band],
            ExpertKind::Vee => self.gains.vee[band],
            ExpertKind::Ape => self.gains.ape[band],
            ExpertKind::Bridge | ExpertKind::Emergency => 0.0,
        };
        let c = region.proposal.confidence;
        prior * (c * (1.0 - c)).max(LEAST_UNCERTAINTY)
    }

    /// Cuts the plan until the known costs fit; fills in [`Plan::expected_ms`].
    pub(super) fn cut(
        &mut self,
        scene: &Scene,
        available: &Available,
        costs: &Costs,
        plan: &mut Plan,
    ) {
        let mut counts = count(plan.assignments.iter().map(|ticket| ticket.expert));
        if let Some(limit_ms) = self.limit_ms
            && total(costs, &counts) > limit_ms
        {
            let due = self.starved.iter().position(|starved| starved.frames >= starved.wait);
            self.tried = due.filter(|&at| limit_ms > 0.0 && available.expert(EXPERTS[at]));
            self.buy(scene, available, costs, plan, limit_ms);
            counts = count(self.bought.iter().copied());
            for (at, &expert) in EXPERTS.iter().enumerate() {
                let mut pairs = self.wanted.iter().zip(&self.bought);
                let missed = pairs.any(|(&wanted, &bought)| {
                    reachable(wanted, expert) && slot(bought).is_none_or(|slot| slot < at)
                });
                if counts[at] > 0 || missed {
                    self.starved[at].went(counts[at] > 0, self.tried == Some(at));
                }
            }
            for (ticket, &bought) in plan.assignments.iter_mut().zip(&self.bought) {
                if ticket.expert != bought {
                    ticket.step_down(bought, Degradation::Budget);
                }
            }
        } else {
            self.tried = None;
            for (starved, _) in self.starved.iter_mut().zip(counts).filter(|(_, n)| *n > 0) {
                starved.went(true, false);
            }
        }
        let known = EXPERTS
            .iter()
            .zip(counts)
            .all(|(&expert, regions)| regions == 0 || costs.get(expert).is_some());
        plan.expected_ms = known.then(|| total(costs, &counts));
    }

    fn buy(
        &mut self,
        scene: &Scene,
        available: &Available,
        costs: &Costs,
        plan: &Plan,
        limit_ms: f64,
    ) {
        self.wanted.clear();
        self.wanted.extend(plan.assignments.iter().map(|ticket| ticket.expert));
        self.bought.clear();
        self.bought.extend(self.wanted.iter().map(|&wanted| match slot(wanted) {
            Some(_) => ExpertKind::Bridge,
            None => wanted,
        }));
        let mut counts = [0_usize; 3];
        let mut spent = 0.0;
        let mut eased = *costs;
        if let Some(at) = self.tried {
            let expert = EXPERTS[at];
            self.collect(scene, expert);
            let places = costs.get(expert).map_or(1, |cost| cost.batch.max(1));
            counts[at] = places.min(self.block.len());
            for &(_, region) in self.block.iter().take(places) {
                self.bought[region] = expert;
            }
            let real_ms = costs.ms(expert, counts[at]);
            let cost = costs.get(expert).map(|cost| cost.scaled(0.5 * limit_ms / real_ms));
            eased.set(expert, cost);
            spent = total(&eased, &counts);
        }
        let costs = &eased;
        loop {
            let mut best: Option<(f64, usize, [usize; 3])> = None;
            for (position, &expert) in EXPERTS.iter().enumerate() {
                if !available.expert(expert) || self.tried == Some(position) {
                    continue;
                }
                self.collect(scene, expert);
                let batch = costs.get(expert).map_or(usize::MAX, |cost| cost.batch.max(1));
                let places = match counts[position] % batch {
                    0 => batch,
                    taken => batch - taken,
                };
                self.block.truncate(places);
                // A block that is too dear because of its regions' own cost may fit when shorter.
                for length in (1..=self.block.len()).rev() {
                    let mut after = counts;
                    after[position] += length;
                    for &(_, region) in &self.block[..length] {
                        if let Some(left) = slot(self.bought[region]) {
                            after[left] -= 1;
                        }
                    }
                    let ms = total(costs, &after);
                    if ms > limit_ms {
                        continue;
                    }
                    let gain: f32 = self.block[..length].iter().map(|(gain, _)| gain).sum();
                    let rate = f64::from(gain) / (ms - spent).max(1e-6);
                    if best.is_none_or(|(highest, ..)| rate > highest) {
                        best = Some((rate, position, after));
                        self.best.clear();
                        self.best.reserve(scene.regions.len());
                        self.best.extend(self.block[..length].iter().map(|(_, region)| *region));
                    }
                    break;
                }
            }
            let Some((_, position, after)) = best else { break };
            for &region in &self.best {
                self.bought[region] = EXPERTS[position];
            }
            counts = after;
            spent = total(costs, &counts);
        }
    }

    /// Regions to which the expert would bring something, most first (ties: scene order).
    fn collect(&mut self, scene: &Scene, expert: ExpertKind) {
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        block.reserve(scene.regions.len());
        for (index, region) in scene.regions.iter().enumerate() {
            if !reachable(self.wanted[index], expert) {
                continue;
            }
            let more = self.gain(region, expert) - self.gain(region, self.bought[index]);
            if more > 0.0 {
                block.push((more, index));
            }
        }
        block.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.block = block;
    }
}

/// Whether the expert is the wanted one or one below it.
fn reachable(mut wanted: ExpertKind, expert: ExpertKind) -> bool {
    while slot(wanted).is_some() {
        if wanted == expert {
            return true;
        }
        wanted = cheaper(wanted);
    }
    false
}

fn count(experts: impl Iterator<Item = ExpertKind>) -> [usize; 3] {
    let mut counts = [0; 3];
    for position in experts.filter_map(slot) {
        counts[position] += 1;
    }
    counts
}

fn total(costs: &Costs, counts: &[usize; 3]) -> f64 {
    EXPERTS.iter().zip(counts).map(|(&expert, &regions)| costs.ms(expert, regions)).sum()
}
