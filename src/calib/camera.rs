//! From LiDAR coordinates to pixels: points, and whole boxes with the part behind the camera cut off.
//!
//! Pixel coordinates have their origin in the centre of the top left pixel, u to the right, v down;
//! an image of `w` × `h` pixels reaches to `[w - 1, h - 1]`, as KITTI's 2D boxes do.

use nalgebra::{Matrix3, Vector3};

use crate::geometry::{Box3, Pose, frames};

/// Nearest depth that counts as before the camera, m.
pub const NEAR_M: f64 = 0.1;

/// A pinhole camera without distortion (rectify images that have any).
#[derive(Debug, Clone)]
pub struct Camera {
    /// Its name, such as `image_2`.
    pub name: String,
    /// Image size, pixels: width, height.
    pub size: [u32; 2],
    /// Intrinsic matrix; its last row is 0 0 1.
    pub intrinsic: Matrix3<f64>,
    /// LiDAR coordinates to this camera's optical frame.
    pub from_lidar: Pose<frames::Lidar, frames::Camera>,
    /// When the camera fires, seconds after the LiDAR's stamp.
    pub time_offset_s: f64,
}

/// What a camera sees of a box. Pixel rectangles are left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProjectedBox {
    /// Rectangle around the part of the box before the camera, not limited by the image.
    pub full: [f64; 4],
    /// The same, limited to the image; without area where the box is beside the image.
    pub clipped: [f64; 4],
    /// Area of `clipped` over area of `full`, 0..=1; 0 where `full` has no area.
    pub visible_share: f64,
    /// Depth of the nearest part before the camera, m, at least [`NEAR_M`].
    pub depth_min: f64,
}

/// A camera's whole way from LiDAR coordinates to pixels as one 3×4 matrix, for many points.
#[derive(Debug, Clone, Copy)]
pub struct Projector {
    rows: [[f64; 4]; 3],
}

impl Projector {
    /// As [`Camera::project`], equal to rounding.
    #[inline]
    pub fn project(&self, [x, y, z]: [f64; 3]) -> Option<[f64; 3]> {
        let [u, v, depth] = self.rows.map(|r| r[0] * x + r[1] * y + r[2] * z + r[3]);
        // Written so that NaN is refused.
        if depth >= NEAR_M { Some([u / depth, v / depth, depth]) } else { None }
    }
}

impl Camera {
    /// Where a LiDAR point falls: `[u, v, depth]`, pixels and m along the optical axis. `None` if it
    /// lies less than [`NEAR_M`] before the camera (or is not a number). The pixel may lie outside
    /// the image: see [`Camera::sees`].
    pub fn project(&self, point_lidar: [f64; 3]) -> Option<[f64; 3]> {
        let [x, y, z] = self.from_lidar.apply(point_lidar);
        if z >= NEAR_M {
            let [u, v] = self.pixel(x, y, z);
            Some([u, v, z])
        } else {
            None
        }
    }

    /// The same projection as one matrix, quicker for many points.
    pub fn projector(&self) -> Projector {
        let matrix = self.intrinsic * self.from_lidar.isometry.to_matrix().fixed_view::<3, 4>(0, 0);
        Projector { rows: std::array::from_fn(|r| std::array::from_fn(|c| matrix[(r, c)])) }
    }

    /// Whether a pixel position lies in the image, borders included.
    pub fn sees(&self, u: f64, v: f64) -> bool {
        let [right, bottom] = self.last_pixel();
        (0.0..=right).contains(&u) && (0.0..=bottom).contains(&v)
    }

    /// Right- and bottommost pixel position of the image.
    fn last_pixel(&self) -> [f64; 2] {
        self.size.map(|s| f64::from(s.max(1) - 1))
    }

    #[inline]
    fn pixel(&self, x: f64, y: f64, z: f64) -> [f64; 2] {
        let k = &self.intrinsic;
        [
            (k[(0, 0)] * x + k[(0, 1)] * y) / z + k[(0, 2)],
            (k[(1, 0)] * x + k[(1, 1)] * y) / z + k[(1, 2)],
        ]
    }

    /// Corners of a box in the optical frame, numbered as in [`Box3::corners`].
    fn corners(&self, box3: &Box3) -> [Vector3<f64>; 8] {
        let rotation = self.from_lidar.isometry.rotation;
        let (sin, cos) = box3.yaw.sin_cos();
        let [l, w, h] = box3.size.map(|s| 0.5 * s);
        let center = Vector3::from(self.from_lidar.apply(box3.center));
        let front = rotation * Vector3::new(l * cos, l * sin, 0.0);
        let left = rotation * Vector3::new(-w * sin, w * cos, 0.0);
        let up = rotation * Vector3::new(0.0, 0.0, h);
        let flat = [front + left, left - front, -front - left, front - left];
        std::array::from_fn(|i| center + flat[i % 4] + if i < 4 { -up } else { up })
    }

    /// The 2D box around a 3D box of the LiDAR frame. The part of the box nearer than [`NEAR_M`] (or
    /// behind the camera) is cut off first, so that a car beside the camera gives the rectangle that
    /// is really seen. `None` if all of it is cut off or a number is not finite.
    ///
    /// ```
    /// use emc2::calib::Rig;
    /// use emc2::geometry::Box3;
    ///
    /// let rig = Rig::kitti();
    /// let car = Box3::new([15.0, 0.0, -0.9], [4.0, 1.7, 1.5], 0.0);
    /// let seen = rig.cameras[0].project_box(&car).unwrap();
    /// assert_eq!(seen.full, seen.clipped);
    /// assert_eq!(seen.visible_share, 1.0);
    /// assert!(rig.cameras[0].project_box(&Box3 { center: [-15.0, 0.0, -0.9], ..car }).is_none());
    /// ```
    pub fn project_box(&self, box3: &Box3) -> Option<ProjectedBox> {
        if !box3.is_finite() {
            return None;
        }
        let corners = self.corners(box3);
        let mut full = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        let mut depth_min = f64::INFINITY;
        let mut grow = |p: Vector3<f64>| {
            let [u, v] = self.pixel(p.x, p.y, p.z);
            full = [full[0].min(u), full[1].min(v), full[2].max(u), full[3].max(v)];
            depth_min = depth_min.min(p.z);
        };
        let mut before = 0;
        for corner in corners {
            if corner.z >= NEAR_M {
                before += 1;
                grow(corner);
            }
        }
        if before == 0 {
            return None;
        }
        if before < corners.len() {
            for [a, b] in Box3::EDGES {
                let (a, b) = (corners[a], corners[b]);
                if (a.z >= NEAR_M) != (b.z >= NEAR_M) {
                    let t = (NEAR_M - a.z) / (b.z - a.z);
                    let mut cut = a + t * (b - a);
                    cut.z = NEAR_M;
                    grow(cut);
                }
            }
        }
        let [right, bottom] = self.last_pixel();
        let clipped = [
            full[0].clamp(0.0, right),
            full[1].clamp(0.0, bottom),
            full[2].clamp(0.0, right),
            full[3].clamp(0.0, bottom),
        ];
        let area = |r: [f64; 4]| (r[2] - r[0]) * (r[3] - r[1]);
        let whole = area(full);
        let visible_share = if whole > 0.0 { (area(clipped) / whole).min(1.0) } else { 0.0 };
        Some(ProjectedBox { full, clipped, visible_share, depth_min })
    }

    /// Share of a box's volume that lies in this camera's view, 0..=1, from a fixed lattice of
    /// 8 × 4 × 4 points. Unlike [`ProjectedBox::visible_share`] it does not depend on how large the
    /// near end of the box appears: a car half passed by has about half of it left.
    pub fn view_share(&self, box3: &Box3) -> f64 {
        const STEPS: [u32; 3] = [8, 4, 4];
        let corners = self.corners(box3);
        let origin = corners[2];
        let along = corners[3] - origin;
        let across = corners[1] - origin;
        let up = corners[6] - origin;
        let step = |i: u32, n: u32| (f64::from(i) + 0.5) / f64::from(n);
        let mut seen = 0u32;
        for i in 0..STEPS[0] {
            for j in 0..STEPS[1] {
                let foot = origin + along * step(i, STEPS[0]) + across * step(j, STEPS[1]);
                for k in 0..STEPS[2] {
                    let p = foot + up * step(k, STEPS[2]);
                    if p.z >= NEAR_M {
                        let [u, v] = self.pixel(p.x, p.y, p.z);
                        seen += u32::from(self.sees(u, v));
                    }
                }
            }
        }
        f64::from(seen) / f64::from(STEPS.iter().product::<u32>())
    }
}
