//! What fusion promises.

use proptest::prelude::*;

use super::*;
use crate::config::{Calibration, FusionConfig, FusionMethod};
use crate::expert::Refinement;
use crate::frame::{Class, DegradationSet, ExpertKind};
use crate::geometry::{Box3, bev_overlap};

fn refinement(class: Class, box3: Box3, score: f32, expert: ExpertKind) -> Refinement {
    let degraded = DegradationSet::default();
    Refinement {
        region: Some(0),
        class,
        box3,
        score,
        quality: score,
        quality_weight: 0.0,
        picture: 0.0,
        expert,
        degraded,
    }
}

fn car(x: f64, score: f32) -> Refinement {
    let box3 = Box3::new([x, 0.0, -1.0], [4.0, 1.6, 1.5], 0.0);
    refinement(Class::Car, box3, score, ExpertKind::Vee)
}

fn fusion(method: FusionMethod) -> Fusion {
    Fusion::new(&FusionConfig { method, ..FusionConfig::default() }).unwrap()
}

const BOTH: [FusionMethod; 2] = [FusionMethod::Nms, FusionMethod::Wbf];

#[test]
fn two_experts_on_one_object_give_one_box() {
    for method in BOTH {
        let mut fusion = fusion(method);
        let fused = fusion.fuse(&[car(10.0, 0.6), car(30.0, 0.7), car(10.5, 0.9)]).to_vec();
        assert_eq!(fused.iter().map(|f| f.refinement).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(fused.iter().map(|f| f.members).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(fused[0].score, 0.9);
        let x = if method == FusionMethod::Nms { 10.5 } else { (9.0 * 10.5 + 6.0 * 10.0) / 15.0 };
        assert!((fused[0].box3.center[0] - x).abs() < 1e-6);
        assert_eq!(fusion.counts().merged, 1);
    }
}

#[test]
fn one_object_is_one_thing() {
    let cyclist = |x, score| Refinement { class: Class::Cyclist, ..car(x, score) };
    for method in BOTH {
        // In nearly the same place the better class stays, and its box as it was.
        let config = FusionConfig { method, across_classes: 0.5, ..FusionConfig::default() };
        let mut fusion = Fusion::new(&config).unwrap();
        let fused = fusion.fuse(&[car(10.0, 0.7), cyclist(10.2, 0.8)]).to_vec();
        assert_eq!((fused.len(), fused[0].refinement, fused[0].members), (1, 1, 1));
        assert_eq!(fused[0].box3, cyclist(10.2, 0.8).box3);
        assert_eq!(fusion.counts().merged, 1);
        // Beside each other both stay, though two cars would be one there.
        assert_eq!(fusion.fuse(&[car(10.0, 0.8), cyclist(12.5, 0.7)]).len(), 2);
        assert_eq!(fusion.fuse(&[car(10.0, 0.8), car(12.5, 0.7)]).len(), 1);
        let mut apart = self::fusion(method);
        assert_eq!(apart.fuse(&[car(10.0, 0.8), cyclist(10.0, 0.8)]).len(), 2);
    }
}

#[test]
fn everything_left_out_is_counted_by_cause() {
    let mut odd = car(50.0, 0.9);
    odd.box3.center[1] = f64::NAN;
    let mut flat = car(60.0, 0.9);
    flat.box3.size[2] = 0.0;
    let all = [car(10.0, 0.9), car(10.0, 0.8), car(20.0, 0.01), car(30.0, f32::NAN), odd, flat];
    for method in BOTH {
        let mut fusion = fusion(method);
        assert_eq!(fusion.fuse(&all).len(), 1);
        let counts = fusion.counts();
        assert_eq!(counts, FusionCounts { merged: 1, below_score: 1, not_finite: 3 });
        let mut dropped = crate::frame::Dropped::default();
        counts.add_to(&mut dropped);
        assert_eq!((dropped.boxes_merged, dropped.boxes_not_finite), (1, 3));
    }
}

#[test]
fn opposite_headings_are_averaged_to_the_best_ones_direction() {
    let mut best = car(10.0, 0.9);
    best.box3.yaw = 3.0;
    let mut other = car(10.0, 0.9 - 1e-6);
    other.box3.yaw = 3.2 - std::f64::consts::PI;
    let fused = fusion(FusionMethod::Wbf).fuse(&[other, best])[0];
    assert!((fused.box3.yaw - 3.1).abs() < 1e-4, "{}", fused.box3.yaw);
    // Turned by a quarter: its length is the best one's width.
    other.box3 = Box3::new([10.0, 0.0, -1.0], [1.6, 4.0, 1.5], 3.0 - std::f64::consts::FRAC_PI_2);
    let fused = fusion(FusionMethod::Wbf).fuse(&[other, best])[0];
    assert!((fused.box3.yaw - 3.0).abs() < 1e-9);
    assert!((fused.box3.size[0] - 4.0).abs() < 1e-9);
}

#[test]
fn scores_beyond_a_curve_s_ends_keep_their_order() {
    let curve = Curve::new(ExpertKind::Ape, &[[0.05, 0.01], [0.95, 0.9]]).unwrap();
    let scores =
        [0.0, 0.01, 0.04, 0.05, 0.5, 0.95, 0.96, 0.99, 1.0].map(|score| curve.apply(score));
    assert!(scores.is_sorted_by(|a, b| a < b), "{scores:?}");
    let capped = Curve::new(ExpertKind::Ape, &[[0.0, 0.2], [1.0, 0.5]]).unwrap();
    assert_eq!([0.0, 1.0, 1.5].map(|score| capped.apply(score)), [0.2, 0.5, 0.5]);
}

#[test]
fn calibration_makes_scores_of_experts_comparable() {
    let calibration = Calibration { lpe: vec![[0.0, 0.0], [1.0, 0.5]], ..Calibration::default() };
    let mut fusion = Fusion::new(&FusionConfig { calibration, ..FusionConfig::default() }).unwrap();
    let mut boastful = car(10.0, 0.9);
    boastful.expert = ExpertKind::Lpe;
    let fused = fusion.fuse(&[boastful, car(10.2, 0.6)]).to_vec();
    assert_eq!((fused[0].refinement, fused[0].score), (1, 0.6));
    assert!((fusion.calibrate(ExpertKind::Lpe, 0.9) - 0.45).abs() < 1e-6);
}

#[test]
fn a_table_that_is_no_rising_curve_is_refused() {
    let refused = |table: &[[f32; 2]]| {
        let calibration = Calibration { ape: table.to_vec(), ..Calibration::default() };
        let config = FusionConfig { calibration, ..FusionConfig::default() };
        Fusion::new(&config).err().unwrap().to_string()
    };
    assert_eq!(
        refused(&[[0.1, 0.1], [0.1, 0.5]]),
        "fusion.calibration, table of Ape, row 1: expected a raw score above that of the row \
         before, found [0.1, 0.5]; [[0, 0], [1, 1]] leaves scores as they are, an empty table takes those of the model"
    );
    assert!(refused(&[[0.1, 0.5], [0.2, 0.4]]).contains("not below"));
    assert!(refused(&[[0.1, 0.5], [1.2, 0.6]]).contains("0..1"));
    assert!(refused(&[[0.1, f32::NAN], [1.0, 0.6]]).contains("0..1"));
    assert!(refused(&[[0.1, 0.5]]).contains("at least two rows"));
    let config = FusionConfig { overlap: -0.1, ..FusionConfig::default() };
    assert!(Fusion::new(&config).err().unwrap().to_string().contains("fusion.overlap"));
}

prop_compose! {
    fn any_refinement()(
        class in prop::sample::select(vec![Class::Car, Class::Pedestrian]),
        x in 0.0..25.0f64, y in -8.0..8.0f64, z in -1.5..0.0f64,
        size in prop::array::uniform3(0.5..4.0f64), yaw in -3.2..3.2f64,
        // Coarse, so that equal scores occur.
        score in (0..10u8).prop_map(|s| f32::from(s) / 10.0),
        expert in prop::sample::select(vec![ExpertKind::Lpe, ExpertKind::Ape]),
        region in 0..50usize,
    ) -> Refinement {
        let mut made = refinement(class, Box3::new([x, y, z], size, yaw), score, expert);
        made.region = Some(region);
        made
    }
}

proptest! {
    #[test]
    fn the_order_of_the_refinements_does_not_matter(
        (given, shuffled) in prop::collection::vec(any_refinement(), 0..40)
            .prop_flat_map(|given| (Just(given.clone()), Just(given).prop_shuffle())),
    ) {
        for method in BOTH {
            let mut fusion = fusion(method);
            let told = |fused: &[Fused], of: &[Refinement]| -> Vec<_> {
                fused.iter().map(|f| (of[f.refinement], f.box3, f.score, f.members)).collect()
            };
            let one = told(fusion.fuse(&given), &given);
            let counts = fusion.counts();
            prop_assert_eq!(one, told(fusion.fuse(&shuffled), &shuffled));
            prop_assert_eq!(counts, fusion.counts());
        }
    }

    #[test]
    fn nothing_is_lost_and_nothing_overlaps(
        given in prop::collection::vec(any_refinement(), 0..40),
    ) {
        let across_classes = 0.5;
        let mut fusion =
            Fusion::new(&FusionConfig { across_classes, ..FusionConfig::default() }).unwrap();
        let fused = fusion.fuse(&given).to_vec();
        let counts = fusion.counts();
        prop_assert_eq!(
            fused.len() as u64 + counts.merged + counts.below_score + counts.not_finite,
            given.len() as u64
        );
        for (index, a) in fused.iter().enumerate() {
            prop_assert_eq!(a.box3, given[a.refinement].box3);
            for b in &fused[index + 1..] {
                prop_assert!(a.score >= b.score);
                let alike = given[a.refinement].class == given[b.refinement].class;
                let limit = if alike { 0.1 } else { across_classes };
                prop_assert!(bev_overlap(&a.box3, &b.box3) <= limit + 1e-9);
            }
        }
    }

    #[test]
    fn equal_boxes_fuse_to_exactly_that_box(
        one in any_refinement(),
        scores in prop::collection::vec(0.1..1.0f32, 1..6),
    ) {
        let copies: Vec<_> = scores.iter().map(|&score| Refinement { score, ..one }).collect();
        let fused = fusion(FusionMethod::Wbf).fuse(&copies).to_vec();
        prop_assert_eq!(fused.len(), 1);
        prop_assert_eq!(fused[0].box3, one.box3);
        prop_assert_eq!(fused[0].members as usize, copies.len());
    }

    #[test]
    fn a_calibrated_score_rises_with_the_raw_one(a in 0.0..=1.0f32, b in 0.0..=1.0f32) {
        let table = [[0.1, 0.0], [0.4, 0.3], [0.5, 0.3], [0.9, 1.0]];
        let curve = Curve::new(ExpertKind::Lpe, &table).unwrap();
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(curve.apply(low) <= curve.apply(high));
        prop_assert!((0.0..=1.0).contains(&curve.apply(low)));
        prop_assert!(curve.apply(f32::NAN).is_nan());
    }
}
