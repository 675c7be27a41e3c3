//! Why a region goes where it goes, for a program and for a person.

use std::fmt;

use crate::frame::{Degradation, ExpertKind};

/// Why a region goes where it goes. Displays as a line that a person can read; with the names and
/// limits of the settings when asked for through [`super::Router::explain`]:
/// `near, well seen: 12.4 m, visibility 0.83 -> LPE`.
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
    /// The expert that the rule asked for, where another was taken.
    pub cut_from: Option<ExpertKind>,
    /// What took the region from it (the last step, where there were several).
    pub cut_by: Option<Degradation>,
}

/// The rules there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A row of the region table (its index).
    Table(u8),
    /// No row of the region table fits: the proposal is kept.
    NoRow,
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

/// A [`Reason`] together with the settings it refers to; see [`super::Router::explain`].
#[derive(Debug, Clone, Copy)]
pub struct Explained<'a> {
    pub(super) reason: Reason,
    /// Name of the table's row, where the rule is one and the table is known.
    pub(super) row: Option<&'a str>,
    /// Whether that row, or one before it, looked at the confidence.
    pub(super) confidence: bool,
    /// D (m) and C of the scene tree, where known.
    pub(super) tree: Option<(f32, f32)>,
}

/// An expert's name as people write it.
fn name(expert: ExpertKind) -> &'static str {
    match expert {
        ExpertKind::Bridge => "bridge",
        ExpertKind::Lpe => "LPE",
        ExpertKind::Vee => "VEE",
        ExpertKind::Ape => "APE",
        ExpertKind::Emergency => "emergency",
    }
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = &self.reason;
        match (reason.rule, self.row, self.tree) {
            (Rule::Table(_), Some(row), _) => write!(f, "{row}: ")?,
            (Rule::Table(index), None, _) => write!(f, "table row {index}: ")?,
            (Rule::NoRow, ..) => f.write_str("no row of the table fits: ")?,
            (Rule::TreeNear, _, Some((d, c))) => {
                write!(f, "scene all within {d} m and above {c}: ")?;
            }
            (Rule::TreeNear, ..) => f.write_str("scene all near and trusted: ")?,
            (Rule::TreeFar, _, Some((d, c))) => {
                write!(f, "scene has a proposal beyond {d} m above {c}: ")?;
            }
            (Rule::TreeFar, ..) => f.write_str("scene has a far trusted proposal: ")?,
            (Rule::TreeElse, ..) => f.write_str("scene is unsure: ")?,
            (Rule::Always, ..) => f.write_str("always: ")?,
            (Rule::Emergency, ..) => f.write_str("found without a model: ")?,
        }
        write!(f, "{:.1} m, visibility {:.2}", reason.distance_m, reason.visibility)?;
        let tree = matches!(reason.rule, Rule::TreeNear | Rule::TreeFar | Rule::TreeElse);
        if self.confidence || tree {
            write!(f, ", confidence {:.2}", reason.confidence)?;
        }
        write!(f, " -> {}", name(reason.expert))?;
        if let Some(from) = reason.cut_from {
            let cause = match reason.cut_by {
                Some(Degradation::NoCamera) => "no camera",
                Some(Degradation::Pixels) => "pixels spent",
                Some(Degradation::Budget) => "budget spent",
                Some(Degradation::Deadline) => "deadline passed",
                Some(Degradation::ExpertFailed) => "not running",
                Some(Degradation::NoModel) => "no model",
                None => "cut",
            };
            write!(f, " ({cause}, instead of {})", name(from))?;
        }
        Ok(())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Explained { reason: *self, row: None, confidence: false, tree: None }.fmt(f)
    }
}
