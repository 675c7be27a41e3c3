//! What the wrappers promise, with experts of a few lines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::bridge::{Proposal, ProposalSource, Region, Scenario};
use crate::frame::Degradation;

/// Says its kind for each region; fails while told to.
struct Fake {
    kind: ExpertKind,
    batch: usize,
    image: bool,
    failing: bool,
    calls: Vec<usize>,
}

fn fake(kind: ExpertKind) -> Fake {
    Fake { kind, batch: 4, image: kind == Ape, failing: false, calls: Vec::new() }
}

impl Expert for Fake {
    fn kind(&self) -> ExpertKind {
        self.kind
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn needs_image(&self) -> bool {
        self.image
    }

    fn refine(
        &mut self,
        input: &ExpertInput<'_>,
        regions: &[usize],
        out: &mut Vec<Refinement>,
        _meter: &mut ExpertMeter,
    ) -> Result<(), Error> {
        self.calls.push(regions.len());
        if self.failing {
            let (model, message) = (format!("{:?}", self.kind), "out of order".to_owned());
            return Err(Error::Runtime { model, doing: "running", message });
        }
        out.extend(regions.iter().map(|&region| Refinement {
            expert: self.kind,
            ..Refinement::proposal(input.scene, region, DegradationSet::default())
        }));
        Ok(())
    }
}

fn scene(count: usize) -> Scene {
    let region = |index: usize| Region {
        proposal: Proposal {
            class: Class::Car,
            class_index: 0,
            box3: Box3 {
                center: [10.0 + index as f64, 0.0, -1.0],
                size: [4.0, 1.6, 1.5],
                yaw: 0.0,
            },
            confidence: 0.5,
            source: ProposalSource::Bev,
        },
        points: 0..0,
        scenario: Scenario::default(),
    };
    Scene { regions: (0..count).map(region).collect(), ..Scene::default() }
}

fn pictures(slots: &[bool]) -> ImageFeatures {
    ImageFeatures {
        slot: slots.iter().map(|&seen| seen.then_some(0)).collect(),
        ..ImageFeatures::default()
    }
}

/// Runs `expert` on all regions of the scene.
fn ask(expert: &mut impl Expert, scene: &Scene, image: Option<&ImageFeatures>) -> Vec<Refinement> {
    let frame = Frame::empty();
    let input = ExpertInput { frame: &frame, scene, image };
    let all: Vec<_> = (0..scene.regions.len()).collect();
    let mut out = Vec::new();
    expert.refine(&input, &all, &mut out, &mut ExpertMeter::default()).unwrap();
    assert!(out.iter().enumerate().all(|(index, r)| r.region == Some(index)), "one each, in order");
    out
}

fn kinds(out: &[Refinement]) -> Vec<ExpertKind> {
    out.iter().map(|refinement| refinement.expert).collect()
}

use ExpertKind::{Ape, Bridge, Lpe, Vee};

#[test]
fn what_has_not_begun_at_the_deadline_stays_a_proposal() {
    let start = Instant::now();
    let ticks = Arc::new(AtomicU64::new(0));
    let clock = {
        let ticks = Arc::clone(&ticks);
        move || start + Duration::from_millis(10 * ticks.fetch_add(1, Ordering::Relaxed))
    };
    let mut expert = Deadline::with_clock(fake(Vee), clock);
    expert.set(Some(start + Duration::from_millis(15)));
    // Looks at 0 and 10 ms are in time, the one at 20 ms is late.
    let out = ask(&mut expert, &scene(11), None);
    assert_eq!(kinds(&out)[..8], [Vee; 8]);
    assert_eq!(kinds(&out)[8..], [Bridge; 3]);
    assert!(out[..8].iter().all(|r| r.degraded.is_empty()));
    assert!(out[8..].iter().all(|r| r.degraded.contains(Degradation::Deadline)));
    expert.set(None);
    assert_eq!(kinds(&ask(&mut expert, &scene(11), None)), [Vee; 11]);
}

#[test]
fn a_failing_expert_hands_its_regions_down_and_its_cause_is_kept() {
    let mut ladder = Fallback::new([fake(Lpe), fake(Ape), fake(Vee)], 3);
    let seen = pictures(&[true; 5]);
    assert_eq!(kinds(&ask(&mut ladder, &scene(5), Some(&seen))), [Ape; 5]);
    for expert in ladder.experts_mut() {
        expert.failing = expert.kind == Ape;
    }
    let out = ask(&mut ladder, &scene(5), Some(&seen));
    assert_eq!(kinds(&out), [Vee; 5]);
    assert!(out.iter().all(|r| r.degraded.contains(Degradation::ExpertFailed)));
    let [failure] = ladder.failures() else { panic!("one failure") };
    assert_eq!((failure.expert, failure.regions, failure.given_up), (Ape, 5, false));
    assert!(failure.cause.contains("out of order"));
}

#[test]
fn when_every_expert_fails_the_proposals_come_out() {
    let mut ladder = Fallback::new([fake(Lpe), fake(Vee)], 3);
    ladder.experts_mut().for_each(|expert| expert.failing = true);
    let out = ask(&mut ladder, &scene(3), None);
    assert_eq!(kinds(&out), [Bridge; 3]);
    assert!(out.iter().all(|r| r.degraded.contains(Degradation::ExpertFailed)));
    assert_eq!(ladder.failures().len(), 2);
}

#[test]
fn an_expert_that_fails_again_and_again_is_given_up_and_said_so() {
    let mut ladder = Fallback::new([fake(Vee), fake(Lpe)], 2);
    ladder.experts_mut().for_each(|expert| expert.failing = expert.kind == Vee);
    for round in 0..4 {
        ladder.begin_frame();
        assert_eq!(kinds(&ask(&mut ladder, &scene(2), None)), [Lpe; 2]);
        let given_up: Vec<_> = ladder.failures().iter().map(|failure| failure.given_up).collect();
        assert_eq!(given_up, [&[false][..], &[true], &[], &[]][round]);
    }
    assert!(!ladder.is_well(Vee) && ladder.is_well(Lpe));
    assert_eq!(ladder.get(Vee).unwrap().calls.len(), 2, "not asked again");
    let told = ladder.given_up(Vee).unwrap();
    assert!(
        told.starts_with("given up after 2 failures in a row, asked again in 98 frames"),
        "{told}"
    );
    assert!(ladder.given_up(Lpe).is_none());
    ladder.reset();
    assert!(ladder.is_well(Vee) && ladder.given_up(Vee).is_none());
}

#[test]
fn an_expert_that_was_given_up_gets_another_chance_ever_later_until_it_works() {
    let mut ladder = Fallback::new([fake(Vee), fake(Lpe)], 3);
    ladder.experts_mut().for_each(|expert| expert.failing = expert.kind == Vee);
    let mut asked_in = Vec::new();
    for frame in 0..800 {
        if frame == 700 {
            ladder.experts_mut().for_each(|expert| expert.failing = false);
        }
        ladder.begin_frame();
        let before = ladder.get(Vee).unwrap().calls.len();
        ask(&mut ladder, &scene(2), None);
        if ladder.get(Vee).unwrap().calls.len() > before {
            asked_in.push(frame);
        }
    }
    assert_eq!(asked_in[..5], [0, 1, 2, 102, 302]);
    assert_eq!(asked_in[5..], (702..800).collect::<Vec<_>>(), "once it works it stays");
}

#[test]
fn regions_without_an_image_go_to_the_next_expert() {
    let mut ladder = Fallback::new([fake(Ape), fake(Vee)], 3);
    let out = ask(&mut ladder, &scene(4), Some(&pictures(&[true, false, true, false])));
    assert_eq!(kinds(&out), [Ape, Vee, Ape, Vee]);
    assert!(out[1].degraded.contains(Degradation::NoCamera) && out[0].degraded.is_empty());
    assert!(!out[1].degraded.contains(Degradation::ExpertFailed));
    assert_eq!(kinds(&ask(&mut ladder, &scene(2), None)), [Vee; 2]);
}

#[test]
fn regions_enter_the_ladder_where_they_were_sent() {
    let mut ladder = Fallback::new([fake(Ape), fake(Vee), fake(Lpe)], 3);
    let (frame, scene) = (Frame::empty(), scene(2));
    let input = ExpertInput { frame: &frame, scene: &scene, image: None };
    let mut out = Vec::new();
    let meter = &mut ExpertMeter::default();
    for expert in [Lpe, Vee, Bridge] {
        out.clear();
        ladder.refine_from(expert, &input, &[0, 1], &mut out, meter);
        assert_eq!(kinds(&out), [expert; 2]);
        assert!(out.iter().all(|r| r.degraded.is_empty()));
    }
    // An expert that is not there counts as one that failed.
    let mut ladder = Fallback::new([fake(Lpe)], 3);
    out.clear();
    ladder.refine_from(Vee, &input, &[0, 1], &mut out, meter);
    assert_eq!(kinds(&out), [Lpe; 2]);
    assert!(out[0].degraded.contains(Degradation::ExpertFailed));
}

#[test]
fn the_meter_knows_the_median_of_a_batch() {
    let mut median = RunningMedian::default();
    assert_eq!(median.get(), None);
    for value in [5.0, 1.0, f64::NAN, 3.0] {
        median.push(value);
    }
    assert_eq!(median.get(), Some(3.0), "the first was cold and is forgotten");
    (0..31).for_each(|_| median.push(7.0));
    assert_eq!(median.get(), Some(7.0), "the window forgets");

    let mut metered = Metered::new(fake(Lpe), Some(2.5));
    assert_eq!(metered.cost().unwrap().batch_ms, 2.5);
    ask(&mut metered, &scene(9), None);
    let cost = metered.cost().unwrap();
    assert!(cost.batch == 4 && cost.batch_ms < 2.5);
}

#[test]
fn what_is_too_late_to_be_asked_has_not_shown_that_it_works() {
    let stack = |kind| Deadline::new(Metered::new(fake(kind), None));
    let mut ladder: Ladder<Fake> = Fallback::new([stack(Vee), stack(Lpe)], 2);
    let late = Some(Instant::now());
    for round in 0..4 {
        // In between, frames in which the deadline has passed before it could be asked.
        let at = if round % 2 == 1 { late } else { None };
        ladder.begin_frame();
        for expert in ladder.experts_mut() {
            expert.set(at);
            let fake = expert.inner_mut().inner_mut();
            fake.failing = fake.kind == Vee;
        }
        ask(&mut ladder, &scene(2), None);
    }
    assert!(!ladder.is_well(Vee), "two failures in a row");
}

#[test]
fn a_median_that_forgets_believes_the_next() {
    let mut median = RunningMedian::default();
    (0..20).for_each(|_| median.push(9.0));
    median.clear();
    assert_eq!(median.get(), None);
    median.push(2.0);
    assert_eq!(median.get(), Some(2.0));
    median.push(4.0);
    median.push(3.0);
    assert_eq!(median.get(), Some(3.0), "the first is not cold");
}

#[test]
fn wrappers_stack() {
    let stack = |kind| Deadline::new(Metered::new(fake(kind), None));
    let mut ladder: Ladder<Fake> = Fallback::new([stack(Vee), stack(Lpe)], 3);
    ladder
        .experts_mut()
        .for_each(|expert| expert.set(Some(Instant::now() + Duration::from_secs(60))));
    assert_eq!(kinds(&ask(&mut ladder, &scene(9), None)), [Vee; 9]);
    let metered = ladder.get(Vee).unwrap().inner();
    assert_eq!(metered.inner().calls, [4, 4, 1], "one call a batch");
    assert!(metered.cost().is_some());
}
