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
            decode_bytes(&bytes, &name_of(data))
        }
        ImageData::Encoded(bytes) => decode_bytes(bytes, &name_of(data)),
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
    of_size(decode(data)?, data, camera)
}

/// The pixels, if they are as many as the camera has.
fn of_size(
    pixels: Arc<RgbImage>,
    data: &ImageData,
    camera: &Camera,
) -> Result<Arc<RgbImage>, Error> {
    let [width, height] = camera.size;
    if pixels.dimensions() == (width, height) {
        return Ok(pixels);
    }
    let file = name_of(data);
    let expected = format!("the rig's camera {} {width} x {height}", camera.name);
    Err(Error::ImageSize { file, expected, found: pixels.dimensions().into() })
}

/// As [`decode_for`], but where decoding can stop early (a PNG of 8-bit RGB that is not interlaced, a
/// JPEG that is not progressive) only the upper `rows` of the picture come back. Nothing below them is
/// looked at: damage there goes unnoticed.
///
/// # Errors
/// As [`decode_for`].
pub fn decode_upper(data: &ImageData, camera: &Camera, rows: u32) -> Result<Arc<RgbImage>, Error> {
    let read;
    let bytes: &[u8] = match data {
        _ if rows >= camera.size[1] => return decode_for(data, camera),
        ImageData::File(path) => {
            read = std::fs::read(path).map_err(|source| unreadable(path, source))?;
            &read
        }
        ImageData::Encoded(bytes) => bytes,
        ImageData::Rgb(_) | ImageData::Missing(_) => return decode_for(data, camera),
    };
    let upper = upper_rows_of_png(bytes, camera.size, rows);
    match upper.or_else(|| upper_rows_of_jpeg(bytes, camera.size, rows)) {
        Some(pixels) => Ok(Arc::new(pixels)),
        // Whatever is the matter, decoding the whole says it.
        None => of_size(decode_bytes(bytes, &name_of(data))?, data, camera),
    }
}

/// What errors call a picture.
fn name_of(data: &ImageData) -> String {
    match data {
        ImageData::File(path) => path.display().to_string(),
        _ => "image in memory".to_owned(),
    }
}

/// The upper rows of a PNG of 8-bit RGB and of this size; none of anything else.
fn upper_rows_of_png(bytes: &[u8], [width, height]: [u32; 2], rows: u32) -> Option<RgbImage> {
    let limits = png::Limits { bytes: MAX_BYTES as usize };
    let decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    let mut reader = decoder.read_info().ok()?;
    let info = reader.info();
    let plain = info.color_type == png::ColorType::Rgb && info.bit_depth == png::BitDepth::Eight;
    if !plain || info.interlaced || info.size() != (width, height) {
        return None;
    }
    let mut pixels = Vec::with_capacity(3 * width as usize * rows as usize);
    for _ in 0..rows {
        pixels.extend_from_slice(reader.next_row().ok()??.data());
    }
    RgbImage::from_raw(width, rows, pixels)
}

/// The upper rows of a JPEG of this size whose rows come from top to bottom; none of anything else.
///
/// The decoder is shown a header that speaks of fewer rows, and stops there.
fn upper_rows_of_jpeg(bytes: &[u8], [width, height]: [u32; 2], rows: u32) -> Option<RgbImage> {
    if breaks_off(bytes) {
        return None;
    }
    let JpegRows { at, block } = rows_of_jpeg(bytes)?;
    let number = |at: usize| u32::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    // One row of blocks more: chroma where two of them meet is made of both.
    let shown = rows.next_multiple_of(block) + block;
    if (number(at + 2), number(at)) != (width, height) || shown >= height {
        return None;
    }
    let mut bytes = bytes.to_vec();
    bytes[at..at + 2].copy_from_slice(&u16::try_from(shown).ok()?.to_be_bytes());
    let pixels = reader(Cursor::new(&bytes)).and_then(|reader| reader.decode()).ok()?;
    let mut pixels = pixels.into_rgb8().into_raw();
    pixels.truncate(3 * width as usize * rows as usize);
    RgbImage::from_raw(width, rows, pixels)
}

/// Whether a JPEG lacks its end, of which the decoder would make grey pixels in silence. What follows the end
/// marker (padding, another picture) is no matter, as long as it is short.
fn breaks_off(bytes: &[u8]) -> bool {
    const LONGEST_TAIL: usize = 4096;
    let padding = bytes.iter().rev().take_while(|&&byte| byte == 0).count();
    let bytes = &bytes[..bytes.len() - padding];
    let tail = &bytes[bytes.len().saturating_sub(LONGEST_TAIL)..];
    bytes.starts_with(&[0xff, 0xd8]) && !tail.windows(2).any(|pair| pair == [0xff, 0xd9])
}

/// How a JPEG holds its rows.
struct JpegRows {
    /// Where its height stands (two bytes; the width follows).
    at: usize,
    /// Rows of a block, all components together.
    block: u32,
}

/// The rows of a sequential JPEG, all of whose components are in one scan; none of anything else
/// (ITU-T T.81, annex B).
fn rows_of_jpeg(bytes: &[u8]) -> Option<JpegRows> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    let (mut at, mut frame) = (2, None);
    loop {
        let &[0xff, marker, high, low] = bytes.get(at..at + 4)? else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let segment = bytes.get(at + 4..at + 2 + length)?;
        match marker {
            // Tables among the markers of frames.
            0xc4 | 0xc8 | 0xcc => {}
            // Bits a sample, height, width, then for each component number, sampling, table.
            0xc0 | 0xc1 => {
                let components = segment.get(6..)?.chunks_exact(3);
                let sampling = components.map(|component| component[1] & 15).max()?;
                frame = Some((segment[5], JpegRows { at: at + 5, block: 8 * u32::from(sampling) }));
            }
            // Progressive, lossless, arithmetic.
            0xc2..=0xcf => return None,
            // The scan: its first byte is the number of its components.
            0xda => {
                let (components, rows) = frame?;
                let whole = *segment.first()? == components && rows.block > 0;
                return whole.then_some(rows);
            }
            _ => {}
        }
        at += 2 + length;
    }
}

/// Decodes the bytes of a PNG or JPEG; `file` names the picture in errors.
///
/// # Errors
/// [`Error::Image`].
pub fn decode_bytes(bytes: &[u8], file: &str) -> Result<Arc<RgbImage>, Error> {
    if breaks_off(bytes) {
        let cause = "it breaks off (a JPEG without its end marker)".to_owned();
        return Err(Error::Image { file: file.to_owned(), cause });
    }
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

#[cfg(test)]
mod tests {
    use ::image::{DynamicImage, ImageFormat, Rgba, RgbaImage};

    use super::*;
    use crate::calib::Rig;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> ImageData {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        ImageData::Encoded(bytes.into_inner().into())
    }

    fn camera() -> Camera {
        Camera { size: [40, 30], ..Rig::kitti().cameras[0].clone() }
    }

    fn pictured() -> DynamicImage {
        let pixel = |x: u32, y: u32| Rgba([(x * y) as u8, (x + 3 * y) as u8, (y * y) as u8, 200]);
        RgbaImage::from_fn(40, 30, pixel).into()
    }

    #[test]
    fn the_upper_rows_are_those_of_the_whole_picture() {
        let rgb = DynamicImage::from(pictured().to_rgb8());
        let whole = rgb.to_rgb8();
        for rows in [1, 17, 29, 30, 99] {
            let upper = decode_upper(&encoded(&rgb, ImageFormat::Png), &camera(), rows).unwrap();
            let rows = rows.min(30);
            assert_eq!(upper.dimensions(), (40, rows));
            assert_eq!(upper.as_raw()[..], whole.as_raw()[..(40 * 3 * rows) as usize]);
        }
    }

    #[test]
    fn the_upper_rows_of_a_jpeg_are_those_of_the_whole_however_its_chroma_is_sampled() {
        const H2V2: &[u8] = include_bytes!("../../tests/fixtures/pictures/h2v2.jpg");
        const H2V1: &[u8] = include_bytes!("../../tests/fixtures/pictures/h2v1.jpg");
        const RESTART: &[u8] = include_bytes!("../../tests/fixtures/pictures/restart.jpg");
        const PROGRESSIVE: &[u8] = include_bytes!("../../tests/fixtures/pictures/progressive.jpg");
        let camera = Camera { size: [40, 72], ..camera() };
        for (bytes, block) in [(H2V2, 16), (H2V1, 8), (RESTART, 16), (PROGRESSIVE, 72)] {
            let jpeg = ImageData::Encoded(bytes.into());
            let whole = decode(&jpeg).unwrap();
            for rows in 1..=72 {
                let upper = decode_upper(&jpeg, &camera, rows).unwrap();
                let early = rows.next_multiple_of(block) + block < 72;
                assert_eq!(upper.height(), if early { rows } else { 72 });
                let length = upper.as_raw().len();
                assert!(upper.as_raw()[..] == whole.as_raw()[..length], "{rows} rows");
            }
        }
    }

    #[test]
    fn a_damaged_jpeg_says_why_wherever_it_is_cut() {
        const WHOLE: &[u8] = include_bytes!("../../tests/fixtures/pictures/h2v2.jpg");
        let camera = Camera { size: [40, 72], ..camera() };
        for length in 0..WHOLE.len() {
            let cut = ImageData::Encoded(WHOLE[..length].into());
            let error = decode_upper(&cut, &camera, 8).unwrap_err().to_string();
            assert!(error.contains("cannot decode"), "{error}");
        }
        let padded = [WHOLE, &[0; 9000]].concat();
        assert!(decode_upper(&ImageData::Encoded(padded.into()), &camera, 8).is_ok());
    }

    #[test]
    fn what_cannot_be_stopped_early_comes_whole() {
        let rgb = pictured().to_rgb8();
        for (image, format) in [
            (pictured(), ImageFormat::Png),
            (pictured().to_luma8().into(), ImageFormat::Png),
            (pictured().to_rgb16().into(), ImageFormat::Png),
        ] {
            let data = encoded(&image, format);
            let upper = decode_upper(&data, &camera(), 8).unwrap();
            assert_eq!(upper, decode(&data).unwrap());
        }
        let pixels = ImageData::Rgb(Arc::new(rgb));
        assert_eq!(decode_upper(&pixels, &camera(), 8).unwrap().height(), 30);
    }

    #[test]
    fn damage_above_is_an_error_and_so_is_another_size() {
        let ImageData::Encoded(bytes) = encoded(&pictured().to_rgb8().into(), ImageFormat::Png)
        else {
            unreachable!()
        };
        let cut = ImageData::Encoded(bytes[..60].to_vec().into());
        let error = decode_upper(&cut, &camera(), 8).unwrap_err().to_string();
        assert!(error.contains("cannot decode"), "{error}");
        let narrow = Camera { size: [39, 30], ..camera() };
        let error = decode_upper(&ImageData::Encoded(bytes), &narrow, 8).unwrap_err();
        assert!(matches!(error, Error::ImageSize { found: [40, 30], .. }), "{error}");
    }
}
