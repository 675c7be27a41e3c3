//! The order of the rooms, and what happens where one of them fails.
//!
//! Nothing that a sensor or a model does stops a frame: it steps down (see [`Degradation`]), and
//! the result says so, on the frame and on each box touched.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::Error;
use super::models::Networks;
use super::result::{FrameDegradation, FrameResult, StageTimes};
use crate::bridge::{Bridge, ImageBranch, NoImage, Scenario, Scene};
use crate::config::{Config, FusionConfig};
use crate::expert::contract::Contract;
use crate::expert::{
    Deadline, Emergency, Expert as _, ExpertInput, ExpertMeter, Ladder, Metered, Refinement,
    RegionExpert, RunningMedian,
};
use crate::frame::{Degradation, DegradationSet, Detection, ExpertKind, Frame, ImageData};
use crate::fusion::Fusion;
use crate::geometry::Box3;
use crate::router::{Available, Plan, Router, TileMask};

/// After so many failures in a row an expert is given up.
const PATIENCE: u32 = 3;

/// Takes a model's own calibration where the configuration has none for it.
fn calibrate(fusion: &mut FusionConfig, expert: ExpertKind, contract: &Contract) {
    let tables = &mut fusion.calibration;
    let table = match expert {
        ExpertKind::Bridge => &mut tables.bridge,
        ExpertKind::Lpe => &mut tables.lpe,
        ExpertKind::Vee => &mut tables.vee,
        ExpertKind::Ape => &mut tables.ape,
        ExpertKind::Emergency => &mut tables.emergency,
    };
    if table.is_empty() {
        table.clone_from(&contract.calibration);
    }
}

/// One pipeline: all rooms with their memory.
pub struct Pipeline {
    bridge: Bridge,
    image: ImageBranch,
    router: Router,
    experts: Ladder<RegionExpert>,
    emergency: Emergency,
    fusion: Fusion,
    inject_emergency: bool,
    add_uncovered: bool,
    deadline: Option<Duration>,
    max_picture_age_ms: Option<f64>,
    /// What APE costs beside its own network, ms: decoding the picture, and windows and image model
    /// for each region.
    image_first_ms: RunningMedian,
    image_region_ms: RunningMedian,
    refinements: Vec<Refinement>,
    chosen: Vec<usize>,
    boxes: Vec<Box3>,
    result: FrameResult,
}

impl Pipeline {
    /// A pipeline of the configuration on these networks ([`Models`](super::Models) are such).
    ///
    /// # Errors
    /// Settings or models that do not fit together.
    pub fn new(config: &Config, networks: impl Into<Networks>) -> Result<Self, Error> {
        let Networks { bev, lpe, vee, ape, image, classifier } = networks.into();
        let mut fusion = config.fusion.clone();
        if let Some(bev) = &bev {
            calibrate(&mut fusion, ExpertKind::Bridge, bev.contract());
        }
        let bridge = Bridge::new(&config.bridge, bev)?;
        let mut experts = Vec::new();
        for (kind, network) in
            [(ExpertKind::Lpe, lpe), (ExpertKind::Vee, vee), (ExpertKind::Ape, ape)]
        {
            if let Some(network) = network {
                calibrate(&mut fusion, kind, network.contract());
                let prior = network.contract().cost_ms.get("cpu-1-thread").copied();
                let expert = RegionExpert::new(kind, network)?;
                experts.push(Deadline::new(Metered::new(expert, prior)));
            }
        }
        Ok(Self {
            bridge,
            image: ImageBranch::new(image, classifier)?,
            router: Router::new(&config.router)?,
            experts: Ladder::new(experts, PATIENCE),
            emergency: Emergency::new(&config.emergency),
            fusion: Fusion::new(&fusion)?,
            inject_emergency: config.bridge.inject_emergency,
            add_uncovered: config.emergency.add_uncovered,
            deadline: None,
            max_picture_age_ms: config.bridge.max_picture_age_ms,
            image_first_ms: RunningMedian::default(),
            image_region_ms: RunningMedian::default(),
            refinements: Vec::new(),
            chosen: Vec::new(),
            boxes: Vec::new(),
            result: FrameResult::default(),
        })
    }

    /// Sets how long after a frame's begin experts may still be started; none for no deadline.
    /// Regions not reached keep their proposal ([`Degradation::Deadline`]).
    pub fn set_deadline(&mut self, deadline: Option<Duration>) {
        self.deadline = deadline;
    }

    /// Takes experts, image model and classifier that were given up after failures for new, without waiting for
    /// their next try (see [`Patience`](crate::expert::Patience)).
    pub fn reset_experts(&mut self) {
        self.experts.reset();
        self.image.reset();
    }

    /// Exchanges the router, so that settings can be compared on the same loaded networks and the same
    /// memory. What the experts were measured to cost stays, and serves the budget of the new router.
    pub fn swap_router(&mut self, router: &mut Router) {
        std::mem::swap(&mut self.router, router);
    }

    /// The regions of the last frame, with their points and facts.
    pub fn scene(&self) -> &Scene {
        self.bridge.scene()
    }

    /// The plan of the last frame.
    pub fn plan(&self) -> &Plan {
        self.router.last()
    }

    /// What [`process`](Self::process) made of the last frame.
    pub fn last(&self) -> &FrameResult {
        &self.result
    }

    /// What the last plan lets the image branch look at in a camera's picture.
    pub fn mask(&self, camera: usize) -> TileMask {
        self.router.mask(camera)
    }

    /// Makes a frame into boxes. Never fails: what could not be done is in
    /// [`FrameResult::degraded`] and on the boxes.
    pub fn process(&mut self, frame: &Frame) -> &FrameResult {
        let start = Instant::now();
        let span = tracing::info_span!("frame", id = frame.id).entered();
        self.begin(frame);
        let until = self.deadline.map(|deadline| start + deadline);
        self.experts.begin_frame();
        self.experts.experts_mut().for_each(|expert| expert.set(until));
        self.image.begin_frame(until);
        let mut times = StageTimes::default();

        self.find_regions(frame, &mut times);
        self.route(frame, &mut times);
        self.refine(frame, until, &mut times);
        self.fuse(&mut times);

        times.total_ms = ms(start);
        self.result.times = times;
        drop(span);
        &self.result
    }

    fn begin(&mut self, frame: &Frame) {
        let result = &mut self.result;
        result.frame.clone_from(&frame.id);
        result.stamp = frame.stamp;
        result.dropped = frame.dropped.clone();
        result.counts.points = frame.cloud.points.len() as u32;
        result.degraded.clear();
    }

    /// Bridge, and the emergency expert before the router where it is wanted or nothing else is left.
    fn find_regions(&mut self, frame: &Frame, times: &mut StageTimes) {
        let _span = tracing::info_span!("bridge").entered();
        let failure = self.bridge.process(frame, times).err().map(|error| error.to_string());
        let absent = || Some("no bridge model is configured".to_owned());
        let failure = failure.or_else(|| if self.bridge.has_model() { None } else { absent() });
        let inject = failure.is_some() || self.inject_emergency;
        if inject || self.add_uncovered {
            let since = Instant::now();
            let height = frame.rig.lidar.origin_height_m as f32;
            let proposals = self.emergency.find(self.bridge.points(), height);
            times.emergency_ms += ms(since);
            if inject {
                let since = Instant::now();
                self.bridge.inject(frame, proposals);
                times.regions_ms += ms(since);
            }
        }
        if let Some(cause) = failure {
            step_down(&mut self.result.degraded, Degradation::NoModel, cause);
        }
        let scene = self.bridge.scene();
        self.result.counts.points_used = scene.points_used;
        self.result.counts.cells = scene.cells_occupied;
        self.result.counts.regions = scene.regions.len() as u32;
        self.result.dropped.add(&scene.dropped);
    }

    fn route(&mut self, frame: &Frame, times: &mut StageTimes) {
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
        *summary = super::PlanSummary::default();
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

    fn refine(&mut self, frame: &Frame, until: Option<Instant>, times: &mut StageTimes) {
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

    fn fuse(&mut self, times: &mut StageTimes) {
        let _span = tracing::info_span!("fusion").entered();
        let since = Instant::now();
        let scene = self.bridge.scene();
        let plan = self.router.last();
        let detections = &mut self.result.detections;
        let no_model = self.result.degraded.iter().any(|step| step.step == Degradation::NoModel);
        detections.clear();
        for fused in self.fusion.fuse(&self.refinements) {
            let refined = &self.refinements[fused.refinement];
            let mut steps = refined.degraded;
            let (mut reason, mut facts) = (String::new(), Scenario::default());
            match refined.region {
                Some(region) => {
                    let ticket = &plan.assignments[region];
                    steps = steps | ticket.degraded;
                    self.router.describe(&ticket.reason, &mut reason);
                    if refined.picture != 0.0 {
                        // Adding nothing to what rounds to nothing: no "-0.0".
                        let told = (10.0 * refined.picture).round() / 10.0 + 0.0;
                        let _ = write!(reason, ", picture {told:+.1}");
                    }
                    facts = scene.regions[region].scenario;
                }
                None => reason.push_str("a cluster that no other box covers -> emergency"),
            }
            if no_model {
                steps.insert(Degradation::NoModel);
            }
            detections.push(Detection {
                class: refined.class,
                box3: fused.box3,
                score: fused.score,
                expert: refined.expert,
                reason,
                distance_m: fused.box3.distance() as f32,
                visibility: facts.visibility,
                occlusion: facts.occlusion,
                truncation: facts.truncation,
                degraded: steps.iter().collect(),
            });
        }
        self.fusion.counts().add_to(&mut self.result.dropped);
        times.fusion_ms += ms(since);
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

fn step_down(steps: &mut Vec<FrameDegradation>, step: Degradation, cause: String) {
    tracing::debug!(?step, cause, "degraded");
    steps.push(FrameDegradation { step, cause });
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
