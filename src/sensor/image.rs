//! Camera pictures: PNG or JPEG in, RGB pixels out, and the size alone without the pixels.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;
use std::sync::Arc;

use ::image::{ImageReader, Limits, RgbImage};

use super::Error;
use crate::calib::Camera;
use crate::frame::ImageData;

/// No camera of a vehicle is larger; a header that says so is damaged.
const MAX_SIDE: u32 = 16_384;
/// Memory one picture may ask for, bytes.
const MAX_BYTES: u64 = 512 << 20;

/// The pixels of a picture, RGB 8 bit. Pixels already there are shared, not copied.
///
/// # Errors
/// [`Error::Read`] where the file cannot be read, [`Error::Image`] where it cannot be decoded or
/// where there is no picture; both name the file.
pub fn decode(data: &ImageData) -> Result<Arc<RgbImage>, Error> {
    match data {
        ImageData::Rgb(pixels) => Ok(Arc::clone(pixels)),
        ImageData::File(path) => {
            // One read of the whole file: the decoders then work on memory.
            let bytes = std::fs::read(path).map_err(|source| unreadable(path, source))?;
            decode_bytes(&bytes, &path.display().to_string())
        }
        ImageData::Encoded(bytes) => decode_bytes(bytes, "image in memory"),
        ImageData::Missing(cause) => {
            Err(Error::Image { file: "no image".to_owned(), cause: cause.clone() })
        }
    }
}

/// As [`decode`], and checks that the picture has the size of its camera.
///
/// # Errors
/// As [`decode`], and [`Error::ImageSize`].
pub fn decode_for(data: &ImageData, camera: &Camera) -> Result<Arc<RgbImage>, Error> {
    let pixels = decode(data)?;
    let [width, height] = camera.size;
    if pixels.dimensions() == (width, height) {
        return Ok(pixels);
    }
    let file = match data {
        ImageData::File(path) => path.display().to_string(),
        _ => "image in memory".to_owned(),
    };
    let expected = format!("the rig's camera {} {width} x {height}", camera.name);
    Err(Error::ImageSize { file, expected, found: pixels.dimensions().into() })
}

/// Decodes the bytes of a PNG or JPEG; `file` names the picture in errors.
///
/// # Errors
/// [`Error::Image`].
pub fn decode_bytes(bytes: &[u8], file: &str) -> Result<Arc<RgbImage>, Error> {
    let decoded = reader(Cursor::new(bytes)).and_then(|reader| reader.decode());
    decoded.map(|pixels| Arc::new(pixels.into_rgb8())).map_err(|cause| damaged(file, &cause))
}

/// Width and height from the file's header, pixels; the pixels are not read.
///
/// # Errors
/// [`Error::Read`] where the file cannot be opened, [`Error::Image`] where its header is damaged.
pub fn size(path: &Path) -> Result<[u32; 2], Error> {
    let opened = File::open(path).map_err(|source| unreadable(path, source))?;
    reader(BufReader::new(opened))
        .and_then(ImageReader::into_dimensions)
        .map(<[u32; 2]>::from)
        .map_err(|cause| damaged(&path.display().to_string(), &cause))
}

/// A reader that goes by the content: names lie (KITTI copies hold JPEG under `.png`).
fn reader<R: BufRead + Seek>(from: R) -> ::image::ImageResult<ImageReader<R>> {
    let mut reader = ImageReader::new(from).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    Ok(reader)
}

fn unreadable(path: &Path, source: std::io::Error) -> Error {
    Error::Read { what: "image", path: path.to_owned(), source }
}

fn damaged(file: &str, cause: &::image::ImageError) -> Error {
    Error::Image { file: file.to_owned(), cause: cause.to_string() }
}
