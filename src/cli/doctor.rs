//! `emc2 doctor`: what this machine has, what is missing, how to get it.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;

use super::args::DoctorArgs;
use super::exit::Exit;
use super::settings;
use crate::calib::{Finding, KITTI_IMAGE_SIZE, Rig, parse_kitti_calib};
use crate::config::Config;
use crate::expert::backend::{
    CheckReport, Machine, Overrides, RuntimeProbe, check, machine, probe,
};
use crate::frame::{CameraImage, Frame, ImageData, PointCloud};
use crate::pipeline::{Models, Pipeline, find_folder};
use crate::sensor::synthetic::{SyntheticConfig, SyntheticDrive};

/// Frames timed for the expected frame time.
const FRAMES: usize = 12;

/// Everything found.
#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    machine: Machine,
    runtime: RuntimeProbe,
    models: Vec<CheckReport>,
    models_missing: Vec<String>,
    frame: Option<FrameTime>,
    frame_failed: Option<String>,
    rig: Option<RigFindings>,
}

/// Time of one synthetic frame on the configured models.
#[derive(Debug, Serialize)]
struct FrameTime {
    points: usize,
    first_ms: f64,
    median_ms: f64,
    worst_ms: f64,
}

#[derive(Debug, Serialize)]
struct RigFindings {
    file: String,
    unreadable: Option<String>,
    findings: Vec<String>,
}

/// Looks, tells, and gives 1 when something that the configuration asks for is missing.
pub fn doctor(args: &DoctorArgs) -> anyhow::Result<Exit> {
    let config = settings::load(&args.common)?;
    let findings = look(&config, args.rig.as_deref());
    if args.json {
        sayln!("{}", serde_json::to_string_pretty(&findings).context("writing the findings")?);
    } else {
        tell(&findings);
    }
    Ok(if healthy(&findings) { Exit::Good } else { Exit::Failed })
}

fn look(config: &Config, rig: Option<&Path>) -> Findings {
    let runtime = probe(&config.runtime);
    let (mut models, mut models_missing) = (Vec::new(), Vec::new());
    for (key, folder) in config.models.folders() {
        let Some(folder) = folder else { continue };
        match find_folder(key, folder) {
            Ok(folder) => models.push(check(&folder, &config.runtime)),
            Err(error) => models_missing.push(error.to_string()),
        }
    }
    let (frame, frame_failed) = match frame_time(config) {
        Ok(time) => (Some(time), None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let rig = rig.map(|file| {
        let (unreadable, findings) = match Rig::from_yaml(file) {
            Ok(rig) => {
                let say = |finding: &Finding| format!("{}: {}", finding.place, finding.message);
                (None, rig.check().iter().map(say).collect())
            }
            Err(error) => (Some(error.to_string()), Vec::new()),
        };
        RigFindings { file: file.display().to_string(), unreadable, findings }
    });
    let version = env!("CARGO_PKG_VERSION");
    let machine = machine();
    Findings { version, machine, runtime, models, models_missing, frame, frame_failed, rig }
}

/// Runs the configured pipeline on one synthetic frame.
fn frame_time(config: &Config) -> anyhow::Result<FrameTime> {
    let drive = SyntheticDrive::new(SyntheticConfig { frames: 1, ..SyntheticConfig::default() });
    let made = drive.frame(0);
    let mut frame = Frame::empty();
    frame.id = made.id;
    let rig = parse_kitti_calib(&drive.calib_text(), "synthetic drive", KITTI_IMAGE_SIZE)?;
    frame.rig = std::sync::Arc::new(rig);
    frame.cloud = PointCloud { points: made.scan };
    let data = ImageData::Rgb(std::sync::Arc::new(made.image));
    frame.images = vec![CameraImage { camera: 0, stamp: made.stamp, data }];
    let models = Models::load(config, &Overrides::default())?;
    let mut pipeline = Pipeline::new(config, models)?;
    let mut times: Vec<f64> = (0..FRAMES)
        .map(|_| {
            let since = Instant::now();
            pipeline.process(&frame);
            since.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let first_ms = times.remove(0);
    times.sort_by(f64::total_cmp);
    Ok(FrameTime {
        points: frame.cloud.points.len(),
        first_ms,
        median_ms: times[times.len() / 2],
        worst_ms: times[times.len() - 1],
    })
}

fn healthy(findings: &Findings) -> bool {
    findings.runtime.missing.is_none()
        && findings.runtime.providers.iter().all(|p| !p.wanted || p.refused.is_none())
        && findings.models_missing.is_empty()
        && findings.models.iter().all(CheckReport::passed)
        && findings.frame_failed.is_none()
        && findings
            .rig
            .as_ref()
            .is_none_or(|rig| rig.unreadable.is_none() && rig.findings.is_empty())
}

fn tell_machine(machine: &Machine) {
    let processor = machine.processor.as_deref().unwrap_or("unknown processor");
    sayln!("   {processor}, {} cores, {}", machine.cores, machine.architecture);
    sayln!("   instruction sets: {}", machine.features.join(" "));
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    sayln!(
        "   governor {}, {} of {} MHz, {} of {} MiB free, load {}, {} C",
        known(machine.governor.clone()),
        known(machine.frequency_mhz.map(|v| v.to_string())),
        known(machine.max_frequency_mhz.map(|v| v.to_string())),
        known(machine.memory_available_mib.map(|v| v.to_string())),
        known(machine.memory_mib.map(|v| v.to_string())),
        known(machine.load.map(|v| format!("{v:.1}"))),
        known(machine.temperature_c.map(|v| format!("{v:.0}"))),
    );
    if machine.governor.as_deref().is_some_and(|governor| governor != "performance") {
        sayln!(" ! frame times vary under this governor; performance is steadier");
    }
    if machine.load.is_some_and(|load| load > machine.cores as f64 * 0.5) {
        sayln!(" ! the machine is busy: times below are longer than they need be");
    }
    if let Some(jetson) = &machine.jetson {
        let mode = jetson.power_mode.as_deref().unwrap_or("power mode unknown");
        let model = jetson.model.as_deref().unwrap_or("Jetson");
        sayln!("   {model}, {}, {mode}", jetson.release);
    }
}

fn tell(findings: &Findings) {
    let mark = |good: bool| if good { "ok " } else { "NO " };
    sayln!("emc2 {}", findings.version);
    sayln!("\nmachine");
    tell_machine(&findings.machine);
    sayln!("\nONNX Runtime");
    match &findings.runtime.missing {
        Some(cause) => sayln!("{}{cause}", mark(false)),
        None => {
            if let (Some(located), Some(version)) =
                (&findings.runtime.library, &findings.runtime.version)
            {
                let (path, how) = (located.path.display(), &located.how);
                sayln!("{}version {version}, {path} ({how})", mark(true));
            }
        }
    }
    sayln!("\nproviders (each one loaded a tiny network, or did not)");
    for provider in &findings.runtime.providers {
        let (name, wanted) = (provider.provider, provider.wanted);
        let asked = if wanted { "asked for" } else { "not asked for" };
        match &provider.refused {
            None => sayln!("{}{name} ({asked})", mark(true)),
            Some(cause) => {
                sayln!("{}{name} ({asked}): {cause}", if wanted { "NO " } else { " - " });
            }
        }
    }
    sayln!("\nmodels");
    for report in &findings.models {
        let name = report.name.as_deref().unwrap_or("?");
        let time =
            report.run.map_or(String::new(), |run| format!(", {:.2} ms a batch", run.median_ms));
        sayln!("{}{name}{time}  {}", mark(report.passed()), report.folder.display());
        for step in report.steps.iter().filter(|step| step.failed.is_some()) {
            sayln!("   {}: {}", step.step, step.failed.as_deref().unwrap_or_default());
        }
    }
    for missing in &findings.models_missing {
        sayln!("{}{missing}", mark(false));
    }
    sayln!("\nframe time to expect (one synthetic frame, camera included)");
    match (&findings.frame, &findings.frame_failed) {
        (Some(time), _) => sayln!(
            "{}median {:.1} ms, worst {:.1} ms, first {:.1} ms ({} points)",
            mark(true),
            time.median_ms,
            time.worst_ms,
            time.first_ms,
            time.points
        ),
        (None, cause) => sayln!("{}{}", mark(false), cause.as_deref().unwrap_or("not run")),
    }
    if let Some(rig) = &findings.rig {
        sayln!("\nrig {}", rig.file);
        match (&rig.unreadable, rig.findings.is_empty()) {
            (Some(cause), _) => sayln!("{}{cause}", mark(false)),
            (None, true) => sayln!("{}nothing odd in it", mark(true)),
            (None, false) => rig.findings.iter().for_each(|finding| sayln!(" ! {finding}")),
        }
    }
}
