//! The scene from above: points coloured by height, distance rings, boxes coloured by expert.
//!
//! The picture shows 80 m x 80 m ahead of the vehicle, or all around it when a box or label lies behind.
//! Forward is up, left is left.

use image::RgbImage;

use crate::frame::Frame;
use crate::geometry::Box3;
use crate::pipeline::FrameResult;

use super::canvas::{Canvas, Captions, Pen, text_width};
use super::palette::{EXPERTS, FAINT_BELOW, LABEL, NIGHT, expert_color, expert_name, height_color};
use super::wireframe::corners;

const RING: [u8; 3] = [92, 104, 122];
const SMALL: f32 = 13.0;

/// Which part of the ground is shown, and how large.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BevView {
    /// From and to, forward of the LiDAR (x), m.
    pub forward_m: [f64; 2],
    /// From and to, left of the LiDAR (y), m.
    pub left_m: [f64; 2],
    /// Pixels a metre.
    pub scale: f64,
}

impl BevView {
    /// 80 m ahead, 960 x 960 pixels.
    pub const AHEAD: Self = Self { forward_m: [-5.0, 75.0], left_m: [-40.0, 40.0], scale: 12.0 };
    /// 75 m all around, 1200 x 1200 pixels.
    pub const AROUND: Self = Self { forward_m: [-75.0, 75.0], left_m: [-75.0, 75.0], scale: 8.0 };

    /// [`BevView::AHEAD`], unless a box or label would not be seen in it.
    pub fn fit(frame: &Frame, result: &FrameResult) -> Self {
        let labels = frame.labels.iter().flatten().filter_map(|label| label.box3.as_ref());
        let behind = |b: &Box3| b.center[0] < Self::AHEAD.forward_m[0];
        if result.detections.iter().map(|d| &d.box3).chain(labels).any(behind) {
            Self::AROUND
        } else {
            Self::AHEAD
        }
    }

    /// Width and height of the picture, pixels.
    pub fn size(&self) -> [u32; 2] {
        let side = |[from, to]: [f64; 2]| ((to - from) * self.scale).round() as u32;
        [side(self.left_m), side(self.forward_m)]
    }

    /// LiDAR x and y (m) to pixel (right, down).
    pub fn pixel(&self, x: f64, y: f64) -> [f32; 2] {
        [((self.left_m[1] - y) * self.scale) as f32, ((self.forward_m[1] - x) * self.scale) as f32]
    }

    /// A box's footprint, pixels: front left, front right, rear right, rear left, then the middle and the tip of the heading line.
    pub(super) fn footprint(&self, box3: &Box3) -> ([[f32; 2]; 4], [[f32; 2]; 2]) {
        let c = corners(box3);
        let outline = [c[0], c[1], c[5], c[4]].map(|p| self.pixel(p[0], p[1]));
        let (sin, cos) = box3.yaw.sin_cos();
        let reach = box3.size[0] * 0.5 + 1.0;
        let [x, y, _] = box3.center;
        (outline, [self.pixel(x, y), self.pixel(x + cos * reach, y + sin * reach)])
    }
}

/// Points and rings without boxes: the ground on which the page draws its own.
pub fn draw_bev_points(frame: &Frame, view: &BevView) -> RgbImage {
    // The page shows it at about half its size.
    points(frame, view, 2.0 * SMALL).into_image()
}

/// The whole picture: points, rings, labels dashed, boxes with heading, class and score (weak ones thin and bare), legend.
pub fn draw_bev(frame: &Frame, result: &FrameResult) -> RgbImage {
    let view = BevView::fit(frame, result);
    let mut canvas = points(frame, &view, SMALL);
    let mut captions = Captions::default();
    let has_labels = frame.labels.iter().flatten().any(|label| label.box3.is_some());
    captions.reserve(legend(&mut canvas, has_labels));
    for box3 in frame.labels.iter().flatten().filter_map(|label| label.box3.as_ref()) {
        let (outline, _) = view.footprint(box3);
        canvas.line(&outline, true, Pen::new(LABEL, 1.2).dashed(4.0, 3.5));
    }
    // The weakest first, so that the strongest lies on top.
    for detection in result.detections.iter().rev() {
        let (outline, heading) = view.footprint(&detection.box3);
        let color = expert_color(detection.expert);
        if detection.score < FAINT_BELOW {
            canvas.line(&outline, true, Pen::new(color, 0.8).opacity(0.6));
            continue;
        }
        canvas.polygon(&outline, color, 0.16);
        canvas.line(&outline, true, Pen::new(color, 1.8));
        canvas.line(&heading, false, Pen::new(color, 1.8));
    }
    for detection in result.detections.iter().filter(|d| d.score >= FAINT_BELOW) {
        let (outline, heading) = view.footprint(&detection.box3);
        let mut top = heading[1];
        for p in outline {
            top[1] = top[1].min(p[1]);
        }
        let text = format!("{} {:.2}", detection.class.name(), detection.score);
        let middle = [heading[0][0], top[1] - 3.0];
        captions.write(&mut canvas, middle, SMALL, expert_color(detection.expert), &text);
    }
    canvas.into_image()
}

fn points(frame: &Frame, view: &BevView, text_size: f32) -> Canvas {
    let [width, height] = view.size();
    let mut canvas = Canvas::filled(width, height, NIGHT);
    let ground = frame.rig.lidar.origin_height_m as f32;
    for &[x, y, z, _] in &frame.cloud.points {
        let [u, v] = view.pixel(f64::from(x), f64::from(y));
        // Far returns are sparse: two pixels a side keep them visible. NaN fails the comparison.
        if u >= 0.0 && v >= 0.0 && u < canvas.width() && v < canvas.height() {
            let side = if x * x + y * y > 400.0 { 2 } else { 1 };
            canvas.dot(u as i32, v as i32, side, height_color(z + ground));
        }
    }
    rings(&mut canvas, view, text_size);
    canvas
}

fn rings(canvas: &mut Canvas, view: &BevView, size: f32) {
    let origin = view.pixel(0.0, 0.0);
    let reach = view.forward_m[1].max(view.left_m[1]);
    let pen = Pen::new(RING, 1.0).opacity(0.55);
    let mut radius = 10.0;
    while radius <= reach {
        canvas.circle(origin, (radius * view.scale) as f32, pen);
        // On the right, where the ring is still inside the picture.
        let side = (radius * std::f64::consts::FRAC_1_SQRT_2).min(-view.left_m[0] - 3.5);
        let ahead = (radius * radius - side * side).max(0.0).sqrt();
        let [u, v] = view.pixel(ahead, -side);
        let text = format!("{radius:.0} m");
        let width = text_width(size, &text);
        let [left, top] = [u - width / 2.0, v - size / 2.0];
        canvas.rectangle([left - 2.0, top, left + width + 2.0, top + size], NIGHT, 0.7);
        canvas.text([left, top], size, [160, 172, 190], &text);
        radius += 10.0;
    }
    // The vehicle: an arrow at the sensor, pointing ahead.
    let nose = [[0.0, -9.0], [6.0, 7.0], [0.0, 3.5], [-6.0, 7.0]];
    let nose = nose.map(|[u, v]: [f32; 2]| [origin[0] + u, origin[1] + v]);
    canvas.polygon(&nose, [225, 230, 238], 1.0);
}

/// Bottom left. Gives the area it covers.
fn legend(canvas: &mut Canvas, has_labels: bool) -> [f32; 4] {
    let rows = EXPERTS.len() + usize::from(has_labels) + 1;
    let (row, width) = (18.0, 128.0);
    let height = rows as f32 * row + 14.0;
    let (left, top) = (10.0, canvas.height() - height - 10.0);
    let area = [left, top, left + width, top + height];
    canvas.rectangle(area, [22, 27, 34], 0.9);
    let mut y = top + 8.0;
    let text_left = left + 42.0;
    let ink = [215, 222, 232];
    for expert in EXPERTS {
        let color = expert_color(expert);
        let chip = [
            [left + 10.0, y + 2.0],
            [left + 34.0, y + 2.0],
            [left + 34.0, y + 13.0],
            [left + 10.0, y + 13.0],
        ];
        canvas.polygon(&chip, color, 0.25);
        canvas.line(&chip, true, Pen::new(color, 1.8));
        canvas.text([text_left, y], SMALL, ink, expert_name(expert));
        y += row;
    }
    if has_labels {
        let line = [[left + 10.0, y + 7.5], [left + 34.0, y + 7.5]];
        canvas.line(&line, false, Pen::new(LABEL, 1.4).dashed(4.0, 3.5));
        canvas.text([text_left, y], SMALL, ink, "label");
        y += row;
    }
    for step in 0..24 {
        let color = height_color(-0.5 + 4.0 * step as f32 / 23.0);
        let x = left + 10.0 + step as f32;
        canvas.rectangle([x, y + 3.0, x + 1.0, y + 13.0], color, 1.0);
    }
    canvas.text([text_left, y], SMALL, ink, "0 .. 3 m high");
    area
}

#[cfg(test)]
mod tests {
    use super::super::scene_for_tests::scene;
    use super::*;

    #[test]
    fn boxes_carry_their_experts_colour_where_they_stand() {
        let (frame, mut result) = scene();
        result.detections.truncate(3);
        let picture = draw_bev(&frame, &result);
        assert_eq!(picture.dimensions(), (960, 960));
        for detection in &result.detections {
            let (outline, heading) = BevView::AHEAD.footprint(&detection.box3);
            let [u, v] = [0, 1].map(|i| (heading[0][i] + heading[1][i]) / 2.0);
            let near = |color: [u8; 3]| {
                (-2..=2).any(|du| {
                    (-2..=2).any(|dv| {
                        picture.get_pixel((u as i32 + du) as u32, (v as i32 + dv) as u32).0 == color
                    })
                })
            };
            assert!(near(expert_color(detection.expert)), "{:?} {outline:?}", detection.expert);
        }
    }

    #[test]
    fn a_box_behind_the_vehicle_widens_the_view() {
        let (frame, result) = scene();
        assert_eq!(BevView::fit(&frame, &result), BevView::AROUND);
        assert_eq!(draw_bev(&frame, &result).dimensions(), (1200, 1200));
    }

    #[test]
    fn pictures_do_not_depend_on_the_order_of_the_points() {
        let (mut frame, result) = scene();
        let picture = draw_bev(&frame, &result);
        frame.cloud.points.reverse();
        frame.cloud.points.push([f32::NAN, f32::INFINITY, 0.0, 0.0]);
        assert!(picture == draw_bev(&frame, &result));
    }
}
