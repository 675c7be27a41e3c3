//! The configuration file (`emc2.yaml`): YAML in, typed settings out.
//!
//! Every key has a default, unknown keys are errors. The commented default file at the top of the
//! repository holds the same values; a test keeps the two equal.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What can be wrong with a configuration file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("configuration {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a configuration; the message holds line, column and a snippet.
    #[error("configuration {path}: {message}")]
    Yaml {
        /// Which.
        path: PathBuf,
        /// What is wrong, where.
        message: String,
    },
    /// A value is outside what makes sense.
    #[error("configuration {path}: {key} is {found}, expected {expected}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl Config {
    /// Reads a configuration file. Relative model folders and the library's path are taken from the
    /// file's folder where they exist there.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::File { path: path.to_owned(), source })?;
        let mut config = Self::parse(&text, path)?;
        if let Some(base) = path.parent() {
            config.models.resolve_from(base);
        }
        Ok(config)
    }

    /// Parses and checks a configuration; `source` only names it in errors.
    pub fn parse(text: &str, source: &Path) -> Result<Self, Error> {
        // An empty file, or one of comments only, is a configuration with every key at its default.
        let empty = text.lines().all(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with('#') || line == "---"
        });
        if empty {
            return Ok(Self::default());
        }
        let config: Self = serde_saphyr::from_str(text)
            .map_err(|error| Error::Yaml { path: source.to_owned(), message: error.to_string() })?;
        config.check(source)?;
        Ok(config)
    }

    fn check(&self, source: &Path) -> Result<(), Error> {
        let share = |key, value: f64| {
            if (0.0..=1.0).contains(&value) {
                return Ok(());
            }
            let found = value.to_string();
            Err(Error::Value {
                path: source.to_owned(),
                key,
                found,
                expected: "a number from 0 to 1",
            })
        };
        share("bridge.nms_overlap", self.bridge.nms_overlap)?;
        share("fusion.overlap", self.fusion.overlap)?;
        share("fusion.min_score", f64::from(self.fusion.min_score))?;
        for value in self.bridge.min_confidence {
            share("bridge.min_confidence", f64::from(value))?;
        }
        let at_least_one = |key, value: usize| {
            if value > 0 {
                return Ok(());
            }
            let expected = "a whole number of at least 1";
            Err(Error::Value { path: source.to_owned(), key, found: value.to_string(), expected })
        };
        at_least_one("bridge.point_budget", self.bridge.point_budget)?;
        at_least_one("bridge.max_proposals", self.bridge.max_proposals)?;
        at_least_one("runtime.threads", self.runtime.threads)?;
        at_least_one("runtime.providers (count)", self.runtime.providers.len())
    }
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which models, and where they run.
    pub models: ModelsConfig,
    /// ONNX Runtime.
    pub runtime: RuntimeConfig,
    /// Adaptive data bridge.
    pub bridge: BridgeConfig,
    /// Scenario router.
    pub router: RouterConfig,
    /// Emergency expert.
    pub emergency: EmergencyConfig,
    /// Fusion.
    pub fusion: FusionConfig,
}

/// Model folders. A relative folder is looked up from the configuration file's folder, then from
/// the program's. `null` switches that model off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// BEV proposal model.
    pub bev: Option<PathBuf>,
    /// Latency-prioritised expert.
    pub lpe: Option<PathBuf>,
    /// Versatile-efficiency expert.
    pub vee: Option<PathBuf>,
    /// Accuracy-prioritised expert.
    pub ape: Option<PathBuf>,
    /// Image branch that feeds the accuracy-prioritised expert.
    pub image: Option<PathBuf>,
    /// Compare each model with its golden output before the first frame.
    pub check_at_start: bool,
}

/// ONNX Runtime: library, providers, threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// The ONNX Runtime library; `null` looks in the usual places.
    pub library: Option<PathBuf>,
    /// Providers in order of preference.
    pub providers: Vec<Provider>,
    /// A provider that cannot be had is an error (true) or is passed over with a warning (false).
    pub strict: bool,
    /// Threads inside one operator.
    pub threads: usize,
    /// Worker threads busy-wait between operators: faster alone, harmful on a shared machine.
    pub spinning: bool,
    /// TensorRT provider.
    pub tensorrt: TensorRtConfig,
    /// CUDA provider.
    pub cuda: CudaConfig,
}

/// Execution providers that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Provider {
    TensorRt,
    Cuda,
    Cpu,
}

impl std::fmt::Display for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TensorRt => "tensorrt",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        })
    }
}

/// TensorRT's settings, handed through to the provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TensorRtConfig {
    /// Device number.
    pub device: u32,
    /// 16-bit floats.
    pub fp16: bool,
    /// 8-bit integers (needs QDQ models or a calibration table).
    pub int8: bool,
    /// INT8 calibration table file name, in the engine cache folder.
    pub int8_calibration_table: Option<String>,
    /// Deep-learning accelerator core; `null` for the GPU.
    pub dla_core: Option<u32>,
    /// Workspace limit, MiB.
    pub workspace_mib: u64,
    /// Folder for built engines; `null` for none.
    pub engine_cache: Option<PathBuf>,
    /// Folder for the timing cache; `null` for none.
    pub timing_cache: Option<PathBuf>,
    /// Builder effort, 0..5.
    pub optimization_level: u8,
    /// Profile shapes for dynamic inputs: `input:1x3x64x64,...`; `null` for fixed-shape models.
    pub profile_min_shapes: Option<String>,
    /// See `profile_min_shapes`.
    pub profile_opt_shapes: Option<String>,
    /// See `profile_min_shapes`.
    pub profile_max_shapes: Option<String>,
}

/// CUDA provider.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CudaConfig {
    /// Device number.
    pub device: u32,
    /// Memory limit, MiB; `null` for none.
    pub memory_limit_mib: Option<u64>,
}

/// Adaptive data bridge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BridgeConfig {
    /// At most this many points go on; nearer points are thinned first.
    pub point_budget: usize,
    /// Least proposal confidence for each class: Car, Pedestrian, Cyclist.
    pub min_confidence: [f32; 3],
    /// At most this many proposals a frame.
    pub max_proposals: usize,
    /// Rotated BEV overlap above which the weaker proposal of a class is dropped.
    pub nms_overlap: f64,
    /// Inject clusters of the emergency expert where the model proposes nothing.
    pub inject_emergency: bool,
}

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

/// Emergency expert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmergencyConfig {
    /// Returns less than this above the estimated ground are ground, m.
    pub ground_margin_m: f32,
    /// Two returns nearer than this belong together (grows with distance), m.
    pub cluster_radius_m: f32,
    /// Fewest returns of a cluster.
    pub min_points: usize,
    /// Clusters farther than this are not reported, m.
    pub max_distance_m: f32,
    /// Score of every emergency box.
    pub score: f32,
    /// After the experts, add the clusters that no box covers, marked as emergency boxes.
    pub add_uncovered: bool,
}

/// How overlapping boxes of a class become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FusionMethod {
    /// Keep the best, drop the rest.
    Nms,
    /// Average them, weighted by score.
    Wbf,
}

/// Fusion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FusionConfig {
    /// `nms` or `wbf`.
    pub method: FusionMethod,
    /// Rotated BEV overlap above which two boxes of a class are one object.
    pub overlap: f64,
    /// Boxes below this are dropped at the end.
    pub min_score: f32,
    /// For each expert a table `[raw score, calibrated score]`, rising; linear in between. Empty: unchanged.
    pub calibration: Calibration,
}

/// Score tables per expert.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Calibration {
    pub bridge: Vec<[f32; 2]>,
    pub lpe: Vec<[f32; 2]>,
    pub vee: Vec<[f32; 2]>,
    pub ape: Vec<[f32; 2]>,
    pub emergency: Vec<[f32; 2]>,
}

impl ModelsConfig {
    /// The folders that are set, with their keys.
    pub fn folders(&self) -> [(&'static str, Option<&Path>); 5] {
        [
            ("bev", self.bev.as_deref()),
            ("lpe", self.lpe.as_deref()),
            ("vee", self.vee.as_deref()),
            ("ape", self.ape.as_deref()),
            ("image", self.image.as_deref()),
        ]
    }

    /// Makes relative folders absolute where they exist below `base`; others stay as they are, so
    /// that several places can be tried in turn.
    pub fn resolve_from(&mut self, base: &Path) {
        let slots = [&mut self.bev, &mut self.lpe, &mut self.vee, &mut self.ape, &mut self.image];
        for folder in slots.into_iter().flatten() {
            if folder.is_relative() && base.join(&*folder).is_dir() {
                *folder = base.join(&*folder);
            }
        }
    }
}

impl Default for ModelsConfig {
    fn default() -> Self {
        let folder = |name: &str| Some(PathBuf::from("models").join(name));
        Self {
            bev: folder("bev"),
            lpe: folder("lpe"),
            vee: folder("vee"),
            ape: folder("ape"),
            image: folder("image"),
            check_at_start: true,
        }
    }
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            library: None,
            providers: vec![Provider::Cpu],
            strict: true,
            threads: 2,
            spinning: false,
            tensorrt: TensorRtConfig::default(),
            cuda: CudaConfig::default(),
        }
    }
}

impl Default for TensorRtConfig {
    fn default() -> Self {
        Self {
            device: 0,
            fp16: true,
            int8: false,
            int8_calibration_table: None,
            dla_core: None,
            workspace_mib: 1024,
            engine_cache: Some(PathBuf::from("engines")),
            timing_cache: Some(PathBuf::from("engines")),
            optimization_level: 3,
            profile_min_shapes: None,
            profile_opt_shapes: None,
            profile_max_shapes: None,
        }
    }
}

impl Default for BridgeConfig {
    fn default() -> Self {
        Self {
            point_budget: 130_000,
            min_confidence: [0.15, 0.15, 0.15],
            max_proposals: 64,
            nms_overlap: 0.2,
            inject_emergency: false,
        }
    }
}

impl Default for RouterConfig {
    fn default() -> Self {
        use crate::frame::ExpertKind::{Ape, Lpe, Vee};
        let row = |name: &str, distance_m, visibility, expert| TableRow {
            name: name.to_owned(),
            distance_m: Some(distance_m),
            visibility,
            confidence: None,
            expert,
        };
        Self {
            policy: "region-table".to_owned(),
            budget_ms: None,
            pixels: PixelConfig::default(),
            table: vec![
                row("near, well seen", [0.0, 25.0], Some([0.5, 1.0]), Lpe),
                row("near, hidden", [0.0, 25.0], Some([0.0, 0.5]), Vee),
                row("middle, well seen", [25.0, 45.0], Some([0.5, 1.0]), Vee),
                row("middle, hidden", [25.0, 45.0], Some([0.0, 0.5]), Ape),
                row("far", [45.0, 1000.0], None, Ape),
            ],
            tree: TreeConfig::default(),
            gain: GainConfig::default(),
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
        Self {
            edges_m: [25.0, 45.0],
            lpe: [1.0, 0.8, 0.5],
            vee: [1.2, 1.2, 1.0],
            ape: [1.3, 1.5, 1.6],
        }
    }
}

impl Default for TreeConfig {
    fn default() -> Self {
        Self { distance_m: 30.0, confidence: 0.5 }
    }
}

impl Default for EmergencyConfig {
    fn default() -> Self {
        Self {
            ground_margin_m: 0.3,
            cluster_radius_m: 0.6,
            min_points: 8,
            max_distance_m: 50.0,
            score: 0.3,
            add_uncovered: false,
        }
    }
}

impl Default for FusionConfig {
    fn default() -> Self {
        Self {
            method: FusionMethod::Nms,
            overlap: 0.1,
            min_score: 0.1,
            calibration: Calibration::default(),
        }
    }
}
