//! `emc2 run`: the pipeline over recorded frames.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use super::args::RunArgs;
use super::exit::{Exit, RefusedError, UsageError};
use super::judge::Judge;
use super::progress::Progress;
use super::source::{self, Opened};
use super::workers::{self, Outcome};
use super::{eval, interrupt, judge, settings, submission};
use crate::config::{Config, Provider};
use crate::expert::Network as _;
use crate::expert::backend::Overrides;
use crate::frame::Frame;
use crate::pipeline::{Models, Pipeline};
use crate::report::{
    Existing, Header, Machine, ModelInUse, NUSCENES_RESULTS, ReportOptions, RunFolder, RunReport,
    RunSummary, SCHEMA,
};
use crate::sensor::Source;

/// Pipelines side by side at most: each holds all models, some 85 MB (README, "resident memory").
const MOST_JOBS: usize = 64;

/// `emc2 run`.
pub fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let mut config = settings::load(&args.common)?;
    if let Some(policy) = &args.policy {
        config.router.policy.clone_from(policy);
    }
    if args.budget_ms.is_some() {
        config.router.budget_ms = args.budget_ms;
    }
    if !(1..=MOST_JOBS).contains(&args.jobs) {
        let message = format!(
            "--jobs: expected 1 to {MOST_JOBS}, found {}; each holds all models",
            args.jobs
        );
        return Err(UsageError(message).into());
    }
    if args.common.threads.is_none() {
        // Pipelines side by side share the cores instead of fighting for them.
        config.runtime.threads = (config.runtime.threads / args.jobs).max(1);
    }
    let judge = if args.eval { Some(Judge::of(&args.source, &args.out)?) } else { None };
    let source = source::open(&args.source, args.strict)?;
    if let Some(judge) = &judge {
        judge.fits(&source)?;
    }
    let existing = match (args.resume, args.force) {
        (true, _) => Existing::Resume,
        (_, true) => Existing::Replace,
        _ => Existing::Refuse,
    };
    let plan = RunPlan {
        jobs: args.jobs,
        existing,
        strict: args.strict,
        reading: source::reading(&args.source),
        options: ReportOptions { pictures: args.pictures, ..ReportOptions::default() },
    };
    let (exit, _) = over(source.source(), &config, &args.out, &plan)?;
    match &source {
        Opened::Nuscenes(source) if exit == Exit::Interrupted => {
            sayln!(
                "nuScenes: no {NUSCENES_RESULTS} yet: it is written when all {} samples are done",
                source.len()
            );
        }
        Opened::Nuscenes(source) => submission::write(source, &args.out)?,
        Opened::Kitti(_) => {}
    }
    match judge {
        Some(Judge::Kitti(labels)) if exit == Exit::Good => {
            judge::kitti(&labels, &args.out, source.source().ids(), false)?;
        }
        Some(Judge::Nuscenes(request)) if exit == Exit::Good => {
            sayln!();
            eval::judge_nuscenes(&request)?;
        }
        _ => {}
    }
    Ok(exit)
}

/// How a run is done.
pub struct RunPlan {
    /// Pipelines side by side.
    pub jobs: usize,
    /// What to do with an earlier run in the folder.
    pub existing: Existing,
    /// Whether a frame that cannot be read ends the run.
    pub strict: bool,
    /// How frames are read, where that changes what comes out.
    pub reading: String,
    /// What is written.
    pub options: ReportOptions,
}

/// Runs over a source into a folder; says on standard output what came of it.
pub fn over(
    source: &dyn Source,
    config: &Config,
    out: &Path,
    plan: &RunPlan,
) -> anyhow::Result<(Exit, RunSummary)> {
    let begun = Instant::now();
    let (mut pipelines, header) = prepare(source, config, plan)?;
    for warning in &header.warnings {
        eprintln!("warning: {warning}");
    }
    let folder = RunFolder::open(out, &header, plan.existing)?;
    if let Some(before) = &folder.earlier().header {
        let timed = |header: &Header| (header.jobs, header.config["runtime"]["threads"].clone());
        let ((jobs, threads), now) = (timed(before), timed(&header));
        if (jobs, &threads) != (now.0, &now.1) {
            eprintln!(
                "warning: the frames from before were timed with {jobs} jobs of {threads} threads, these are with {} of \
                 {}: {}",
                now.0,
                now.1,
                match config.router.budget_ms {
                    None => "boxes are the same, times are of both",
                    Some(_) => "boxes hang on the clock under a budget, times are of both",
                }
            );
        }
    }
    let todo: Vec<usize> =
        (0..source.len()).filter(|index| !folder.is_finished(&source.ids()[*index])).collect();
    let earlier = source.len() - todo.len();
    if plan.options.pictures && earlier > 0 {
        eprintln!(
            "warning: {earlier} frames were finished before: pictures that they lack are not drawn now, and the page \
             shows the others alone; --force makes all anew"
        );
    }
    let mut report = RunReport::new(folder, header, plan.options);

    let stop = interrupt::flag();
    let progress = Progress::new("frames", todo.len());
    let (mut done, mut skipped) = (0, 0);
    let mut failure: Option<anyhow::Error> = None;
    let ready = begun.elapsed();
    workers::run(source, &todo, &mut pipelines, &plan.options, earlier, &stop, |index, outcome| {
        let id = &source.ids()[index];
        let written = match outcome {
            Outcome::Finished(output) => report.add(*output).map_err(anyhow::Error::from),
            Outcome::Undrawable(error) => Err(error.into()),
            Outcome::Unreadable(error) if plan.strict => {
                Err(RefusedError(format!("frame {id}: {error}")).into())
            }
            Outcome::Unreadable(error) => {
                skipped += 1;
                progress.say(&format!("skipped {id}: {error}"));
                report.skip(id, &error.to_string()).map_err(anyhow::Error::from)
            }
        };
        done += 1;
        progress.at(done);
        match written {
            Ok(()) => true,
            Err(error) => {
                failure = Some(error);
                false
            }
        }
    });
    progress.done();
    if let Some(error) = failure {
        return Err(error.context(format!(
            "the run stopped after {} frames; what was finished is in {} (--resume goes on)",
            report.summary().frames,
            out.display()
        )));
    }
    let summary = report.finish().context("ending the run")?;
    let took = begun.elapsed();
    tell(&summary, out, plan, (ready.as_secs_f64(), took.as_secs_f64()));
    let all_done = done == todo.len();
    let exit = if !all_done {
        sayln!("interrupted: {} frames left; --resume goes on", todo.len() - done);
        Exit::Interrupted
    } else if summary.frames == 0 {
        sayln!("no frame could be read");
        Exit::Failed
    } else {
        Exit::Good
    };
    Ok((exit, summary))
}

/// Loads the models (once for each pipeline, checked once) and describes the run.
fn prepare(
    source: &dyn Source,
    config: &Config,
    plan: &RunPlan,
) -> anyhow::Result<(Vec<Pipeline>, Header)> {
    let jobs = plan.jobs.min(source.len()).max(1);
    let models = Models::load(config, &Overrides::default())?;
    let mut warnings = models.warnings();
    if let Some(lidar) = source.lidar() {
        warnings.extend(models.mismatches(&lidar));
    }
    warnings.extend(doubts(source));
    let header = Header {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args().collect(),
        started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs()),
        source: source.name().to_owned(),
        reading: plan.reading.clone(),
        config: serde_json::to_value(config).context("describing the configuration")?,
        models: in_use(&models, config),
        jobs,
        warnings,
        machine: Machine::here(),
    };
    let mut pipelines = vec![Pipeline::new(config, models)?];
    let mut unchecked = config.clone();
    unchecked.models.check_at_start = false;
    while pipelines.len() < jobs {
        let models = Models::load(&unchecked, &Overrides::default())?;
        pipelines.push(Pipeline::new(config, models)?);
    }
    Ok((pipelines, header))
}

/// What the rig of the first frame that can be read says of itself.
fn doubts(source: &dyn Source) -> Vec<String> {
    let mut frame = Frame::empty();
    let first = (0..source.len().min(8)).find(|index| source.load_into(*index, &mut frame).is_ok());
    let Some(first) = first else { return Vec::new() };
    let mut said: Vec<String> = frame
        .rig
        .check()
        .iter()
        .map(|finding| {
            format!(
                "the rig of frame {}: {}: {}",
                source.ids()[first],
                finding.place,
                finding.message
            )
        })
        .collect();
    if !said.is_empty() {
        said.push(
            "emc2 rig, with the same --dataset and --root, looks further into that".to_owned(),
        );
    }
    said
}

/// What is loaded and where it really runs.
pub fn in_use(models: &Models, config: &Config) -> Vec<ModelInUse> {
    let describe = |loaded: &crate::pipeline::Loaded| {
        let contract = loaded.model.contract();
        let outcomes = loaded.model.outcomes().iter();
        let taken: Vec<Provider> =
            outcomes.filter(|o| o.refused.is_none()).map(|o| o.provider).collect();
        ModelInUse {
            role: loaded.key.to_owned(),
            name: contract.name.clone(),
            sha256: contract.sha256.clone(),
            providers: taken.iter().map(ToString::to_string).collect(),
            precision: precision(taken.first().copied(), config).to_owned(),
        }
    };
    models.loaded.iter().map(describe).collect()
}

/// What the first provider computes with, as far as the configuration decides it.
fn precision(first: Option<Provider>, config: &Config) -> &'static str {
    let tensorrt = &config.runtime.tensorrt;
    match first {
        Some(Provider::TensorRt) if tensorrt.int8 => "int8 where the engine has it",
        Some(Provider::TensorRt) if tensorrt.fp16 => "fp16 where the engine has it",
        _ => "as the model file says",
    }
}

fn tell(summary: &RunSummary, out: &Path, plan: &RunPlan, (ready_s, took_s): (f64, f64)) {
    sayln!("{}", summary.latency);
    sayln!(
        "frames: {} ({} from before), boxes: {}, skipped: {}; ready after {ready_s:.2} s, all in {took_s:.2} s",
        summary.frames,
        summary.frames_earlier,
        summary.boxes,
        summary.skipped.len()
    );
    for (class, by_expert) in &summary.boxes_by {
        let by: Vec<String> =
            by_expert.iter().map(|(expert, count)| format!("{expert:?} {count}")).collect();
        sayln!("  {class}: {}", by.join(", "));
    }
    let dropped: Vec<String> = summary
        .dropped
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(cause, count)| format!("{cause} {count}"))
        .collect();
    if !dropped.is_empty() {
        sayln!("left out: {}", dropped.join(", "));
    }
    for (name, step) in &summary.degraded {
        sayln!("degraded on {} frames: {name}; the first: {}", step.frames, step.first_cause);
    }
    sayln!("results: {}", out.join("results").display());
    sayln!("frames:  {}", out.join("frames.jsonl").display());
    if plan.options.pictures {
        sayln!("page:    {}", out.join("report.html").display());
    }
}
