//! `emc2 model list|check`.

use std::path::PathBuf;

use anyhow::Context as _;

use super::args::ModelCommand;
use super::exit::Exit;
use super::settings;
use crate::expert::backend::{CheckReport, check};
use crate::expert::contract::Contract;
use crate::pipeline::find_folder;

/// Dispatches.
pub fn model(command: &ModelCommand) -> anyhow::Result<Exit> {
    match command {
        ModelCommand::List(common) => list(&settings::load(common)?),
        ModelCommand::Check { common, folders, json } => {
            let config = settings::load(common)?;
            let mut targets: Vec<PathBuf> = folders.clone();
            if targets.is_empty() {
                for (key, folder) in config.models.folders() {
                    if let Some(folder) = folder {
                        targets.push(find_folder(key, folder)?);
                    }
                }
            }
            let reports: Vec<CheckReport> =
                targets.iter().map(|folder| check(folder, &config.runtime)).collect();
            if *json {
                let text = serde_json::to_string_pretty(&reports).context("writing the report")?;
                sayln!("{text}");
            } else {
                reports.iter().for_each(tell);
            }
            let passed = reports.iter().all(CheckReport::passed);
            Ok(if passed { Exit::Good } else { Exit::Failed })
        }
    }
}

fn list(config: &crate::config::Config) -> anyhow::Result<Exit> {
    let mut all_there = true;
    for (key, folder) in config.models.folders() {
        let Some(folder) = folder else {
            sayln!("{key:<10} off");
            continue;
        };
        let found =
            find_folder(key, folder).map_err(|error| error.to_string()).and_then(|folder| {
                Contract::load(&folder)
                    .map(|contract| (folder, contract))
                    .map_err(|error| error.to_string())
            });
        match found {
            Err(error) => {
                all_there = false;
                sayln!("{key:<10} missing\n{error}");
            }
            Ok((folder, contract)) => {
                let size = std::fs::metadata(folder.join(&contract.file)).map_or(0, |m| m.len());
                let cost: Vec<String> = contract
                    .cost_ms
                    .iter()
                    .map(|(where_, ms)| format!("{ms:.2} ms a batch on {where_}"))
                    .collect();
                let classes: Vec<&str> = contract.classes.iter().map(|c| c.name()).collect();
                sayln!(
                    "{key:<10} {:<10} {:>5.2} MB  {}  [{}]  {}",
                    contract.name,
                    size as f64 / 1e6,
                    cost.join(", "),
                    classes.join(" "),
                    folder.display()
                );
            }
        }
    }
    Ok(if all_there { Exit::Good } else { Exit::Failed })
}

fn tell(report: &CheckReport) {
    let name = report.name.as_deref().unwrap_or("?");
    let verdict = if report.passed() { "good" } else { "REFUSED" };
    sayln!("{name}: {verdict}  ({})", report.folder.display());
    for step in &report.steps {
        match &step.failed {
            None => sayln!("  {:<9} ok", step.step),
            Some(cause) => sayln!("  {:<9} {cause}", step.step),
        }
    }
    for outcome in &report.providers {
        match &outcome.refused {
            None => sayln!("  provider  {} taken", outcome.provider),
            Some(cause) => sayln!("  provider  {} refused: {cause}", outcome.provider),
        }
    }
    for departure in &report.departures {
        sayln!(
            "  output    {}: {:.3} of what is allowed (at {:?}: {} for {})",
            departure.output,
            departure.ratio,
            departure.index,
            departure.found,
            departure.expected
        );
    }
    if let Some(load_ms) = report.load_ms {
        sayln!("  load      {load_ms:.1} ms");
    }
    if let Some(run) = report.run {
        sayln!(
            "  run       median {:.2} ms, {:.2} to {:.2} ms ({} runs)",
            run.median_ms,
            run.min_ms,
            run.max_ms,
            run.runs
        );
    }
}
