use std::sync::Arc;

use super::*;
use crate::bridge::fake::{Fake, bridge_contract, car};
use crate::bridge::{Error, ProposalSource};
use crate::calib::Rig;
use crate::frame::Class;

fn frame() -> Frame {
    let mut frame = Frame::empty();
    frame.rig = Arc::new(Rig::kitti());
    frame.cloud.points = (0..40_000)
        .map(|k| {
            let (x, y) = ((k % 200) as f32 * 0.4 - 5.0, (k / 200) as f32 * 0.4 - 40.0);
            [x, y, -1.6 + 0.01 * (k % 7) as f32, 0.3]
        })
        .collect();
    frame.cloud.points.push([f32::NAN, 0.0, 0.0, 0.0]);
    frame
}

/// A model that sees a car wherever the coarse grid has spread, and always one at cell (50, 100).
fn network() -> Box<dyn Network> {
    let plane = 176 * 200;
    Box::new(Fake::new(bridge_contract(), move |inputs: &[Vec<f32>], outputs: &mut [Vec<f32>]| {
        assert!(inputs[0].iter().chain(&inputs[1]).all(|value| value.is_finite()));
        outputs[1].fill(-8.0);
        outputs[1][50 * 200 + 100] = 1.0;
        outputs[1][plane + 30 * 200 + 90] = 2.0;
        for (channel, value) in
            [0.0, 0.0, 0.8, 1.4, 0.5, 0.4, 0.0, 1.0, 1.0, 1.0].iter().enumerate()
        {
            outputs[0][channel * plane..(channel + 1) * plane].fill(*value);
        }
        Ok(())
    }))
}

#[test]
fn a_frame_becomes_regions_by_descending_confidence_with_everything_counted() {
    let mut bridge = Bridge::new(&BridgeConfig::default(), Some(network())).unwrap();
    let mut times = StageTimes::default();
    let frame = frame();
    let scene = bridge.process(&frame, &mut times).unwrap();
    let classes: Vec<_> = scene.regions.iter().map(|region| region.proposal.class).collect();
    assert_eq!(classes, [Class::Pedestrian, Class::Car]);
    assert!(scene.regions.iter().all(|region| !region.points.is_empty()));
    assert_eq!(scene.dropped.points_not_finite, 1);
    assert_eq!(
        u64::from(scene.points_used) + scene.dropped.points_out_of_range + 1,
        frame.cloud.points.len() as u64
    );
    assert!(scene.cells_occupied > 1000);
    assert!(times.grid_ms > 0.0 && times.regions_ms > 0.0);
}

#[test]
fn what_model_and_experts_see_is_on_the_intensity_scale_of_the_model_s_contract() {
    let factor = |median: Option<f32>, sensor: f32| {
        let mut contract = bridge_contract();
        contract.sensor = Some(crate::expert::contract::SensorSpec {
            beams: 64,
            origin_height: 1.73,
            intensity_median: median,
        });
        let network = Fake::new(contract, |_: &[Vec<f32>], _: &mut [Vec<f32>]| Ok(()));
        let mut bridge = Bridge::new(&BridgeConfig::default(), Some(Box::new(network))).unwrap();
        let mut frame = frame();
        frame.cloud.points.iter_mut().for_each(|point| point[3] = sensor);
        let factor = bridge.process(&frame, &mut StageTimes::default()).unwrap().intensity_factor;
        assert!(bridge.points().iter().all(|point| (point[3] - factor * sensor).abs() < 1e-6));
        factor
    };
    assert!((factor(Some(0.24), 0.05) - 4.8).abs() < 0.1);
    assert_eq!((factor(Some(0.24), 0.3), factor(None, 0.05)), (1.0, 1.0));
}

#[test]
fn the_same_frame_gives_the_same_scene_whatever_came_before() {
    let mut bridge = Bridge::new(&BridgeConfig::default(), Some(network())).unwrap();
    let mut times = StageTimes::default();
    let (frame, mut other) = (frame(), frame());
    other.cloud.points.truncate(9_000);
    bridge.process(&other, &mut times).unwrap();
    let once = bridge.process(&frame, &mut times).unwrap();
    let (regions, points) = (once.regions.clone(), once.points.clone());
    bridge.process(&other, &mut times).unwrap();
    let again = bridge.process(&frame, &mut times).unwrap();
    assert_eq!((&regions, &points), (&again.regions, &again.points));
}

#[test]
fn without_a_network_injected_proposals_become_regions() {
    let mut bridge = Bridge::new(&BridgeConfig::default(), None).unwrap();
    let frame = frame();
    assert!(bridge.process(&frame, &mut StageTimes::default()).unwrap().regions.is_empty());
    let mut cluster = car([20.0, 3.0, -0.9], 0.2);
    (cluster.source, cluster.confidence) = (ProposalSource::Emergency, 0.3);
    let scene = bridge.inject(&frame, &[cluster, cluster]);
    assert_eq!(scene.regions.len(), 1);
    assert_eq!(scene.dropped.proposals_suppressed, 1);
    assert!(!scene.regions[0].points.is_empty());
}

#[test]
fn injected_proposals_take_their_place_by_confidence_and_broken_ones_are_counted() {
    let config = BridgeConfig { max_proposals: 4, ..BridgeConfig::default() };
    let mut bridge = Bridge::new(&config, Some(network())).unwrap();
    let frame = frame();
    bridge.process(&frame, &mut StageTimes::default()).unwrap();
    let mut broken = car([30.0, 8.0, -0.9], 0.0);
    broken.box3.size[0] = f64::NAN;
    let injected = [
        Proposal { confidence: 0.99, ..car([30.0, 8.0, -0.9], 0.0) },
        Proposal { confidence: 0.1, ..car([40.0, 8.0, -0.9], 0.0) },
        Proposal { confidence: 0.1, ..car([50.0, 8.0, -0.9], 0.0) },
        broken,
    ];
    let scene = bridge.inject(&frame, &injected);
    let confidence: Vec<_> = scene.regions.iter().map(|r| r.proposal.confidence).collect();
    assert_eq!(confidence.len(), 4);
    assert_eq!((confidence[0], confidence[3]), (0.99, 0.1));
    assert_eq!((scene.dropped.proposals_over_limit, scene.dropped.boxes_not_finite), (1, 1));
}

#[test]
fn when_the_network_fails_the_counts_stay_and_injection_works() {
    let failing = Fake::new(bridge_contract(), |_: &[Vec<f32>], _: &mut [Vec<f32>]| {
        Err(crate::expert::Error::NotFinite {
            model: "bev".to_owned(),
            output: "heatmap".to_owned(),
            element: 3,
        })
    });
    let mut bridge = Bridge::new(&BridgeConfig::default(), Some(Box::new(failing))).unwrap();
    let frame = frame();
    let error = bridge.process(&frame, &mut StageTimes::default()).err().unwrap();
    assert!(matches!(error, Error::Model(_)));
    assert!(bridge.scene().regions.is_empty() && bridge.scene().points_used > 0);
    assert_eq!(bridge.inject(&frame, &[car([20.0, 3.0, -0.9], 0.2)]).regions.len(), 1);
}

#[test]
fn a_model_that_is_no_bridge_is_refused_by_line() {
    let refused = |change: fn(&mut crate::expert::contract::Contract)| {
        let mut contract = bridge_contract();
        change(&mut contract);
        let fake = Fake::new(contract, |_: &[Vec<f32>], _: &mut [Vec<f32>]| Ok(()));
        Bridge::new(&BridgeConfig::default(), Some(Box::new(fake))).err().unwrap().to_string()
    };
    assert!(refused(|contract| contract.grid = None).contains("grid"));
    assert!(refused(|contract| contract.inputs.swap(0, 1)).contains("inputs: fine"));
    assert!(refused(|contract| contract.outputs[0].shape[1] = 8).contains("outputs: boxes"));
    assert!(refused(|contract| contract.classes.clear()).contains("classes"));
}

#[test]
fn an_empty_scan_and_an_endless_one_are_ordinary_input() {
    let config = BridgeConfig { point_budget: 50_000, ..BridgeConfig::default() };
    let mut bridge = Bridge::new(&config, Some(network())).unwrap();
    let mut empty = frame();
    empty.cloud.points.clear();
    assert_eq!(bridge.process(&empty, &mut StageTimes::default()).unwrap().points_used, 0);
    let mut crowded = frame();
    crowded.cloud.points = (0..1_000_000)
        .map(|k| [(k % 1000) as f32 * 0.07, (k / 1000) as f32 * 0.01, -1.0, 0.1])
        .collect();
    let scene = bridge.process(&crowded, &mut StageTimes::default()).unwrap();
    assert_eq!(scene.points_used, 50_000);
    assert_eq!(scene.dropped.points_over_budget, 950_000);
}

#[test]
fn a_sensor_mounted_higher_sees_the_same_grids_and_boxes_as_much_lower() {
    // Heights and shift are whole multiples of 1/64 m, so that no rounding hides a difference.
    let look = |height: f64| {
        let mut frame = frame();
        let mut rig = Rig::kitti();
        rig.lidar.origin_height_m = height;
        frame.rig = Arc::new(rig);
        for (k, point) in frame.cloud.points.iter_mut().enumerate() {
            point[2] = (k % 64) as f32 / 64.0 - height as f32;
        }
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let network = {
            let (seen, mut inner) = (Arc::clone(&seen), network());
            Fake::new(bridge_contract(), move |inputs: &[Vec<f32>], outputs: &mut [Vec<f32>]| {
                *seen.lock().unwrap() = inputs.to_vec();
                for (index, input) in inputs.iter().enumerate() {
                    inner.input_mut(index).copy_from_slice(input);
                }
                inner.run()?;
                for (index, output) in outputs.iter_mut().enumerate() {
                    output.copy_from_slice(inner.output(index));
                }
                Ok(())
            })
        };
        let mut bridge = Bridge::new(&BridgeConfig::default(), Some(Box::new(network))).unwrap();
        bridge.process(&frame, &mut StageTimes::default()).unwrap();
        let proposals = bridge.proposals().to_vec();
        drop(bridge);
        (Arc::into_inner(seen).unwrap().into_inner().unwrap(), proposals)
    };
    let (low, high) = (look(1.75), look(1.875));
    assert!(low.0 == high.0, "the model sees heights above ground");
    assert_eq!(low.1.len(), 2);
    for (low, high) in low.1.iter().zip(&high.1) {
        assert!((low.box3.center[2] - high.box3.center[2] - 0.125).abs() < 1e-6);
        assert_eq!(
            (low.box3.center[..2].to_vec(), low.box3.size),
            (high.box3.center[..2].to_vec(), high.box3.size)
        );
    }
}
