//! Stage times of many frames become percentiles: a summary for files, a table for terminals.
//!
//! Percentiles are nearest-rank: the p-th is the smallest measured value that at least p percent
//! of the frames do not exceed, so every figure is a time that really occurred. The first frame of
//! each pipeline is *cold* (memory is touched and models are set up for the first time) and is kept
//! apart from the warm ones.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::pipeline::StageTimes;

/// One stage: its key in `frames.jsonl` without `_ms`, its name for people, its time.
pub type Stage = (&'static str, &'static str, fn(&StageTimes) -> f64);

/// The stages in the order a frame meets them; the last is the whole frame.
pub const STAGES: [Stage; 15] = [
    ("read", "reading (outside the total)", |t| t.read_ms),
    ("grid", "crop, budget, grids", |t| t.grid_ms),
    ("bev_model", "BEV model", |t| t.bev_model_ms),
    ("proposals", "proposals", |t| t.proposals_ms),
    ("regions", "regions", |t| t.regions_ms),
    ("emergency", "emergency expert", |t| t.emergency_ms),
    ("router", "router", |t| t.router_ms),
    ("image_decode", "waiting for the image", |t| t.image_decode_ms),
    ("image_windows", "image windows", |t| t.image_windows_ms),
    ("image_model", "image model", |t| t.image_model_ms),
    ("classifier", "waiting for the classifier", |t| t.classifier_ms),
    ("expert_encode", "expert inputs and decoding", |t| t.expert_encode_ms),
    ("expert_model", "expert models", |t| t.expert_model_ms),
    ("fusion", "fusion", |t| t.fusion_ms),
    ("total", "whole frame", |t| t.total_ms),
];

/// Collects stage times frame by frame.
#[derive(Debug, Clone, Default)]
pub struct LatencyCollector {
    cold: Vec<StageTimes>,
    warm: Vec<StageTimes>,
}

/// What many measurements of one thing look like, ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Distribution {
    pub count: usize,
    pub mean: f64,
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
    pub max: f64,
}

/// One stage's times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageSummary {
    /// Key, as in [`STAGES`].
    pub stage: String,
    /// Name for people.
    pub name: String,
    /// First frames; none where there were none.
    pub cold: Option<Distribution>,
    /// All others.
    pub warm: Option<Distribution>,
}

/// All stages' times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencySummary {
    /// In the order of [`STAGES`].
    pub stages: Vec<StageSummary>,
}

impl LatencyCollector {
    /// Adds a frame. `cold` for the first frame of a pipeline.
    pub fn add(&mut self, times: &StageTimes, cold: bool) {
        if cold { self.cold.push(*times) } else { self.warm.push(*times) }
    }

    /// The percentiles so far.
    pub fn summary(&self) -> LatencySummary {
        let stages = STAGES
            .iter()
            .map(|(stage, name, time)| {
                let of =
                    |frames: &[StageTimes]| Distribution::of(frames.iter().map(time).collect());
                StageSummary {
                    stage: (*stage).to_owned(),
                    name: (*name).to_owned(),
                    cold: of(&self.cold),
                    warm: of(&self.warm),
                }
            })
            .collect();
        LatencySummary { stages }
    }
}

impl Distribution {
    /// Nearest-rank percentiles. None without values; values that are not numbers sort last.
    pub fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let count = values.len();
        let max = *values.last()?;
        let rank = |percent: f64| {
            let rank = (percent / 100.0 * count as f64).ceil() as usize;
            values[rank.clamp(1, count) - 1]
        };
        let mean = values.iter().sum::<f64>() / count as f64;
        Some(Self { count, mean, p50: rank(50.0), p95: rank(95.0), p99: rank(99.0), max })
    }
}

impl LatencySummary {
    /// The stage with this key.
    pub fn stage(&self, key: &str) -> Option<&StageSummary> {
        self.stages.iter().find(|stage| stage.stage == key)
    }

    /// Whether a stage took any time in any frame (others are left out of tables).
    pub(super) fn used(stage: &StageSummary) -> bool {
        stage.stage == "total"
            || [stage.cold, stage.warm].iter().flatten().any(|d| d.max > 0.0 || d.max.is_nan())
    }
}

/// The table for terminals. Stages that never took time are left out.
impl fmt::Display for LatencySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.stage("total");
        let frames = |d: Option<Distribution>| d.map_or(0, |d| d.count);
        let (cold, warm) = (frames(total.and_then(|t| t.cold)), frames(total.and_then(|t| t.warm)));
        writeln!(
            f,
            "{:<28} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "ms a frame", "p50", "p95", "p99", "max", "cold"
        )?;
        for stage in self.stages.iter().filter(|stage| Self::used(stage)) {
            let cell = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
            let warm = |pick: fn(&Distribution) -> f64| cell(stage.warm.as_ref().map(pick));
            writeln!(
                f,
                "{:<28} {:>9} {:>9} {:>9} {:>9} {:>9}",
                stage.name,
                warm(|d| d.p50),
                warm(|d| d.p95),
                warm(|d| d.p99),
                warm(|d| d.max),
                cell(stage.cold.map(|d| d.max)),
            )?;
        }
        write!(f, "{warm} warm frames, {cold} cold (nearest-rank percentiles; cold: the slowest)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(total_ms: f64) -> StageTimes {
        StageTimes {
            read_ms: 2.0,
            grid_ms: total_ms / 10.0,
            bev_model_ms: total_ms / 2.0,
            total_ms,
            ..StageTimes::default()
        }
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let d = Distribution::of((1..=100).rev().map(f64::from).collect()).unwrap();
        assert_eq!((d.p50, d.p95, d.p99, d.max, d.mean), (50.0, 95.0, 99.0, 100.0, 50.5));
        let one = Distribution::of(vec![7.0]).unwrap();
        assert_eq!((one.p50, one.p99), (7.0, 7.0));
        assert_eq!(Distribution::of(vec![]), None);
    }

    #[test]
    fn the_terminal_table_keeps_cold_apart_and_hides_idle_stages() {
        let mut collector = LatencyCollector::default();
        collector.add(&times(400.0), true);
        for i in 0..50 {
            collector.add(&times(80.0 + f64::from(i)), false);
        }
        insta::assert_snapshot!(collector.summary());
    }

    #[test]
    fn a_run_without_frames_still_has_a_table() {
        insta::assert_snapshot!(LatencyCollector::default().summary());
    }
}
