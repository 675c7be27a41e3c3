//! What the router promises.

use proptest::prelude::*;

use super::*;
use crate::bridge::{Proposal, ProposalSource, Region, Scenario, Scene};
use crate::config::{GainConfig, RouterConfig, TreeConfig};
use crate::frame::{Class, Degradation};
use crate::geometry::Box3;

fn region(distance_m: f32, visibility: f32, confidence: f32) -> Region {
    let box3 = Box3 { center: [f64::from(distance_m), 0.0, -1.0], size: [3.9, 1.6, 1.5], yaw: 0.0 };
    let source = ProposalSource::Bev;
    Region {
        proposal: Proposal { class: Class::Car, class_index: 0, box3, confidence, source },
        points: 0..0,
        scenario: Scenario { distance_m, visibility, camera: Some(0), ..Scenario::default() },
    }
}

fn person(distance_m: f32, visibility: f32, confidence: f32) -> Region {
    let mut region = region(distance_m, visibility, confidence);
    region.proposal.class = Class::Pedestrian;
    region
}

fn scene(regions: impl IntoIterator<Item = Region>) -> Scene {
    Scene { regions: regions.into_iter().collect(), ..Scene::default() }
}

/// A table of its own: the default one is learned, and may be another tomorrow.
fn config(policy: &str) -> RouterConfig {
    let table = r#"
- {name: "people in doubt", classes: [Pedestrian, Cyclist], confidence: [0.3, 0.7], expert: ape}
- {name: "near, well seen", distance_m: [0, 25], visibility: [0.5, 1], expert: lpe}
- {name: "near, hidden", distance_m: [0, 25], visibility: [0, 0.5], expert: vee}
- {name: "middle, well seen", distance_m: [25, 45], visibility: [0.5, 1], expert: lpe}
- {name: "middle, hidden, in doubt", distance_m: [25, 45], visibility: [0, 0.5], confidence: [0.3, 0.7], expert: ape}
- {name: "far, in doubt", distance_m: [45, 1000], confidence: [0.3, 0.7], expert: ape}
- {name: "far or hidden, clear", distance_m: [0, 1000], expert: lpe}
"#;
    let table = serde_saphyr::from_str(table).unwrap();
    // Numbers of their own: what is shipped changes with the models.
    let tree = TreeConfig { distance_m: 30.0, confidence: 0.5 };
    let gain = GainConfig {
        edges_m: [25.0, 45.0],
        lpe: [1.0, 0.8, 0.5],
        vee: [1.2, 1.2, 1.0],
        ape: [1.3, 1.5, 1.6],
    };
    RouterConfig { policy: policy.to_owned(), table, tree, gain, ..RouterConfig::default() }
}

fn router(policy: &str) -> Router {
    Router::new(&config(policy)).unwrap()
}

fn experts(plan: &Plan) -> Vec<ExpertKind> {
    plan.assignments.iter().map(|ticket| ticket.expert).collect()
}

use ExpertKind::{Ape, Bridge, Emergency, Lpe, Vee};

#[test]
fn an_unknown_policy_lists_those_there_are() {
    let config = RouterConfig { policy: "always:best".to_owned(), ..RouterConfig::default() };
    let error = Router::new(&config).err().unwrap().to_string();
    assert_eq!(
        error,
        "router.policy: there is no policy \"always:best\"; there are region-table, scene-tree, \
         always:lpe, always:vee, always:ape and always:bridge"
    );
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let mut config = config("region-table");
    config.table[2].distance_m = Some([25.0, 0.0]);
    let error = Router::new(&config).err().unwrap().to_string();
    assert!(error.contains("row 2 (\"near, hidden\"), distance_m"), "{error}");
    config.table[0].classes = Some(Vec::new());
    let error = Router::new(&config).err().unwrap().to_string();
    assert!(error.contains("row 0 (\"people in doubt\"), classes"), "{error}");
    config.table[0].beams = Some([40, 1]);
    config.table[0].classes = None;
    let error = Router::new(&config).err().unwrap().to_string();
    assert!(error.contains("row 0 (\"people in doubt\"), beams"), "{error}");
    config.table[0].expert = Emergency;
    let error = Router::new(&config).err().unwrap().to_string();
    assert!(error.contains("expert: expected bridge, lpe, vee or ape"), "{error}");
    config.table.clear();
    assert!(matches!(Router::new(&config), Err(Error::Rows { rows: 0 })));

    let config = RouterConfig { budget_ms: Some(f64::NAN), ..RouterConfig::default() };
    assert!(matches!(Router::new(&config), Err(Error::Budget { .. })));

    let tree = TreeConfig { distance_m: 30.0, confidence: 1.5 };
    let policy = "scene-tree".to_owned();
    let config = RouterConfig { policy, tree, ..RouterConfig::default() };
    assert!(Router::new(&config).err().unwrap().to_string().contains("tree.confidence"));
}

#[test]
fn a_row_for_few_beams_holds_for_few_beams() {
    let mut config = config("region-table");
    let row = r#"{name: "few beams", classes: [Pedestrian], beams: [16, 32], expert: vee}"#;
    config.table.insert(0, serde_saphyr::from_str(row).unwrap());
    let mut router = Router::new(&config).unwrap();
    let mut goes = |beams: u32| {
        let scene = Scene { beams, ..scene([person(12.4, 0.83, 0.5), region(12.4, 0.83, 0.5)]) };
        let plan = router.plan(&scene, &Available::everything()).clone();
        let reason = &plan.assignments[0].reason;
        (experts(&plan), router.explain(reason).to_string())
    };
    assert_eq!(goes(32).0, [Vee, Lpe]);
    assert_eq!(goes(16).1, "few beams: 12.4 m, visibility 0.83 -> VEE");
    for others in [0, 15, 33, 64] {
        assert_eq!(goes(others).0, [Ape, Lpe], "{others} beams; 0: not known");
    }
}

#[test]
fn by_default_every_person_in_front_of_few_beams_is_looked_at() {
    let mut router = Router::new(&RouterConfig::default()).unwrap();
    let mut goes = |beams: u32, confidence: f32| {
        let scene = Scene { beams, ..scene([person(20.0, 0.9, confidence)]) };
        experts(router.plan(&scene, &Available::everything()))[0]
    };
    assert_eq!([goes(32, 0.1), goes(32, 0.9), goes(64, 0.1), goes(64, 0.9)], [Ape, Ape, Lpe, Ape]);
}

#[test]
fn the_table_takes_the_first_row_that_fits() {
    let mut router = router("region-table");
    let scene = scene([
        region(12.4, 0.83, 0.9),
        region(12.4, 0.2, 0.9),
        region(25.0, 0.5, 0.9),
        region(44.9, 1.0, 0.9),
        region(44.9, 0.49, 0.6),
        region(60.0, 0.1, 0.3),
        region(60.0, 0.1, 0.9),
        region(2000.0, 0.1, 0.9),
        person(12.4, 0.83, 0.5),
        person(12.4, 0.83, 0.9),
    ]);
    let plan = router.plan(&scene, &Available::everything()).clone();
    assert_eq!(experts(&plan), [Lpe, Vee, Lpe, Lpe, Ape, Ape, Lpe, Bridge, Ape, Lpe]);
    let line = |index: usize| router.explain(&plan.assignments[index].reason).to_string();
    assert_eq!(line(0), "near, well seen: 12.4 m, visibility 0.83, confidence 0.90 -> LPE");
    assert_eq!(line(5), "far, in doubt: 60.0 m, visibility 0.10, confidence 0.30 -> APE");
    assert_eq!(line(6), "far or hidden, clear: 60.0 m, visibility 0.10, confidence 0.90 -> LPE");
    assert_eq!(line(7), "no row of the table fits: 2000.0 m, visibility 0.10 -> bridge");
    assert_eq!(
        plan.assignments[0].reason.to_string(),
        "table row 1: 12.4 m, visibility 0.83 -> LPE"
    );
    assert_eq!(line(8), "people in doubt: 12.4 m, visibility 0.83, confidence 0.50 -> APE");
    assert_eq!(plan.regions(Vee).collect::<Vec<_>>(), [1]);
}

/// Every combination of a near and a far proposal, each absent, doubtful or trusted, against the
/// published switch.
#[test]
fn the_scene_tree_is_the_published_switch() {
    let near = [None, Some(0.4), Some(0.6)];
    // Rows: near proposal absent, doubtful, trusted; columns: far proposal.
    let expected = [
        [None, Some(Ape), Some(Vee)],
        [Some(Ape), Some(Ape), Some(Vee)],
        [Some(Lpe), Some(Ape), Some(Vee)],
    ];
    let mut router = router("scene-tree");
    for (row, near_confidence) in near.iter().enumerate() {
        for (column, far_confidence) in near.iter().enumerate() {
            let scene = scene(
                near_confidence
                    .map(|c| region(29.9, 1.0, c))
                    .into_iter()
                    .chain(far_confidence.map(|c| region(30.1, 1.0, c))),
            );
            let plan = router.plan(&scene, &Available::everything());
            let chosen = plan.assignments.first().map(|ticket| ticket.expert);
            assert_eq!(
                chosen, expected[row][column],
                "near {near_confidence:?}, far {far_confidence:?}"
            );
            assert!(plan.assignments.iter().all(|ticket| Some(ticket.expert) == chosen));
        }
    }
    // At exactly D a proposal is within, at exactly C it is not trusted.
    assert_eq!(
        experts(router.plan(&scene([region(30.0, 1.0, 0.6)]), &Available::everything())),
        [Lpe]
    );
    assert_eq!(
        experts(router.plan(&scene([region(10.0, 1.0, 0.5)]), &Available::everything())),
        [Ape]
    );
    let plan = router.plan(&scene([region(50.0, 0.3, 0.7)]), &Available::everything()).clone();
    assert_eq!(
        router.explain(&plan.assignments[0].reason).to_string(),
        "scene has a proposal beyond 30 m above 0.5: 50.0 m, visibility 0.30, confidence 0.70 -> VEE"
    );
}

#[test]
fn emergency_regions_stay_unless_everything_goes_to_one_expert() {
    let mut found = region(10.0, 1.0, 0.3);
    found.proposal.source = ProposalSource::Emergency;
    let scene = scene([region(10.0, 1.0, 0.9), found]);
    let everything = Available::everything();
    assert_eq!(experts(router("region-table").plan(&scene, &everything)), [Lpe, Emergency]);
    // It has no vote in the scene tree either: its confidence is not its own.
    assert_eq!(experts(router("scene-tree").plan(&scene, &everything)), [Lpe, Emergency]);
    assert_eq!(experts(router("always:vee").plan(&scene, &everything)), [Vee, Vee]);
    assert_eq!(experts(router("always:bridge").plan(&scene, &everything)), [Bridge, Emergency]);
}

#[test]
fn a_region_without_a_picture_goes_from_ape_to_vee_and_says_so() {
    let mut router = router("always:ape");
    let mut unseen = region(10.0, 1.0, 0.9);
    unseen.scenario.camera = None;
    let mut other = region(10.0, 1.0, 0.9);
    other.scenario.camera = Some(1);
    let scene = scene([region(10.0, 1.0, 0.9), unseen, other]);
    let available = Available { pictures: 0b01, ..Available::everything() };
    let plan = router.plan(&scene, &available).clone();
    assert_eq!(experts(&plan), [Ape, Vee, Vee]);
    assert!(plan.assignments[0].degraded.is_empty());
    for ticket in &plan.assignments[1..] {
        assert!(ticket.degraded.contains(Degradation::NoCamera));
        assert_eq!(ticket.reason.cut_from, Some(Ape));
    }
    assert_eq!(
        plan.assignments[1].reason.to_string(),
        "always: 10.0 m, visibility 1.00 -> VEE (no camera, instead of APE)"
    );
}

#[test]
fn an_absent_expert_hands_its_regions_down_the_ladder() {
    let mut router = router("always:ape");
    let scene = scene([region(10.0, 1.0, 0.9)]);
    let available = Available { ape: false, vee: false, ..Available::everything() };
    let plan = router.plan(&scene, &available);
    assert_eq!(experts(plan), [Lpe]);
    assert_eq!(plan.assignments[0].reason.cut_from, Some(Ape));
    assert!(plan.assignments[0].degraded.contains(Degradation::ExpertFailed));
    let nothing = Available { ape: false, vee: false, lpe: false, pictures: 0 };
    assert_eq!(experts(router.plan(&scene, &nothing)), [Bridge]);
}

#[test]
fn a_budget_that_suffices_changes_nothing() {
    let scene = scene((0..40).map(|i| region(2.0 * i as f32, 0.6, 0.5)));
    let mut free = router("region-table");
    let mut bound = router("region-table");
    for expert in [Lpe, Vee, Ape] {
        bound.set_cost(expert, Some(Cost::batches(16, 5.0)));
    }
    bound.set_budget(Some(1000.0)).unwrap();
    let expected = free.plan(&scene, &Available::everything()).clone();
    let plan = bound.plan(&scene, &Available::everything());
    assert_eq!(plan.assignments, expected.assignments);
    assert_eq!(plan.expected_ms, Some(20.0));
    assert_eq!(expected.expected_ms, None);
}

#[test]
fn the_budget_goes_where_doubt_and_gain_are_highest() {
    // One batch of two fits: the two most doubtful keep the expert.
    let scene = scene([0.95, 0.5, 0.9, 0.6, 0.99].map(|c| region(10.0, 1.0, c)));
    let mut router = router("always:lpe");
    router.set_cost(Lpe, Some(Cost::batches(2, 3.0)));
    router.set_budget(Some(5.0)).unwrap();
    let plan = router.plan(&scene, &Available::everything()).clone();
    assert_eq!(experts(&plan), [Bridge, Lpe, Bridge, Lpe, Bridge]);
    assert_eq!(plan.expected_ms, Some(3.0));
    assert!(plan.assignments[0].degraded.contains(Degradation::Budget));
    assert_eq!(
        router.explain(&plan.assignments[0].reason).to_string(),
        "always: 10.0 m, visibility 1.00 -> bridge (budget spent, instead of LPE)"
    );
}

#[test]
fn an_expert_that_one_slow_measurement_shut_out_is_tried_again_ever_less_often() {
    let scene = scene([region(10.0, 1.0, 0.5), region(60.0, 1.0, 0.5)]);
    let mut router = router("always:vee");
    router.set_cost(Lpe, Some(Cost::batches(8, 1.0)));
    router.set_cost(Vee, Some(Cost::batches(8, 50.0)));
    router.set_budget(Some(4.0)).unwrap();
    let mut tried = Vec::new();
    for frame in 0..200 {
        let plan = router.plan(&scene, &Available::everything());
        if plan.regions(Vee).count() > 0 {
            tried.push(frame);
            assert_eq!(
                plan.expected_ms,
                Some(50.0),
                "nothing is made out to be cheaper than it is"
            );
        }
    }
    assert_eq!(tried, [16, 49, 114]);
    // Measured again, and cheap: back for good, and shut out as at first the next time.
    router.set_cost(Vee, Some(Cost::batches(8, 3.0)));
    assert_eq!(experts(router.plan(&scene, &Available::everything())), [Vee, Vee]);
    router.set_budget(Some(0.0)).unwrap();
    for _ in 0..100 {
        assert_eq!(experts(router.plan(&scene, &Available::everything())), [Bridge, Bridge]);
    }
}

#[test]
fn a_try_gets_its_batch_whatever_else_the_budget_would_buy_and_lower_rungs_are_tried_as_well() {
    let crowd = scene((0..12).map(|i| region(10.0 + i as f32, 1.0, 0.5)));
    let mut router = router("always:ape");
    router.set_cost(Lpe, Some(Cost::batches(4, 0.5)));
    router.set_cost(Vee, Some(Cost::batches(4, 0.6)));
    router.set_cost(Ape, Some(Cost { batch: 2, batch_ms: 1.0, region_ms: 0.5, first_ms: 20.0 }));
    router.set_budget(Some(4.0)).unwrap();
    for frame in 0..17 {
        let plan = router.plan(&crowd, &Available::everything());
        let (ape, vee) = (plan.regions(Ape).count(), plan.regions(Vee).count());
        assert_eq!(ape, if frame == 16 { 2 } else { 0 }, "one batch, frame {frame}");
        assert!(vee > 0, "half of the budget is for the others");
        assert_eq!(router.tried(), (frame == 16).then_some(Ape));
    }

    let mut router = self::router("always:vee");
    router.set_cost(Lpe, Some(Cost::batches(4, 0.3)));
    router.set_cost(Vee, Some(Cost::batches(4, 0.4)));
    router.set_budget(Some(0.2)).unwrap();
    let tried: Vec<_> = (0..18)
        .map(|_| {
            router.plan(&crowd, &Available::everything());
            router.tried()
        })
        .collect();
    assert_eq!(tried[15..], [None, Some(Lpe), Some(Vee)], "one in a frame");
}

#[test]
fn a_region_that_the_best_expert_cannot_take_gets_the_next() {
    let scene = scene((0..4).map(|_| region(60.0, 0.2, 0.5)));
    let mut router = router("always:ape");
    router.set_cost(Ape, Some(Cost { batch: 2, batch_ms: 8.0, region_ms: 1.0, first_ms: 2.0 }));
    router.set_cost(Vee, Some(Cost::batches(4, 4.0)));
    router.set_cost(Lpe, Some(Cost::batches(4, 1.0)));
    router.set_budget(Some(17.0)).unwrap();
    let plan = router.plan(&scene, &Available::everything());
    assert_eq!(experts(plan), [Ape, Ape, Vee, Vee]);
    assert_eq!(plan.expected_ms, Some(16.0));
}

prop_compose! {
    fn any_region()(
        distance in 0.0..80.0f32, visibility in 0.0..=1.0f32, confidence in 0.0..=1.0f32,
        camera in prop::option::of(0..2usize), emergency in prop::bool::weighted(0.1),
    ) -> Region {
        let mut region = region(distance, visibility, confidence);
        region.scenario.camera = camera;
        if emergency {
            region.proposal.source = ProposalSource::Emergency;
        }
        region
    }
}

prop_compose! {
    fn any_cost()(
        batch in 1..20usize, batch_ms in 0.0..10.0f64, region_ms in 0.0..1.0f64,
        first_ms in 0.0..5.0f64,
    ) -> Cost {
        Cost { batch, batch_ms, region_ms, first_ms }
    }
}

proptest! {
    #[test]
    fn the_budget_is_never_exceeded_and_nobody_climbs(
        regions in prop::collection::vec(any_region(), 0..64),
        costs in prop::array::uniform3(any_cost()),
        budget in 0.0..60.0f64,
        policy in prop::sample::select(vec![
            "region-table", "scene-tree", "always:lpe", "always:vee", "always:ape", "always:bridge",
        ]),
        pictures in 0..4u64,
    ) {
        let scene = scene(regions);
        let available = Available { pictures, ..Available::everything() };
        let wanted = experts(router(policy).plan(&scene, &available));
        let mut router = router(policy);
        for (expert, cost) in [Lpe, Vee, Ape].into_iter().zip(costs) {
            router.set_cost(expert, Some(cost));
        }
        router.set_budget(Some(budget)).unwrap();
        let plan = router.plan(&scene, &available).clone();
        let spent: f64 = [Lpe, Vee, Ape].into_iter().zip(costs)
            .map(|(expert, cost)| cost.ms(plan.regions(expert).count()))
            .sum();
        prop_assert!(spent <= budget + 1e-9, "{spent} of {budget}");
        prop_assert!((plan.expected_ms.unwrap() - spent).abs() < 1e-9);
        for (ticket, wanted) in plan.assignments.iter().zip(wanted) {
            if ticket.degraded.contains(Degradation::Budget) {
                prop_assert!(ticket.expert < wanted);
                prop_assert!(ticket.reason.cut_from.is_some());
            } else {
                prop_assert_eq!(ticket.expert, wanted);
            }
            prop_assert_eq!(ticket.reason.expert, ticket.expert);
        }
        // The same question, the same answer.
        prop_assert_eq!(&plan, router.plan(&scene, &available));
    }
}
