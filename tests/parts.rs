//! A drive that is run in parts gives the figures of the whole: no frame's matching looks at another.

mod nuscenes_world;

use std::path::{Path, PathBuf};

use emc2::eval::Outcome;
use emc2::eval::kitti::{self, Difficulty, Entry, Frame, Judged, Metric, Options};
use emc2::eval::nuscenes::{BoxOutcome, Evaluation, Request, evaluate};
use emc2::sensor::kitti::row::ObjectRow;
use nuscenes_world::{Box, at, results, world};
use proptest::prelude::*;

const SAMPLES: usize = 6;

/// A box of one of two classes in one of the samples; `detected` names it as results do.
fn box_of(detected: bool, scores: impl Strategy<Value = f64>) -> impl Strategy<Value = Box> {
    (0..SAMPLES, any::<bool>(), -6.0..6.0f64, -6.0..6.0f64, scores).prop_map(
        move |(sample, is_car, x, y, score)| {
            let name = match (is_car, detected) {
                (true, true) => "car",
                (true, false) => "vehicle.car",
                (false, true) => "pedestrian",
                (false, false) => "human.pedestrian.adult",
            };
            Box { sample, score, ..at(name, x, y) }
        },
    )
}

/// Annotations and detections; with scores on a coarse grid, many of them are equal.
fn drive(ties: bool) -> impl Strategy<Value = (Vec<Box>, Vec<Box>)> {
    let scores = move || match ties {
        true => (1u8..8).prop_map(|score| f64::from(score) / 8.0).boxed(),
        false => (0.01..1.0f64).boxed(),
    };
    let truth = prop::collection::vec(box_of(false, Just(-1.0)), 0..40);
    // A part in which nothing at all is annotated would be refused.
    let somewhere = (0..SAMPLES).map(|sample| Box { sample, ..at("vehicle.car", 8.0, 8.0) });
    let truth = truth.prop_map(move |truth| [truth, somewhere.clone().collect()].concat());
    (truth, prop::collection::vec(box_of(true, scores()), 0..60))
}

fn put_tables(folder: &Path, truth: &[Box]) {
    let times: Vec<i64> = (0..SAMPLES as i64).map(|number| 500_000 * number).collect();
    std::fs::create_dir_all(folder.join("v1.0-mini")).unwrap();
    for (name, text) in world(&times, truth, &[]) {
        std::fs::write(folder.join("v1.0-mini").join(name).with_extension("json"), text).unwrap();
    }
}

/// The results of some of the samples.
fn put_part(folder: &Path, name: &str, found: &[Box], is_in: impl Fn(usize) -> bool) -> PathBuf {
    let whole = results(SAMPLES, found);
    let lists = whole.strip_prefix("{\"meta\":{},\"results\":{").unwrap();
    let begins = |sample: usize| lists.find(&format!("\"m{sample}\":[")).unwrap_or(lists.len() - 2);
    let of_sample = |sample| lists[begins(sample)..begins(sample + 1)].trim_end_matches(',');
    let chosen: Vec<_> = (0..SAMPLES).filter(|sample| is_in(*sample)).map(of_sample).collect();
    let text = format!("{{\"meta\":{{}},\"results\":{{{}}}}}", chosen.join(","));
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn judge(folder: &Path, results: &[&Path]) -> Evaluation {
    let request = Request::new(folder, "v1.0-mini", "mini_val", results[0]);
    let results: Vec<_> = results.iter().map(|path| path.to_path_buf()).collect();
    let subset = results.len() == 1;
    evaluate(&Request { results, subset, outcomes: true, ..request }).unwrap()
}

/// Whole, both parts as one, and what became of the boxes of each part alone.
fn in_parts(
    truth: &[Box],
    found: &[Box],
    first: &[bool; SAMPLES],
) -> (Evaluation, Evaluation, Vec<BoxOutcome>) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    put_tables(folder, truth);
    let whole = put_part(folder, "whole.json", found, |_| true);
    let parts = [true, false]
        .map(|part| put_part(folder, &format!("{part}.json"), found, |at| first[at] == part));
    let joined = judge(folder, &[&parts[0], &parts[1]]);
    let mut alone = Vec::new();
    for (part, is_first) in parts.iter().zip([true, false]) {
        if first.contains(&is_first) {
            alone.extend(judge(folder, &[part]).outcomes.unwrap());
        }
    }
    alone.sort_by_key(|one| (one.frame.clone(), !one.is_label, one.line));
    (judge(folder, &[&whole]), joined, alone)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nuscenes_results_in_parts_give_the_figures_of_the_whole(
        (truth, found) in drive(false), first in any::<[bool; SAMPLES]>(),
    ) {
        let (whole, joined, alone) = in_parts(&truth, &found, &first);
        prop_assert_eq!(whole.details_json(), joined.details_json());
        prop_assert_eq!(format!("{:?}", whole.figures), format!("{:?}", joined.figures));
        prop_assert_eq!(&whole.outcomes, &joined.outcomes);
        prop_assert_eq!(whole.outcomes.unwrap(), alone);
    }

    // Of equal scores the order of the file decides, across samples too: the parts keep it.
    #[test]
    fn nuscenes_results_cut_in_two_give_the_figures_of_the_whole_with_equal_scores(
        (truth, found) in drive(true), cut in 0..=SAMPLES,
    ) {
        let first = std::array::from_fn(|sample| sample < cut);
        let (whole, joined, alone) = in_parts(&truth, &found, &first);
        prop_assert_eq!(whole.details_json(), joined.details_json());
        prop_assert_eq!(whole.outcomes.unwrap(), alone);
    }

    #[test]
    fn kitti_frames_in_parts_give_the_counts_of_the_whole_at_every_threshold(
        rows in prop::collection::vec(kitti_frame(), 2..8), first in any::<[bool; 8]>(),
    ) {
        let frames: Vec<_> = rows.into_iter().enumerate().map(|(at, frame)| Frame { id: format!("{at:06}"), ..frame }).collect();
        let part = |is_first: bool| -> Vec<Frame> {
            frames.iter().zip(first).filter(|(_, of)| *of == is_first).map(|(frame, _)| frame.clone()).collect()
        };
        let parts = [part(true), part(false)];
        let whole = kitti::evaluate(&frames, &Options { draws: 0, ..Options::default() });
        for figures in &whole.classes {
            for metric in Metric::ALL {
                let Some(curves) = &figures.official[metric as usize] else { continue };
                for (difficulty, curve) in Difficulty::ALL.into_iter().zip(curves) {
                    for point in &curve.points {
                        let told: Vec<_> = parts.iter().flat_map(|part| {
                            kitti::outcomes(part, figures.class, metric, difficulty, point.score).objects
                        }).collect();
                        let count = |is_label: bool, outcome| {
                            told.iter().filter(|o| o.is_label == is_label && o.outcome == outcome).count() as u64
                        };
                        prop_assert_eq!(count(true, Outcome::Matched), point.true_positives);
                        prop_assert_eq!(count(false, Outcome::False), point.false_positives);
                        prop_assert_eq!(count(true, Outcome::Missed), point.false_negatives);
                    }
                }
            }
        }
        let explain = |frames: &[Frame]| {
            kitti::explain(frames, &Judged::ALL, Metric::Bev, Difficulty::Hard, f64::NEG_INFINITY)
        };
        let mut together: Vec<_> = parts.iter().flat_map(|part| explain(part)).collect();
        together.sort_by_key(|one| (one.frame.clone(), !one.is_label, one.line));
        prop_assert_eq!(together, explain(&frames));
    }
}

/// A frame with some labels found, some not, and some mistakes; large overlaps are frequent.
fn kitti_frame() -> impl Strategy<Value = Frame> {
    let object = || {
        (
            prop::sample::select(vec!["Car", "Car", "Van", "Pedestrian"]),
            -4.0..4.0f64,
            8.0..16.0f64,
            0u8..9,
        )
    };
    let row = |(class, x, z, score): (&str, f64, f64, u8), scored: bool| ObjectRow {
        kind: class.to_owned(),
        truncation: 0.0,
        occlusion: f64::from(score % 3),
        alpha: 0.0,
        bbox: [600.0 + 50.0 * x, 150.0, 700.0 + 50.0 * x, 190.0 + 10.0 * f64::from(score)],
        size_hwl: [1.5, 1.6, 3.9],
        location: [x, 1.7, z],
        rotation_y: 0.0,
        score: scored.then(|| f64::from(score) / 9.0),
    };
    (
        prop::collection::vec(object(), 0..5),
        prop::collection::vec((0usize..5, -0.3..0.3f64, 0u8..9), 0..6),
        prop::collection::vec(object(), 0..3),
    )
        .prop_map(move |(labels, near, mistakes)| {
            let labels: Vec<_> = labels.into_iter().map(|label| row(label, false)).collect();
            let mut found: Vec<_> = mistakes.into_iter().map(|one| row(one, true)).collect();
            for (which, off, score) in near {
                let Some(label) = labels.get(which) else { continue };
                let mut copy = ObjectRow { score: Some(f64::from(score) / 9.0), ..label.clone() };
                copy.location[0] += off;
                found.push(copy);
            }
            let entries = |rows: Vec<ObjectRow>| {
                rows.into_iter().enumerate().map(|(at, row)| Entry::new(at + 1, row)).collect()
            };
            Frame { id: String::new(), labels: entries(labels), detections: entries(found) }
        })
}
