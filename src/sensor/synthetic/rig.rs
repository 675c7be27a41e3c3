//! Where the synthetic sensors sit: the numbers of KITTI's recording day 2011_09_26.
//!
//! The scene lives in the *level frame*: origin at the LiDAR, axes those of KITTI's rectified
//! camera 0 renamed (x = its z, y = -its x, z = -its y). Label boxes, which KITTI keeps upright in
//! that camera's frame, are thus exact here, while the LiDAR is tilted against the road by half a
//! degree, as the real one is.

use nalgebra::{Matrix3, Vector3};

use super::solid::V3;

/// Image size, pixels.
pub(super) const SIZE: [u32; 2] = [1242, 375];
/// Height of the LiDAR above the road, m.
pub(super) const SENSOR_HEIGHT: f64 = 1.73;

const R0: [f64; 9] = [
    9.999239e-01,
    9.837760e-03,
    -7.445048e-03,
    -9.869795e-03,
    9.999421e-01,
    -4.278459e-03,
    7.402527e-03,
    4.351614e-03,
    9.999631e-01,
];
const TR: [f64; 12] = [
    7.533745e-03,
    -9.999714e-01,
    -6.166020e-04,
    -4.069766e-03,
    1.480249e-02,
    7.280733e-04,
    -9.998902e-01,
    -7.631618e-02,
    9.998621e-01,
    7.523790e-03,
    1.480755e-02,
    -2.717806e-01,
];
const IMU: [f64; 12] = [
    9.999976e-01,
    7.553071e-04,
    -2.035826e-03,
    -8.086759e-01,
    -7.854027e-04,
    9.998898e-01,
    -1.482298e-02,
    3.195559e-01,
    2.024406e-03,
    1.482454e-02,
    9.998881e-01,
    -7.997231e-01,
];
/// Fourth columns of P0 to P3.
const OFFSETS: [[f64; 3]; 4] = [
    [0.0, 0.0, 0.0],
    [-3.875744e+02, 0.0, 0.0],
    [4.485728e+01, 2.163791e-01, 2.745884e-03],
    [-3.395242e+02, 2.199936e+00, 2.729905e-03],
];
const FOCAL: f64 = 7.215377e+02;
const CENTRE: [f64; 2] = [6.095593e+02, 1.728540e+02];

/// The transforms between LiDAR, level frame and image.
#[derive(Debug, Clone)]
pub(super) struct SensorRig {
    /// LiDAR axes to level axes (same origin).
    pub lidar_to_level: Matrix3<f64>,
    /// The LiDAR's place in the rectified camera frame.
    lidar_in_rect: Vector3<f64>,
    /// Camera 2's place in the level frame.
    pub eye: V3,
}

/// Level axes from rectified camera axes.
fn level(r: &Vector3<f64>) -> Vector3<f64> {
    Vector3::new(r.z, -r.x, -r.y)
}

impl SensorRig {
    pub fn new() -> Self {
        let tr = Matrix3::new(TR[0], TR[1], TR[2], TR[4], TR[5], TR[6], TR[8], TR[9], TR[10]);
        let r = Matrix3::from_row_slice(&R0) * tr;
        let columns = [0, 1, 2].map(|k| level(&r.column(k).into_owned()));
        let lidar_in_rect = Matrix3::from_row_slice(&R0) * Vector3::new(TR[3], TR[7], TR[11]);
        let [px, py, pz] = OFFSETS[2];
        let shift = Vector3::new((px - CENTRE[0] * pz) / FOCAL, (py - CENTRE[1] * pz) / FOCAL, pz);
        let eye = level(&(-shift - lidar_in_rect));
        Self { lidar_to_level: Matrix3::from_columns(&columns), lidar_in_rect, eye: eye.cast() }
    }

    /// A point of the level frame in the rectified camera frame (camera 0, no shift to camera 2).
    pub fn to_rect(&self, p: &Vector3<f64>) -> Vector3<f64> {
        Vector3::new(-p.y, -p.z, p.x) + self.lidar_in_rect
    }

    /// Image place and depth in camera 2 of a point of the rectified camera frame.
    pub fn project(&self, r: &Vector3<f64>) -> [f64; 3] {
        let [px, py, pz] = OFFSETS[2];
        let w = r.z + pz;
        [(FOCAL * r.x + CENTRE[0] * r.z + px) / w, (FOCAL * r.y + CENTRE[1] * r.z + py) / w, w]
    }

    /// Unit direction, level frame, in which camera 2 sees an image place.
    pub fn ray(&self, u: f32, v: f32) -> V3 {
        let (f, cx, cy) = (FOCAL as f32, CENTRE[0] as f32, CENTRE[1] as f32);
        V3::new(1.0, (cx - u) / f, (cy - v) / f).normalize()
    }

    /// The text of a KITTI object `calib` file.
    pub fn calib_text() -> String {
        let numbers = |v: &[f64]| v.iter().map(|x| scientific(*x)).collect::<Vec<_>>().join(" ");
        let mut text = String::new();
        for (k, [x, y, z]) in OFFSETS.iter().enumerate() {
            let p = [FOCAL, 0.0, CENTRE[0], *x, 0.0, FOCAL, CENTRE[1], *y, 0.0, 0.0, 1.0, *z];
            text += &format!("P{k}: {}\n", numbers(&p));
        }
        text += &format!("R0_rect: {}\n", numbers(&R0));
        text += &format!("Tr_velo_to_cam: {}\n", numbers(&TR));
        text += &format!("Tr_imu_to_velo: {}\n\n", numbers(&IMU));
        text
    }
}

/// As C's `%.12e` writes it, which readers of the format expect.
fn scientific(x: f64) -> String {
    let text = format!("{x:.12e}");
    match text.split_once('e') {
        Some((m, e)) => {
            let e: i32 = e.parse().unwrap_or(0);
            format!("{m}e{}{:02}", if e < 0 { '-' } else { '+' }, e.abs())
        }
        None => text,
    }
}
