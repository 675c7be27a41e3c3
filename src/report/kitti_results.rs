//! KITTI result format: one line a box, 16 columns, in the rectified camera frame.
//!
//! `type truncation occlusion alpha left top right bottom h w l x y z ry score`, as the object
//! benchmark's development kit reads it. Truncation and occlusion are -1 (a detector does not know
//! them), pixels carry 2 decimals, metres, radians and score 4.

use std::fmt::Write as _;

use crate::calib::Rig;
use crate::frame::Detection;
use crate::geometry::{KittiBox, observation_angle};
use crate::pipeline::FrameResult;

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
            Some(camera) => camera
                .project_box(&detection.box3)
                .map(|seen| seen.clipped)
                .filter(|[left, top, right, bottom]| right > left && bottom > top),
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
    let KittiBox { size_hwl: [h, w, l], location, rotation_y: ry } =
        KittiBox::from_box3(&detection.box3, &rig.lidar_to_rect);
    let alpha = observation_angle(ry, location);
    let [x, y, z] = location;
    let [left, top, right, bottom] = bbox;
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} -1 -1 {alpha:.4} {left:.2} {top:.2} {right:.2} {bottom:.2} {h:.4} {w:.4} {l:.4} {x:.4} {y:.4} {z:.4} {ry:.4} {:.4}",
        detection.class.name(),
        detection.score,
    );
}

#[cfg(test)]
mod tests {
    use super::super::scene_for_tests::{car, scene};
    use super::*;
    use crate::sensor::kitti::row::parse_rows;

    #[test]
    fn results_have_the_benchmarks_sixteen_columns() {
        let (frame, result) = scene();
        let text = kitti_text(&result, &frame.rig);
        insta::assert_snapshot!(text.text);
        assert_eq!((text.written, text.outside_image), (3, 1));
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_boxes() {
        let (frame, result) = scene();
        let rows = parse_rows(&kitti_text(&result, &frame.rig).text, "results").unwrap();
        let written = result.detections.iter().filter(|d| d.box3.center[0] > 0.0);
        for ((_, row), detection) in rows.iter().zip(written) {
            let label = KittiBox {
                size_hwl: row.size_hwl,
                location: row.location,
                rotation_y: row.rotation_y,
            };
            let box3 = label.to_box3(&frame.rig.lidar_to_rect);
            for i in 0..3 {
                assert!((box3.center[i] - detection.box3.center[i]).abs() < 1e-3);
                assert!((box3.size[i] - detection.box3.size[i]).abs() < 1e-3);
            }
            assert!((box3.yaw - detection.box3.yaw).abs() < 1e-3);
        }
    }

    #[test]
    fn a_rig_without_cameras_loses_no_box() {
        let (frame, result) = scene();
        let mut rig = (*frame.rig).clone();
        rig.cameras.clear();
        let text = kitti_text(&result, &rig);
        assert_eq!((text.written, text.outside_image), (4, 0));
        assert!(text.text.lines().all(|line| line.contains(" -1.00 -1.00 -1.00 -1.00 ")));
    }

    #[test]
    fn a_box_that_is_no_number_is_left_out_and_counted() {
        let (frame, mut result) = scene();
        result.detections = vec![car([f64::NAN, 0.0, 0.0], 0.0)];
        assert_eq!(kitti_text(&result, &frame.rig).outside_image, 1);
    }
}
