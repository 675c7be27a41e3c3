//! The shipped models in the whole pipeline: they detect, and every fault steps down in sight.
//!
//! Needs the ONNX Runtime library (`make setup`); skips, saying so, where there is none.
#![allow(clippy::print_stderr)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use emc2::config::Config;
use emc2::expert::backend::{Overrides, locate};
use emc2::expert::contract::Contract;
use emc2::expert::{Error, Network};
use emc2::frame::{Class, Degradation, ExpertKind, Frame, ImageData};
use emc2::fusion::Curve;
use emc2::geometry::bev_overlap;
use emc2::pipeline::{FrameResult, Models, Networks, Pipeline};
use emc2::sensor::Source as _;
use emc2::sensor::synthetic::{SyntheticConfig, SyntheticSource};

/// A network with something done before it is run.
struct Before<F>(Box<dyn Network>, F);

impl<F: FnMut(&Contract) -> Result<(), Error> + Send> Network for Before<F> {
    fn contract(&self) -> &Contract {
        self.0.contract()
    }
    fn input_mut(&mut self, index: usize) -> &mut [f32] {
        self.0.input_mut(index)
    }
    fn run(&mut self) -> Result<(), Error> {
        (self.1)(self.0.contract())?;
        self.0.run()
    }
    fn output(&self, index: usize) -> &[f32] {
        self.0.output(index)
    }
}

/// Fails when run.
fn broken(network: Option<Box<dyn Network>>) -> Option<Box<dyn Network>> {
    let fail = |contract: &Contract| {
        let (model, doing) = (contract.name.clone(), "running");
        Err(Error::Runtime { model, doing, message: "the device is gone".to_owned() })
    };
    network.map(|inner| Box::new(Before(inner, fail)) as Box<dyn Network>)
}

/// Takes its time.
fn slow(network: Option<Box<dyn Network>>, wait: Duration) -> Option<Box<dyn Network>> {
    let sleep = move |_: &Contract| {
        std::thread::sleep(wait);
        Ok(())
    };
    network.map(|inner| Box::new(Before(inner, sleep)) as Box<dyn Network>)
}

fn networks() -> Option<Networks> {
    if let Err(error) = locate(None) {
        eprintln!("skipped: {error}");
        return None;
    }
    Some(Models::load(&Config::default(), &Overrides::default()).unwrap().into())
}

fn config(policy: &str) -> Config {
    let mut config = Config::default();
    config.router.policy = policy.to_owned();
    config
}

fn frame(index: usize) -> Frame {
    SyntheticSource::new(SyntheticConfig { frames: 8, seed: 7, ..SyntheticConfig::default() })
        .load(index)
        .unwrap()
}

/// What is said of regions without a picture.
fn no_camera(result: &FrameResult) -> Vec<String> {
    let said = result.degraded.iter().filter(|said| said.step == Degradation::NoCamera);
    said.map(|said| said.cause.clone()).collect()
}

fn has(result: &FrameResult, step: Degradation) -> bool {
    result.degraded.iter().any(|degraded| degraded.step == step)
}

#[test]
fn the_shipped_models_find_the_cars_of_a_synthetic_drive() {
    let Some(networks) = networks() else { return };
    let mut pipeline = Pipeline::new(&Config::default(), networks).unwrap();
    let (mut cars, mut found) = (0, 0);
    for index in 0..8 {
        let frame = frame(index);
        let result = pipeline.process(&frame);
        for label in frame.labels.iter().flatten() {
            let Some(truth) =
                label.box3.filter(|b| label.class == Class::Car && b.distance() < 40.0)
            else {
                continue;
            };
            if label.occlusion > 1 || label.truncation > 0.3 {
                continue;
            }
            cars += 1;
            let hit = |d: &&emc2::frame::Detection| {
                d.class == Class::Car && d.score > 0.3 && bev_overlap(&d.box3, &truth) > 0.5
            };
            found += usize::from(result.detections.iter().any(|d| hit(&d)));
        }
    }
    eprintln!("{found} of {cars} cars within 40 m");
    assert!(cars >= 20 && found * 10 >= cars * 8, "{found} of {cars}");
}

#[test]
fn every_box_says_which_expert_and_why() {
    let Some(networks) = networks() else { return };
    let table = "router:
  table:
    - {name: near, distance_m: [0, 15], expert: lpe}
    - {name: middle, distance_m: [15, 25], expert: vee}
    - {name: far, expert: ape}
";
    let config = Config::parse(table, Path::new("three-rows.yaml")).unwrap();
    let mut pipeline = Pipeline::new(&config, networks).unwrap();
    let frame = frame(2);
    let result = pipeline.process(&frame);
    assert!(result.degraded.is_empty(), "{:?}", result.degraded);
    let mut kinds: Vec<ExpertKind> = result.detections.iter().map(|d| d.expert).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, [ExpertKind::Lpe, ExpertKind::Vee, ExpertKind::Ape]);
    assert!(result.detections.iter().all(|d| d.reason.contains("->") && d.reason.contains(" m")));
    assert!(result.detections.is_sorted_by(|a, b| a.score >= b.score));
}

#[test]
fn a_model_calibrates_its_own_scores_unless_the_configuration_does() {
    let (Some(own), Some(raw)) = (networks(), networks()) else { return };
    let contract = own.lpe.as_ref().unwrap().contract();
    let curve = Curve::new(ExpertKind::Lpe, &contract.calibration).unwrap();
    let mut own = Pipeline::new(&config("always:lpe"), own).unwrap();
    let mut unchanged = config("always:lpe");
    unchanged.fusion.calibration.lpe = vec![[0.0, 0.0], [1.0, 1.0]];
    let mut raw = Pipeline::new(&unchanged, raw).unwrap();
    let frame = frame(2);
    let (own, raw) = (own.process(&frame), raw.process(&frame));
    assert!(!own.detections.is_empty());
    for calibrated in &own.detections {
        let same = raw.detections.iter().find(|d| d.box3 == calibrated.box3).unwrap();
        assert!((calibrated.score - curve.apply(same.score)).abs() < 1e-6);
    }
    let moved = own.detections.iter().zip(&raw.detections).any(|(own, raw)| own.score != raw.score);
    assert!(moved, "the shipped contract has no calibration");
}

#[test]
fn the_same_frame_gives_the_same_boxes_whatever_came_before() {
    let (Some(one), Some(two)) = (networks(), networks()) else { return };
    let mut fresh = Pipeline::new(&Config::default(), one).unwrap();
    let mut used = Pipeline::new(&Config::default(), two).unwrap();
    for index in [5, 0, 3] {
        used.process(&frame(index));
    }
    let frame = frame(1);
    assert_eq!(fresh.process(&frame).detections, used.process(&frame).detections);
}

#[test]
fn a_missing_image_sends_apes_regions_to_vee_and_says_so() {
    let Some(networks) = networks() else { return };
    let mut pipeline = Pipeline::new(&config("always:ape"), networks).unwrap();
    let mut frame = frame(0);
    frame.images[0].data = ImageData::Missing("the camera is unplugged".to_owned());
    let result = pipeline.process(&frame);
    assert!(has(result, Degradation::NoCamera));
    assert!(result.degraded.iter().any(|step| step.cause.contains("unplugged")));
    assert!(!result.detections.is_empty());
    for box_ in &result.detections {
        assert_eq!(box_.expert, ExpertKind::Vee);
        assert!(box_.degraded.contains(&Degradation::NoCamera));
    }
}

#[test]
fn a_corrupt_image_sends_apes_regions_to_vee_and_says_so() {
    let Some(networks) = networks() else { return };
    let mut pipeline = Pipeline::new(&config("always:ape"), networks).unwrap();
    let mut frame = frame(0);
    frame.images[0].data = ImageData::Encoded(Arc::from(&b"not a picture"[..]));
    let result = pipeline.process(&frame);
    assert!(has(result, Degradation::NoCamera));
    assert_eq!(result.dropped.images_unusable, 1);
    assert!(result.detections.iter().all(|d| d.expert == ExpertKind::Vee));
}

#[test]
fn a_failed_expert_hands_its_regions_to_the_next_one() {
    let Some(mut networks) = networks() else { return };
    networks.ape = broken(networks.ape.take());
    let mut pipeline = Pipeline::new(&config("always:ape"), networks).unwrap();
    for _ in 0..5 {
        let frame = frame(0);
        let result = pipeline.process(&frame);
        assert!(has(result, Degradation::ExpertFailed));
        assert!(result.detections.iter().all(|d| d.expert == ExpertKind::Vee));
        // A region that no camera sees never reached the failing expert.
        let told = [Degradation::ExpertFailed, Degradation::NoCamera];
        assert!(result.detections.iter().all(|d| told.iter().any(|s| d.degraded.contains(s))));
    }
}

#[test]
fn a_person_says_what_the_picture_said_of_it_and_without_the_classifier_nothing() {
    let (Some(whole), Some(mut without), Some(mut failing)) = (networks(), networks(), networks())
    else {
        return;
    };
    without.classifier = None;
    failing.classifier = broken(failing.classifier.take());
    let [mut whole, mut without, mut failing] =
        [whole, without, failing].map(|n| Pipeline::new(&config("always:ape"), n).unwrap());
    let told = |d: &emc2::frame::Detection| d.reason.contains(", picture ");
    let mut people = 0;
    for index in 0..8 {
        let frame = frame(index);
        let (whole, plain) = (whole.process(&frame), without.process(&frame));
        for person in whole.detections.iter().filter(|d| told(d)) {
            assert_ne!(person.class, Class::Car);
            people += 1;
            let same = plain.detections.iter().find(|d| d.box3 == person.box3);
            // One that only its picture raised above the least score is not there without.
            assert!(same.is_none_or(|same| same.score != person.score), "{}", person.reason);
        }
        let names = |result: &FrameResult| {
            result.degraded.iter().any(|step| step.cause.contains("the classifier"))
        };
        assert!(!names(whole) && !names(plain) && !plain.detections.iter().any(told));
        let failed = failing.process(&frame);
        let mut boxes = failed.detections.clone();
        for person in boxes.iter_mut().filter(|d| d.class != Class::Car) {
            person.degraded.retain(|step| *step != Degradation::ExpertFailed);
        }
        assert_eq!(boxes, plain.detections, "the boxes stand as without it");
        if whole.detections.iter().any(told) {
            assert!(names(failed), "{:?}", failed.degraded);
            let marked =
                |d: &emc2::frame::Detection| d.degraded.contains(&Degradation::ExpertFailed);
            assert!(failed.detections.iter().any(marked));
        }
    }
    assert!(people > 3, "{people}");
}

#[test]
fn what_the_picture_says_is_for_ape_alone() {
    let Some(mut networks) = networks() else { return };
    networks.ape = broken(networks.ape.take());
    let mut pipeline = Pipeline::new(&config("always:ape"), networks).unwrap();
    for index in 0..3 {
        let frame = frame(index);
        let result = pipeline.process(&frame);
        assert!(has(result, Degradation::ExpertFailed));
        assert!(result.detections.iter().any(|d| d.class != Class::Car));
        assert!(!result.detections.iter().any(|d| d.reason.contains(", picture ")));
    }
}

#[test]
fn with_every_expert_failing_the_proposals_stand() {
    let Some(mut networks) = networks() else { return };
    for slot in [&mut networks.lpe, &mut networks.vee, &mut networks.ape] {
        *slot = broken(slot.take());
    }
    let mut pipeline = Pipeline::new(&Config::default(), networks).unwrap();
    let frame = frame(0);
    let result = pipeline.process(&frame);
    assert!(!result.detections.is_empty());
    assert!(result.detections.iter().all(|d| d.expert == ExpertKind::Bridge));
}

#[test]
fn with_every_model_failing_marked_emergency_boxes_come_out() {
    let Some(mut networks) = networks() else { return };
    let slots = [&mut networks.bev, &mut networks.lpe, &mut networks.vee, &mut networks.ape];
    for slot in slots {
        *slot = broken(slot.take());
    }
    let mut pipeline = Pipeline::new(&Config::default(), networks).unwrap();
    let frame = frame(0);
    let result = pipeline.process(&frame);
    assert!(has(result, Degradation::NoModel));
    assert!(result.degraded.iter().any(|step| step.cause.contains("the device is gone")));
    assert!(!result.detections.is_empty());
    for box_ in &result.detections {
        assert_eq!(box_.expert, ExpertKind::Emergency);
        assert!(box_.degraded.contains(&Degradation::NoModel));
    }
}

#[test]
fn a_spent_budget_keeps_proposals_and_says_so() {
    let Some(networks) = networks() else { return };
    let mut config = config("always:ape");
    config.router.budget_ms = Some(0.01);
    let mut pipeline = Pipeline::new(&config, networks).unwrap();
    let frame = frame(0);
    pipeline.process(&frame);
    let result = pipeline.process(&frame);
    assert!(has(result, Degradation::Budget));
    assert!(result.detections.iter().any(|d| d.degraded.contains(&Degradation::Budget)));
}

#[test]
fn a_passed_deadline_keeps_proposals_and_says_so() {
    let Some(networks) = networks() else { return };
    let mut pipeline = Pipeline::new(&Config::default(), networks).unwrap();
    pipeline.set_deadline(Some(Duration::ZERO));
    let frame = frame(0);
    let result = pipeline.process(&frame);
    assert!(has(result, Degradation::Deadline));
    assert!(result.detections.iter().all(|d| d.expert == ExpertKind::Bridge));
}

#[test]
fn a_slow_classifier_does_not_hold_a_frame_beyond_its_deadline_nor_the_next_one() {
    let (Some(mut networks), Some(shipped)) = (networks(), networks()) else { return };
    let mut shipped_pipeline = Pipeline::new(&config("always:ape"), shipped).unwrap();
    let second = Duration::from_secs(1);
    networks.classifier = slow(networks.classifier.take(), second);
    let mut pipeline = Pipeline::new(&config("always:ape"), networks).unwrap();
    pipeline.set_deadline(Some(2 * second));
    let people = |frame: &Frame| {
        let labels = frame.labels.iter().flatten();
        labels.filter(|label| label.class != Class::Car && label.box3.is_some()).count()
    };
    let crowded = (0..8).map(frame).max_by_key(people).unwrap();
    let unseen = no_camera(shipped_pipeline.process(&crowded));
    for round in 0..2 {
        let result = pipeline.process(&crowded);
        assert!(has(result, Degradation::Deadline), "round {round}: {:?}", result.degraded);
        assert_eq!(no_camera(result), unseen, "no camera is to blame");
        let unlooked = |d: &&emc2::frame::Detection| d.degraded == [Degradation::Deadline];
        let of_ape = result.detections.iter().filter(|d| d.expert == ExpertKind::Ape);
        assert!(of_ape.clone().any(|d| unlooked(&d)), "round {round}");
        assert!(of_ape.clone().all(|d| d.class != Class::Car || d.degraded.is_empty()));
    }
}

#[test]
fn after_the_deadline_no_camera_is_blamed() {
    let (Some(mut networks), Some(shipped)) = (networks(), networks()) else { return };
    let wait = Duration::from_millis(60);
    networks.bev = slow(networks.bev.take(), wait);
    let mut pipeline = Pipeline::new(&config("always:ape"), networks).unwrap();
    pipeline.set_deadline(Some(wait));
    let frame = frame(0);
    let mut shipped = Pipeline::new(&config("always:ape"), shipped).unwrap();
    let unseen = no_camera(shipped.process(&frame));
    let result = pipeline.process(&frame);
    assert_eq!(no_camera(result), unseen);
    assert!(result.detections.iter().all(|d| d.degraded.contains(&Degradation::Deadline)));
}

#[test]
fn an_image_model_that_fails_or_is_missing_is_not_taken_for_a_camera() {
    let (Some(mut failing), Some(mut without)) = (networks(), networks()) else { return };
    failing.image = broken(failing.image.take());
    without.image = None;
    let mut failing = Pipeline::new(&config("always:ape"), failing).unwrap();
    let frame = frame(1);
    for index in 0..5 {
        let result = failing.process(&frame);
        assert!(has(result, Degradation::ExpertFailed) && !has(result, Degradation::NoCamera));
        let asked = result.plan.ape > 0;
        assert_eq!(asked, index < 3, "given up after three: {:?}", result.degraded);
        let told = |words: &str| result.degraded.iter().any(|step| step.cause.contains(words));
        assert!(told("the device is gone"), "{:?}", result.degraded);
        assert_eq!(told("given up after 3 failures"), index >= 3);
        let blamed = |d: &emc2::frame::Detection| d.degraded == [Degradation::ExpertFailed];
        assert!(result.detections.iter().all(|d| d.expert == ExpertKind::Vee && blamed(d)));
    }
    failing.reset_experts();
    assert!(failing.process(&frame).plan.ape > 0, "asked again");
    let mut without = Pipeline::new(&config("always:ape"), without).unwrap();
    let result = without.process(&frame);
    let told = |words: &str| result.degraded.iter().any(|step| step.cause.contains(words));
    assert!(told("no image model is loaded") && !has(result, Degradation::NoCamera));
    assert!(result.plan.ape == 0 && result.plan.vee > 0);
}

#[test]
fn a_picture_of_another_time_or_of_no_camera_is_not_used_and_named() {
    let Some(networks) = networks() else { return };
    let mut pipeline = Pipeline::new(&config("always:ape"), networks).unwrap();
    let mut frame = frame(1);
    let told = |result: &FrameResult, words: &str| {
        result.degraded.iter().any(|step| step.cause.contains(words))
    };
    frame.images[0].stamp.0 = frame.stamp.0 - 150_000_000;
    assert!(pipeline.process(&frame).degraded.is_empty());
    frame.images[0].stamp.0 = frame.stamp.0 - 10_000_000_000;
    let result = pipeline.process(&frame);
    assert!(told(result, "was taken 10000 ms before the scan") && result.plan.ape == 0);
    frame.images[0].stamp.0 = i64::MAX;
    assert!(told(pipeline.process(&frame), "after the scan"));
    frame.images[0].stamp = frame.stamp;
    frame.images[0].camera = 4;
    let result = pipeline.process(&frame);
    assert!(told(result, "a picture of camera 4, but the rig has 1 cameras"));
    assert!(result.detections.iter().all(|d| d.expert == ExpertKind::Vee));
}

#[test]
fn an_intensity_outside_its_scale_is_brought_to_it_and_counted() {
    let Some(networks) = networks() else { return };
    let mut pipeline = Pipeline::new(&Config::default(), networks).unwrap();
    let mut frame = frame(1);
    let near = |point: &[f32; 4]| point[0] > 5.0 && point[0] < 40.0 && point[1].abs() < 10.0;
    let at = frame.cloud.points.iter().position(near).unwrap();
    frame.cloud.points[at][3] = 1.0;
    let full = pipeline.process(&frame).detections.clone();
    frame.cloud.points[at][3] = 3e38;
    let result = pipeline.process(&frame);
    assert_eq!((result.dropped.intensities_clamped, &result.detections), (1, &full));
}

#[test]
fn an_empty_scan_gives_no_box_and_no_fault() {
    let Some(networks) = networks() else { return };
    let mut pipeline = Pipeline::new(&Config::default(), networks).unwrap();
    let mut frame = frame(0);
    frame.cloud.points.clear();
    let result = pipeline.process(&frame);
    assert!(result.detections.len() < 3, "{:?}", result.detections);
    assert!(!has(result, Degradation::NoModel));
}
