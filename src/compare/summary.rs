//! Times and judgements become a [`Comparison`].

use std::collections::{BTreeMap, BTreeSet};

use super::cells::cells;
use super::comparison::{
    AreaFigure, ClassFigure, Comparison, Ratio, SettingFigures, Shares, Split,
};
use super::sparsity::sparsity;
use super::weigh::weigh;
use super::{
    Error, FrameRun, Judgement, Measured, Setting, beyond_bridge_ms, work_behind_bridge_ms,
};
use crate::config::Config;
use crate::eval::kitti::{
    AreaRow, Band, ClassFigures, Difficulty, Judged, Metric, Strictness, interval_of, r40,
};
use crate::frame::{Degradation, ExpertKind};
use crate::pipeline::StageTimes;
use crate::report::Distribution;
use crate::sensor::Source;

/// Fills a comparison's settings, ratio, fronts, verdicts, cells and notes; `known` holds the rest.
///
/// # Errors
/// A frame that cannot be read again for the cells.
pub fn summarise(
    known: Comparison,
    source: &dyn Source,
    config: &Config,
    settings: &[Setting],
    measured: &Measured,
    judgements: &[Judgement],
) -> Result<Comparison, Error> {
    let mut comparison = known;
    let reference = reference(settings);
    comparison.reference.clone_from(&settings[reference].name);
    comparison.settings = settings
        .iter()
        .zip(&measured.runs)
        .zip(judgements)
        .map(|((setting, runs), judged)| figures(setting, runs, judged, &judgements[reference]))
        .collect();
    if let Some(baseline) = &mut comparison.baseline {
        baseline.ms = Distribution::of(measured.baseline_ms.clone()).unwrap_or_default();
        baseline.over_reference = baseline.ms.p50 / comparison.settings[reference].whole_ms.p50;
    }
    comparison.ratio = ratio(&comparison.settings);
    let classes: Vec<Judged> =
        judgements[reference].evaluation.classes.iter().map(|c| c.class).collect();
    let row = (Metric::Box3d, Strictness::Official, Band::All);
    let at = |name: &str| settings.iter().position(|setting| setting.name == name);
    (comparison.fronts, comparison.verdicts) =
        weigh(&comparison.settings, &classes, |class, a, b| {
            paired(&judgements[at(a)?], &judgements[at(b)?], class, row)
        });
    let always = (0..settings.len()).filter(|at| settings[*at].always().is_some());
    let mut which: Vec<usize> = always.collect();
    if !which.is_empty() {
        if !which.contains(&reference) {
            which.push(reference);
        }
        comparison.cells = Some(cells(source, config, settings, judgements, &which, &classes)?);
    }
    comparison.sparsity = sparsity(settings, measured, judgements, &classes);
    comparison.notes.extend(notes(settings, measured, judgements));
    Ok(comparison)
}

/// The region table without a budget, or the first setting.
fn reference(settings: &[Setting]) -> usize {
    settings.iter().position(|setting| setting.name == "region-table").unwrap_or(0)
}

fn figures(
    setting: &Setting,
    runs: &[FrameRun],
    judged: &Judgement,
    reference: &Judgement,
) -> SettingFigures {
    let times = || runs.iter().flat_map(|run| &run.times);
    let of = |pick: fn(&StageTimes) -> f64| {
        Distribution::of(times().map(pick).collect()).unwrap_or_default()
    };
    let mean = |pick: fn(&StageTimes) -> f64| of(pick).mean;
    let whole_ms = of(|t| t.total_ms);
    let bridge_model = mean(|t| t.bev_model_ms);
    let experts = mean(|t| t.expert_encode_ms + t.expert_model_ms);
    let image =
        mean(|t| t.image_decode_ms + t.image_windows_ms + t.image_model_ms + t.classifier_ms);
    let mut regions = Shares::default();
    let mut degraded = BTreeMap::new();
    for run in runs {
        regions.bridge += u64::from(run.plan.bridge);
        regions.lpe += u64::from(run.plan.lpe);
        regions.vee += u64::from(run.plan.vee);
        regions.ape += u64::from(run.plan.ape);
        regions.emergency += u64::from(run.plan.emergency);
        let steps: BTreeSet<String> = run.steps.iter().map(|(step, _)| words(*step)).collect();
        for step in steps {
            *degraded.entry(step).or_default() += 1;
        }
    }
    SettingFigures {
        setting: setting.clone(),
        routed: setting.routed(),
        whole_ms,
        beyond_bridge_ms: of(beyond_bridge_ms),
        work_behind_bridge_ms: of(work_behind_bridge_ms),
        split_ms: Split {
            bridge_model,
            experts,
            image,
            rest: whole_ms.mean - bridge_model - experts - image,
        },
        regions,
        frames_varied: runs.iter().filter(|run| run.varied > 0).count(),
        degraded,
        classes: judged
            .evaluation
            .classes
            .iter()
            .map(|figures| class_figure(figures, judged, reference))
            .collect(),
    }
}

fn words(step: Degradation) -> String {
    match serde_json::to_value(step) {
        Ok(serde_json::Value::String(name)) => name,
        _ => format!("{step:?}"),
    }
}

fn class_figure(figures: &ClassFigures, judged: &Judgement, reference: &Judgement) -> ClassFigure {
    let r40 = Metric::ALL.map(|metric| {
        let curves = figures.official[metric as usize].as_ref().map(|curves| {
            let of = |d: Difficulty| (d.key().to_owned(), r40(&curves[d as usize].precision));
            Difficulty::ALL.map(of).into_iter().collect()
        });
        (metric.key().to_owned(), curves)
    });
    let class = figures.class;
    let others = reference.evaluation.classes.iter().find(|other| other.class == class);
    let area = |row: &AreaRow| {
        let other = others.and_then(|other| other.areas.get(row.metric, row.limit, row.band));
        let difference = row.area.area.zip(other.and_then(|other| other.area));
        AreaFigure {
            metric: row.metric,
            limit: row.limit,
            overlap: row.overlap,
            band: row.band,
            labels: row.area.labels,
            area: row.area.area,
            interval: row.area.interval,
            difference: difference.map(|(this, other)| this - other),
            difference_interval: paired(
                judged,
                reference,
                class,
                (row.metric, row.limit, row.band),
            ),
        }
    };
    ClassFigure {
        class,
        r40: r40.into_iter().collect(),
        areas: figures.areas.rows.iter().map(area).collect(),
    }
}

/// The interval of the difference of two areas, draw by draw.
pub(super) fn paired(
    a: &Judgement,
    b: &Judgement,
    class: Judged,
    (metric, limit, band): (Metric, Strictness, Band),
) -> Option<[f64; 2]> {
    let of = |judged: &Judgement| {
        let draws = judged.draws.iter();
        let same = |d: &&crate::eval::kitti::AreaDraws| {
            (d.class, d.metric, d.limit, d.band) == (class, metric, limit, band)
        };
        draws.clone().find(same).map(|draws| draws.areas.clone())
    };
    let (a, b) = (of(a)?, of(b)?);
    // Fewer draws are the first ones of the same row: zip keeps the pairs.
    interval_of(a.into_iter().zip(b).map(|(a, b)| a - b).collect())
}

fn ratio(settings: &[SettingFigures]) -> Option<Ratio> {
    let find = |name: &str| settings.iter().find(|figures| figures.setting.name == name);
    let (ape, table) = (find("always:ape")?, find("region-table")?);
    let (a, b) = (&ape.beyond_bridge_ms, &table.beyond_bridge_ms);
    let work = (ape.work_behind_bridge_ms.p50, table.work_behind_bridge_ms.p50);
    Some(Ratio {
        always_ape_ms: a.p50,
        region_table_ms: b.p50,
        ratio: a.p50 / b.p50,
        ratio_of_means: a.mean / b.mean,
        without_wait: Some([work.0, work.1, work.0 / work.1]),
    })
}

/// What a reader should know, each once.
fn notes(settings: &[Setting], measured: &Measured, judgements: &[Judgement]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for ((setting, runs), judged) in settings.iter().zip(&measured.runs).zip(judgements) {
        let mut causes: BTreeMap<String, (usize, &str)> = BTreeMap::new();
        for (step, cause) in runs.iter().flat_map(|run| &run.steps) {
            // Cuts are what a budget is for.
            let meant = match step {
                Degradation::Budget => setting.budget_ms.is_some(),
                Degradation::Pixels => setting.pixels.is_some(),
                _ => false,
            };
            if !meant {
                causes.entry(words(*step)).or_insert((0, cause)).0 += 1;
            }
        }
        for (step, (count, cause)) in causes {
            notes.push(format!(
                "{}: {step} on {count} of {} frames; the first: {cause}",
                setting.name,
                runs.len()
            ));
        }
        if setting.always() == Some(ExpertKind::Ape) && runs.iter().all(|run| run.plan.ape == 0) {
            notes.push(format!(
                "{}: no region reached APE: its figures are those of VEE",
                setting.name
            ));
        }
        let varied = runs.iter().filter(|run| run.varied > 0).count();
        if varied > 0 {
            notes.push(format!(
                "{}: boxes differ between repeats on {varied} of {} frames (a budget is spent by the clock); \
                 the first repeat is judged",
                setting.name,
                runs.len()
            ));
        }
        notes.extend(judged.notes.iter().map(|note| format!("{}: {note}", setting.name)));
    }
    notes
}
