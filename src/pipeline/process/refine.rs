//! The plan carried out: each expert on its regions, the picture beside them, and what came too late or failed.

use std::time::Instant;

use super::{Pipeline, step_down};
use crate::bridge::NoImage;
use crate::expert::{ExpertInput, ExpertMeter, Refinement};
use crate::frame::{Degradation, DegradationSet, ExpertKind, Frame};
use crate::pipeline::StageTimes;

impl Pipeline {
    pub(super) fn refine(&mut self, frame: &Frame, until: Option<Instant>, times: &mut StageTimes) {
        let _span = tracing::info_span!("experts").entered();
        let scene = self.bridge.scene();
        let plan = self.router.last();
        self.refinements.clear();

        let passed = || until.is_some_and(|until| Instant::now() >= until);
        let mut meter = ExpertMeter::default();

        self.chosen.clear();
        self.chosen.extend(plan.regions(ExpertKind::Ape));
        if !self.chosen.is_empty() {
            // The picture is decoded while the experts that need none are at work.
            self.image.begin(frame, scene, &self.chosen);
        }
        let blind = ExpertInput { frame, scene, image: None };
        for kind in [ExpertKind::Lpe, ExpertKind::Vee] {
            self.chosen.clear();
            self.chosen.extend(plan.regions(kind));
            if !self.chosen.is_empty() {
                let _span = tracing::info_span!("expert", ?kind).entered();
                let out = &mut self.refinements;
                self.experts.refine_from(kind, &blind, &self.chosen, out, &mut meter);
            }
        }
        self.chosen.clear();
        self.chosen.extend(plan.regions(ExpertKind::Ape));
        if !self.chosen.is_empty() {
            // Once the deadline has passed APE does not start, and needs no features.
            let of = if passed() { &[] } else { self.chosen.as_slice() };
            let image = match self.image.features(frame, scene, of, times) {
                Ok(features) => {
                    self.result.dropped.images_unusable += features.images_unusable;
                    let lost =
                        || features.unavailable.iter().filter(|lost| lost.1 != NoImage::Late);
                    if let Some((_, cause)) = lost().next() {
                        let count = lost().count();
                        let cause = format!("no image window for {count} regions: {cause}");
                        step_down(&mut self.result.degraded, Degradation::NoCamera, cause);
                    }
                    Some(features)
                }
                Err(error) => {
                    let cause = format!("image branch: {error}");
                    step_down(&mut self.result.degraded, Degradation::ExpertFailed, cause);
                    None
                }
            };
            let out = &mut self.refinements;
            let first = out.len();
            if passed() {
                let late = Degradation::Deadline.into();
                out.extend(self.chosen.iter().map(|&at| Refinement::proposal(scene, at, late)));
            } else {
                // Without its features APE is not to be had: no camera is to blame.
                let kind = if image.is_some() { ExpertKind::Ape } else { ExpertKind::Vee };
                let _span = tracing::info_span!("expert", ?kind).entered();
                let before = meter.encode_ms + meter.model_ms;
                let input = ExpertInput { frame, scene, image };
                self.experts.refine_from(kind, &input, &self.chosen, out, &mut meter);
                if kind != ExpertKind::Ape {
                    let lost = out[first..].iter_mut();
                    lost.for_each(|refined| refined.degraded.insert(Degradation::ExpertFailed));
                }
                times.ape_ms += meter.encode_ms + meter.model_ms - before;
            }
            let mine = |refined: &&mut Refinement| refined.expert == ExpertKind::Ape;
            if out[first..].iter_mut().any(|refined| mine(&refined)) {
                let failed = self.image.logits(times).err();
                let step = match &failed {
                    Some(_) => Some(Degradation::ExpertFailed),
                    None => self.image.late().then_some(Degradation::Deadline),
                };
                if let Some(cause) = failed {
                    let cause = format!("without the classifier: {cause}");
                    step_down(&mut self.result.degraded, Degradation::ExpertFailed, cause);
                }
                let said = self.image.last_logits();
                for refined in out[first..].iter_mut().filter(mine) {
                    let region = refined.region;
                    match said.iter().find(|said| Some(said.0) == region) {
                        Some(&(_, logit)) => refined.weigh_picture(logit),
                        None if self.image.classifies(refined.class) => {
                            step.into_iter().for_each(|step| refined.degraded.insert(step));
                        }
                        None => {}
                    }
                }
                self.image_first_ms.push(times.image_decode_ms);
                let work_ms = times.image_windows_ms + times.image_model_ms + times.classifier_ms;
                self.image_region_ms.push(work_ms / self.chosen.len() as f64);
            }
        }
        for failure in self.experts.failures() {
            let cause = format!(
                "{:?} failed on {} regions: {}",
                failure.expert, failure.regions, failure.cause
            );
            step_down(&mut self.result.degraded, Degradation::ExpertFailed, cause);
        }
        for kind in [ExpertKind::Bridge, ExpertKind::Emergency] {
            let kept = plan.regions(kind);
            let none = DegradationSet::default();
            self.refinements.extend(kept.map(|at| Refinement::proposal(scene, at, none)));
        }
        if self.add_uncovered {
            self.boxes.clear();
            self.boxes.extend(self.refinements.iter().map(|refined| refined.box3));
            self.emergency.uncovered(&self.boxes, &mut self.refinements);
        }
        let late = |refined: &&Refinement| refined.degraded.contains(Degradation::Deadline);
        let late = self.refinements.iter().filter(late).count();
        if late > 0 {
            let cause = format!(
                "the deadline passed before {late} regions were refined, or all that was to be known of them"
            );
            step_down(&mut self.result.degraded, Degradation::Deadline, cause);
        }
        self.result.dropped.region_points_thinned += meter.points_thinned;
        times.expert_encode_ms += meter.encode_ms;
        times.expert_model_ms += meter.model_ms;
    }
}
