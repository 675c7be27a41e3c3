//! What became of each box is what the figures were made of, and is told with its reason.

mod nuscenes_world;
mod shared_data;

use std::collections::HashMap;

use emc2::eval::Outcome;
use emc2::eval::nuscenes::{
    BoxOutcome, ERROR_DISTANCE, Evaluation, Request, evaluate, evaluate_from,
};
use nuscenes_world::{Box, at, invented, request, results, unpack, world};

const CAR: &str = "vehicle.car";

fn asked() -> Request {
    Request { outcomes: true, ..request() }
}

/// What became of each box where `truth` is annotated and `found` detected, all in one sample.
fn told(truth: &[Box], found: &[Box]) -> Vec<BoxOutcome> {
    let tables = world(&[0], truth, &[]);
    let evaluation = evaluate_from(&asked(), &tables, results(1, found).as_bytes()).unwrap();
    adds_up(&evaluation);
    evaluation.outcomes.unwrap()
}

/// The outcomes add up to the figures, and partners name one another.
fn adds_up(evaluation: &Evaluation) {
    let all = evaluation.outcomes.as_ref().unwrap();
    for figures in &evaluation.figures.classes {
        let count = |is_label, outcome| {
            let same = |one: &&BoxOutcome| {
                (one.is_label, one.outcome) == (is_label, outcome)
                    && one.class == figures.class.name()
            };
            all.iter().filter(same).count()
        };
        let at_2m = &figures.curves[ERROR_DISTANCE];
        let (matched, missed) = (count(true, Outcome::Matched), count(true, Outcome::Missed));
        assert_eq!(matched, at_2m.matched_scores.len());
        assert_eq!(count(false, Outcome::Matched), matched);
        assert_eq!(count(false, Outcome::False), at_2m.unmatched_scores.len());
        assert_eq!(matched + missed, figures.truth.kept);
        assert_eq!(count(true, Outcome::Ignored), figures.truth.given - figures.truth.kept);
        let ignored = figures.detections.given - figures.detections.kept;
        assert_eq!(count(false, Outcome::Ignored), ignored);
        assert_eq!(count(true, Outcome::False) + count(false, Outcome::Missed), 0);
    }
    let by_name: HashMap<_, _> =
        all.iter().map(|one| ((one.frame.as_str(), one.is_label, one.line), one)).collect();
    assert_eq!(by_name.len(), all.len(), "two boxes have one name");
    for one in all.iter().filter(|one| one.outcome == Outcome::Matched) {
        let partner = by_name[&(one.frame.as_str(), !one.is_label, one.partner.unwrap())];
        assert_eq!(partner.outcome, Outcome::Matched);
        assert_eq!((partner.partner, partner.score), (Some(one.line), one.score));
        assert_eq!((&partner.class, &partner.errors), (&one.class, &one.errors));
        assert!(one.centre_distance_m.unwrap() < 2.0);
        assert_eq!(one.errors.as_ref().unwrap()["trans_err"], one.centre_distance_m.unwrap());
        if !one.is_label {
            assert_eq!(one.partner_token, partner.token);
        }
    }
}

#[test]
fn outcomes_add_up_to_the_figures_of_invented_drives() {
    let text = unpack("results");
    let evaluation = evaluate_from(&asked(), &invented(), text.as_slice()).unwrap();
    adds_up(&evaluation);
    let others = evaluation.outcomes.as_ref().unwrap();
    let others = others.iter().filter(|one| one.why.contains("not evaluated")).count();
    assert_eq!(others, evaluation.other_categories);
    // Asking changes no figure.
    let plain = evaluate_from(&request(), &invented(), text.as_slice()).unwrap();
    assert!(plain.outcomes.is_none());
    assert_eq!(format!("{:?}", plain.figures), format!("{:?}", evaluation.figures));
}

#[test]
fn outcomes_add_up_to_the_figures_of_every_set() {
    let Some(folder) = shared_data::golden("nuscenes_eval") else { return };
    for (set, tables) in [
        ("real_pointpillars", "tables_mini_val"),
        ("minival_ties", "tables_mini_val"),
        ("minival_nan", "tables_mini_val"),
        ("derived_edge", "tables_derived"),
        ("synthetic_edge", "tables_synthetic"),
    ] {
        let results = folder.join("results").join(set).with_extension("json");
        let request = Request::new(&folder.join(tables), "v1.0-mini", "mini_val", &results);
        adds_up(&evaluate(&Request { outcomes: true, ..request }).unwrap());
    }
}

#[test]
fn a_match_has_the_errors_that_its_class_defines_and_its_annotation_knows() {
    let moved = |name, attribute| Box { attribute, ..at(name, 10.5, 0.0) };
    let truth = [at(CAR, 10.0, 0.0), at("movable_object.trafficcone", 5.0, 5.0)];
    let cone = Box { yaw: 1.0, ..at("traffic_cone", 5.0, 5.0) };
    let rows = told(&truth, &[moved("car", "vehicle.parked"), cone]);
    let keys = |row: &BoxOutcome| {
        row.errors.as_ref().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    // Nobody knows the velocity of an object that was seen once, nor its attribute here.
    assert_eq!(keys(&rows[0]), "orient_err scale_err trans_err");
    assert_eq!(keys(&rows[1]), "scale_err trans_err");
    assert_eq!(rows[0].errors.as_ref().unwrap()["trans_err"], 0.5);
    assert_eq!((rows[0].partner, rows[2].partner), (Some(1), Some(1)));
    assert_eq!(rows[0].why, "centre distance 0.500 m < 2 m");
}

#[test]
fn a_mistake_is_told_with_the_nearest_annotation_and_who_took_it() {
    let found = |x, score| Box { score, ..at("car", x, 0.0) };
    let rows = told(&[at(CAR, 10.0, 0.0)], &[found(10.5, 0.5), found(10.1, 0.4), found(13.0, 0.9)]);
    let why: Vec<_> = rows.iter().map(|row| (row.outcome, row.why.as_str())).collect();
    assert_eq!(
        why,
        [
            (Outcome::Matched, "centre distance 0.500 m < 2 m"),
            (Outcome::Matched, "centre distance 0.500 m < 2 m"),
            (Outcome::False, "the annotation at 0.100 m was taken by a higher score"),
            (Outcome::False, "nearest annotation 3.000 m >= 2 m"),
        ]
    );
    assert_eq!((rows[2].partner, rows[2].partner_token.as_deref()), (Some(1), Some("n0")));
    // Of equal scores the later one in the file goes first.
    let rows = told(&[at(CAR, 10.0, 0.0)], &[found(10.1, 0.5), found(10.5, 0.5)]);
    assert_eq!(rows[0].partner, Some(2));
    assert!(rows[1].why.ends_with("taken by an equal score further down in the file"));
    let rows = told(&[at("vehicle.truck", 10.0, 0.0)], &[found(10.5, 0.5)]);
    let whys: Vec<_> = rows.iter().map(|row| row.why.as_str()).collect();
    assert_eq!(
        whys,
        [
            "no truck is detected in its sample; a car is detected at 0.500 m",
            "no car is annotated in its sample; a truck is annotated at 0.500 m"
        ]
    );
}

#[test]
fn a_miss_is_told_with_the_nearest_detection_and_whom_it_took() {
    let truth = [at(CAR, 10.0, 0.0), at(CAR, 11.0, 0.0), at(CAR, 20.0, 0.0)];
    let rows = told(&truth, &[at("car", 10.1, 0.0)]);
    let of = |row: &BoxOutcome| (row.outcome, row.why.clone(), row.partner);
    let taken = "each detection nearer than 2 m took another annotation".to_owned();
    assert_eq!(of(&rows[1]), (Outcome::Missed, taken, Some(1)));
    let far = "nearest detection 9.900 m >= 2 m".to_owned();
    assert_eq!(of(&rows[2]), (Outcome::Missed, far, Some(1)));
    assert_eq!((rows[2].score, rows[2].distance_m), (Some(0.5), 20.0));
    assert_eq!(rows[2].token.as_deref(), Some("n2"));
}

#[test]
fn what_does_not_count_is_told_with_its_rule() {
    let bicycle = |x| at("vehicle.bicycle", x, 0.0);
    let rack = Box { size: [4.0, 4.0, 4.0], ..at("static_object.bicycle_rack", 5.0, 0.0) };
    let truth = [at(CAR, 50.0, 0.0), Box { points: 0, ..at(CAR, 20.0, 0.0) }, bicycle(5.0), rack];
    let found =
        [at("car", 51.5, 0.0), Box { points: 0, ..at("car", 20.0, 0.0) }, at("car", 20.5, 0.0)];
    let rows = told(&truth, &found);
    let why: Vec<_> = rows.iter().map(|row| row.why.as_str()).collect();
    assert_eq!(
        why,
        [
            "50.000 m from the vehicle >= 50 m",
            "no LiDAR or radar point in it",
            "its centre is in a bicycle rack",
            "of a category that is not evaluated",
            "51.500 m from the vehicle >= 50 m",
            "its num_pts is 0",
            "no car is annotated in its sample; a car annotated at 0.500 m does not count (no LiDAR or radar point in it)",
        ]
    );
    assert!(rows[..6].iter().all(|row| row.outcome == Outcome::Ignored && row.partner.is_none()));
    assert_eq!(rows[3].class, "static_object.bicycle_rack");
    assert_eq!(rows[1].points, Some(0));
}
