//! KITTI's calibration files: `calib/000008.txt` of the object layout, `calib_*.txt` of the raw one.
//!
//! A camera's 3×4 matrix P is K [I | t], t the way from the rectified reference camera to it. t goes
//! into the camera's pose, so that a [`Camera`] is a plain pinhole with nothing left over.

use std::path::Path;

use nalgebra::{Isometry3, Matrix3, Translation3};

use super::{Axes, Camera, Error, LidarSpec, Rig, matrix};
use crate::geometry::Pose;

/// Image size that most of KITTI's drives have, pixels; for calibrations without images.
pub const KITTI_IMAGE_SIZE: [u32; 2] = [1242, 375];

/// Origin of KITTI's Velodyne over the rear axle's centre on the ground, m (from the recording
/// platform's drawing: 0.76 m before the GPS unit, 1.73 m above the road).
const KITTI_ORIGIN_HEIGHT_M: f64 = 1.73;

// The published calibration of the drive 2011_09_26, for `Rig::kitti`.
#[rustfmt::skip]
const P2: [f64; 12] = [
    721.5377, 0.0, 609.5593, 44.85728,
    0.0, 721.5377, 172.854, 0.2163791,
    0.0, 0.0, 1.0, 0.002745884,
];
#[rustfmt::skip]
const R0_RECT: [f64; 9] = [
    0.9999239, 0.00983776, -0.007445048,
    -0.009869795, 0.9999421, -0.004278459,
    0.007402527, 0.004351614, 0.9999631,
];
#[rustfmt::skip]
const VELO_TO_CAM_R: [f64; 9] = [
    0.007533745, -0.9999714, -0.000616602,
    0.01480249, 0.0007280733, -0.9998902,
    0.9998621, 0.00752379, 0.01480755,
];
const VELO_TO_CAM_T: [f64; 3] = [-0.004069766, -0.07631618, -0.2717806];

/// Reads a calibration in the object layout. Only `P2`, `R0_rect` and `Tr_velo_to_cam` are needed;
/// other lines may be absent or empty. `image_size` is width and height in pixels; `source` names the
/// file in errors.
///
/// The tracking layout's names (`R_rect`, `Tr_velo_cam`) and its missing colons are taken too.
pub fn parse_kitti_calib(text: &str, source: &str, image_size: [u32; 2]) -> Result<Rig, Error> {
    let lines = Lines { text, source, layout: "object" };
    let p2: [f64; 12] = lines.numbers(&["P2"])?;
    let r0: [f64; 9] = lines.numbers(&["R0_rect", "R_rect"])?;
    let velo: [f64; 12] = lines.numbers(&["Tr_velo_to_cam", "Tr_velo_cam"])?;
    let lidar_to_rect = matrix::rotation(&r0, source, "R0_rect")?
        * matrix::isometry(&velo, source, "Tr_velo_to_cam")?;
    let (intrinsic, offset) = matrix::projection(&p2, source, "P2")?;
    Ok(rig("kitti", intrinsic, offset, lidar_to_rect, image_size))
}

/// Reads a calibration in the raw layout from the text of `calib_cam_to_cam.txt` and of
/// `calib_velo_to_cam.txt`; the sources name them in errors.
pub fn parse_kitti_raw_calib(
    cam_to_cam: (&str, &str),
    velo_to_cam: (&str, &str),
) -> Result<Rig, Error> {
    let cam = Lines { text: cam_to_cam.0, source: cam_to_cam.1, layout: "raw" };
    let velo = Lines { text: velo_to_cam.0, source: velo_to_cam.1, layout: "raw" };
    let p2: [f64; 12] = cam.numbers(&["P_rect_02"])?;
    let r0: [f64; 9] = cam.numbers(&["R_rect_00"])?;
    let [width, height]: [f64; 2] = cam.numbers(&["S_rect_02"])?;
    let r: [f64; 9] = velo.numbers(&["R"])?;
    let t: [f64; 3] = velo.numbers(&["T"])?;
    let rectify = matrix::rotation(&r0, cam.source, "R_rect_00")?;
    let turn = matrix::rotation(&r, velo.source, "R")?;
    let lidar_to_rect = rectify * matrix::pose(&turn, t);
    let size = [width, height].map(|s| if (1.0..=1e5).contains(&s) { s.round() as u32 } else { 0 });
    if size.contains(&0) {
        return Err(Error::Value {
            file: cam.source.to_owned(),
            place: "S_rect_02".to_owned(),
            expected: "an image size of 1 to 100000 pixels",
            found: format!("{width} {height}"),
        });
    }
    let (intrinsic, offset) = matrix::projection(&p2, cam.source, "P_rect_02")?;
    Ok(rig("kitti-raw", intrinsic, offset, lidar_to_rect, size))
}

fn rig(
    name: &str,
    intrinsic: Matrix3<f64>,
    offset: Translation3<f64>,
    lidar_to_rect: Isometry3<f64>,
    size: [u32; 2],
) -> Rig {
    Rig {
        name: name.to_owned(),
        lidar: LidarSpec::kitti(),
        cameras: vec![Camera {
            name: "image_2".to_owned(),
            size,
            intrinsic,
            from_lidar: Pose::new(offset * lidar_to_rect),
            time_offset_s: 0.0,
        }],
        lidar_to_rect: Pose::new(lidar_to_rect),
        lidar_to_ego: Pose::new(Isometry3::translation(0.0, 0.0, KITTI_ORIGIN_HEIGHT_M)),
    }
}

impl LidarSpec {
    /// KITTI's Velodyne HDL-64E S2, 10 turns a second. Angles as measured on five whole scans of the
    /// object set (median elevation of the first and last ring, median step between neighbours);
    /// the upper 32 rings stand about 0.33° apart, the lower 32 about 0.5°.
    pub fn kitti() -> Self {
        Self {
            axes: Axes::default(),
            beams: 64,
            origin_height_m: KITTI_ORIGIN_HEIGHT_M,
            intensity_max: 1.0,
            elevation_deg: [-23.6, 2.4],
            azimuth_step_deg: 0.18,
        }
    }
}

impl Rig {
    /// The rig of the drive 2011_09_26, from which most of KITTI's object frames come: for when a
    /// frame brings no calibration of its own.
    pub fn kitti() -> Self {
        let lidar_to_rect = matrix::nearest_rotation(&R0_RECT)
            * matrix::pose(&matrix::nearest_rotation(&VELO_TO_CAM_R), VELO_TO_CAM_T);
        let (intrinsic, offset) = matrix::split_projection(&P2);
        rig("kitti", intrinsic, offset, lidar_to_rect, KITTI_IMAGE_SIZE)
    }

    /// Reads a calibration file of the KITTI object layout, see [`parse_kitti_calib`].
    pub fn from_kitti_calib(path: &Path, image_size: [u32; 2]) -> Result<Self, Error> {
        parse_kitti_calib(&read(path)?, &path.display().to_string(), image_size)
    }

    /// Reads `calib_cam_to_cam.txt` and `calib_velo_to_cam.txt` of a day of KITTI's raw layout.
    pub fn from_kitti_raw(folder: &Path) -> Result<Self, Error> {
        let cam = folder.join("calib_cam_to_cam.txt");
        let velo = folder.join("calib_velo_to_cam.txt");
        parse_kitti_raw_calib(
            (&read(&cam)?, &cam.display().to_string()),
            (&read(&velo)?, &velo.display().to_string()),
        )
    }
}

pub(super) fn read(path: &Path) -> Result<String, Error> {
    let file = |source| Error::File { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(file)?;
    String::from_utf8(bytes)
        .map_err(|e| file(std::io::Error::new(std::io::ErrorKind::InvalidData, e.utf8_error())))
}

/// `key: number number …`, one a line.
struct Lines<'a> {
    text: &'a str,
    source: &'a str,
    layout: &'static str,
}

impl Lines<'_> {
    /// The `N` numbers of the first line that has one of the keys.
    fn numbers<const N: usize>(&self, keys: &[&'static str]) -> Result<[f64; N], Error> {
        for (index, line) in self.text.lines().enumerate() {
            let line = line.trim_start_matches('\u{feff}').trim();
            let Some((found, rest)) = line.split_once([':', ' ', '\t']) else { continue };
            let Some(&key) = keys.iter().find(|&&key| key == found) else { continue };
            return self.values(index + 1, key, rest);
        }
        Err(Error::MissingKey {
            file: self.source.to_owned(),
            key: keys[0],
            expected: N,
            layout: self.layout,
        })
    }

    fn values<const N: usize>(
        &self,
        line: usize,
        key: &'static str,
        rest: &str,
    ) -> Result<[f64; N], Error> {
        let mut numbers = [0.0; N];
        let mut count = 0;
        for (position, word) in rest.split_ascii_whitespace().enumerate() {
            let number = word.parse::<f64>().ok().filter(|n| n.is_finite());
            let Some(number) = number else {
                return Err(Error::NotANumber {
                    file: self.source.to_owned(),
                    line,
                    key,
                    position: position + 1,
                    found: word.chars().take(40).collect(),
                });
            };
            if let Some(slot) = numbers.get_mut(position) {
                *slot = number;
            }
            count += 1;
        }
        if count == N {
            Ok(numbers)
        } else {
            Err(Error::WrongCount {
                file: self.source.to_owned(),
                line,
                key,
                expected: N,
                found: count,
            })
        }
    }
}
