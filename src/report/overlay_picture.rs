//! Boxes in the camera image: wireframes coloured by expert, front face filled and drawn stronger,
//! weak boxes thin and without caption, labels dashed.

use image::RgbImage;

use crate::frame::Frame;
use crate::pipeline::FrameResult;

use super::canvas::{Canvas, Captions, Pen};
use super::palette::{FAINT_BELOW, LABEL, expert_color, expert_name};
use super::wireframe::{Wireframe, wireframe};

/// Draws the boxes into the picture of one of the rig's cameras (index `camera`). The picture keeps
/// its size; where it is not the size that the rig says, lines are scaled with it. A camera that the
/// rig does not have draws nothing.
pub fn draw_overlay(
    frame: &Frame,
    result: &FrameResult,
    image: &RgbImage,
    camera: usize,
) -> RgbImage {
    let mut canvas = Canvas::from_image(image);
    let Some(camera) = frame.rig.cameras.get(camera) else { return canvas.into_image() };
    let scale = [
        canvas.width() / camera.size[0].max(1) as f32,
        canvas.height() / camera.size[1].max(1) as f32,
    ];
    let place = |p: [f32; 2]| [p[0] * scale[0], p[1] * scale[1]];
    for box3 in frame.labels.iter().flatten().filter_map(|label| label.box3.as_ref()) {
        let wire = wireframe(camera, box3);
        for edge in wire.edges.iter().chain(&wire.front_edges) {
            let edge = edge.map(place);
            canvas.line(&edge, false, Pen::new([0; 3], 2.4).opacity(0.45));
            canvas.line(&edge, false, Pen::new(LABEL, 1.2).dashed(4.0, 4.0));
        }
    }
    // Far boxes first, near ones over them.
    let mut order: Vec<usize> = (0..result.detections.len()).collect();
    order.sort_by(|&a, &b| {
        result.detections[b].distance_m.total_cmp(&result.detections[a].distance_m)
    });
    let wires: Vec<Wireframe> =
        result.detections.iter().map(|d| wireframe(camera, &d.box3)).collect();
    for &index in &order {
        let color = expert_color(result.detections[index].expert);
        let wire = &wires[index];
        if result.detections[index].score < FAINT_BELOW {
            for edge in wire.edges.iter().chain(&wire.front_edges) {
                canvas.line(&edge.map(place), false, Pen::new(color, 0.8).opacity(0.6));
            }
            continue;
        }
        let front: Vec<[f32; 2]> = wire.front.iter().copied().map(place).collect();
        canvas.polygon(&front, color, 0.22);
        // A dark line beneath keeps the colour readable on a bright background.
        for edge in wire.edges.iter().chain(&wire.front_edges) {
            canvas.line(&edge.map(place), false, Pen::new([0; 3], 3.2).opacity(0.4));
        }
        for edge in &wire.edges {
            canvas.line(&edge.map(place), false, Pen::new(color, 1.3));
        }
        for edge in &wire.front_edges {
            canvas.line(&edge.map(place), false, Pen::new(color, 2.2));
        }
    }
    let mut captions = Captions::default();
    let captioned = result.detections.iter().zip(&wires).filter(|(d, _)| d.score >= FAINT_BELOW);
    for (detection, wire) in captioned {
        let Some([left, top, right, _]) = wire.bounds() else { continue };
        let at = place([(left + right) / 2.0, top - 2.0]);
        let text = format!(
            "{} {:.2} {}",
            detection.class.name(),
            detection.score,
            expert_name(detection.expert)
        );
        captions.write(&mut canvas, at, 13.0, expert_color(detection.expert), &text);
    }
    canvas.into_image()
}

#[cfg(test)]
mod tests {
    use super::super::scene_for_tests::scene;
    use super::*;

    #[test]
    fn the_overlay_keeps_the_images_size_and_shows_the_experts_colours() {
        let (frame, result) = scene();
        let [width, height] = frame.rig.cameras[0].size;
        let image = RgbImage::from_pixel(width, height, image::Rgb([90, 90, 90]));
        let picture = draw_overlay(&frame, &result, &image, 0);
        assert_eq!(picture.dimensions(), (width, height));
        for (detection, seen) in result.detections.iter().zip([true, true, true, false]) {
            let color = image::Rgb(expert_color(detection.expert));
            assert_eq!(picture.pixels().any(|p| *p == color), seen, "{:?}", detection.expert);
        }
    }

    #[test]
    fn a_weak_box_is_drawn_thin_and_says_nothing() {
        let (frame, mut result) = scene();
        let [width, height] = frame.rig.cameras[0].size;
        let image = RgbImage::from_pixel(width, height, image::Rgb([90, 90, 90]));
        let changed = |picture: RgbImage| picture.pixels().filter(|p| p.0 != [90; 3]).count();
        result.detections.truncate(1);
        let strong = changed(draw_overlay(&frame, &result, &image, 0));
        result.detections[0].score = 0.05;
        let weak = changed(draw_overlay(&frame, &result, &image, 0));
        assert!(weak > 0 && 2 * weak < strong, "{weak} of {strong} pixels");
    }

    #[test]
    fn a_smaller_image_gets_smaller_boxes() {
        let (frame, result) = scene();
        let [width, height] = frame.rig.cameras[0].size;
        let image = RgbImage::from_pixel(width / 2, height / 2, image::Rgb([90, 90, 90]));
        let picture = draw_overlay(&frame, &result, &image, 0);
        let color = image::Rgb(expert_color(result.detections[0].expert));
        let full = frame.rig.cameras[0].project_box(&result.detections[0].box3).unwrap().full;
        let left = picture.enumerate_pixels().filter(|p| *p.2 == color).map(|p| p.0).min().unwrap();
        assert!((f64::from(left) - full[0] / 2.0).abs() < 4.0);
    }

    #[test]
    fn a_camera_that_is_not_there_draws_nothing() {
        let (frame, result) = scene();
        let image = RgbImage::from_pixel(64, 32, image::Rgb([7, 8, 9]));
        assert!(draw_overlay(&frame, &result, &image, 9) == image);
    }
}
