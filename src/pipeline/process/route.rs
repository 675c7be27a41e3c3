//! Who goes where in this frame: what can be had, the router's plan, and what it had to do without.

use std::time::Instant;

use super::{Pipeline, ms, step_down};
use crate::expert::Expert as _;
use crate::frame::{Degradation, ExpertKind, Frame, ImageData};
use crate::pipeline::{PlanSummary, StageTimes};
use crate::router::Available;

impl Pipeline {
    pub(super) fn route(&mut self, frame: &Frame, times: &mut StageTimes) {
        let _span = tracing::info_span!("router").entered();
        let since = Instant::now();
        let mut available = Available {
            lpe: self.experts.is_well(ExpertKind::Lpe),
            vee: self.experts.is_well(ExpertKind::Vee),
            ape: self.experts.is_well(ExpertKind::Ape) && self.image.is_well(),
            pictures: 0,
        };
        for (index, image) in frame.images.iter().enumerate() {
            match unusable(index, frame, self.max_picture_age_ms) {
                Some(cause) => {
                    step_down(&mut self.result.degraded, Degradation::NoCamera, cause);
                }
                None if image.camera < 64 && !matches!(image.data, ImageData::Missing(_)) => {
                    available.pictures |= 1 << image.camera;
                }
                None => {}
            }
        }
        for kind in [ExpertKind::Lpe, ExpertKind::Vee, ExpertKind::Ape] {
            let mut cost = self.experts.get(kind).and_then(|expert| expert.inner().cost());
            if let (ExpertKind::Ape, Some(cost)) = (kind, &mut cost) {
                cost.first_ms = self.image_first_ms.get().unwrap_or(0.0);
                cost.region_ms = self.image_region_ms.get().unwrap_or(0.0);
            }
            self.router.set_cost(kind, cost);
        }
        self.router.plan(self.bridge.scene(), &available);
        if let Some(kind) = self.router.tried() {
            // What is measured in this frame is believed, not what shut it out.
            let mut experts = self.experts.experts_mut();
            if let Some(expert) = experts.find(|expert| expert.inner().kind() == kind) {
                expert.inner_mut().forget();
            }
            if kind == ExpertKind::Ape {
                self.image_first_ms.clear();
                self.image_region_ms.clear();
            }
        }
        let plan = self.router.last();
        let summary = &mut self.result.plan;
        *summary = PlanSummary::default();
        for ticket in &plan.assignments {
            match ticket.expert {
                ExpertKind::Bridge => summary.bridge += 1,
                ExpertKind::Lpe => summary.lpe += 1,
                ExpertKind::Vee => summary.vee += 1,
                ExpertKind::Ape => summary.ape += 1,
                ExpertKind::Emergency => summary.emergency += 1,
            }
        }
        for (step, cause) in [
            (Degradation::NoCamera, "no usable picture for regions that were to have one"),
            (Degradation::Pixels, "the router's pixel budget was spent"),
            (Degradation::Budget, "the router's budget was spent"),
            (Degradation::ExpertFailed, "an expert that the policy asks for cannot be had"),
        ] {
            let count =
                plan.assignments.iter().filter(|ticket| ticket.degraded.contains(step)).count();
            if count > 0 {
                let missing = || {
                    frame.images.iter().find_map(|image| match &image.data {
                        ImageData::Missing(cause) => Some(cause.to_string()),
                        _ => None,
                    })
                };
                let given_up = || {
                    let mut tickets = plan.assignments.iter();
                    let lost = tickets.find(|ticket| ticket.degraded.contains(step))?;
                    let kind = lost.reason.cut_from?;
                    if self.experts.get(kind).is_none() {
                        return Some(format!("no model of {kind:?} is loaded"));
                    }
                    match self.experts.given_up(kind) {
                        Some(why) => Some(format!("{kind:?} {why}")),
                        None => Some(format!("image branch: {}", self.image.given_up()?)),
                    }
                };
                let why = match step {
                    Degradation::NoCamera => missing(),
                    Degradation::ExpertFailed => given_up(),
                    _ => None,
                };
                let cause = match why {
                    Some(why) => format!("{cause} ({count} regions): {why}"),
                    None => format!("{cause} ({count} regions)"),
                };
                step_down(&mut self.result.degraded, step, cause);
            }
        }
        times.router_ms += ms(since);
    }
}

/// Why a picture that is there is not to be used: of no camera of the rig, the second of one, or of another time than
/// the scan.
fn unusable(index: usize, frame: &Frame, max_age_ms: Option<f64>) -> Option<String> {
    let image = &frame.images[index];
    let (camera, known) = (image.camera, frame.rig.cameras.len());
    if camera >= known {
        return Some(format!("a picture of camera {camera}, but the rig has {known} cameras"));
    }
    if frame.images[..index].iter().any(|before| before.camera == camera) {
        return Some(format!("a second picture of camera {camera}: the first is taken"));
    }
    let apart_ms = (i128::from(frame.stamp.0) - i128::from(image.stamp.0)) as f64 / 1e6;
    let limit_ms = max_age_ms.filter(|limit_ms| apart_ms.abs() > *limit_ms)?;
    let name = &frame.rig.cameras[camera].name;
    let when = if apart_ms > 0.0 { "before" } else { "after" };
    Some(format!(
        "the picture of camera {name} was taken {:.0} ms {when} the scan (bridge.max_picture_age_ms: {limit_ms})",
        apart_ms.abs()
    ))
}
