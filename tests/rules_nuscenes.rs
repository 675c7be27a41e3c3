//! One rule of the nuScenes benchmark a test, each on a world made by hand, its figures by reasoning.

mod nuscenes_world;

use std::f64::consts::PI;

use emc2::eval::nuscenes::{TpError, evaluate_from};
use nuscenes_world::{Box, Tables, at, figures_of, judge, request, results, world};
use proptest::prelude::*;

const CAR: &str = "vehicle.car";

fn scored(score: f64, one: Box) -> Box {
    Box { score, ..one }
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
}

#[track_caller]
fn all_near(found: [f64; 4], expected: [f64; 4]) {
    for (found, expected) in found.into_iter().zip(expected) {
        near(found, expected);
    }
}

#[test]
fn one_box_found_where_it_is_has_full_precision_everywhere() {
    // Recall jumps from nothing to 1; below the first recall the first precision, 1, counts.
    let car = figures_of("car", &[at(CAR, 10.0, 0.0)], &[at("car", 10.0, 0.0)]);
    all_near(car.average_precisions, [1.0; 4]);
    near(car.errors[TpError::Translation as usize], 0.0);
    near(car.errors[TpError::Scale as usize], 0.0);
    near(car.errors[TpError::Orientation as usize], 0.0);
    // Without neighbours there is no velocity, without attribute none to be right: all NaN counts as 1.
    near(car.errors[TpError::Velocity as usize], 1.0);
    near(car.errors[TpError::Attribute as usize], 1.0);
}

#[test]
fn what_is_beyond_the_recall_reached_counts_as_precision_nought() {
    // One of two: recall 0.5. Grid points 11 to 50 hold 1 − 0.1, the other 50 of 90 hold 0.
    let truth = [at(CAR, 10.0, 0.0), at(CAR, 20.0, 0.0)];
    let car = figures_of("car", &truth, &[at("car", 10.0, 0.0)]);
    all_near(car.average_precisions, [40.0 / 90.0; 4]);
}

#[test]
fn precision_up_to_a_tenth_is_worth_nothing() {
    // Nine false boxes before the one that is right: precision 0 at recall 0, a line up to 0.1 at 1.
    let mut found = vec![scored(0.1, at("car", 10.0, 0.0))];
    found.extend((0..9).map(|place| scored(0.9, at("car", -20.0, f64::from(place)))));
    let car = figures_of("car", &[at(CAR, 10.0, 0.0)], &found);
    all_near(car.average_precisions, [0.0; 4]);
}

#[test]
fn of_equal_scores_the_later_box_goes_first() {
    // Both could have the one car; the later one takes it, 0.3 m off.
    let found = [at("car", 10.1, 0.0), at("car", 10.3, 0.0)];
    let car = figures_of("car", &[at(CAR, 10.0, 0.0)], &found);
    near(car.errors[TpError::Translation as usize], 0.3);
    // Below recall 1 the first precision (1 of 1) counts, at it the last (1 of 2).
    near(car.average_precisions[0], (89.0 * 0.9 + 0.4) / 90.0 / 0.9);
}

#[test]
fn of_equal_scores_across_samples_a_list_of_scenes_takes_the_later_sample_first() {
    // The car is in the first sample; each has a detection of the same score.
    let tables = world(&[0, 500_000], &[at(CAR, 10.0, 0.0)], &[]);
    let mut turned = tables.clone();
    let mut rows: Vec<serde_json::Value> = serde_json::from_slice(&tables["sample"]).unwrap();
    rows.reverse();
    turned.insert("sample".to_owned(), serde_json::to_vec(&rows).unwrap());
    let found = [at("car", 10.0, 0.0), Box { sample: 1, ..at("car", 10.0, 0.0) }];
    let in_order = results(2, &found);
    let (meta, lists) = in_order.trim_end_matches("}}").split_once("\"m0\":").unwrap();
    let (first, second) = lists.split_once(",\"m1\":").unwrap();
    let backwards = format!("{meta}\"m1\":{second},\"m0\":{first}}}}}");
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "scene-0103\n").unwrap();
    let list = list.path().display().to_string();
    let ap = |tables: &Tables, split: &str, results: &str| {
        let mut wanted = request();
        wanted.split = split.to_owned();
        evaluate_from(&wanted, tables, results.as_bytes()).unwrap().figures.classes[0].mean_ap
    };
    // The false box first: precision rises from 0 to 0.5, so (0.005 p - 0.1) for p of 20 to 100. Else 1 below
    // recall 1, and 0.5 at it.
    let (false_first, true_first) = (16.2 / 90.0 / 0.9, (89.0 * 0.9 + 0.4) / 90.0 / 0.9);
    // An official split keeps the file's order, whatever that of the tables.
    for tables in [&tables, &turned] {
        near(ap(tables, "mini_val", &in_order), false_first);
        near(ap(tables, "mini_val", &backwards), true_first);
    }
    // A list takes that of sample.json, whatever the file's.
    for results in [&in_order, &backwards] {
        near(ap(&tables, &list, results), false_first);
        near(ap(&turned, &list, results), true_first);
    }
}

#[test]
fn a_higher_score_goes_before_a_nearer_box() {
    let found = [scored(0.4, at("car", 10.1, 0.0)), scored(0.6, at("car", 10.3, 0.0))];
    let car = figures_of("car", &[at(CAR, 10.0, 0.0)], &found);
    near(car.errors[TpError::Translation as usize], 0.3);
}

#[test]
fn a_match_takes_the_nearest_free_box_and_must_be_nearer_than_the_distance() {
    // Exactly 0.5 m away: none at 0.5, found at 1.
    let car = figures_of("car", &[at(CAR, 10.0, 0.0)], &[at("car", 10.5, 0.0)]);
    all_near(car.average_precisions, [0.0, 1.0, 1.0, 1.0]);
    // The second detection is nearest to the box that the first has taken, and takes the other one.
    let truth = [at(CAR, 10.0, 0.0), at(CAR, 11.5, 0.0)];
    let found = [scored(0.9, at("car", 10.0, 0.0)), scored(0.8, at("car", 10.25, 0.0))];
    let car = figures_of("car", &truth, &found);
    assert_eq!([0, 1, 2, 3].map(|at: usize| car.curves[at].matched_scores.len()), [1, 1, 2, 2]);
}

#[test]
fn boxes_at_the_range_or_beyond_do_not_count_on_either_side() {
    for (category, class, range) in [
        (CAR, "car", 50.0),
        ("human.pedestrian.child", "pedestrian", 40.0),
        ("movable_object.barrier", "barrier", 30.0),
    ] {
        let both = |name| [at(name, range, 0.0), at(name, 0.0, range - 0.001)];
        let figures = figures_of(class, &both(category), &both(class));
        for counts in [figures.truth, figures.detections] {
            assert_eq!((counts.given, counts.too_far, counts.kept), (2, 1, 1), "{class}");
        }
    }
}

#[test]
fn boxes_without_points_do_not_count_and_an_unknown_number_is_not_none() {
    let with = |points, one: Box| Box { points, ..one };
    let truth = [with(0, at(CAR, 10.0, 0.0)), with(3, at(CAR, 20.0, 0.0))];
    let found = [with(-1, at("car", 10.0, 0.0)), with(0, at("car", 20.0, 0.0))];
    let car = figures_of("car", &truth, &found);
    assert_eq!((car.truth.without_points, car.truth.kept), (1, 1));
    assert_eq!((car.detections.without_points, car.detections.kept), (1, 1));
    assert_eq!(car.mean_ap, 0.0, "what is left are two different cars");
}

#[test]
fn a_number_of_points_with_a_fraction_is_cut_off_towards_nought() {
    let tables = world(&[0], &[at(CAR, 10.0, 0.0)], &[]);
    let good = results(1, &[at("car", 10.0, 0.0)]);
    for (points, counts) in
        [("1.0", 1), ("1.9", 1), ("0.9", 0), ("-0.9", 0), ("-1.5", 1), ("0e0", 0), ("1e300", 1)]
    {
        let text = good.replace("\"num_pts\":1", &format!("\"num_pts\":{points}"));
        assert_ne!(text, good);
        let car = &judge(&tables, &text).unwrap().figures.classes[0];
        assert_eq!(car.detections.kept, counts, "{points}");
    }
}

#[test]
fn bicycles_in_a_rack_do_not_count_faces_included_and_cars_there_do() {
    // The rack is 4 m long along y (turned by 90°) and 2 m wide, about (10, 0).
    let rack = Box { yaw: PI / 2.0, ..at("static_object.bicycle_rack", 10.0, 0.0) };
    let bicycle = |x, y| at("vehicle.bicycle", x, y);
    let truth = [
        rack,
        bicycle(10.0, 1.9),
        bicycle(10.9, 0.0),
        bicycle(11.1, 0.0),
        bicycle(10.0, 2.1),
        at(CAR, 10.0, 0.0),
    ];
    let figures = figures_of("bicycle", &truth, &[at("bicycle", 10.0, -1.9)]);
    assert_eq!((figures.truth.in_rack, figures.truth.kept), (2, 2));
    assert_eq!((figures.detections.in_rack, figures.detections.kept), (1, 0));
    assert_eq!(figures_of("car", &truth, &[]).truth.kept, 1);
    // Not turned, so that no rounding hides the face at x = 12 of a rack 4 m long.
    let truth =
        [at("static_object.bicycle_rack", 10.0, 0.0), bicycle(12.0, 0.0), bicycle(8.0, 1.0)];
    assert_eq!(figures_of("bicycle", &truth, &[]).truth.in_rack, 2);
}

#[test]
fn velocity_comes_from_the_neighbours_unless_they_are_too_far_apart() {
    // 1 m in each of two steps of 0.5 s: 2 m/s at all three moments. Found with 2.5 m/s, so AVE 0.5.
    let truth: Vec<_> =
        (0..3).map(|sample| Box { sample, ..at(CAR, 10.0 + sample as f64, 0.0) }).collect();
    let found: Vec<_> =
        truth.iter().map(|one| Box { name: "car", velocity: [2.5, 0.0], ..one.clone() }).collect();
    let error = |times: &[i64]| {
        let evaluation = judge(&world(times, &truth, &[&[0, 1, 2]]), &results(3, &found)).unwrap();
        evaluation.figures.classes[0].errors[TpError::Velocity as usize]
    };
    near(error(&[0, 500_000, 1_000_000]), 0.5);
    // 1.6 s to one neighbour is too long at the ends; 3.2 s with both neighbours too: no velocity at all.
    near(error(&[0, 1_600_000, 3_200_000]), 1.0);
    // 1.4 s is not: 1/1.4 m/s.
    near(error(&[0, 1_400_000, 2_800_000]), 2.5 - 1.0 / 1.4);
}

#[test]
fn a_barrier_looks_the_same_after_half_a_turn_and_a_car_does_not() {
    let turned = |name, yaw| Box { yaw, ..at(name, 10.0, 0.0) };
    let orientation = TpError::Orientation as usize;
    let car = figures_of("car", &[turned(CAR, 0.2)], &[turned("car", 0.2 + PI)]);
    near(car.errors[orientation], PI);
    let barrier = figures_of(
        "barrier",
        &[turned("movable_object.barrier", 0.2)],
        &[turned("barrier", 0.2 + PI)],
    );
    near(barrier.errors[orientation], 0.0);
    assert!(barrier.errors[TpError::Velocity as usize].is_nan());
    let cone = figures_of("traffic_cone", &[at(CAR, 10.0, 0.0)], &[]);
    assert_eq!(cone.errors.map(f64::is_nan), [false, false, true, true, true]);
}

#[test]
fn attributes_are_judged_only_where_the_truth_has_one() {
    let with = |attribute, one: Box| Box { attribute, ..one };
    let truth = [with("vehicle.parked", at(CAR, 10.0, 0.0)), at(CAR, 20.0, 0.0)];
    let found = |attribute| {
        [
            scored(0.9, with(attribute, at("car", 10.0, 0.0))),
            scored(0.8, with("vehicle.moving", at("car", 20.0, 0.0))),
        ]
    };
    let error = |attribute| {
        figures_of("car", &truth, &found(attribute)).errors[TpError::Attribute as usize]
    };
    near(error("vehicle.parked"), 0.0);
    near(error("vehicle.moving"), 1.0);
    near(error(""), 1.0);
}

#[test]
fn a_score_of_nought_shortens_what_the_errors_are_taken_over() {
    let car = figures_of("car", &[at(CAR, 10.0, 0.0)], &[scored(0.0, at("car", 10.0, 0.0))]);
    near(car.mean_ap, 1.0);
    assert_eq!(car.errors[TpError::Translation as usize], 1.0, "no point with a score is left");
}

#[test]
fn absent_classes_count_as_nought_and_errors_are_not_clipped_but_their_scores_are() {
    let truth = [at(CAR, 10.0, 0.0)];
    let found = [Box { yaw: PI, ..at("car", 10.0, 0.0) }];
    let evaluation = judge(&world(&[0], &truth, &[]), &results(1, &found)).unwrap();
    let figures = evaluation.figures;
    near(figures.mean_ap, 0.1);
    // Nine classes have ATE 1, the car 0; AOE is 1 for eight of nine and pi for the car.
    near(figures.errors[TpError::Translation as usize], 0.9);
    near(figures.errors[TpError::Orientation as usize], (8.0 + PI) / 9.0);
    near(figures.scores[TpError::Orientation as usize], 0.0);
    // Scores: ATE 0.1, ASE 0.1, the other three 0; NDS = (5 · 0.1 + 0.2) / 10.
    near(figures.nd_score, 0.07);
}

#[test]
fn categories_that_are_not_evaluated_are_counted_and_left_out() {
    let truth =
        [at(CAR, 10.0, 0.0), at("animal", 5.0, 0.0), at("vehicle.emergency.police", 6.0, 0.0)];
    let evaluation = judge(&world(&[0], &truth, &[]), &results(1, &[])).unwrap();
    assert_eq!(evaluation.other_categories, 2);
    assert_eq!(evaluation.figures.classes.iter().map(|one| one.truth.given).sum::<usize>(), 1);
}

const CLASSES: [(&str, &str); 3] =
    [(CAR, "car"), ("human.pedestrian.adult", "pedestrian"), ("vehicle.truck", "truck")];

fn places() -> impl Strategy<Value = Vec<(usize, usize, f64, f64)>> {
    prop::collection::vec((0..3usize, 0..3usize, -25.0..25.0, -25.0..25.0), 1..25)
}

fn boxes(places: &[(usize, usize, f64, f64)], truth: bool) -> Vec<Box> {
    places
        .iter()
        .enumerate()
        .map(|(number, &(sample, class, x, y))| {
            let names = CLASSES[class];
            let name = if truth { names.0 } else { names.1 };
            Box { sample, score: 0.9 - 0.01 * number as f64, ..at(name, x, y) }
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Truth against itself: every class that is there has precision 1, every other 0.
    #[test]
    fn truth_against_itself_is_perfect_for_the_classes_that_are_there(places in places()) {
        let tables = world(&[0, 500_000, 1_000_000], &boxes(&places, true), &[]);
        let evaluation = judge(&tables, &results(3, &boxes(&places, false))).unwrap();
        for class in &evaluation.figures.classes {
            let expected = if class.truth.kept > 0 { 1.0 } else { 0.0 };
            prop_assert!((class.mean_ap - expected).abs() < 1e-12, "{:?}", class.class);
            if class.truth.kept > 0 {
                prop_assert!(class.errors[TpError::Translation as usize].abs() < 1e-12);
            }
        }
    }

    /// A false box more, far from everything, never raises a precision.
    #[test]
    fn a_false_box_more_never_helps(places in places(), keep in 1..25usize, score in 0.0..1.0f64) {
        let tables = world(&[0, 500_000, 1_000_000], &boxes(&places, true), &[]);
        let mut found = boxes(&places, false);
        found.truncate(keep);
        let before = judge(&tables, &results(3, &found)).unwrap();
        found.push(Box { score, ..at("car", 35.0, 20.0) });
        let after = judge(&tables, &results(3, &found)).unwrap();
        for (before, after) in before.figures.classes.iter().zip(&after.figures.classes) {
            for (before, after) in before.average_precisions.iter().zip(after.average_precisions) {
                prop_assert!(after <= before + 1e-12);
            }
        }
    }

    /// Where no two scores are equal, the order in the file changes nothing.
    #[test]
    fn the_order_of_boxes_with_different_scores_does_not_matter(places in places()) {
        let tables = world(&[0, 500_000, 1_000_000], &boxes(&places, true), &[]);
        let mut found = boxes(&places, false);
        for one in &mut found {
            one.at[0] += 0.4;
        }
        let before = judge(&tables, &results(3, &found)).unwrap();
        found.reverse();
        let after = judge(&tables, &results(3, &found)).unwrap();
        prop_assert_eq!(before.details_json(), after.details_json());
    }
}
