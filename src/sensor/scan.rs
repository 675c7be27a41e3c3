//! LiDAR scans as KITTI stores them: little-endian f32 `x, y, z, intensity`, 16 bytes a point.
//!
//! Bytes come in, points in scan order go out, into memory that is used again: a file is read
//! straight into the points' own buffer, with no copy between. Points that are not numbers are
//! left out and counted. A file of another layout (five columns, float64, another byte order) is
//! recognised by values that no LiDAR gives, and refused.

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

/// Returns farther than this on an axis are none of a LiDAR's, m.
const FARTHEST_M: f32 = 1000.0;
/// Share of points with values that no LiDAR gives above which the file has another layout.
const ODD_SHARE: f64 = 0.01;
/// Share of points that are no numbers above which the file has another layout. Sensors that store a
/// point for every firing, return or not, stay below.
const NOT_FINITE_SHARE: f64 = 0.9;

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

impl ScanStats {
    /// Refuses a scan that has more intensities beyond its scale than single odd returns explain.
    /// For a scale that was guessed: one that was given may cut as much as its owner likes.
    ///
    /// # Errors
    /// [`Error::ScanForeign`].
    pub fn fits_scale(&self, file: &Path, intensity_max: f32) -> Result<(), Error> {
        if self.intensity_clamped as f64 <= ODD_SHARE * self.read as f64 {
            return Ok(());
        }
        Err(Error::ScanForeign {
            file: file.display().to_string(),
            points: self.read,
            odd: self.intensity_clamped,
            what: format!(
                "have an intensity outside 0 to {intensity_max} (if that alone is wrong, give the scale with \
                 --intensity-max, intensity_max)"
            ),
        })
    }
}

/// Turns the bytes of a scan (of any alignment) into points; what `points` held before is gone,
/// its memory is used again. `file` names the scan in errors.
///
/// # Errors
/// No bytes, bytes that are not whole points, more points than allowed, not one finite point, or
/// values that say that the file has another layout.
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

/// Byte order, points that are not numbers, values that no LiDAR gives, intensity scale.
fn finish(file: &str, format: ScanFormat, points: &mut Vec<[f32; 4]>) -> Result<ScanStats, Error> {
    if cfg!(target_endian = "big") {
        for value in points.iter_mut().flatten() {
            *value = f32::from_bits(value.to_bits().swap_bytes());
        }
    }
    let read = points.len() as u64;
    // Nearly every scan is clean: one pass without branches finds out, and only then points move.
    if !all_near(points) {
        points.retain(|point| point.iter().all(|value| value.is_finite()));
        if points.is_empty() {
            return Err(Error::ScanNotFinite { file: file.to_owned(), points: read });
        }
        let far = points.iter().filter(|p| p[..3].iter().any(|v| v.abs() > FARTHEST_M)).count();
        refuse_share(file, far as u64, points.len() as u64, ODD_SHARE, || {
            format!("lie farther away than {FARTHEST_M} m")
        })?;
    }
    let not_finite = read - points.len() as u64;
    refuse_share(file, not_finite, read, NOT_FINITE_SHARE, || "are NaN or infinite".to_owned())?;
    let (mut intensity_clamped, mut negative) = (0, 0);
    for block in points.chunks_mut(1024) {
        // Counts as wide as the values keep the loop in vector registers.
        let (mut outside, mut below) = (0_u32, 0_u32);
        for point in block {
            let intensity = point[3] / format.intensity_max;
            let inside = intensity.clamp(0.0, 1.0);
            outside += u32::from(inside != intensity);
            below += u32::from(intensity < 0.0);
            point[3] = inside;
        }
        intensity_clamped += u64::from(outside);
        negative += u64::from(below);
    }
    refuse_share(file, negative, points.len() as u64, ODD_SHARE, || {
        "have a negative intensity".to_owned()
    })?;
    Ok(ScanStats { read, not_finite, intensity_clamped })
}

/// An error where more than a share of the points is odd.
fn refuse_share(
    file: &str,
    odd: u64,
    points: u64,
    share: f64,
    what: impl FnOnce() -> String,
) -> Result<(), Error> {
    if odd as f64 <= share * points as f64 {
        return Ok(());
    }
    Err(Error::ScanForeign { file: file.to_owned(), points, odd, what: what() })
}

/// Whether no value is NaN, infinite or beyond the farthest return: as bits, the magnitudes of f32
/// are in the order of the numbers, and these above all. The block keeps the loop in vector registers.
fn all_near(points: &[[f32; 4]]) -> bool {
    const MAGNITUDE: u32 = 0x7fff_ffff;
    let farthest = FARTHEST_M.to_bits();
    points.chunks(1024).all(|block| {
        let odd = block
            .iter()
            .flatten()
            .fold(0_u32, |odd, value| odd | u32::from(value.to_bits() & MAGNITUDE > farthest));
        odd == 0
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

    /// A street's worth of points as one file of so many columns has them, flat.
    fn street(row: impl Fn([f32; 4], f32) -> Vec<f32>) -> Vec<f32> {
        let point = |i: u16| {
            let turn = f32::from(i) * 0.02;
            let far = 5.0 + f32::from(i % 40);
            let height = -1.7 + f32::from(i % 7) * 0.3;
            row(
                [far * turn.cos(), far * turn.sin(), height, f32::from(i % 90) / 100.0],
                (i % 64).into(),
            )
        };
        (0..2000).flat_map(point).collect()
    }

    fn refused(bytes: &[u8]) -> String {
        let mut read = Vec::new();
        parse_scan(bytes, "s.bin", ScanFormat::default(), &mut read).unwrap_err().to_string()
    }

    #[test]
    fn a_scan_of_another_layout_is_refused_with_what_was_found() {
        let flat = |values: Vec<f32>| -> Vec<u8> {
            let whole = values.len() / 4 * 4;
            values[..whole].iter().flat_map(|value| value.to_le_bytes()).collect()
        };
        let kitti = street(|point, _| point.to_vec());
        parse_scan(&flat(kitti.clone()), "s", ScanFormat::default(), &mut Vec::new()).unwrap();
        let with_ring = refused(&flat(street(|point, ring| [&point[..], &[ring]].concat())));
        insta::assert_snapshot!(with_ring, @"s.bin: this does not look like a scan of x, y, z, intensity as four little-endian float32 a point: 911 of the 2500 points have a negative intensity. Files of five columns (x, y, z, intensity, ring, as nuScenes has them), of float64 or of another byte order are of another layout: write the points as four float32");
        let of_bytes = |[x, y, z, i]: [f32; 4], ring| vec![x, y, z, (255.0 * i).round(), ring];
        assert!(refused(&flat(street(of_bytes))).contains("negative intensity"));
        assert!(refused(&flat(street(|p, _| p[..3].to_vec()))).contains("negative intensity"));
        assert!(refused(&flat(street(|[x, y, z, i], _| vec![i, x, y, z]))).contains("negative"));
        let doubles: Vec<u8> =
            kitti.iter().flat_map(|value| f64::from(*value).to_le_bytes()).collect();
        assert!(refused(&doubles).contains("farther away than 1000 m"), "{}", refused(&doubles));
        let big_endian: Vec<u8> = kitti.iter().flat_map(|value| value.to_be_bytes()).collect();
        assert!(refused(&big_endian).contains("farther away than 1000 m"));
        let millimetres: Vec<u8> =
            kitti.iter().flat_map(|v| ((v * 1000.0) as i32).to_le_bytes()).collect();
        assert!(refused(&millimetres).contains("NaN or infinite"), "{}", refused(&millimetres));
    }

    #[test]
    fn single_odd_points_do_not_make_a_scan_foreign() {
        let mut points = vec![[10.0, 1.0, -1.0, 0.3]; 300];
        points[7] = [5000.0, 0.0, 0.0, 0.1];
        points[8][3] = -0.2;
        points[9][3] = 1.5;
        let mut read = Vec::new();
        let stats = parse_scan(&bytes(&points), "s", ScanFormat::default(), &mut read).unwrap();
        assert_eq!((read.len(), stats.intensity_clamped), (300, 2));
        stats.fits_scale(Path::new("s"), 1.0).unwrap();
        points[10..14].iter_mut().for_each(|point| point[3] = 1.5);
        let stats = parse_scan(&bytes(&points), "s", ScanFormat::default(), &mut read).unwrap();
        let error = stats.fits_scale(Path::new("s"), 1.0).unwrap_err().to_string();
        assert!(error.contains("6 of the 300 points") && error.contains("0 to 1"), "{error}");
    }

    #[test]
    fn a_size_that_fits_another_layout_is_told() {
        let five = refused(&[0; 20 * 7]);
        assert!(five.contains("7 whole points of x, y, z, intensity, ring"), "{five}");
        assert!(!refused(&[0; 47]).contains("whole points of"));
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
