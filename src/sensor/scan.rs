//! LiDAR scans as KITTI stores them: little-endian f32 `x, y, z, intensity`, 16 bytes a point.
//!
//! Bytes come in, points in scan order go out, into memory that is used again: a file is read
//! straight into the points' own buffer, with no copy between. Points that are not numbers are
//! left out and counted.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::Error;

/// How a file stores its points: little-endian f32, so many a point, no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointLayout {
    /// KITTI: x, y, z, intensity.
    Kitti,
    /// nuScenes: x, y, z, intensity, ring.
    Nuscenes,
}

impl PointLayout {
    /// f32 in a point.
    pub fn values(self) -> usize {
        match self {
            Self::Kitti => 4,
            Self::Nuscenes => 5,
        }
    }

    /// Bytes of a point.
    pub fn bytes(self) -> usize {
        4 * self.values()
    }

    /// What the values of a point are, in words.
    pub fn columns(self) -> &'static str {
        match self {
            Self::Kitti => "x, y, z, intensity",
            Self::Nuscenes => "x, y, z, intensity, ring",
        }
    }

    /// Whose scans are stored so.
    pub fn owner(self) -> &'static str {
        match self {
            Self::Kitti => "KITTI",
            Self::Nuscenes => "nuScenes",
        }
    }
}

/// Points allowed in one scan unless told otherwise: 4 Mi, thirty whole turns of a 64-beam sensor.
pub const MAX_POINTS: usize = 4 << 20;

/// How a scan is to be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanFormat {
    /// The intensity that counts as 1 (KITTI 1, sensors with one byte 255).
    pub intensity_max: f32,
    /// More points than this are an error.
    pub max_points: usize,
}

impl Default for ScanFormat {
    fn default() -> Self {
        Self { intensity_max: 1.0, max_points: MAX_POINTS }
    }
}

/// What happened to the points of one scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanStats {
    /// Points in the file.
    pub read: u64,
    /// Points left out: a coordinate or the intensity is NaN or infinite.
    pub not_finite: u64,
    /// Points kept whose intensity was outside 0..1 and was brought to the nearer bound.
    pub intensity_clamped: u64,
}

/// Turns the bytes of a scan (of any alignment) into points; what `points` held before is gone,
/// its memory is used again. `file` names the scan in errors.
///
/// # Errors
/// No bytes, bytes that are not whole points, more points than allowed, or not one finite point.
pub fn parse_scan(
    bytes: &[u8],
    file: &str,
    format: ScanFormat,
    points: &mut Vec<[f32; 4]>,
) -> Result<ScanStats, Error> {
    points.clear();
    let count = check_size(bytes.len() as u64, file, PointLayout::Kitti, format.max_points)?;
    points.resize(count, [0.0; 4]);
    bytemuck::cast_slice_mut::<[f32; 4], u8>(points).copy_from_slice(bytes);
    finish(file, format, points)
}

/// Reads a scan file straight into `points`, as [`parse_scan`] does with bytes.
///
/// # Errors
/// As [`parse_scan`], and [`Error::Read`] where the file cannot be read.
pub fn read_scan(
    path: &Path,
    format: ScanFormat,
    points: &mut Vec<[f32; 4]>,
) -> Result<ScanStats, Error> {
    points.clear();
    let unreadable = |source| Error::Read { what: "scan", path: path.to_owned(), source };
    let mut opened = File::open(path).map_err(unreadable)?;
    let file = path.display().to_string();
    let bytes = opened.metadata().map_err(unreadable)?.len();
    let count = check_size(bytes, &file, PointLayout::Kitti, format.max_points)?;
    points.resize(count, [0.0; 4]);
    opened.read_exact(bytemuck::cast_slice_mut::<[f32; 4], u8>(points)).map_err(unreadable)?;
    finish(&file, format, points)
}

/// Whole points in so many bytes, or why they are no scan.
pub(super) fn check_size(
    bytes: u64,
    file: &str,
    layout: PointLayout,
    max_points: usize,
) -> Result<usize, Error> {
    let points = bytes / layout.bytes() as u64;
    let remainder = bytes % layout.bytes() as u64;
    if bytes == 0 {
        Err(Error::ScanEmpty { file: file.to_owned(), layout })
    } else if remainder != 0 {
        Err(Error::ScanSize { file: file.to_owned(), bytes, points, remainder, layout })
    } else if points > max_points as u64 {
        Err(Error::ScanTooLarge { file: file.to_owned(), points, limit: max_points as u64 })
    } else {
        Ok(points as usize)
    }
}

/// Byte order, points that are not numbers, intensity scale.
fn finish(file: &str, format: ScanFormat, points: &mut Vec<[f32; 4]>) -> Result<ScanStats, Error> {
    if cfg!(target_endian = "big") {
        for value in points.iter_mut().flatten() {
            *value = f32::from_bits(value.to_bits().swap_bytes());
        }
    }
    let read = points.len() as u64;
    // Nearly every scan is clean: one pass without branches finds out, and only then points move.
    if !all_finite(points) {
        points.retain(|point| point.iter().all(|value| value.is_finite()));
        if points.is_empty() {
            return Err(Error::ScanNotFinite { file: file.to_owned(), points: read });
        }
    }
    let not_finite = read - points.len() as u64;
    let mut intensity_clamped = 0;
    for point in points.iter_mut() {
        let intensity = point[3] / format.intensity_max;
        let inside = intensity.clamp(0.0, 1.0);
        intensity_clamped += u64::from(inside != intensity);
        point[3] = inside;
    }
    Ok(ScanStats { read, not_finite, intensity_clamped })
}

/// An f32 is finite unless its exponent is all ones; the block keeps the loop in vector registers.
fn all_finite(points: &[[f32; 4]]) -> bool {
    const EXPONENT: u32 = 0x7f80_0000;
    points.chunks(1024).all(|block| {
        let bad = block
            .iter()
            .flatten()
            .fold(0_u32, |bad, value| bad | u32::from(value.to_bits() & EXPONENT == EXPONENT));
        bad == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(points: &[[f32; 4]]) -> Vec<u8> {
        points.iter().flatten().flat_map(|value| value.to_le_bytes()).collect()
    }

    #[test]
    fn an_unaligned_scan_gives_the_same_points() {
        let points = [[1.0, 2.0, 3.0, 0.5], [-1.0, 0.0, 7.5, 0.0]];
        let mut shifted = vec![9_u8];
        shifted.extend(bytes(&points));
        let mut read = Vec::new();
        let stats = parse_scan(&shifted[1..], "s", ScanFormat::default(), &mut read).unwrap();
        assert_eq!(read, points);
        assert_eq!(stats, ScanStats { read: 2, ..ScanStats::default() });
    }

    #[test]
    fn points_that_are_not_numbers_are_left_out_and_counted() {
        let good = [1.0, 2.0, 3.0, 0.5];
        let scan = [
            good,
            [f32::NAN, 0.0, 0.0, 0.0],
            [0.0, f32::INFINITY, 0.0, 0.0],
            [0.0, 0.0, 0.0, f32::NEG_INFINITY],
            good,
        ];
        let mut read = Vec::new();
        let stats = parse_scan(&bytes(&scan), "s", ScanFormat::default(), &mut read).unwrap();
        assert_eq!(read, [good, good]);
        assert_eq!(stats.not_finite, 3);
        let error = parse_scan(&bytes(&scan[1..4]), "s", ScanFormat::default(), &mut read);
        assert!(matches!(error, Err(Error::ScanNotFinite { points: 3, .. })));
    }

    #[test]
    fn intensities_are_scaled_and_those_outside_are_counted() {
        let scan = [[0.0, 0.0, 0.0, 255.0], [0.0, 0.0, 0.0, 51.0], [0.0, 0.0, 0.0, 300.0]];
        let format = ScanFormat { intensity_max: 255.0, ..ScanFormat::default() };
        let mut read = Vec::new();
        let stats = parse_scan(&bytes(&scan), "s", format, &mut read).unwrap();
        assert_eq!(read.iter().map(|p| p[3]).collect::<Vec<_>>(), [1.0, 0.2, 1.0]);
        assert_eq!(stats.intensity_clamped, 1);
    }

    #[test]
    fn a_second_scan_uses_the_memory_of_the_first() {
        let scan = bytes(&[[1.0; 4]; 64]);
        let mut read = Vec::new();
        parse_scan(&scan, "s", ScanFormat::default(), &mut read).unwrap();
        let place = read.as_ptr();
        parse_scan(&scan[..16], "s", ScanFormat::default(), &mut read).unwrap();
        assert_eq!((read.as_ptr(), read.len()), (place, 1));
    }
}
