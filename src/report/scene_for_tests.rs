//! A small frame and its result, for this room's tests.

use std::sync::Arc;

use crate::calib::Rig;
use crate::frame::{Class, Degradation, Detection, ExpertKind, Frame, Label};
use crate::geometry::Box3;
use crate::pipeline::{Counts, FrameDegradation, FrameResult, PlanSummary, StageTimes};

/// A car at a place, LiDAR frame.
pub fn car(center: [f64; 3], yaw: f64) -> Detection {
    Detection {
        class: Class::Car,
        box3: Box3 { center, size: [4.0, 1.7, 1.5], yaw },
        score: 0.9,
        expert: ExpertKind::Lpe,
        reason: "near, visibility 0.80 -> LPE".to_owned(),
        distance_m: center[0].hypot(center[1]) as f32,
        visibility: 0.8,
        occlusion: 0.1,
        truncation: 0.0,
        degraded: Vec::new(),
    }
}

/// Three boxes ahead, one behind the camera, one label, a floor of points.
pub fn scene() -> (Frame, FrameResult) {
    let mut frame = Frame::empty();
    frame.id = "000008".to_owned();
    frame.rig = Arc::new(Rig::kitti());
    for i in 0..4000 {
        let (x, y) = ((i % 80) as f32 * 0.8, (i / 80) as f32 - 25.0);
        frame.cloud.points.push([x, y, -1.7, 0.3]);
    }
    let far = [30.0, -3.0, -0.8];
    frame.labels = Some(vec![Label {
        class: Class::Car,
        box3: Some(Box3 { center: far, size: [4.1, 1.7, 1.5], yaw: 0.1 }),
        bbox: [0.0; 4],
        truncation: 0.0,
        occlusion: 0,
        alpha: 0.0,
    }]);
    let detections = vec![
        car([12.0, 2.0, -0.9], -1.2),
        Detection {
            expert: ExpertKind::Ape,
            score: 0.7,
            degraded: vec![Degradation::NoCamera],
            ..car(far, 0.05)
        },
        Detection {
            class: Class::Pedestrian,
            expert: ExpertKind::Vee,
            score: 0.5,
            box3: Box3 { center: [9.0, -4.0, -0.8], size: [0.8, 0.6, 1.75], yaw: 3.0 },
            ..car([9.0, -4.0, -0.8], 0.0)
        },
        Detection { expert: ExpertKind::Emergency, score: 0.3, ..car([-20.0, 5.0, -0.9], 0.0) },
    ];
    let result = FrameResult {
        frame: frame.id.clone(),
        detections,
        times: StageTimes {
            grid_ms: 2.0,
            bev_model_ms: 40.0,
            total_ms: 45.0,
            ..Default::default()
        },
        counts: Counts {
            points: 4000,
            points_used: 3900,
            cells: 900,
            regions: 4,
            intensity_factor: 1.0,
        },
        plan: PlanSummary { lpe: 1, vee: 1, ape: 1, emergency: 1, bridge: 0 },
        degraded: vec![FrameDegradation {
            step: Degradation::NoCamera,
            cause: "image_2/000008.png is <missing>".to_owned(),
        }],
        ..FrameResult::default()
    };
    (frame, result)
}
