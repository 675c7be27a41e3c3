//! A picture to draw on: smooth lines, dashed lines, filled shapes, small text.
//!
//! tiny-skia draws the shapes; glyphs come from the small DejaVu Sans that the binary carries
//! (`assets/fonts`), so a picture looks the same on every machine.

use std::sync::OnceLock;

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};
use image::RgbImage;
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, PathBuilder, Pixmap, Rect, Stroke, StrokeDash,
    Transform,
};

/// An opaque RGB picture, origin at its top left corner, pixels.
pub(super) struct Canvas {
    pixmap: Pixmap,
}

/// How a line looks.
#[derive(Clone, Copy)]
pub(super) struct Pen {
    pub color: [u8; 3],
    /// 0..1.
    pub opacity: f32,
    /// Pixels.
    pub width: f32,
    /// Length of dash and gap, pixels.
    pub dash: Option<[f32; 2]>,
}

impl Pen {
    pub fn new(color: [u8; 3], width: f32) -> Self {
        Self { color, opacity: 1.0, width, dash: None }
    }

    pub fn dashed(self, on: f32, off: f32) -> Self {
        Self { dash: Some([on, off]), ..self }
    }

    pub fn opacity(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }
}

fn font() -> &'static FontRef<'static> {
    static FONT: OnceLock<FontRef<'static>> = OnceLock::new();
    FONT.get_or_init(|| {
        FontRef::try_from_slice(include_bytes!("../../assets/fonts/DejaVuSans-ascii.ttf"))
            .expect("the font in assets/fonts is part of the program and checked by a test")
    })
}

fn paint(color: [u8; 3], opacity: f32) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    let alpha = (opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
    paint.set_color(Color::from_rgba8(color[0], color[1], color[2], alpha));
    paint
}

impl Canvas {
    /// One colour everywhere. Sides of 0 pixels count as 1.
    pub fn filled(width: u32, height: u32, color: [u8; 3]) -> Self {
        let mut canvas = Self { pixmap: blank(width, height) };
        canvas.pixmap.fill(Color::from_rgba8(color[0], color[1], color[2], 255));
        canvas
    }

    /// A copy of a picture.
    pub fn from_image(image: &RgbImage) -> Self {
        let mut pixmap = blank(image.width(), image.height());
        let pixels = pixmap.data_mut().as_chunks_mut::<4>().0;
        for (to, from) in pixels.iter_mut().zip(image.as_raw().as_chunks::<3>().0) {
            *to = [from[0], from[1], from[2], 255];
        }
        Self { pixmap }
    }

    pub fn into_image(self) -> RgbImage {
        let (width, height) = (self.pixmap.width(), self.pixmap.height());
        let mut image = RgbImage::new(width, height);
        let pixels = image.as_flat_samples_mut().samples.as_chunks_mut::<3>().0;
        for (to, from) in pixels.iter_mut().zip(self.pixmap.data().as_chunks::<4>().0) {
            *to = [from[0], from[1], from[2]];
        }
        image
    }

    pub fn width(&self) -> f32 {
        self.pixmap.width() as f32
    }

    pub fn height(&self) -> f32 {
        self.pixmap.height() as f32
    }

    /// A square dot with its top left corner at a pixel; parts outside are left out. Where dots
    /// meet the lighter one stays, so the order of the points does not matter.
    pub fn dot(&mut self, left: i32, top: i32, side: i32, color: [u8; 3]) {
        let (width, height) = (self.pixmap.width() as i32, self.pixmap.height() as i32);
        let pixels = self.pixmap.data_mut().as_chunks_mut::<4>().0;
        for y in top.max(0)..(top + side).min(height) {
            for x in left.max(0)..(left + side).min(width) {
                let pixel = &mut pixels[(y * width + x) as usize];
                for i in 0..3 {
                    pixel[i] = pixel[i].max(color[i]);
                }
            }
        }
    }

    /// A line through the points, closed or open.
    pub fn line(&mut self, points: &[[f32; 2]], closed: bool, pen: Pen) {
        let Some(path) = path(points, closed) else { return };
        let stroke = Stroke {
            width: pen.width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            dash: pen.dash.and_then(|[on, off]| StrokeDash::new(vec![on, off], 0.0)),
            ..Stroke::default()
        };
        self.pixmap.stroke_path(
            &path,
            &paint(pen.color, pen.opacity),
            &stroke,
            Transform::identity(),
            None,
        );
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: &[[f32; 2]], color: [u8; 3], opacity: f32) {
        let Some(path) = path(points, true) else { return };
        let paint = paint(color, opacity);
        self.pixmap.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
    }

    /// A filled rectangle.
    pub fn rectangle(
        &mut self,
        [left, top, right, bottom]: [f32; 4],
        color: [u8; 3],
        opacity: f32,
    ) {
        if let Some(rect) = Rect::from_ltrb(left, top, right, bottom) {
            self.pixmap.fill_rect(rect, &paint(color, opacity), Transform::identity(), None);
        }
    }

    /// A circle's outline.
    pub fn circle(&mut self, center: [f32; 2], radius: f32, pen: Pen) {
        let Some(path) = PathBuilder::from_circle(center[0], center[1], radius) else { return };
        let stroke = Stroke { width: pen.width, ..Stroke::default() };
        self.pixmap.stroke_path(
            &path,
            &paint(pen.color, pen.opacity),
            &stroke,
            Transform::identity(),
            None,
        );
    }

    /// Text with its top left corner at a place. `size` is the height of the line, pixels.
    pub fn text(&mut self, [left, top]: [f32; 2], size: f32, color: [u8; 3], text: &str) {
        let (width, height) = (self.pixmap.width() as i32, self.pixmap.height() as i32);
        let pixels = self.pixmap.data_mut().as_chunks_mut::<4>().0;
        let scaled = font().as_scaled(PxScale::from(size));
        let baseline = top + scaled.ascent();
        place(text, size, |id, x| {
            let glyph = id.with_scale_and_position(PxScale::from(size), point(left + x, baseline));
            let Some(outline) = font().outline_glyph(glyph) else { return };
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, coverage| {
                let (x, y) = (bounds.min.x as i32 + dx as i32, bounds.min.y as i32 + dy as i32);
                if x < 0 || y < 0 || x >= width || y >= height {
                    return;
                }
                let pixel = &mut pixels[(y * width + x) as usize];
                let coverage = coverage.clamp(0.0, 1.0);
                for i in 0..3 {
                    let (from, to) = (f32::from(pixel[i]), f32::from(color[i]));
                    pixel[i] = (from + coverage * (to - from)).round() as u8;
                }
            });
        });
    }
}

/// Width of a text, pixels.
pub(super) fn text_width(size: f32, text: &str) -> f32 {
    place(text, size, |_, _| {})
}

/// Calls `each` with every glyph and its x; gives the width.
fn place(text: &str, size: f32, mut each: impl FnMut(ab_glyph::GlyphId, f32)) -> f32 {
    let scaled = font().as_scaled(PxScale::from(size));
    let mut x = 0.0;
    let mut previous = None;
    for c in text.chars() {
        let id = scaled.glyph_id(c);
        if let Some(previous) = previous {
            x += scaled.kern(previous, id);
        }
        each(id, x);
        x += scaled.h_advance(id);
        previous = Some(id);
    }
    x
}

fn blank(width: u32, height: u32) -> Pixmap {
    Pixmap::new(width.max(1), height.max(1))
        .expect("pictures are far smaller than the 2^29 pixels that a pixmap may have")
}

fn path(points: &[[f32; 2]], closed: bool) -> Option<tiny_skia::Path> {
    let (first, rest) = points.split_first()?;
    if rest.is_empty() {
        return None;
    }
    let mut builder = PathBuilder::new();
    builder.move_to(first[0], first[1]);
    for p in rest {
        builder.line_to(p[0], p[1]);
    }
    if closed {
        builder.close();
    }
    builder.finish()
}

/// Small texts that keep out of each other's way.
#[derive(Default)]
pub(super) struct Captions {
    taken: Vec<[f32; 4]>,
}

impl Captions {
    /// Keeps a rectangle free (left, top, right, bottom).
    pub fn reserve(&mut self, area: [f32; 4]) {
        self.taken.push(area);
    }

    /// Writes `text` on a dark plate, centred about `x` with its bottom at `y`, moved up or down by
    /// a few lines where something is in the way. False where there is no room.
    pub fn write(
        &mut self,
        canvas: &mut Canvas,
        [x, y]: [f32; 2],
        size: f32,
        color: [u8; 3],
        text: &str,
    ) -> bool {
        let (width, height) = (text_width(size, text) + 6.0, size + 2.0);
        let left = (x - width / 2.0).clamp(0.0, (canvas.width() - width).max(0.0)).round();
        for step in [0.0, -1.0, -2.0, 1.0, -3.0, 2.0_f32] {
            let top = (y - height + step * (height + 1.0)).round();
            let area = [left, top, left + width, top + height];
            if top < 0.0 || area[3] > canvas.height() || self.taken.iter().any(|t| meet(t, &area)) {
                continue;
            }
            canvas.rectangle(area, [8, 10, 14], 0.72);
            canvas.text([left + 3.0, top + 1.0], size, color, text);
            self.taken.push(area);
            return true;
        }
        false
    }
}

fn meet(a: &[f32; 4], b: &[f32; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_font_is_whole_and_has_every_printable_character() {
        let missing: Vec<char> = (' '..='~').filter(|&c| font().glyph_id(c).0 == 0).collect();
        assert_eq!(missing, []);
        assert!(text_width(12.0, "Car 0.87") > 30.0);
    }

    #[test]
    fn shapes_outside_the_picture_are_left_out() {
        let mut canvas = Canvas::filled(20, 10, [0; 3]);
        canvas.dot(-3, 50, 2, [255; 3]);
        canvas.text([-100.0, 300.0], 12.0, [255; 3], "far away");
        canvas.line(&[[-50.0, -5.0], [-40.0, -5.0]], false, Pen::new([255; 3], 2.0));
        assert!(canvas.into_image().as_raw().iter().all(|&c| c == 0));
    }

    #[test]
    fn captions_do_not_cover_each_other() {
        let mut canvas = Canvas::filled(200, 200, [0; 3]);
        let mut captions = Captions::default();
        let written = (0..20)
            .filter(|_| captions.write(&mut canvas, [100.0, 100.0], 12.0, [255; 3], "Car 0.5"))
            .count();
        assert_eq!(written, 6);
        for (i, a) in captions.taken.iter().enumerate() {
            assert!(captions.taken[..i].iter().all(|b| !meet(a, b)));
        }
    }
}
