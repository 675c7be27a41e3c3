//! One frame as the page's browser shows it: two pictures without boxes, and the boxes as vector
//! paths with their facts, so that a row of the table can point at its box.

use std::fmt::Write as _;

use base64::Engine as _;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageEncoder as _, RgbImage};
use serde::Serialize;

use crate::frame::{Frame, Label};
use crate::geometry::Box3;
use crate::pipeline::FrameResult;

use super::Error;
use super::bev_picture::{BevView, draw_bev_points};
use super::frames_jsonl::FrameRecord;
use super::palette::expert_name;
use super::wireframe::wireframe;

/// Pictures inside the page are at most this wide, pixels.
const EMBED_WIDTH: u32 = 1242;
/// Side of the bird's-eye picture inside the page, pixels.
const BEV_EMBED_SIDE: f64 = 800.0;
const QUALITY: u8 = 80;

#[derive(Debug, Clone, Serialize)]
pub(super) struct PageFrame {
    frame: String,
    total_ms: f64,
    points: u32,
    degraded: Vec<String>,
    overlay: Option<Picture>,
    bev: Option<Picture>,
    boxes: Vec<PageBox>,
    labels: Vec<PageLabel>,
}

#[derive(Debug, Clone, Serialize)]
struct Picture {
    src: String,
    /// Size of the coordinates that the paths use.
    view: [u32; 2],
    /// The boxes are already painted into the picture.
    painted: bool,
}

#[derive(Debug, Clone, Serialize)]
struct PageBox {
    class: &'static str,
    score: f64,
    expert: &'static str,
    reason: String,
    distance: f64,
    visibility: f64,
    occlusion: f64,
    truncation: f64,
    degraded: Vec<String>,
    #[serde(flatten)]
    paths: Paths,
}

#[derive(Debug, Clone, Serialize)]
struct PageLabel {
    class: &'static str,
    #[serde(flatten)]
    paths: Paths,
}

/// SVG path data. Overlay: edges, front edges, front face. Bird's eye: footprint, heading line.
#[derive(Debug, Clone, Default, Serialize)]
struct Paths {
    wire: String,
    edge: String,
    face: String,
    foot: String,
    head: String,
}

impl PageFrame {
    /// With `embed` the pictures are inside; else they are links to the files of the same run.
    pub fn make(
        frame: &Frame,
        result: &FrameResult,
        image: Option<&RgbImage>,
        embed: bool,
    ) -> Result<Self, Error> {
        let mut view = BevView::fit(frame, result);
        if embed {
            // Drawn at the size it is kept in: dots stay sharp, and nothing need be resized.
            view.scale *= BEV_EMBED_SIDE / f64::from(view.size()[0]);
        }
        let link = |folder: &str| format!("{folder}/{}.png", url_path(&frame.id));
        let bev = if embed {
            let src = jpeg(&draw_bev_points(frame, &view), &frame.id)?;
            Picture { src, view: view.size(), painted: false }
        } else {
            Picture { src: link("bev"), view: view.size(), painted: true }
        };
        let overlay = match image {
            None => None,
            Some(image) => {
                let own = [image.width(), image.height()];
                let view = frame.rig.cameras.first().map_or(own, |camera| camera.size);
                Some(if embed {
                    let src = jpeg(&narrowed(image, EMBED_WIDTH), &frame.id)?;
                    Picture { src, view, painted: false }
                } else {
                    Picture { src: link("overlay"), view, painted: true }
                })
            }
        };
        let label = |label: &Label| {
            let paths = paths(frame, &view, label.box3.as_ref()?);
            Some(PageLabel { class: label.class.name(), paths })
        };
        let mut page = Self::without_pictures(result);
        for (shown, detection) in page.boxes.iter_mut().zip(&result.detections) {
            shown.paths = paths(frame, &view, &detection.box3);
        }
        page.labels = frame.labels.iter().flatten().filter_map(label).collect();
        page.overlay = overlay;
        page.bev = Some(bev);
        Ok(page)
    }

    /// A frame of an earlier, interrupted run: its boxes are known, its pictures lie on the disk
    /// (`has`: overlay, bird's eye).
    pub fn from_record(record: &FrameRecord, has: [bool; 2]) -> Self {
        let id = url_path(&record.result.frame);
        let link = |folder: &str, has: bool| {
            // The size is not known here; no paths are drawn, so none is needed.
            let src = format!("{folder}/{id}.png");
            has.then_some(Picture { src, view: [0, 0], painted: true })
        };
        Self {
            overlay: link("overlay", has[0]),
            bev: link("bev", has[1]),
            ..Self::without_pictures(&record.result)
        }
    }

    fn without_pictures(result: &FrameResult) -> Self {
        let boxes = result
            .detections
            .iter()
            .map(|d| PageBox {
                class: d.class.name(),
                score: rounded(f64::from(d.score), 3),
                expert: expert_name(d.expert),
                reason: d.reason.clone(),
                distance: rounded(f64::from(d.distance_m), 1),
                visibility: rounded(f64::from(d.visibility), 2),
                occlusion: rounded(f64::from(d.occlusion), 2),
                truncation: rounded(f64::from(d.truncation), 2),
                degraded: d.degraded.iter().map(words).collect(),
                paths: Paths::default(),
            })
            .collect();
        Self {
            frame: result.frame.clone(),
            total_ms: rounded(result.times.total_ms, 2),
            points: result.counts.points,
            degraded: result
                .degraded
                .iter()
                .map(|d| format!("{}: {}", words(&d.step), d.cause))
                .collect(),
            overlay: None,
            bev: None,
            boxes,
            labels: Vec::new(),
        }
    }
}

/// A degradation's key as words: `expert_failed` becomes `expert failed`.
pub(super) fn words(step: &crate::frame::Degradation) -> String {
    match serde_json::to_value(step) {
        Ok(serde_json::Value::String(key)) => key.replace('_', " "),
        _ => format!("{step:?}"),
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

fn paths(frame: &Frame, view: &BevView, box3: &Box3) -> Paths {
    let (outline, heading) = view.footprint(box3);
    let mut paths =
        Paths { foot: path(&outline, true), head: path(&heading, false), ..Paths::default() };
    if let Some(camera) = frame.rig.cameras.first() {
        let wire = wireframe(camera, box3);
        let lines = |edges: &[[[f32; 2]; 2]]| edges.iter().map(|e| path(e, false)).collect();
        paths.wire = lines(&wire.edges);
        paths.edge = lines(&wire.front_edges);
        paths.face = path(&wire.front, true);
    }
    paths
}

fn path(points: &[[f32; 2]], closed: bool) -> String {
    let mut text = String::new();
    for (i, [u, v]) in points.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{u:.1} {v:.1}", if i == 0 { 'M' } else { 'L' });
    }
    if closed && !points.is_empty() {
        text.push('Z');
    }
    text
}

fn narrowed(image: &RgbImage, width: u32) -> std::borrow::Cow<'_, RgbImage> {
    if image.width() <= width {
        return std::borrow::Cow::Borrowed(image);
    }
    let height = (u64::from(image.height()) * u64::from(width) / u64::from(image.width())).max(1);
    std::borrow::Cow::Owned(resize(image, width, height as u32, FilterType::Triangle))
}

fn jpeg(image: &RgbImage, frame: &str) -> Result<String, Error> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .map_err(|source| Error::Encode {
            what: "page picture",
            frame: frame.to_owned(),
            source,
        })?;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    Ok(format!("data:image/jpeg;base64,{text}"))
}

/// A frame name as a relative address: every byte that could end the path or mean something else
/// is percent-encoded.
fn url_path(frame: &str) -> String {
    let mut out = String::with_capacity(frame.len());
    for byte in frame.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_./~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
