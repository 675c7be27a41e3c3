//! The scenario router: policy, budget, table, tree, expected gains.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::frame::Class;

/// Scenario router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouterConfig {
    /// `region-table`, `scene-tree`, `always:lpe|vee|ape|bridge`.
    pub policy: String,
    /// Milliseconds that the experts may take together; `null` for no limit.
    pub budget_ms: Option<f64>,
    /// How much of each picture the image branch may look at.
    pub pixels: PixelConfig,
    /// Rows of the region table, first match wins.
    pub table: Vec<TableRow>,
    /// Scene tree.
    pub tree: TreeConfig,
    /// What refining is expected to bring, for the budget.
    pub gain: GainConfig,
}

/// Which part of the pictures the image branch and APE leave out (draft-guided sparsity).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PixelConfig {
    /// Least share of each picture that no image window touches, 0..1; 0 for no limit.
    pub skip: f32,
    /// Whose turn it is first.
    pub by: PixelOrder,
}

/// In which order regions are granted their part of the picture. `draft` is the useful one; the
/// others are there to compare it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelOrder {
    /// Highest proposal confidence first.
    Draft,
    /// In an order that has nothing to do with the scene, the same in every run.
    Random,
    /// Nearest first.
    Near,
    /// Most returns first.
    Dense,
}

/// Expected gain of sending a region to an expert instead of keeping its proposal, by distance
/// band. Only the proportions matter: under a budget, the milliseconds go where gain times the
/// proposal's uncertainty is highest per millisecond.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GainConfig {
    /// Where the near band ends and where the far band begins, m.
    pub edges_m: [f32; 2],
    /// Latency-prioritised expert: near, middle, far.
    pub lpe: [f32; 3],
    /// Versatile-efficiency expert: near, middle, far.
    pub vee: [f32; 3],
    /// Accuracy-prioritised expert: near, middle, far.
    pub ape: [f32; 3],
}

/// One row of the region table. A missing bound does not restrict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableRow {
    /// A name for the reason, such as `near`.
    pub name: String,
    /// Classes of the proposal that it holds for; none named: all.
    #[serde(default)]
    pub classes: Option<Vec<Class>>,
    /// Beams of the LiDAR (`lidar.beams` of its rig) for which it holds, from and to, both inclusive.
    #[serde(default)]
    pub beams: Option<[u32; 2]>,
    /// Distance from (inclusive) and to (exclusive), m.
    #[serde(default)]
    pub distance_m: Option<[f32; 2]>,
    /// Visibility from (inclusive) and to (exclusive; 1 counts as inside when the bound is 1).
    #[serde(default)]
    pub visibility: Option<[f32; 2]>,
    /// Confidence from and to, as for visibility.
    #[serde(default)]
    pub confidence: Option<[f32; 2]>,
    /// Where such a region goes.
    pub expert: crate::frame::ExpertKind,
}

/// The published switch's two numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TreeConfig {
    /// D: near and far meet here, m.
    pub distance_m: f32,
    /// C: confidence from which a proposal is trusted.
    pub confidence: f32,
}

/// Table, tree and gains of the commented default file: scripts learn them and write them there.
static SHIPPED: LazyLock<Shipped> = LazyLock::new(|| {
    serde_saphyr::from_str(include_str!("../../emc2.yaml"))
        .expect("emc2.yaml has router.table, tree and gain")
});

#[derive(Deserialize)]
struct Shipped {
    router: ShippedRouter,
}

#[derive(Deserialize)]
struct ShippedRouter {
    table: Vec<TableRow>,
    tree: ShippedTree,
    gain: ShippedGain,
}

// Types of their own: those of the configuration ask for their defaults as they are read, which are these.
#[derive(Clone, Copy, Deserialize)]
struct ShippedTree {
    distance_m: f32,
    confidence: f32,
}

#[derive(Clone, Copy, Deserialize)]
struct ShippedGain {
    edges_m: [f32; 2],
    lpe: [f32; 3],
    vee: [f32; 3],
    ape: [f32; 3],
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self {
            policy: "region-table".to_owned(),
            budget_ms: None,
            pixels: PixelConfig::default(),
            table: SHIPPED.router.table.clone(),
            tree: TreeConfig::default(),
            gain: GainConfig::default(),
        }
    }
}

impl PixelOrder {
    /// Its name in a configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Random => "random",
            Self::Near => "near",
            Self::Dense => "dense",
        }
    }
}

impl Default for PixelConfig {
    fn default() -> Self {
        Self { skip: 0.0, by: PixelOrder::Draft }
    }
}

impl Default for GainConfig {
    fn default() -> Self {
        let ShippedGain { edges_m, lpe, vee, ape } = SHIPPED.router.gain;
        Self { edges_m, lpe, vee, ape }
    }
}

impl Default for TreeConfig {
    fn default() -> Self {
        let ShippedTree { distance_m, confidence } = SHIPPED.router.tree;
        Self { distance_m, confidence }
    }
}
