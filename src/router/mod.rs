//! The scenario router: sends each region to the expert that its distance and visibility deserve,
//! and says why.

use crate::frame::{Degradation, ExpertKind};

/// Why a region goes where it goes. Displays as a line that a person can read,
/// such as `near 12.4 m, visibility 0.83 -> LPE`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reason {
    /// The rule that decided.
    pub rule: Rule,
    /// Distance, m.
    pub distance_m: f32,
    /// Visibility, 0..1.
    pub visibility: f32,
    /// Proposal confidence, 0..1.
    pub confidence: f32,
    /// The expert chosen.
    pub expert: ExpertKind,
    /// The expert that would have been chosen without the budget, where the budget cut it.
    pub cut_from: Option<ExpertKind>,
}

/// The rules there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A row of the region table (its index).
    Table(u8),
    /// Scene tree: every proposal within D and confidence above C.
    TreeNear,
    /// Scene tree: a proposal beyond D with confidence above C.
    TreeFar,
    /// Scene tree: anything else.
    TreeElse,
    /// The policy sends everything there.
    Always,
    /// Proposed by the emergency expert.
    Emergency,
}

/// One region's ticket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Assignment {
    /// Where it goes.
    pub expert: ExpertKind,
    /// Why.
    pub reason: Reason,
    /// A step down decided here (budget).
    pub degraded: Option<Degradation>,
}

/// A ticket for each region of the scene, in the scene's order.
#[derive(Debug, Default, Clone)]
pub struct Plan {
    /// One for each region.
    pub assignments: Vec<Assignment>,
}
