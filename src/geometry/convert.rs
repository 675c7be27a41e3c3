//! Boxes as others write them: KITTI's labels and nuScenes' annotations, to and from [`Box3`].
//!
//! KITTI (Geiger et al., 2012) writes a box upright in the rectified camera frame: `h, w, l`, the
//! middle of the *bottom* face, and `rotation_y` about the camera's downward y axis, 0 along +x
//! (right). nuScenes (Caesar et al., 2020) writes the centre, `w, l, h` and a quaternion `w, x, y, z`.
//!
//! The vertical axes of those frames and of the LiDAR differ by a small tilt. The centre is always
//! mapped exactly; the heading is mapped within the horizontal planes by a 2×2 matrix whose inverse
//! the way back uses, so that there and back gives the same numbers (to rounding).

use std::f64::consts::{PI, TAU};

use nalgebra::{Matrix2, Quaternion, UnitQuaternion, Vector2, Vector3};

use super::{
    Box3, Pose,
    frames::{Lidar, Rect},
};

/// A box as a line of a KITTI label holds it, rectified camera frame (x right, y down, z forward).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KittiBox {
    /// Height, width, length, m.
    pub size_hwl: [f64; 3],
    /// Middle of the bottom face, m.
    pub location: [f64; 3],
    /// Heading about +y (down), rad, 0 along +x (right).
    pub rotation_y: f64,
}

/// A box as nuScenes writes it, in a frame with z up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NuscenesBox {
    /// Centre, m.
    pub translation: [f64; 3],
    /// Width, length, height, m.
    pub size_wlh: [f64; 3],
    /// Quaternion w, x, y, z that turns the box's own axes (x along the heading) into the frame;
    /// need not be of length one.
    pub rotation: [f64; 4],
}

/// An angle brought to [-π, π). A value that is not finite comes back as NaN.
pub fn wrap_angle(angle: f64) -> f64 {
    if (-PI..PI).contains(&angle) {
        return angle;
    }
    let turned = (angle + PI).rem_euclid(TAU) - PI;
    // rem_euclid may round up to the full turn.
    if turned >= PI { -PI } else { turned }
}

/// KITTI's observation angle alpha, rad in [-π, π): the heading as seen along the ray to the box,
/// from `rotation_y` and the location in the rectified camera frame.
pub fn observation_angle(rotation_y: f64, location: [f64; 3]) -> f64 {
    wrap_angle(rotation_y - location[0].atan2(location[2]))
}

/// [`observation_angle`] of a box in the LiDAR frame.
pub fn alpha(box3: &Box3, lidar_to_rect: &Pose<Lidar, Rect>) -> f64 {
    let label = KittiBox::from_box3(box3, lidar_to_rect);
    observation_angle(label.rotation_y, label.location)
}

/// The horizontal part of the rotation from the rectified camera to the LiDAR: (right, forward) to
/// (x, y).
fn horizontal(lidar_to_rect: &Pose<Lidar, Rect>) -> Matrix2<f64> {
    let back = lidar_to_rect.isometry.rotation.inverse();
    let right = back * Vector3::x();
    let forward = back * Vector3::z();
    Matrix2::new(right.x, forward.x, right.y, forward.y)
}

impl KittiBox {
    /// The label as a box in the LiDAR frame, yaw in [-π, π).
    pub fn to_box3(&self, lidar_to_rect: &Pose<Lidar, Rect>) -> Box3 {
        let [h, w, l] = self.size_hwl;
        let [x, y, z] = self.location;
        let center = lidar_to_rect.inverse().apply([x, y - 0.5 * h, z]);
        let (sin, cos) = self.rotation_y.sin_cos();
        let heading = horizontal(lidar_to_rect) * Vector2::new(cos, -sin);
        Box3::new(center, [l, w, h], wrap_angle(heading.y.atan2(heading.x)))
    }

    /// A box of the LiDAR frame as a label, `rotation_y` in [-π, π). The opposite of
    /// [`KittiBox::to_box3`]. If the pose turns the camera's forward axis upright there is no such
    /// label and `rotation_y` is NaN.
    pub fn from_box3(box3: &Box3, lidar_to_rect: &Pose<Lidar, Rect>) -> Self {
        let [l, w, h] = box3.size;
        let [x, y, z] = lidar_to_rect.apply(box3.center);
        let (sin, cos) = box3.yaw.sin_cos();
        let rotation_y = horizontal(lidar_to_rect).try_inverse().map_or(f64::NAN, |back| {
            let heading = back * Vector2::new(cos, sin);
            wrap_angle((-heading.y).atan2(heading.x))
        });
        Self { size_hwl: [h, w, l], location: [x, y + 0.5 * h, z], rotation_y }
    }
}

/// The horizontal part of a rotation between frames with z up.
fn level(rotation: &UnitQuaternion<f64>) -> Matrix2<f64> {
    let x = rotation * Vector3::x();
    let y = rotation * Vector3::y();
    Matrix2::new(x.x, y.x, x.y, y.y)
}

impl NuscenesBox {
    /// Heading in the annotation's own frame, rad in [-π, π): direction of the box's x axis seen
    /// from above (the benchmark's rule). NaN for a quaternion of length 0.
    pub fn yaw(&self) -> f64 {
        let [w, x, y, z] = self.rotation;
        let raw = Quaternion::new(w, x, y, z);
        let length = raw.norm();
        if length.is_nan() || length == 0.0 {
            return f64::NAN;
        }
        let heading = UnitQuaternion::from_quaternion(raw) * Vector3::x();
        wrap_angle(heading.y.atan2(heading.x))
    }

    /// The annotation as a box in the LiDAR frame (this crate's: x forward), yaw in [-π, π).
    pub fn to_box3<F>(&self, to_lidar: &Pose<F, Lidar>) -> Box3 {
        let [w, l, h] = self.size_wlh;
        let (sin, cos) = self.yaw().sin_cos();
        let heading = level(&to_lidar.isometry.rotation) * Vector2::new(cos, sin);
        let yaw = wrap_angle(heading.y.atan2(heading.x));
        Box3::new(to_lidar.apply(self.translation), [l, w, h], yaw)
    }

    /// A box of the LiDAR frame as an annotation, turned about z alone. The opposite of
    /// [`NuscenesBox::to_box3`] for annotations that stand upright.
    pub fn from_box3<F>(box3: &Box3, to_lidar: &Pose<F, Lidar>) -> Self {
        let [l, w, h] = box3.size;
        let (sin, cos) = box3.yaw.sin_cos();
        let half = level(&to_lidar.isometry.rotation).try_inverse().map_or(f64::NAN, |back| {
            let heading = back * Vector2::new(cos, sin);
            0.5 * heading.y.atan2(heading.x)
        });
        Self {
            translation: to_lidar.inverse().apply(box3.center),
            size_wlh: [w, l, h],
            rotation: [half.cos(), 0.0, 0.0, half.sin()],
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{Isometry3, Translation3};
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::frames::Global;

    /// The camera axes of a LiDAR that looks forward: right = -y, down = -z, forward = x.
    fn camera_axes() -> UnitQuaternion<f64> {
        let axes = nalgebra::Matrix3::new(0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0);
        UnitQuaternion::from_matrix(&axes)
    }

    fn pose_to_rect() -> impl Strategy<Value = Pose<Lidar, Rect>> {
        (prop::array::uniform3(-0.05..0.05f64), prop::array::uniform3(-1.0..1.0f64)).prop_map(
            |(tilt, t)| {
                let tilt = UnitQuaternion::from_euler_angles(tilt[0], tilt[1], tilt[2]);
                Pose::new(Isometry3::from_parts(Translation3::from(t), tilt * camera_axes()))
            },
        )
    }

    fn any_box() -> impl Strategy<Value = Box3> {
        (prop::array::uniform3(-80.0..80.0f64), prop::array::uniform3(0.1..12.0f64), -PI..PI)
            .prop_map(|(center, size, yaw)| Box3::new(center, size, yaw))
    }

    fn same(a: &Box3, b: &Box3, tolerance: f64) -> bool {
        (0..3).all(|i| {
            (a.center[i] - b.center[i]).abs() < tolerance
                && (a.size[i] - b.size[i]).abs() < tolerance
        }) && wrap_angle(a.yaw - b.yaw).abs() < tolerance
    }

    proptest! {
        #[test]
        fn a_kitti_label_comes_back(b in any_box(), pose in pose_to_rect()) {
            let label = KittiBox::from_box3(&b, &pose);
            prop_assert!(same(&b, &label.to_box3(&pose), 1e-10));
            let again = KittiBox::from_box3(&label.to_box3(&pose), &pose);
            prop_assert!(wrap_angle(again.rotation_y - label.rotation_y).abs() < 1e-12);
            prop_assert!((0..3).all(|i| (again.location[i] - label.location[i]).abs() < 1e-10));
            prop_assert_eq!(again.size_hwl, label.size_hwl);
        }

        #[test]
        fn a_nuscenes_box_comes_back(
            b in any_box(), tilt in prop::array::uniform2(-0.05..0.05f64), yaw in -PI..PI,
            t in prop::array::uniform3(-2000.0..2000.0f64), scale in 0.1..5.0f64,
        ) {
            let pose = Pose::<Global, Lidar>::new(Isometry3::from_parts(
                Translation3::from(t),
                UnitQuaternion::from_euler_angles(tilt[0], tilt[1], yaw),
            ));
            let mut annotation = NuscenesBox::from_box3(&b, &pose);
            annotation.rotation = annotation.rotation.map(|q| q * scale);
            prop_assert!(same(&b, &annotation.to_box3(&pose), 1e-8));
            let again = NuscenesBox::from_box3(&annotation.to_box3(&pose), &pose);
            prop_assert!(wrap_angle(again.yaw() - annotation.yaw()).abs() < 1e-12);
        }

        #[test]
        fn wrapped_angles_are_the_same_direction(angle in -1e4..1e4f64) {
            let wrapped = wrap_angle(angle);
            prop_assert!((-PI..PI).contains(&wrapped));
            prop_assert!((wrapped.sin() - angle.sin()).abs() < 1e-9);
            prop_assert!((wrapped.cos() - angle.cos()).abs() < 1e-9);
        }
    }

    #[test]
    fn headings_follow_the_drawing() {
        let pose = Pose::<Lidar, Rect>::new(Isometry3::from_parts(
            Translation3::identity(),
            camera_axes(),
        ));
        // A car ahead, driving away: yaw 0 in the LiDAR frame, rotation_y -pi/2, alpha -pi/2.
        let ahead = Box3::new([20.0, 0.0, -0.9], [4.0, 1.8, 1.6], 0.0);
        let label = KittiBox::from_box3(&ahead, &pose);
        assert!((label.rotation_y + PI / 2.0).abs() < 1e-12);
        assert_eq!(label.size_hwl, [1.6, 1.8, 4.0]);
        assert!((label.location[1] - 1.7).abs() < 1e-12, "the bottom face lies 1.7 m down");
        assert!((label.location[2] - 20.0).abs() < 1e-12);
        assert!((alpha(&ahead, &pose) + PI / 2.0).abs() < 1e-12);
        // Towards the left is -x for the camera: rotation_y = pi, written as -pi.
        let left = KittiBox::from_box3(&Box3 { yaw: PI / 2.0, ..ahead }, &pose);
        assert!((left.rotation_y.abs() - PI).abs() < 1e-12);
        // The same heading seen 45 degrees to the right changes alpha, not rotation_y.
        let aside = Box3 { center: [20.0, -20.0, -0.9], ..ahead };
        assert!((alpha(&aside, &pose) - wrap_angle(-PI / 2.0 - PI / 4.0)).abs() < 1e-12);
    }

    #[test]
    fn wrap_angle_at_its_ends() {
        assert_eq!(wrap_angle(PI), -PI);
        assert_eq!(wrap_angle(-PI), -PI);
        assert_eq!(wrap_angle(0.0), 0.0);
        assert!(wrap_angle(f64::INFINITY).is_nan());
        assert!((-PI..PI).contains(&wrap_angle(-PI - f64::EPSILON * 2.0)));
    }
}
