//! The router itself: a policy, then what no policy may forget: cameras, absent experts, the budget.

use std::fmt::Write as _;

use super::budget::Budget;
use super::cost::{Cost, Costs};
use super::pixels::{Pixels, TileMask};
use super::policy::{Policy, PolicyName};
use super::reason::{Explained, Reason, Rule};
use super::{Assignment, Error, Plan};
use crate::bridge::Scene;
use crate::config::RouterConfig;
use crate::frame::{Degradation, ExpertKind};

/// What can be had in this frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available {
    /// LPE is loaded and well.
    pub lpe: bool,
    /// VEE is loaded and well.
    pub vee: bool,
    /// APE (and its image branch) is loaded and well.
    pub ape: bool,
    /// Bit n: camera n of the rig has a usable picture.
    pub pictures: u64,
}

impl Available {
    /// All experts and all pictures.
    pub fn everything() -> Self {
        Self { lpe: true, vee: true, ape: true, pictures: u64::MAX }
    }

    /// Whether the expert is loaded and well; the proposal itself and the emergency expert always are.
    pub fn expert(&self, expert: ExpertKind) -> bool {
        match expert {
            ExpertKind::Lpe => self.lpe,
            ExpertKind::Vee => self.vee,
            ExpertKind::Ape => self.ape,
            ExpertKind::Bridge | ExpertKind::Emergency => true,
        }
    }

    /// Whether a camera's picture is there.
    pub fn picture(&self, camera: usize) -> bool {
        camera < 64 && self.pictures & (1 << camera) != 0
    }
}

/// The next cheaper expert: APE, VEE, LPE, the proposal.
pub(super) fn cheaper(expert: ExpertKind) -> ExpertKind {
    match expert {
        ExpertKind::Ape => ExpertKind::Vee,
        ExpertKind::Vee => ExpertKind::Lpe,
        ExpertKind::Lpe | ExpertKind::Bridge => ExpertKind::Bridge,
        ExpertKind::Emergency => ExpertKind::Emergency,
    }
}

impl Assignment {
    /// Moves a region to another expert and writes down from where and by what.
    pub(super) fn step_down(&mut self, to: ExpertKind, by: Degradation) {
        self.reason.cut_from.get_or_insert(self.expert);
        self.reason.cut_by = Some(by);
        self.reason.expert = to;
        self.expert = to;
        self.degraded.insert(by);
    }
}

/// Plans frames; reuses its memory and allocates nothing once it has seen its largest frame.
///
/// ```
/// use emc2::{bridge::Scene, config::RouterConfig, router::{Available, Router}};
/// let mut router = Router::new(&RouterConfig::default()).unwrap();
/// let plan = router.plan(&Scene::default(), &Available::everything());
/// assert!(plan.assignments.is_empty());
/// ```
pub struct Router {
    policy: Box<dyn Policy>,
    pixels: Pixels,
    budget: Budget,
    costs: Costs,
    plan: Plan,
}

impl Router {
    /// A router with the configuration's policy and budget. Every setting in use is checked here.
    pub fn new(config: &RouterConfig) -> Result<Self, Error> {
        let policy = config.policy.parse::<PolicyName>()?.build(config)?;
        Self::with_policy(policy, config)
    }

    /// A router with a policy of the caller's own; budget and gains from the configuration.
    pub fn with_policy(policy: Box<dyn Policy>, config: &RouterConfig) -> Result<Self, Error> {
        let budget = Budget::new(config)?;
        let pixels = Pixels::new(config.pixels)?;
        Ok(Self { policy, pixels, budget, costs: Costs::default(), plan: Plan::default() })
    }

    /// Sets what an expert costs (see [`crate::expert::Metered`]); none while it is unknown.
    /// An expert of unknown cost counts as free, so that it runs and can be measured.
    pub fn set_cost(&mut self, expert: ExpertKind, cost: Option<Cost>) {
        self.costs.set(expert, cost);
    }

    /// Changes the budget of the frames to come; none for no limit.
    pub fn set_budget(&mut self, budget_ms: Option<f64>) -> Result<(), Error> {
        self.budget.set_limit(budget_ms)
    }

    /// A ticket for each region, in the scene's order.
    ///
    /// First the policy speaks; then regions leave experts that cannot be had
    /// ([`Degradation::ExpertFailed`]) and leave APE where their camera or its picture is missing
    /// ([`Degradation::NoCamera`]); then the pixel budget ([`Degradation::Pixels`]) and last the
    /// budget of time ([`Degradation::Budget`]) cut. The same scene,
    /// availability and costs give the same plan, but for a budget, which now and then tries an expert that it has
    /// long not bought ([`Router::tried`]).
    pub fn plan(&mut self, scene: &Scene, available: &Available) -> &Plan {
        self.plan.assignments.clear();
        self.policy.plan(scene, available, &mut self.plan);
        debug_assert_eq!(self.plan.assignments.len(), scene.regions.len());
        for (ticket, region) in self.plan.assignments.iter_mut().zip(&scene.regions) {
            let seen = region.scenario.camera.is_some_and(|camera| available.picture(camera));
            loop {
                if !available.expert(ticket.expert) {
                    ticket.step_down(cheaper(ticket.expert), Degradation::ExpertFailed);
                } else if ticket.expert == ExpertKind::Ape && !seen {
                    ticket.step_down(ExpertKind::Vee, Degradation::NoCamera);
                } else {
                    break;
                }
            }
        }
        self.pixels.cut(scene, available, &mut self.plan);
        self.budget.cut(scene, available, &self.costs, &mut self.plan);
        &self.plan
    }

    /// What the last plan lets the image branch look at in a camera's picture, before the budget of
    /// time.
    pub fn mask(&self, camera: usize) -> TileMask {
        self.pixels.mask(camera)
    }

    /// The expert that the last plan bought a batch of although it is believed to cost too much, so that it is
    /// measured again.
    pub fn tried(&self) -> Option<ExpertKind> {
        self.budget.tried()
    }

    /// The last plan.
    pub fn last(&self) -> &Plan {
        &self.plan
    }

    /// The reason with the names and limits of the settings; displays as one line.
    pub fn explain(&self, reason: &Reason) -> Explained<'_> {
        let row = match reason.rule {
            Rule::Table(index) => self.policy.row(index),
            _ => None,
        };
        let confidence = match reason.rule {
            Rule::Table(index) => self.policy.row_weighs_confidence(index),
            _ => false,
        };
        Explained { reason: *reason, row, confidence, tree: self.policy.limits() }
    }

    /// Appends that line to a string.
    pub fn describe(&self, reason: &Reason, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = write!(out, "{}", self.explain(reason));
    }
}
