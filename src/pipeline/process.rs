//! The order of the rooms, and what happens where one of them fails.
//!
//! Nothing that a sensor or a model does stops a frame: it steps down (see [`Degradation`]), and
//! the result says so, on the frame and on each box touched.

mod refine;
mod route;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::Error;
use super::models::Networks;
use super::result::{FrameDegradation, FrameResult, StageTimes};
use crate::bridge::{Bridge, ImageBranch, Scenario, Scene};
use crate::config::{Config, FusionConfig};
use crate::expert::contract::Contract;
use crate::expert::{
    Deadline, Emergency, Ladder, Metered, Refinement, RegionExpert, RunningMedian,
};
use crate::frame::{Degradation, Detection, ExpertKind, Frame};
use crate::fusion::Fusion;
use crate::geometry::Box3;
use crate::router::{Plan, Router, TileMask};

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
        self.result.counts.intensity_factor = scene.intensity_factor;
        self.result.counts.regions = scene.regions.len() as u32;
        self.result.dropped.add(&scene.dropped);
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

fn step_down(steps: &mut Vec<FrameDegradation>, step: Degradation, cause: String) {
    tracing::debug!(?step, cause, "degraded");
    steps.push(FrameDegradation { step, cause });
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
