//! The emergency expert on real scans: what it finds of the labelled cars, without any model.
#![allow(missing_docs, clippy::print_stderr)]

use emc2::config::EmergencyConfig;
use emc2::expert::Emergency;
use emc2::frame::Class;
use emc2::geometry::bev_overlap;
use emc2::sensor::kitti::{Layout, Options, open};

#[path = "shared_data/mod.rs"]
mod shared_data;

/// Cars that a person would expect to be found: within 30 m, no more than partly hidden.
#[test]
fn most_near_cars_are_found_without_a_model() {
    let Some(shared) = shared_data::shared() else { return };
    let source = open(Layout::Object, &shared.join("data/kitti"), Options::default()).unwrap();
    let mut emergency = Emergency::new(&EmergencyConfig::default());
    let (mut cars, mut found, mut touched, mut frames, mut boxes) = (0, 0, 0, 0, 0);
    let mut by_class = [0; 3];
    for index in 0..source.len() {
        let Ok(frame) = source.load(index) else { continue };
        if frame.cloud.points.is_empty() {
            continue;
        }
        let proposals = emergency.proposals(&frame);
        frames += 1;
        boxes += proposals.len();
        proposals.iter().for_each(|proposal| by_class[proposal.class_index] += 1);
        for label in frame.labels.iter().flatten() {
            let Some(truth) = label.box3.filter(|truth| truth.distance() < 30.0) else { continue };
            if label.class != Class::Car || label.occlusion > 1 || label.truncation > 0.3 {
                continue;
            }
            cars += 1;
            let overlap =
                proposals.iter().map(|p| bev_overlap(&p.box3, &truth)).fold(0.0, f64::max);
            found += usize::from(overlap >= 0.3);
            touched += usize::from(overlap > 0.05);
        }
    }
    eprintln!(
        "{frames} scans, {boxes} boxes {by_class:?}: {found} of {cars} near cars at BEV IoU 0.3 \
         ({:.1} %), {touched} touched",
        100.0 * found as f64 / cars as f64
    );
    assert!(10 * found >= 6 * cars, "{found} of {cars}");
}
