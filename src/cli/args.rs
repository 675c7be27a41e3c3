//! The words of the command line. No logic: what each word does is in the file of its command.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

/// LiDAR and camera to 3D boxes: an adaptive data bridge, a scenario router, experts and fusion.
#[derive(Debug, Parser)]
#[command(
    name = "emc2",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
#[command(after_help = "\
Start here:
  emc2 demo                                   boxes on a drive made on the spot, and a page that explains them
  emc2 doctor                                 what this machine has, what is missing, how to get it
  emc2 run --dataset kitti --root KITTI --out out/run --pictures
                                              your own drive in KITTI layout (see datasets/README.md)

Exit codes: 0 good, 1 the run failed, 2 wrong usage or configuration, 3 input refused under --strict,
130 interrupted (what was finished is kept; --resume goes on).")]
pub struct Cli {
    /// What is told on standard error while working.
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Warn, env = "EMC2_LOG")]
    pub log: LogLevel,
    /// Write a Chrome/Perfetto trace of every stage to this file.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub trace: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

/// Log levels, by who reads them: info is for an operator, debug and trace for a developer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the pipeline over recorded frames and write boxes, reasons, times and pictures.
    Run(RunArgs),
    /// Judge results against labels: KITTI, nuScenes, and what changed between two runs.
    #[command(subcommand)]
    Eval(super::args_eval::EvalCommand),
    /// Compare settings of the router on the same frames: accuracy against time, expert by expert.
    Compare(super::args_compare::CompareArgs),
    /// Write table, page, pictures and a Markdown report anew from what emc2 compare found.
    Report(super::args_compare::ReportArgs),
    /// Make a drive, run over it, judge the boxes, write the page that explains them.
    Demo(DemoArgs),
    /// Write a synthetic drive in KITTI layout: LiDAR, camera, labels, the same for the same seed.
    Synth(SynthArgs),
    /// Look at model folders.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Say what this machine has, what is missing, and how to get it.
    Doctor(DoctorArgs),
    /// Check a rig: its file, and whether its cameras and LiDAR agree on recorded frames.
    Rig(RigArgs),
    /// Print a shell's completion script.
    Completions {
        /// For which shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the configuration that would be used (file, then the words of the command line).
    Config(ConfigArgs),
}

/// What every command that runs models takes.
#[derive(Debug, Clone, Default, Args)]
pub struct CommonArgs {
    /// Configuration file; without one, every key has its default (see `emc2 config`).
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// ONNX Runtime library; else ORT_DYLIB_PATH, beside the program, vendor/, the system.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub onnxruntime: Option<PathBuf>,
    /// Execution providers in order of preference, such as tensorrt,cuda,cpu.
    #[arg(long, value_delimiter = ',', value_name = "NAME,…")]
    pub providers: Vec<String>,
    /// Threads inside one operator of a model.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

/// Which frames.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// Layout of the data on disk.
    #[arg(long, value_enum)]
    pub dataset: Dataset,
    /// Its folder: for kitti the one that holds training/, for kitti-raw the drive's folder
    /// (DATE_drive_NNNN_sync), for kitti-tracking the one that holds training/, for nuscenes the one
    /// that holds v1.0-mini/ or the like, samples/ and sweeps/.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub root: PathBuf,
    /// A list of frame names, one a line (such as ImageSets/val.txt). For nuscenes: train, val, test,
    /// mini_train, mini_val, or a list of scene names or sample tokens; all of the version without.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub split: Option<PathBuf>,
    /// Only these frames (nuscenes: sample tokens or scene names).
    #[arg(long, value_delimiter = ',', value_name = "ID,…", conflicts_with = "split")]
    pub frames: Vec<String>,
    /// Keep the whole turn, also what no camera sees (kitti; nuscenes frames are whole anyway).
    #[arg(long)]
    pub whole_turn: bool,
    /// The intensity that counts as 1 in these scans (kitti layouts); else 1 as in KITTI, or 255 where
    /// most are above 1, as in View-of-Delft.
    #[arg(long, value_name = "N")]
    pub intensity_max: Option<f32>,
    /// Height of the LiDAR above the ground, m (kitti layouts; 1.73 in KITTI).
    #[arg(long, value_name = "M")]
    pub lidar_height: Option<f64>,
    /// Beams of the LiDAR (kitti layouts; 64 in KITTI). The router's table has a row for few.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub lidar_beams: Option<u32>,
    /// Which of the tables below the root (nuscenes), such as v1.0-mini or v1.0-trainval.
    #[arg(long, value_name = "VERSION", required_if_eq("dataset", "nuscenes"))]
    pub version: Option<String>,
    /// LiDAR turns in one frame, the key frame's own and those before it (nuscenes). The models are
    /// trained on one.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub sweeps: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dataset {
    /// KITTI object: training/{velodyne,image_2,calib,label_2}.
    Kitti,
    /// KITTI raw: one drive, with the date's calibration beside it.
    KittiRaw,
    /// KITTI tracking: training/{velodyne,image_02,calib,label_02}/SEQUENCE.
    KittiTracking,
    /// nuScenes: VERSION/*.json, samples/, sweeps/. Writes results.json, to be submitted.
    Nuscenes,
}

#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)] // --version is nuScenes' here
pub struct RunArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    #[command(flatten)]
    pub common: CommonArgs,
    /// Router policy: region-table, scene-tree, always:lpe, always:vee, always:ape, always:bridge.
    #[arg(long, value_name = "POLICY")]
    pub policy: Option<String>,
    /// Milliseconds that the experts may take together on a frame.
    #[arg(long, value_name = "N")]
    pub budget_ms: Option<f64>,
    /// Pipelines that work side by side, each with its own models.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub jobs: usize,
    /// Where results go: results/, frames.jsonl, and with --pictures bev/, overlay/, report.html.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Draw every frame and write the page.
    #[arg(long)]
    pub pictures: bool,
    /// Judge the boxes against the source's labels at the end: the figures of emc2 eval kitti (kitti,
    /// kitti-raw) or emc2 eval nuscenes (with --split), as files and page in the folder.
    #[arg(long)]
    pub eval: bool,
    /// Go on where an interrupted run into the same folder stopped.
    #[arg(long, conflicts_with = "force")]
    pub resume: bool,
    /// Replace an earlier run in the same folder.
    #[arg(long)]
    pub force: bool,
    /// A frame that cannot be read, a missing image, a picture whose header is damaged or an unknown label
    /// stops the run (exit code 3). Pixels are read when a region needs them: damage there is told in the frame.
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    #[command(flatten)]
    pub common: CommonArgs,
    /// Where the drive and the results go.
    #[arg(long, value_name = "DIR", default_value = "out/demo", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Frames to make.
    #[arg(long, default_value_t = 20)]
    pub frames: usize,
    /// The drive's seed.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

#[derive(Debug, Clone, Args)]
pub struct SynthArgs {
    /// Where the drive goes (KITTI object layout).
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Frames, ten a second.
    #[arg(long, default_value_t = 50)]
    pub frames: usize,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ModelCommand {
    /// The model folders, their roles, sizes and costs.
    List(CommonArgs),
    /// Load each model, run its golden input, compare with its golden output.
    Check {
        #[command(flatten)]
        common: CommonArgs,
        /// Only these folders instead of the configured ones.
        #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
        folders: Vec<PathBuf>,
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub common: CommonArgs,
    /// A rig file (YAML, as in calib/) to check as well.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub rig: Option<PathBuf>,
    /// Print the findings as JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
#[command(disable_version_flag = true)] // --version is nuScenes' here
pub struct RigArgs {
    #[command(flatten)]
    pub source: SourceArgs,
    /// At most this many frames, evenly chosen.
    #[arg(long, default_value_t = 10)]
    pub limit: usize,
}

#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    #[command(flatten)]
    pub common: CommonArgs,
    /// The commented default file instead.
    #[arg(long)]
    pub default: bool,
}
