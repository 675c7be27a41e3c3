//! nuScenes' LiDAR scans (`.pcd.bin`): little-endian f32 `x, y, z, intensity, ring`, 20 bytes a
//! point, no header. Bytes come in; points in this crate's axes, intensity 0..1, go out behind those
//! already there, so that several sweeps become one cloud.
//!
//! Left out and counted: points that are not numbers, and returns of the vehicle itself, which the
//! development kit (`LidarPointCloud.remove_close`) takes to be those with |x| and |y| both below 1 m.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use nalgebra::{Isometry3, Point3};

use crate::sensor::Error;
use crate::sensor::scan::{PointLayout, check_size};

/// The intensity that counts as 1.
pub const INTENSITY_MAX: f32 = 255.0;
/// Half the side of the square around the sensor in which returns are the vehicle's own, m.
pub const OWN_RETURNS_M: f32 = 1.0;
/// A fifth value above this is no laser ring; LIDAR_TOP has 32, no sensor has more than 256.
const RINGS: u32 = 256;
const VALUES: usize = 5;

/// What happened to the points of one sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepStats {
    /// Points in the file.
    pub read: u64,
    /// Points left out: a value is NaN or infinite.
    pub not_finite: u64,
    /// Points left out: returns of the vehicle itself.
    pub on_vehicle: u64,
    /// Points kept whose intensity was outside 0..255 and was brought to the nearer bound.
    pub intensity_clamped: u64,
}

/// Reads a sweep and puts its points, mapped by `place` from the sensor's own axes (x right,
/// y forward, z up), behind those of `points`; together they may be at most `max_points`.
///
/// # Errors
/// [`Error::Read`] where the file cannot be read; as [`parse_sweep`].
pub fn read_sweep(
    path: &Path,
    place: &Isometry3<f64>,
    max_points: usize,
    points: &mut Vec<[f32; 4]>,
) -> Result<SweepStats, Error> {
    let unreadable = |source| Error::Read { what: "scan", path: path.to_owned(), source };
    let mut opened = File::open(path).map_err(unreadable)?;
    let bytes = opened.metadata().map_err(unreadable)?.len();
    let file = path.display().to_string();
    append(bytes, &file, place, max_points, points, |room| {
        opened.read_exact(room).map_err(unreadable)
    })
}

/// As [`read_sweep`], from bytes (of any alignment); `file` names them in errors.
///
/// # Errors
/// No bytes, bytes that are not whole points of 20 bytes, more points than allowed, a fifth value
/// that is no laser ring (another layout), or not one finite point. `points` is then as before.
pub fn parse_sweep(
    bytes: &[u8],
    file: &str,
    place: &Isometry3<f64>,
    max_points: usize,
    points: &mut Vec<[f32; 4]>,
) -> Result<SweepStats, Error> {
    append(bytes.len() as u64, file, place, max_points, points, |room| {
        room.copy_from_slice(bytes);
        Ok(())
    })
}

/// The file's bytes go straight into the room behind the points, and are worked on there: a point
/// is shorter than its bytes in the file, so what is written never overtakes what is read.
fn append(
    bytes: u64,
    file: &str,
    place: &Isometry3<f64>,
    max_points: usize,
    points: &mut Vec<[f32; 4]>,
    fill: impl FnOnce(&mut [u8]) -> Result<(), Error>,
) -> Result<SweepStats, Error> {
    let before = points.len();
    let room_left = max_points.saturating_sub(before);
    let count = check_size(bytes, file, PointLayout::Nuscenes, room_left)?;
    points.resize(before + (count * VALUES).div_ceil(4), [0.0; 4]);
    let values = points[before..].as_flattened_mut();
    let worked = fill(bytemuck::cast_slice_mut(&mut values[..count * VALUES]))
        .and_then(|()| work(&mut values[..count * VALUES], file, place));
    let kept = worked.as_ref().map_or(0, |(kept, _)| *kept);
    points.truncate(before + kept);
    worked.map(|(_, stats)| stats)
}

/// Turns rows of five values into rows of four in place; gives how many were kept.
fn work(
    values: &mut [f32],
    file: &str,
    place: &Isometry3<f64>,
) -> Result<(usize, SweepStats), Error> {
    if cfg!(target_endian = "big") {
        for value in values.iter_mut() {
            *value = f32::from_bits(value.to_bits().swap_bytes());
        }
    }
    let mut stats = SweepStats { read: (values.len() / VALUES) as u64, ..SweepStats::default() };
    let mut kept = 0;
    for index in 0..values.len() / VALUES {
        let at = index * VALUES;
        let [x, y, z, intensity, ring] = std::array::from_fn(|column| values[at + column]);
        if ![x, y, z, intensity, ring].iter().all(|value| value.is_finite()) {
            stats.not_finite += 1;
            continue;
        }
        if !(0.0..RINGS as f32).contains(&ring) || ring.fract() != 0.0 {
            return Err(Error::ScanRing {
                file: file.to_owned(),
                point: index as u64,
                found: ring,
                rings: RINGS,
            });
        }
        if x.abs() < OWN_RETURNS_M && y.abs() < OWN_RETURNS_M {
            stats.on_vehicle += 1;
            continue;
        }
        let placed = place * Point3::new(f64::from(x), f64::from(y), f64::from(z));
        let placed = [placed.x as f32, placed.y as f32, placed.z as f32];
        // Values near the largest f32 may turn into more than that.
        if !placed.iter().all(|value| value.is_finite()) {
            stats.not_finite += 1;
            continue;
        }
        let share = intensity / INTENSITY_MAX;
        let inside = share.clamp(0.0, 1.0);
        stats.intensity_clamped += u64::from(inside != share);
        let [x, y, z] = placed;
        let point = [x, y, z, inside];
        values[4 * kept..4 * kept + 4].copy_from_slice(&point);
        kept += 1;
    }
    if stats.not_finite == stats.read {
        return Err(Error::ScanNotFinite { file: file.to_owned(), points: stats.read });
    }
    Ok((kept, stats))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calib::Axes;

    fn bytes(rows: &[[f32; 5]]) -> Vec<u8> {
        rows.iter().flatten().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn turned() -> Isometry3<f64> {
        let axes: Axes = "x right, y forward, z up".parse().unwrap();
        Isometry3::from_parts(nalgebra::Translation3::identity(), axes.rotation())
    }

    fn parse(bytes: &[u8], points: &mut Vec<[f32; 4]>) -> Result<SweepStats, Error> {
        parse_sweep(bytes, "s.pcd.bin", &turned(), 1000, points)
    }

    #[test]
    fn points_are_turned_to_forward_left_up_and_intensities_to_shares() {
        let scan = [[1.0, 20.0, -1.5, 51.0, 3.0], [-2.0, 8.0, 0.5, 300.0, 31.0]];
        let mut points = Vec::new();
        let stats = parse(&bytes(&scan), &mut points).unwrap();
        assert_eq!(points, [[20.0, -1.0, -1.5, 0.2], [8.0, 2.0, 0.5, 1.0]]);
        assert_eq!(stats, SweepStats { read: 2, intensity_clamped: 1, ..SweepStats::default() });
    }

    #[test]
    fn a_second_sweep_goes_behind_the_first() {
        let mut points = Vec::new();
        let scan: Vec<[f32; 5]> = (0..7).map(|i| [5.0, i as f32, 0.0, 0.0, 1.0]).collect();
        parse(&bytes(&scan), &mut points).unwrap();
        let first = points.clone();
        let moved = Isometry3::translation(0.0, 0.0, 1.0) * turned();
        parse_sweep(&bytes(&scan), "s", &moved, 1000, &mut points).unwrap();
        assert_eq!(points[..7], first);
        assert_eq!(points.len(), 14);
        assert!(points[7..].iter().zip(&first).all(|(a, b)| a[..2] == b[..2] && a[2] == 1.0));
    }

    #[test]
    fn returns_of_the_vehicle_and_values_that_are_no_numbers_are_counted() {
        let scan = [
            [0.9, -0.9, 0.0, 0.0, 0.0],
            [0.9, -1.0, 0.0, 0.0, 0.0],
            [9.0, f32::NAN, 0.0, 0.0, 0.0],
            [9.0, 0.0, 0.0, 0.0, f32::INFINITY],
        ];
        let mut points = Vec::new();
        let stats = parse(&bytes(&scan), &mut points).unwrap();
        assert_eq!((points.len(), stats.on_vehicle, stats.not_finite), (1, 1, 2));
        let error = parse(&bytes(&scan[2..]), &mut points).unwrap_err();
        assert!(matches!(error, Error::ScanNotFinite { points: 2, .. }));
        assert_eq!(points.len(), 1, "what was there stays");
    }

    #[test]
    fn a_truncated_scan_names_the_file_and_byte() {
        let mut cut = bytes(&[[5.0; 5]; 3]);
        cut.truncate(47);
        let error = parse(&cut, &mut Vec::new()).unwrap_err().to_string();
        insta::assert_snapshot!(error, @"s.pcd.bin: 47 bytes are not a whole number of 20-byte points (x, y, z, intensity, ring as f32): 2 points and 7 bytes more, cut off at byte 40. The file is truncated or not a nuScenes scan; copy it again");
        assert!(matches!(parse(&[], &mut Vec::new()), Err(Error::ScanEmpty { .. })));
    }

    #[test]
    fn a_scan_with_four_columns_is_recognised() {
        let kitti: Vec<u8> = (0..20)
            .flat_map(|i| [12.5 + i as f32, 3.25, -1.7, 0.31])
            .flat_map(f32::to_le_bytes)
            .collect();
        let error = parse(&kitti, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("point 0") && error.contains("found 13.5"), "{error}");
        assert!(error.contains("five f32"), "{error}");
    }

    #[test]
    fn more_points_than_allowed_are_refused_over_all_sweeps_together() {
        let scan = bytes(&[[5.0, 5.0, 0.0, 0.0, 0.0]; 6]);
        let mut points = vec![[1.0; 4]; 995];
        let error = parse(&scan, &mut points).unwrap_err();
        assert!(matches!(error, Error::ScanTooLarge { points: 6, limit: 5, .. }), "{error}");
    }
}
