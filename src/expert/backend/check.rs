//! Everything that can be said of a model folder on this machine, for `emc2 model check`: each line
//! of the contract, providers, placement of nodes, numerics, time of a run.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::super::contract::Contract;
use super::super::{Error, Network};
use super::golden::{Departure, Golden, refusal};
use super::placement::NodePlacement;
use super::providers::ProviderOutcome;
use super::session::{OrtModel, Overrides};
use crate::config::RuntimeConfig;

/// Runs that are timed, unless they take longer than [`TIMED`] together.
const RUNS: usize = 50;
const TIMED: Duration = Duration::from_millis(1000);

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckStep {
    /// `contract`, `load` or `golden`.
    pub step: &'static str,
    /// Why it failed; `None` when it passed.
    pub failed: Option<String>,
}

/// Milliseconds of a run, measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RunTimes {
    /// Runs measured.
    pub runs: usize,
    /// Fastest.
    pub min_ms: f64,
    /// Median.
    pub median_ms: f64,
    /// Slowest.
    pub max_ms: f64,
}

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckReport {
    /// The model folder.
    pub folder: PathBuf,
    /// The model's name, where its contract could be read.
    pub name: Option<String>,
    /// Steps in order; after one that failed there are no more.
    pub steps: Vec<CheckStep>,
    /// What became of each provider.
    pub providers: Vec<ProviderOutcome>,
    /// On which providers the nodes are.
    pub placement: Vec<NodePlacement>,
    /// Each output's distance from the golden one.
    pub departures: Vec<Departure>,
    /// Loading, ms.
    pub load_ms: Option<f64>,
    /// One run, ms, on the golden input's shapes.
    pub run: Option<RunTimes>,
}

impl CheckReport {
    /// Whether every step passed.
    pub fn passed(&self) -> bool {
        self.steps.iter().all(|step| step.failed.is_none())
    }

    fn step<T>(&mut self, step: &'static str, result: Result<T, Error>) -> Option<T> {
        let (value, failed) = match result {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(error.to_string())),
        };
        self.steps.push(CheckStep { step, failed });
        value
    }
}

/// Checks a model folder. Failures are in the report.
pub fn check(folder: &Path, config: &RuntimeConfig) -> CheckReport {
    let mut report = CheckReport { folder: folder.to_owned(), ..CheckReport::default() };
    let Some(contract) = report.step("contract", Contract::load(folder)) else { return report };
    report.name = Some(contract.name.clone());

    let overrides = Overrides { learn_placement: true, ..Overrides::default() };
    let loaded = OrtModel::load(folder, config, &overrides);
    let Some(mut model) = report.step("load", loaded) else { return report };
    report.providers = model.outcomes().to_vec();
    report.placement = model.placement().to_vec();
    report.load_ms = Some(model.load_time().as_secs_f64() * 1e3);

    let golden = Golden::load(folder, &contract);
    let held = golden.and_then(|golden| {
        let departures = golden.measure(&mut model)?;
        report.departures.clone_from(&departures);
        match departures.iter().find(|departure| departure.ratio > 1.0) {
            Some(departure) => Err(refusal(&contract, departure)),
            None => Ok(golden),
        }
    });
    if let Some(golden) = report.step("golden", held) {
        golden.fill(&mut model);
        report.run = time_runs(&mut model);
    }
    report
}

fn time_runs(model: &mut dyn Network) -> Option<RunTimes> {
    let mut times = Vec::with_capacity(RUNS);
    let since = Instant::now();
    while times.len() < RUNS && (times.len() < 3 || since.elapsed() < TIMED) {
        let start = Instant::now();
        model.run().ok()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Some(RunTimes {
        runs: times.len(),
        min_ms: *times.first()?,
        median_ms: times[times.len() / 2],
        max_ms: *times.last()?,
    })
}
