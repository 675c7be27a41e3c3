//! Everything that one frame leaves behind, made in memory. No disk, no order, no state: any worker
//! thread may do it.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _, RgbImage};

use crate::frame::Frame;
use crate::pipeline::FrameResult;

use super::page_frame::PageFrame;
use super::{Error, FrameRecord, KittiText, draw_bev, draw_overlay, kitti_text};

/// How much a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportOptions {
    /// Pictures and the page. Without, only `results/` and `frames.jsonl` are written.
    pub pictures: bool,
    /// The first frames of a run carry their pictures inside the page (about 0.2 MB each); those of
    /// later frames are linked from `bev/` and `overlay/`.
    pub embed_frames: usize,
    /// The page's browser holds this many frames; all others are in `frames.jsonl`.
    pub list_frames: usize,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self { pictures: false, embed_frames: 40, list_frames: 2000 }
    }
}

/// One frame's files, ready for the disk.
#[derive(Debug, Clone)]
pub struct FrameOutput {
    /// Its line in `frames.jsonl`.
    pub record: FrameRecord,
    /// Its `results/<frame>.txt`.
    pub kitti: KittiText,
    /// Its `bev/<frame>.png`.
    pub bev_png: Option<Vec<u8>>,
    /// Its `overlay/<frame>.png`, where there is an image.
    pub overlay_png: Option<Vec<u8>>,
    pub(super) page: Option<PageFrame>,
}

impl FrameOutput {
    /// Draws and encodes. `image` is the picture of the rig's first camera, `index` the frame's
    /// place in the run, `cold` whether it was the first of its pipeline.
    ///
    /// # Errors
    /// [`Error::Encode`] when a picture cannot be encoded.
    pub fn make(
        frame: &Frame,
        result: &FrameResult,
        image: Option<&RgbImage>,
        index: usize,
        cold: bool,
        options: &ReportOptions,
    ) -> Result<Self, Error> {
        let kitti = kitti_text(result, &frame.rig);
        let record = FrameRecord {
            result: result.clone(),
            cold,
            kitti_written: kitti.written,
            kitti_outside_image: kitti.outside_image,
        };
        let mut output = Self { record, kitti, bev_png: None, overlay_png: None, page: None };
        if options.pictures {
            output.bev_png = Some(png(&draw_bev(frame, result), "bird's-eye picture", &frame.id)?);
            if let Some(image) = image {
                let drawn = draw_overlay(frame, result, image, 0);
                output.overlay_png = Some(png(&drawn, "overlay picture", &frame.id)?);
            }
            if index < options.list_frames {
                let embed = index < options.embed_frames;
                output.page = Some(PageFrame::make(frame, result, image, embed)?);
            }
        }
        Ok(output)
    }
}

/// PNG with fast compression: a picture should cost milliseconds, the disk is cheap.
fn png(image: &RgbImage, what: &'static str, frame: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::with_capacity(image.as_raw().len() / 2);
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive)
        .write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8)
        .map_err(|source| Error::Encode { what, frame: frame.to_owned(), source })?;
    Ok(bytes)
}
