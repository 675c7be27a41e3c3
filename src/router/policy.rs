//! The policies: each turns a scene into a plan, knowing nothing of budgets or cameras.

use std::cmp::Ordering;
use std::str::FromStr;

use super::reason::{Reason, Rule};
use super::{Assignment, Available, Error, Plan};
use crate::bridge::{ProposalSource, Region, Scene};
use crate::config::{RouterConfig, TableRow, TreeConfig};
use crate::frame::{DegradationSet, ExpertKind};

/// A way to decide where regions go.
pub trait Policy: Send {
    /// Writes one assignment for each region of the scene, in order; `out` comes emptied but with
    /// its memory. What is not `available` may be chosen all the same: the router steps down.
    fn plan(&self, scene: &Scene, available: &Available, out: &mut Plan);

    /// The name of a row that a [`Rule::Table`] of this policy points at.
    fn row(&self, _index: u8) -> Option<&str> {
        None
    }

    /// Whether that row, or one before it that did not fit, looks at the confidence, so that a reason
    /// should tell it.
    fn row_weighs_confidence(&self, _index: u8) -> bool {
        false
    }

    /// D (m) and C, if the policy has them.
    fn limits(&self) -> Option<(f32, f32)> {
        None
    }
}

/// What `router.policy` can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyName {
    /// A decision for each region from its class, the LiDAR's beams, and bands of distance, visibility, confidence.
    RegionTable,
    /// The published switch: one decision a frame.
    SceneTree,
    /// Everything to one expert, or nothing to any (`always:bridge`).
    Always(ExpertKind),
}

impl FromStr for PolicyName {
    type Err = Error;

    /// Reads a policy's name; the error lists the names there are.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim() {
            "region-table" => Ok(Self::RegionTable),
            "scene-tree" => Ok(Self::SceneTree),
            "always:bridge" => Ok(Self::Always(ExpertKind::Bridge)),
            "always:lpe" => Ok(Self::Always(ExpertKind::Lpe)),
            "always:vee" => Ok(Self::Always(ExpertKind::Vee)),
            "always:ape" => Ok(Self::Always(ExpertKind::Ape)),
            _ => Err(Error::UnknownPolicy { found: text.to_owned() }),
        }
    }
}

impl PolicyName {
    /// The policy of that name with the configuration's settings; checks those it uses.
    pub fn build(self, config: &RouterConfig) -> Result<Box<dyn Policy>, Error> {
        Ok(match self {
            Self::RegionTable => Box::new(RegionTable::new(&config.table)?),
            Self::SceneTree => Box::new(SceneTree::new(&config.tree)?),
            Self::Always(expert) => Box::new(Always { expert }),
        })
    }
}

fn assign(region: &Region, expert: ExpertKind, rule: Rule) -> Assignment {
    let reason = Reason {
        rule,
        distance_m: region.scenario.distance_m,
        visibility: region.scenario.visibility,
        confidence: region.proposal.confidence,
        expert,
        cut_from: None,
        cut_by: None,
    };
    Assignment { expert, reason, degraded: DegradationSet::default() }
}

fn from_emergency(region: &Region) -> bool {
    region.proposal.source == ProposalSource::Emergency
}

/// Rows of classes, bands and sensors, first match wins. A region that no row fits keeps its proposal.
#[derive(Debug, Clone)]
pub struct RegionTable {
    rows: Vec<TableRow>,
}

impl RegionTable {
    /// Checks the rows and takes them.
    pub fn new(rows: &[TableRow]) -> Result<Self, Error> {
        if rows.is_empty() || rows.len() > usize::from(u8::MAX) {
            return Err(Error::Rows { rows: rows.len() });
        }
        for (index, row) in rows.iter().enumerate() {
            if row.classes.as_ref().is_some_and(Vec::is_empty) {
                return Err(Error::Classes { row: index, name: row.name.clone() });
            }
            if row.expert == ExpertKind::Emergency {
                return Err(Error::RowExpert { row: index, name: row.name.clone() });
            }
            if let Some([from, to]) = row.beams
                && from > to
            {
                let (name, found) = (row.name.clone(), [from as f32, to as f32]);
                return Err(Error::Range { row: index, name, key: "beams", found });
            }
            let bounds = [
                ("distance_m", row.distance_m),
                ("visibility", row.visibility),
                ("confidence", row.confidence),
            ];
            for (key, bound) in bounds {
                if let Some([from, to]) = bound
                    && from.partial_cmp(&to) != Some(Ordering::Less)
                {
                    let name = row.name.clone();
                    return Err(Error::Range { row: index, name, key, found: [from, to] });
                }
            }
        }
        Ok(Self { rows: rows.to_vec() })
    }
}

/// Half-open, but a share of 1 is inside a band that ends at 1.
fn inside(bound: Option<[f32; 2]>, value: f32, closed_at_one: bool) -> bool {
    bound.is_none_or(|[from, to]| {
        value >= from && (value < to || (closed_at_one && to >= 1.0 && value <= to))
    })
}

impl Policy for RegionTable {
    fn plan(&self, scene: &Scene, _available: &Available, out: &mut Plan) {
        out.assignments.extend(scene.regions.iter().map(|region| {
            if from_emergency(region) {
                return assign(region, ExpertKind::Emergency, Rule::Emergency);
            }
            let fits = |row: &TableRow| {
                row.beams.is_none_or(|[from, to]| (from..=to).contains(&scene.beams))
                    && row.classes.as_ref().is_none_or(|c| c.contains(&region.proposal.class))
                    && inside(row.distance_m, region.scenario.distance_m, false)
                    && inside(row.visibility, region.scenario.visibility, true)
                    && inside(row.confidence, region.proposal.confidence, true)
            };
            match self.rows.iter().position(fits) {
                Some(index) => assign(region, self.rows[index].expert, Rule::Table(index as u8)),
                None => assign(region, ExpertKind::Bridge, Rule::NoRow),
            }
        }));
    }

    fn row_weighs_confidence(&self, index: u8) -> bool {
        self.rows.iter().take(usize::from(index) + 1).any(|row| row.confidence.is_some())
    }

    fn row(&self, index: u8) -> Option<&str> {
        self.rows.get(usize::from(index)).map(|row| row.name.as_str())
    }
}

/// The published switch (EMOS), decided once a frame: every proposal within D and with a
/// confidence above C: LPE; else any beyond D with a confidence above C: VEE; else APE.
///
/// Only proposals of the bridge's model vote: the emergency expert's carry no confidence of their own.
#[derive(Debug, Clone, Copy)]
pub struct SceneTree {
    distance_m: f32,
    confidence: f32,
}

impl SceneTree {
    /// Checks D and C and takes them.
    pub fn new(config: &TreeConfig) -> Result<Self, Error> {
        if config.distance_m.is_nan() || config.distance_m <= 0.0 {
            let (key, expected) = ("tree.distance_m", "a distance above 0 m");
            return Err(Error::Number { key, expected, found: config.distance_m });
        }
        if !(0.0..=1.0).contains(&config.confidence) {
            let (key, expected) = ("tree.confidence", "a confidence in 0..1");
            return Err(Error::Number { key, expected, found: config.confidence });
        }
        Ok(Self { distance_m: config.distance_m, confidence: config.confidence })
    }

    fn decide(&self, scene: &Scene) -> (ExpertKind, Rule) {
        let mut voters = scene.regions.iter().filter(|region| !from_emergency(region));
        let trusted = |region: &Region| region.proposal.confidence > self.confidence;
        let near = |region: &Region| region.scenario.distance_m <= self.distance_m;
        if voters.clone().all(|region| near(region) && trusted(region)) {
            (ExpertKind::Lpe, Rule::TreeNear)
        } else if voters.any(|region| !near(region) && trusted(region)) {
            (ExpertKind::Vee, Rule::TreeFar)
        } else {
            (ExpertKind::Ape, Rule::TreeElse)
        }
    }
}

impl Policy for SceneTree {
    fn plan(&self, scene: &Scene, _available: &Available, out: &mut Plan) {
        let (expert, rule) = self.decide(scene);
        out.assignments.extend(scene.regions.iter().map(|region| {
            if from_emergency(region) {
                assign(region, ExpertKind::Emergency, Rule::Emergency)
            } else {
                assign(region, expert, rule)
            }
        }));
    }

    fn limits(&self) -> Option<(f32, f32)> {
        Some((self.distance_m, self.confidence))
    }
}

/// Everything to one expert: the baselines.
#[derive(Debug, Clone, Copy)]
pub struct Always {
    /// Where everything goes.
    pub expert: ExpertKind,
}

impl Policy for Always {
    fn plan(&self, scene: &Scene, _available: &Available, out: &mut Plan) {
        out.assignments.extend(scene.regions.iter().map(|region| {
            if from_emergency(region) && self.expert == ExpertKind::Bridge {
                assign(region, ExpertKind::Emergency, Rule::Emergency)
            } else {
                assign(region, self.expert, Rule::Always)
            }
        }));
    }
}
