//! The words of `emc2 eval`. No logic.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::eval::NuscenesArgs;

#[derive(Debug, Clone, Subcommand)]
pub enum EvalCommand {
    /// Judge results by the rules of the KITTI object benchmark: 2D, BEV, 3D, AOS, exact to the digit.
    #[command(after_help = "\
Examples:
  emc2 eval kitti --labels KITTI/training/label_2 --results out/run/results
  emc2 eval kitti --labels KITTI --results out/run --split KITTI/ImageSets/val.txt --json a.json --html a.html
  emc2 eval kitti --labels KITTI --results out/run --explain why.jsonl --explain-difficulty hard

The frames that have a result file are judged, and no other, as in the official program; with --split
every listed frame must have one. R40 is the benchmark's figure since 2019, R11 the one before.")]
    Kitti(KittiArgs),
    /// Judge results by the rules of the nuScenes detection benchmark: AP, errors, NDS, exact to the digit.
    Nuscenes(NuscenesArgs),
    /// What changed between two evaluations: figures by class and band, boxes gained and lost.
    #[command(after_help = "\
Examples:
  emc2 eval diff before.json after.json
  emc2 eval diff out/before out/after     # folders that emc2 eval nuscenes --json DIR --outcomes wrote

nuScenes' boxes are compared where both evaluations wrote their outcomes.")]
    Diff(DiffArgs),
}

#[derive(Debug, Clone, Args)]
pub struct KittiArgs {
    /// Label files, or a folder with label_2/ or training/label_2/ in it.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub labels: PathBuf,
    /// Result files, or a folder with data/ or results/ in it (such as the --out of emc2 run).
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub results: PathBuf,
    /// Judge the frames of this list, one name a line.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub split: Option<PathBuf>,
    /// What a listed frame without a result file means.
    #[arg(long, value_enum, default_value_t = MissingWord::Refuse)]
    pub missing: MissingWord,
    /// Classes to judge.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "CLASS,…",
        default_value = "car,pedestrian,cyclist"
    )]
    pub classes: Vec<String>,
    /// Write every figure, curve and outcome to this file (what emc2 eval diff reads).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub json: Option<PathBuf>,
    /// Write a page with curves, histograms and the worst misses.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Write one JSON line for each label and detection: what became of it, and by which rule.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub explain: Option<PathBuf>,
    /// What --explain, --html and --json compare box by box.
    #[arg(long, value_enum, default_value_t = MetricWord::Box3d, value_name = "METRIC")]
    pub explain_metric: MetricWord,
    /// Which labels count there.
    #[arg(long, value_enum, default_value_t = DifficultyWord::Moderate, value_name = "DIFFICULTY")]
    pub explain_difficulty: DifficultyWord,
    /// Detections with a lower score are not there (in --explain, --html and --json's outcomes only).
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub explain_score: Option<f64>,
    /// Draws of the bootstrap behind each interval; fewer are made where detections are very many.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub draws: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MissingWord {
    /// An error.
    Refuse,
    /// Nothing was found there: its labels are missed.
    Empty,
    /// Not judged, as in the official program.
    Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetricWord {
    #[value(name = "2d")]
    Image,
    #[value(name = "bev")]
    Bev,
    #[value(name = "3d")]
    Box3d,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DifficultyWord {
    Easy,
    Moderate,
    Hard,
}

#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// What --json of emc2 eval wrote, before: a file, or for nuScenes the folder.
    #[arg(value_name = "A.json|DIR", value_hint = ValueHint::AnyPath)]
    pub before: PathBuf,
    /// The same, after.
    #[arg(value_name = "B.json|DIR", value_hint = ValueHint::AnyPath)]
    pub after: PathBuf,
    /// Write the differences to this file.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub json: Option<PathBuf>,
    /// How many boxes of each kind are listed.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
}
