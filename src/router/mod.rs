//! The scenario router: sends each region to the expert that its distance and visibility deserve,
//! and says why.
//!
//! A [`Policy`] turns a scene into a [`Plan`]; [`Router`] puts around it what holds for any policy:
//! an expert that cannot be had hands its regions to the next cheaper one, a region without a
//! picture does not go to APE, and a millisecond budget keeps the better expert where it is
//! expected to bring most. A pixel budget does the same for the share of each picture that the image
//! branch may look at. The published switch (one decision a frame) is the `scene-tree` policy.
//!
//! **Regions of the emergency expert.** `region-table` and `scene-tree` leave a region that the
//! emergency expert proposed with that expert ([`Rule::Emergency`]): its class is a guess from its
//! size, and the bands were made for the bridge's confidences. `always:lpe|vee|ape` refine them
//! like any other, since the user asked for everything; `always:bridge` does not touch them.

mod budget;
mod cost;
mod error;
mod pixels;
mod plan;
mod policy;
mod reason;

pub use cost::{Cost, Costs};
pub use error::Error;
pub use pixels::TileMask;
pub use plan::{Available, Router};
pub use policy::{Always, Policy, PolicyName, RegionTable, SceneTree};
pub use reason::{Explained, Reason, Rule};

use crate::frame::{DegradationSet, ExpertKind};

/// One region's ticket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment {
    /// Where it goes.
    pub expert: ExpertKind,
    /// Why.
    pub reason: Reason,
    /// Steps down decided here (no camera, expert not loaded, budget).
    pub degraded: DegradationSet,
}

/// A ticket for each region of the scene, in the scene's order.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Plan {
    /// One for each region.
    pub assignments: Vec<Assignment>,
    /// What the experts are expected to take, ms, by the costs the router was given; none while
    /// the cost of a chosen expert is unknown.
    pub expected_ms: Option<f64>,
}

impl Plan {
    /// The regions that go to an expert, in the scene's order.
    pub fn regions(&self, expert: ExpertKind) -> impl Iterator<Item = usize> {
        let tickets = self.assignments.iter().enumerate();
        tickets.filter(move |(_, ticket)| ticket.expert == expert).map(|(region, _)| region)
    }
}

#[cfg(test)]
mod tests;
