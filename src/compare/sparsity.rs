//! Draft-guided sparsity: what is lost and gained where the image branch and APE leave out most of the
//! picture, and whether the draft's scores choose better than chance, distance or density do.

use serde::{Deserialize, Serialize};

use super::summary::paired;
use super::{FrameRun, Judgement, Measured, Setting, beyond_bridge_ms, work_behind_bridge_ms};
use crate::config::{PixelConfig, PixelOrder};
use crate::eval::kitti::{Band, Difficulty, Judged, Metric, Outcome, Strictness, outcomes};
use crate::frame::ExpertKind;
use crate::pipeline::{PlanSummary, StageTimes};
use crate::report::Distribution;

/// One setting that sends everything to APE, with or without a share of pixels to skip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sparsity {
    /// Name of the setting.
    pub setting: String,
    /// What was asked for; none for the setting without a limit.
    pub pixels: Option<PixelConfig>,
    /// Share of the pictures that no window touched, mean over the frames, 0..=1.
    pub skipped: f64,
    /// Share of the regions that reached APE, 0..=1.
    pub regions: f64,
    /// Labels that count (filter of "hard", all judged classes) in frames with a picture.
    pub labels: usize,
    /// Of them, those whose 2D box lies wholly in what was looked at.
    pub labels_inside: usize,
    /// Behind the bridge (image branch, APE, and LPE for what was turned away), median, ms.
    pub behind_ms: f64,
    /// Image branch alone (windows, network, and waiting for the classifier; without decoding the picture), mean, ms.
    pub image_ms: f64,
    /// Image branch and APE, mean, ms; none in files of older versions.
    #[serde(default)]
    pub branch_ms: Option<f64>,
    /// Image branch and APE without a limit over this one's, of means.
    #[serde(default)]
    pub branch_faster: Option<f64>,
    /// Median behind the bridge without a limit over this one's.
    pub faster: Option<f64>,
    /// The same without the wait for the picture's decoder, which is the same work whatever share is skipped
    /// and which a camera that gives pixels does not cause; none in files of older versions.
    #[serde(default)]
    pub faster_at_work: Option<f64>,
    /// The areas less those of the draft's order at the same share, by class; empty for the draft's order
    /// itself, where it was not asked for, and in files of older versions.
    #[serde(default)]
    pub less_draft: Vec<ClassDifference>,
}

/// The difference of two areas (3D, the benchmark's limit, all distances) of a class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassDifference {
    /// Which.
    pub class: Judged,
    /// This area less the other.
    pub difference: f64,
    /// 95 % of the bootstrap over frames, of the difference draw by draw.
    pub interval: Option<[f64; 2]>,
}

/// A row for each `always:ape` setting, if one of them skips pixels; else none.
pub(super) fn sparsity(
    settings: &[Setting],
    measured: &Measured,
    judgements: &[Judgement],
    classes: &[Judged],
) -> Vec<Sparsity> {
    if settings.iter().all(|setting| setting.pixels.is_none()) {
        return Vec::new();
    }
    let median = |runs: &[FrameRun], of: fn(&StageTimes) -> f64| {
        let times = runs.iter().flat_map(|run| &run.times).map(of);
        Distribution::of(times.collect()).map_or(0.0, |distribution| distribution.p50)
    };
    let mean = |runs: &[FrameRun], of: fn(&StageTimes) -> f64| {
        let times = runs.iter().flat_map(|run| &run.times).map(of);
        Distribution::of(times.collect()).map_or(0.0, |distribution| distribution.mean)
    };
    let all = settings.iter().zip(&measured.runs);
    let unlimited = all
        .clone()
        .find(|(setting, _)| setting.always() == Some(ExpertKind::Ape))
        .map(|(_, runs)| runs);
    let faster = |runs: &[FrameRun], of| {
        let (all, this) = (median(unlimited?, of), median(runs, of));
        (this > 0.0).then(|| all / this)
    };
    all.zip(judgements)
        .filter(|((setting, _), _)| {
            setting.pixels.is_some() || setting.always() == Some(ExpertKind::Ape)
        })
        .map(|((setting, runs), judged)| {
            let (labels, labels_inside) = inside(runs, judged, classes);
            let seen: Vec<f64> = runs.iter().filter_map(share).collect();
            let plans = || runs.iter().map(|run| run.plan);
            let all = |plan: PlanSummary| plan.bridge + plan.lpe + plan.vee + plan.ape;
            let regions = plans().map(all).sum::<u32>();
            let ape = plans().map(|plan| plan.ape).sum::<u32>();
            let branch_ms = mean(runs, branch);
            Sparsity {
                setting: setting.name.clone(),
                pixels: setting.pixels,
                skipped: 1.0 - seen.iter().sum::<f64>() / seen.len().max(1) as f64,
                regions: f64::from(ape) / f64::from(regions.max(1)),
                labels,
                labels_inside,
                behind_ms: median(runs, beyond_bridge_ms),
                image_ms: mean(runs, image),
                branch_ms: Some(branch_ms),
                branch_faster: unlimited
                    .filter(|_| branch_ms > 0.0)
                    .map(|all| mean(all, branch) / branch_ms),
                faster: faster(runs, beyond_bridge_ms),
                faster_at_work: faster(runs, work_behind_bridge_ms),
                less_draft: less_draft(settings, judgements, setting, judged, classes),
            }
        })
        .collect()
}

/// What a control's areas are above or below those of the draft's order at its share.
fn less_draft(
    settings: &[Setting],
    judgements: &[Judgement],
    control: &Setting,
    judged: &Judgement,
    classes: &[Judged],
) -> Vec<ClassDifference> {
    let control = control.pixels.filter(|pixels| pixels.by != PixelOrder::Draft);
    let draft = control.and_then(|control| {
        let draft = Some(PixelConfig { by: PixelOrder::Draft, ..control });
        settings.iter().zip(judgements).find(|(setting, _)| setting.pixels == draft)
    });
    let Some((_, draft)) = draft else { return Vec::new() };
    let row = (Metric::Box3d, Strictness::Official, Band::All);
    let area = |judged: &Judgement, class| {
        let mut all = judged.evaluation.classes.iter();
        all.find(|figures| figures.class == class)?.areas.get(row.0, row.1, row.2)?.area
    };
    let difference = |&class: &Judged| {
        Some(ClassDifference {
            class,
            difference: area(judged, class)? - area(draft, class)?,
            interval: paired(judged, draft, class, row),
        })
    };
    classes.iter().filter_map(difference).collect()
}

/// Windows, network, and waiting for the classifier.
fn image(times: &StageTimes) -> f64 {
    times.image_windows_ms + times.image_model_ms + times.classifier_ms
}

/// Image branch and APE, without decoding the picture.
fn branch(times: &StageTimes) -> f64 {
    image(times) + times.ape_ms
}

/// The share of a frame's first picture that was looked at; none without a camera.
fn share(run: &FrameRun) -> Option<f64> {
    run.picture.as_ref().map(|picture| f64::from(picture.looked_at.share()))
}

/// Labels that count, and those wholly inside.
fn inside(runs: &[FrameRun], judged: &Judgement, classes: &[Judged]) -> (usize, usize) {
    let (mut labels, mut whole) = (0, 0);
    for &class in classes {
        let (metric, difficulty) = (Metric::Box3d, Difficulty::Hard);
        let all = outcomes(&judged.frames, class, metric, difficulty, f64::NEG_INFINITY);
        for object in all.objects.iter().filter(|object| {
            object.is_label && matches!(object.outcome, Outcome::Matched | Outcome::Missed)
        }) {
            let found = judged.frames.iter().zip(runs).find(|(frame, _)| frame.id == object.frame);
            let Some((frame, FrameRun { picture: Some(picture), .. })) = found else { continue };
            let Some(entry) = frame.labels.iter().find(|entry| entry.line == object.line) else {
                continue;
            };
            let [width, height] = picture.size.map(f64::from);
            let [left, top, right, bottom] = entry.row.bbox;
            let window = [left / width, top / height, right / width, bottom / height];
            labels += 1;
            whole += usize::from(picture.looked_at.covers(window.map(|share| share as f32)));
        }
    }
    (labels, whole)
}

impl Sparsity {
    /// Whose turn was first, in a word.
    pub fn by(&self) -> &'static str {
        self.pixels.map_or("no limit", |pixels| pixels.by.word())
    }
}
