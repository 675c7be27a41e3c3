//! `compare.json`: all that a comparison found. Documented key by key in `docs/compare.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Cells, LEAST_LABELS, Setting, Sparsity};
use crate::eval::kitti::{Band, Judged, Metric, Strictness};
use crate::report::{Distribution, Machine, ModelInUse};

/// Version of the layout. It grows when a key changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// A whole comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of this program.
    pub version: String,
    /// The words of the command line.
    pub command: Vec<String>,
    /// When it began, seconds of UNIX time.
    pub started_unix_s: u64,
    /// Where the frames came from, in words.
    pub source: String,
    /// The machine.
    pub machine: Machine,
    /// The networks, loaded once for all settings.
    pub models: Vec<ModelInUse>,
    /// The configuration; `router.policy`, `router.budget_ms` and a swept tree are those of each setting.
    pub config: serde_json::Value,
    /// Threads inside one operator.
    pub threads: usize,
    /// Frames compared.
    pub frames: usize,
    /// Times every frame was run under every setting.
    pub repeats: usize,
    /// Frames run under every setting before anything counted.
    pub warmup_frames: usize,
    /// Seed of the order of settings, shuffled anew for every frame and repeat.
    pub seed: u64,
    /// Draws of the bootstrap over frames behind each interval.
    pub draws: usize,
    /// What a reader should know: steps down, boxes that varied, labels with oddities.
    pub notes: Vec<String>,
    /// Name of the setting that differences are taken to.
    pub reference: String,
    /// The settings, in the order of tables.
    pub settings: Vec<SettingFigures>,
    /// Another network on the same runtime, run among the same frames.
    pub baseline: Option<Baseline>,
    /// `always:ape` against `region-table`, time behind the bridge; none where one of them is absent.
    pub ratio: Option<Ratio>,
    /// The Pareto fronts.
    pub fronts: Vec<Front>,
    /// Whether one expert for everything lies above and left of the routed curve.
    pub verdicts: Vec<Verdict>,
    /// How good each expert is in each cell of distance and visibility; none without `always:` settings.
    pub cells: Option<Cells>,
    /// What leaving out most of the picture costs and brings; empty without such settings.
    #[serde(default)]
    pub sparsity: Vec<Sparsity>,
}

impl Comparison {
    /// The settings without a share of the picture to leave out: those that tables, pictures, fronts and
    /// verdicts are of.
    pub fn general(&self) -> impl Iterator<Item = &SettingFigures> + Clone {
        self.settings.iter().filter(|figures| figures.setting.pixels.is_none())
    }

    /// The settings with left-out pixels.
    pub fn left_out(&self) -> impl Iterator<Item = &SettingFigures> + Clone {
        self.settings.iter().filter(|figures| figures.setting.pixels.is_some())
    }

    /// The setting of that name.
    pub fn find(&self, name: &str) -> Option<&SettingFigures> {
        self.settings.iter().find(|figures| figures.setting.name == name)
    }

    /// Labels of a class that count in 3D at the benchmark's limit.
    pub fn labels(&self, class: Judged) -> u64 {
        let areas = self.settings.iter();
        let of = areas.filter_map(|f| f.area(class, Metric::Box3d, Strictness::Official));
        of.map(|area| area.labels).max().unwrap_or(0)
    }

    /// The classes with labels enough to draw and judge by.
    pub fn drawn(&self) -> impl Iterator<Item = Judged> {
        Judged::ALL.into_iter().filter(|class| self.labels(*class) >= LEAST_LABELS)
    }

    /// The classes that have labels, but too few of them.
    pub fn scarce(&self) -> impl Iterator<Item = Judged> {
        let few = |class: &Judged| (1..LEAST_LABELS).contains(&self.labels(*class));
        Judged::ALL.into_iter().filter(few)
    }
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingFigures {
    /// Which.
    #[serde(flatten)]
    pub setting: Setting,
    /// Whether the router decides by region or scene: no `always:`, with or without left-out pixels.
    pub routed: bool,
    /// The whole frame without reading, ms.
    pub whole_ms: Distribution,
    /// Of it behind the bridge, ms.
    pub beyond_bridge_ms: Distribution,
    /// Of that, without the wait for pictures' decoder, ms.
    #[serde(default)]
    pub work_behind_bridge_ms: Distribution,
    /// Where the time goes, means, ms.
    pub split_ms: Split,
    /// Regions sent to each expert.
    pub regions: Shares,
    /// Frames in which a later repeat gave other boxes.
    pub frames_varied: usize,
    /// Frames with each step down, budget cuts of a setting with a budget included.
    pub degraded: BTreeMap<String, usize>,
    /// The accuracy, by class.
    pub classes: Vec<ClassFigure>,
}

impl SettingFigures {
    /// The area of a class, metric and limit over all distances; none where it could not be judged.
    pub fn area(&self, class: Judged, metric: Metric, limit: Strictness) -> Option<&AreaFigure> {
        let class = self.classes.iter().find(|figure| figure.class == class)?;
        let same = |a: &&AreaFigure| (a.metric, a.limit, a.band) == (metric, limit, Band::All);
        class.areas.iter().find(same)
    }
}

/// Means that add up to the mean of the whole frame, ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// The bridge's network.
    pub bridge_model: f64,
    /// Expert inputs, networks, decoding of their outputs.
    pub experts: f64,
    /// Waiting for pictures, windows, image network.
    pub image: f64,
    /// Crop, grids, proposals, regions, router, fusion, and the rest.
    pub rest: f64,
}

/// Regions by expert, summed over the frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Shares {
    pub bridge: u64,
    pub lpe: u64,
    pub vee: u64,
    pub ape: u64,
    pub emergency: u64,
}

impl Shares {
    /// Name and share of each, 0..=1; all 0 without regions.
    pub fn shares(&self) -> [(&'static str, f64); 5] {
        let counts = [
            ("bridge", self.bridge),
            ("lpe", self.lpe),
            ("vee", self.vee),
            ("ape", self.ape),
            ("emergency", self.emergency),
        ];
        let all: u64 = counts.iter().map(|(_, count)| count).sum();
        counts.map(|(name, count)| (name, count as f64 / all.max(1) as f64))
    }
}

/// The accuracy of one class under one setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFigure {
    /// Which.
    pub class: Judged,
    /// `{metric: {difficulty: R40}}`, the benchmark's own limits; null for what it does not evaluate.
    pub r40: BTreeMap<String, Option<BTreeMap<String, f64>>>,
    /// Areas under whole curves.
    pub areas: Vec<AreaFigure>,
}

/// An area under the whole precision-recall curve, as `emc2.areas` of `emc2 eval kitti`, and its
/// difference to the reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AreaFigure {
    /// What of two boxes is compared.
    pub metric: Metric,
    /// Which limit.
    pub limit: Strictness,
    /// The overlap that a match must exceed.
    pub overlap: f64,
    /// Which distances.
    pub band: Band,
    /// Labels that count.
    pub labels: u64,
    /// The area, 0..=1.
    pub area: Option<f64>,
    /// 95 % of a bootstrap over frames.
    pub interval: Option<[f64; 2]>,
    /// This area less the reference's.
    pub difference: Option<f64>,
    /// 95 % of the same bootstrap, of the difference draw by draw.
    pub difference_interval: Option<[f64; 2]>,
}

/// A network beside the pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its file.
    pub file: String,
    /// SHA-256 of it.
    pub sha256: String,
    /// The bare network, ms.
    pub ms: Distribution,
    /// Its median over the median whole frame of the reference.
    pub over_reference: f64,
}

/// Medians behind the bridge, and how they compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// `always:ape`, ms.
    pub always_ape_ms: f64,
    /// `region-table`, ms.
    pub region_table_ms: f64,
    /// The former over the latter.
    pub ratio: f64,
    /// The same of means.
    pub ratio_of_means: f64,
    /// Medians without the wait for pictures' decoder, which a camera that gives pixels does not cause:
    /// `always:ape`, ms, `region-table`, ms, and how they compare; none in files of older versions.
    #[serde(default)]
    pub without_wait: Option<[f64; 3]>,
}

/// Which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeAxis {
    /// Median of the whole frame.
    Whole,
    /// Median behind the bridge.
    BeyondBridge,
}

impl TimeAxis {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Whole, Self::BeyondBridge];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Whole => "the whole frame",
            Self::BeyondBridge => "the time behind the bridge",
        }
    }

    /// The median of a setting, ms.
    pub fn of(self, figures: &SettingFigures) -> f64 {
        match self {
            Self::Whole => figures.whole_ms.p50,
            Self::BeyondBridge => figures.beyond_bridge_ms.p50,
        }
    }
}

/// The settings that no other is both as fast and more accurate than, or faster and as accurate; those
/// with left-out pixels aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Front {
    /// Whose accuracy (area in 3D, the benchmark's limit, all distances).
    pub class: Judged,
    /// Which time.
    pub time: TimeAxis,
    /// Their names, from fast to slow.
    pub settings: Vec<String>,
}

/// One expert for everything against the routed settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whose accuracy.
    pub class: Judged,
    /// Which time.
    pub time: TimeAxis,
    /// Labels that the accuracy is of.
    pub labels: u64,
    /// The `always:` settings above and left of the routed curve.
    pub above: Vec<VerdictPoint>,
    /// All of it in words.
    pub sentence: String,
}

/// An `always:` setting above and left of the routed curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictPoint {
    /// Its name.
    pub setting: String,
    /// The routed setting that it is held against: the best that is as fast, or the fastest.
    pub against: String,
    /// By how much its area is larger.
    pub difference: f64,
    /// 95 % of the bootstrap of that difference.
    pub interval: Option<[f64; 2]>,
}
