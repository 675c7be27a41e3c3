//! KITTI result format: one line a box, 16 columns, in the rectified camera frame.
//!
//! `type truncation occlusion alpha left top right bottom h w l x y z ry score`, as the object
//! benchmark's development kit reads it. Truncation and occlusion are -1 (a detector does not know
//! them), pixels carry 2 decimals, metres, radians and score 4.

use std::fmt::Write as _;

use crate::calib::Rig;
use crate::frame::Detection;
use crate::geometry::Box3;
use crate::pipeline::FrameResult;

use super::wireframe::wireframe;

/// The text of one result file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KittiText {
    /// The lines, in the result's order.
    pub text: String,
    /// Boxes written.
    pub written: u32,
    /// Boxes left out because nothing of them lies in the first camera's image: the format has a
    /// 2D box, and the benchmark only labels what its camera sees. They are in `frames.jsonl`.
    pub outside_image: u32,
}

/// Writes a frame's boxes in KITTI result format. The 2D box is the projection into the rig's first
/// camera, cut at the image border. A rig without cameras has no 2D boxes: all boxes are written,
/// with -1 in those four columns.
pub fn kitti_text(result: &FrameResult, rig: &Rig) -> KittiText {
    let mut out = KittiText::default();
    for detection in &result.detections {
        let bbox = match rig.cameras.first() {
            None => Some([-1.0; 4]),
            Some(camera) => wireframe(camera, &detection.box3).bounds().and_then(|b| {
                let [w, h] = camera.size.map(|s| f64::from(s) - 1.0);
                let b = b.map(f64::from);
                let cut = [
                    b[0].clamp(0.0, w),
                    b[1].clamp(0.0, h),
                    b[2].clamp(0.0, w),
                    b[3].clamp(0.0, h),
                ];
                (cut[2] > cut[0] && cut[3] > cut[1]).then_some(cut)
            }),
        };
        let Some(bbox) = bbox else {
            out.outside_image += 1;
            continue;
        };
        push_line(&mut out.text, detection, bbox, rig);
        out.written += 1;
    }
    out
}

fn push_line(text: &mut String, detection: &Detection, bbox: [f64; 4], rig: &Rig) {
    let Box3 { size: [l, w, h], .. } = detection.box3;
    let (location, ry) = bottom_and_heading(&detection.box3, rig);
    let [x, y, z] = location;
    let alpha = wrap(ry - x.atan2(z));
    let [left, top, right, bottom] = bbox;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} -1 -1 {alpha:.4} {left:.2} {top:.2} {right:.2} {bottom:.2} {h:.4} {w:.4} {l:.4} {x:.4} {y:.4} {z:.4} {ry:.4} {:.4}",
        detection.class.name(),
        detection.score,
    );
}

/// KITTI's location (middle of the bottom face) and rotation about the camera's y axis.
fn bottom_and_heading(box3: &Box3, rig: &Rig) -> ([f64; 3], f64) {
    let [x, y, z] = box3.center;
    let bottom = rig.lidar_to_rect.apply([x, y, z - box3.size[2] / 2.0]);
    let (sin, cos) = box3.yaw.sin_cos();
    let ahead = rig.lidar_to_rect.apply([x + cos, y + sin, z - box3.size[2] / 2.0]);
    // ry 0 looks along the camera's x axis and grows from z towards x.
    (bottom, (-(ahead[2] - bottom[2])).atan2(ahead[0] - bottom[0]))
}

fn wrap(angle: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    (angle + PI).rem_euclid(TAU) - PI
}
