//! The words of `emc2 compare` and `emc2 report`. No logic.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::args::{CommonArgs, SourceArgs};
use crate::config::PixelOrder;

#[derive(Debug, Clone, Args)]
#[command(
    disable_version_flag = true, // --version is nuScenes' in the words for frames
    after_help = "\
Examples:
  emc2 compare --dataset kitti --root KITTI --split KITTI/ImageSets/val.txt --out out/compare
  emc2 compare --dataset kitti --root KITTI --policies region-table,always:ape --budgets 2,4,8 --repeats 20
  emc2 compare --dataset kitti --root KITTI --sweep d=20,30,40 --sweep c=0.3,0.5,0.7
  emc2 compare --dataset kitti --root KITTI --policies always:ape,region-table --skip 0.5,0.75,0.9,0.95
  emc2 report out/compare/compare.json --markdown models/REPORT.md --picture docs/compare-car.svg
                                                                       (the report anew, without a run)

For each frame every setting has its turn, in an order shuffled by --seed, on the same loaded models, so
that drift of the machine touches all alike. Boxes are judged as by emc2 run --eval: the digits are the
same. docs/compare.md says what the files hold."
)]
pub struct CompareArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub common: CommonArgs,
    /// Policies of the router: region-table (an expert for each region, by class, distance, visibility,
    /// confidence), scene-tree (one expert for the frame, by D and C), always:lpe|vee|ape (one expert for
    /// everything), always:bridge (proposals as they are). Their rules: docs/compare.md.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "POLICY,…",
        default_value = "always:bridge,always:lpe,always:vee,always:ape,region-table,scene-tree"
    )]
    pub policies: Vec<String>,
    /// Besides, region-table with each of these budgets, milliseconds that the experts may take together
    /// on a frame; 0 for none at all.
    #[arg(long, value_delimiter = ',', value_name = "MS,…", default_value = "2,4,8")]
    pub budgets: Vec<f64>,
    /// Besides, scene-tree with each D (m) and C (confidence), every D with every C: d=20,30,40 c=0.3,0.5.
    #[arg(long, value_name = "d=M,…|c=SHARE,…", num_args = 1..)]
    pub sweep: Vec<String>,
    /// Besides, always:ape with at least each of these shares (0..1) of every picture left out
    /// (draft-guided sparsity): 0.5,0.9. Image windows may touch the rest only; regions whose window does
    /// not fit go to LPE, whose time counts. Given with always:ape, times are also told against it.
    #[arg(long, value_delimiter = ',', value_name = "SHARE,…")]
    pub skip: Vec<f32>,
    /// Which regions get their image window first, until the rest of the picture is spent; every order with
    /// every --skip. draft is the idea, the others are controls: if they do as well, the draft's scores are
    /// not what matters.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "ORDER,…",
        default_value = "draft,random,near,dense"
    )]
    pub skip_by: Vec<SkipBy>,
    /// How often every frame is run under every setting.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub repeats: usize,
    /// The first so many frames are run under every setting before anything counts.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub warmup: usize,
    /// Decode the pictures before the clock runs: a camera gives pixels, not PNG files.
    #[arg(long)]
    pub decoded: bool,
    /// Seed of the order in which the settings have their turns.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Draws of the bootstrap over frames behind each interval.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub draws: usize,
    /// An ONNX file of fixed f32 shapes to be timed among the same frames, with the same runtime and
    /// threads, on random input (models/training: python -m emc2_training.baseline_size FILE).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub baseline: Option<PathBuf>,
    /// Where results/, compare.json, compare.html and pictures/ go.
    #[arg(long, value_name = "DIR", default_value = "out/compare", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Replace an earlier comparison in the same folder.
    #[arg(long)]
    pub force: bool,
}

/// Orders in which regions are granted their part of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SkipBy {
    /// Highest confidence of the bridge's proposal.
    Draft,
    /// By chance, the same in every run (control).
    Random,
    /// Nearest (control).
    Near,
    /// Most LiDAR returns (control).
    Dense,
}

impl SkipBy {
    /// The setting of the router.
    pub fn order(self) -> PixelOrder {
        match self {
            Self::Draft => PixelOrder::Draft,
            Self::Random => PixelOrder::Random,
            Self::Near => PixelOrder::Near,
            Self::Dense => PixelOrder::Dense,
        }
    }
}

/// What is written for people besides, by both commands.
#[derive(Debug, Clone, Args)]
pub struct PeopleArgs {
    /// Write the report in Markdown to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub markdown: Option<PathBuf>,
    /// Draw cars, area in 3D against the median of the whole frame, every setting without left-out pixels,
    /// to this SVG file. The report in Markdown shows it, by an address relative to itself.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub picture: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// What emc2 compare wrote.
    #[arg(value_name = "compare.json", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Write the page to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Write the pictures (SVG) into this folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub pictures: Option<PathBuf>,
}
