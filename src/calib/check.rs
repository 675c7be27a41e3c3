//! A rig looks at itself: numbers that cannot be meant, and whether a frame fits it.

use image::GrayImage;

use super::{Alignment, AlignmentCheck, Camera, NotJudged, Rig};
use crate::frame::PointCloud;

/// A LiDAR that is tilted by more than this loses boxes.
const MOST_TILT_DEG: f64 = 1.5;

/// Something about a rig that is probably a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where: `lidar`, `vehicle`, or the camera's name.
    pub place: String,
    /// What is strange, with the value and what would be usual.
    pub message: String,
}

/// How one frame fits a camera of the rig.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameCheck {
    /// Share of the scan's points that fall into the image, 0..=1; 0 for an empty scan.
    pub share_in_view: f64,
    /// How depth and image edges agree in this one frame, or why that cannot be said. One frame is
    /// never called off by itself: see [`AlignmentCheck`].
    pub alignment: Result<Alignment, NotJudged>,
}

impl Rig {
    /// Looks for numbers that cannot be meant. An empty list does not mean that the rig is right,
    /// only that nothing is plainly wrong; [`AlignmentCheck`] looks at real frames.
    pub fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut note = |place: &str, message: String| {
            findings.push(Finding { place: place.to_owned(), message });
        };
        let lidar = &self.lidar;
        if !(0.1..=6.0).contains(&lidar.origin_height_m) {
            let h = lidar.origin_height_m;
            note("lidar", format!("origin height is {h} m; 0.1 to 6 m is usual for a vehicle"));
        }
        let [low, high] = lidar.elevation_deg;
        let known = (1..=super::LidarSpec::MOST_BEAMS).contains(&lidar.beams);
        if !(known && low <= high && low >= -90.0 && high <= 90.0) {
            let beams = lidar.beams;
            note(
                "lidar",
                format!("{beams} beams from {low}° to {high}°: expected lowest, highest"),
            );
        }
        if !(0.01..=5.0).contains(&lidar.azimuth_step_deg) {
            let step = lidar.azimuth_step_deg;
            note("lidar", format!("azimuth step is {step}°; 0.05° to 1° is usual"));
        }
        let up = self.lidar_to_ego.isometry.rotation * nalgebra::Vector3::z();
        let tilt = up.z.clamp(-1.0, 1.0).acos().to_degrees();
        if tilt > MOST_TILT_DEG {
            let message = format!(
                "it is tilted by {tilt:.1}°, but boxes are looked for on level ground: turn the points level before \
                 they come in, and give a rig without the tilt (1° costs scores, 2° the far objects)"
            );
            note("lidar", message);
        }
        let [x, y, z] = self.lidar_to_ego.apply([0.0; 3]);
        if (z - lidar.origin_height_m).abs() > 0.5 {
            let h = lidar.origin_height_m;
            let message = format!(
                "the LiDAR sits {z:.2} m above the vehicle's origin but {h} m above the ground: the \
                 vehicle's origin should lie on the ground"
            );
            note("vehicle", message);
        }
        if x.hypot(y) > 20.0 {
            note(
                "vehicle",
                format!("the LiDAR sits {:.1} m from the vehicle's origin", x.hypot(y)),
            );
        }
        for (pose, place) in [
            (&self.lidar_to_ego.isometry, "vehicle"),
            (&self.lidar_to_rect.isometry, "label frame"),
        ] {
            note_rotation(pose, place, &mut note);
        }
        for camera in &self.cameras {
            check_camera(camera, &mut note);
        }
        findings
    }

    /// How a frame fits camera `camera` (index into [`Rig::cameras`]); `None` if there is no such
    /// camera. The picture is grey.
    pub fn check_frame(
        &self,
        camera: usize,
        cloud: &PointCloud,
        gray: &GrayImage,
    ) -> Option<FrameCheck> {
        let camera = self.cameras.get(camera)?;
        let mut check = AlignmentCheck::new(camera, &self.lidar);
        let few = NotJudged::FewEdges { found: 0, needed: 1 };
        let alignment =
            check.add(cloud, gray).and_then(|()| check.result().ok_or_else(|| few.clone()));
        Some(FrameCheck { share_in_view: share_in_view(camera, cloud), alignment })
    }
}

/// Share of a scan's points that fall into a camera's image.
fn share_in_view(camera: &Camera, cloud: &PointCloud) -> f64 {
    let projector = camera.projector();
    let seen = cloud.points.iter().filter(|p| {
        projector
            .project([p[0], p[1], p[2]].map(f64::from))
            .is_some_and(|[u, v, _]| camera.sees(u, v))
    });
    seen.count() as f64 / cloud.points.len().max(1) as f64
}

fn note_rotation(
    pose: &nalgebra::Isometry3<f64>,
    place: &str,
    note: &mut impl FnMut(&str, String),
) {
    let length = pose.rotation.quaternion().norm();
    if length.is_nan() || (length - 1.0).abs() > 1e-6 {
        note(place, format!("its rotation is not orthonormal (quaternion of length {length})"));
    }
    if !pose.translation.vector.iter().all(|v| v.is_finite()) {
        note(place, "its position is not a number".to_owned());
    }
}

fn check_camera(camera: &Camera, note: &mut impl FnMut(&str, String)) {
    let name = camera.name.as_str();
    let [width, height] = camera.size.map(f64::from);
    let k = &camera.intrinsic;
    if camera.size.iter().any(|s| !(16..=20_000).contains(s)) {
        note(name, format!("image size is {width} × {height} pixels"));
    }
    for (what, center, size) in [("column", k[(0, 2)], width), ("row", k[(1, 2)], height)] {
        if !((0.25 * size)..=(0.75 * size)).contains(&center) {
            let message = format!(
                "the principal point lies at {what} {center:.1} of {size}: usually it is near the \
                 middle. Is the image size right, or was the image cropped or scaled after \
                 calibration?"
            );
            note(name, message);
        }
    }
    let [fx, fy] = [k[(0, 0)], k[(1, 1)]];
    let view = 2.0 * (0.5 * width / fx).atan().to_degrees();
    if !(5.0..=150.0).contains(&view) {
        let message =
            format!("focal length {fx:.1} px makes a view {view:.0}° wide (usual: 20° to 120°)");
        note(name, message);
    }
    if !(0.9..=1.1).contains(&(fx / fy)) {
        note(name, format!("focal lengths {fx:.1} and {fy:.1} px differ by more than 10 %"));
    }
    let pose = &camera.from_lidar.isometry;
    note_rotation(pose, name, note);
    let away = pose.translation.vector.norm();
    if away > 10.0 {
        note(name, format!("it sits {away:.1} m from the LiDAR: is the translation in metres?"));
    }
    // The LiDAR's upward axis should point upward in the picture, against the optical y axis.
    let up = pose.rotation * nalgebra::Vector3::z();
    if -up.y < 0.5 {
        let message = format!(
            "the LiDAR's z axis points {} in its picture: are the axes those of an optical frame (x \
             right, y down, z forward), and the rotation from LiDAR to camera?",
            if up.y > 0.5 { "down" } else { "sideways or along the view" }
        );
        note(name, message);
    }
    if camera.time_offset_s.abs() > 1.0 {
        let offset = camera.time_offset_s;
        note(
            name,
            format!("it fires {offset} s from the LiDAR's stamp: is the offset in seconds?"),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nalgebra::{Isometry3, UnitQuaternion};

    use super::*;
    use crate::geometry::Pose;

    #[test]
    fn the_rigs_that_come_along_have_nothing_strange() {
        for file in ["kitti.yaml", "nuscenes.yaml", "example-vehicle.yaml"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("calib").join(file);
            assert_eq!(Rig::from_yaml(&path).unwrap().check(), [], "{file}");
        }
        assert_eq!(Rig::kitti().check(), []);
    }

    #[test]
    fn usual_mistakes_are_found() {
        let found = |change: &dyn Fn(&mut Rig), words: &str| {
            let mut rig = Rig::kitti();
            change(&mut rig);
            let findings = rig.check();
            assert!(findings.iter().any(|f| f.message.contains(words)), "{words}: {findings:?}");
        };
        found(&|r| r.cameras[0].size = [621, 188], "principal point");
        found(&|r| r.cameras[0].intrinsic[(0, 0)] = 7.2, "focal length");
        found(&|r| r.cameras[0].intrinsic[(1, 1)] = 600.0, "differ");
        found(&|r| r.cameras[0].from_lidar.isometry.translation.x = 270.0, "in metres");
        found(&|r| r.lidar_to_ego = Pose::identity(), "on the ground");
        found(&|r| r.cameras[0].time_offset_s = -45.0, "in seconds");
        found(&|r| r.lidar.origin_height_m = 173.0, "origin height");
        found(&|r| r.lidar.beams = 2_000_000, "beams");
        let pitched = |r: &mut Rig| {
            let turn = UnitQuaternion::from_euler_angles(0.0, 2f64.to_radians(), 0.0);
            let at = r.lidar_to_ego.isometry.translation;
            r.lidar_to_ego = Pose::new(Isometry3::from_parts(at, turn));
        };
        found(&pitched, "tilted by 2.0°");
        let inverted = |r: &mut Rig| {
            r.cameras[0].from_lidar = Pose::new(r.cameras[0].from_lidar.isometry.inverse());
        };
        found(&inverted, "z axis points");
        let stretched = |r: &mut Rig| {
            let q = r.cameras[0].from_lidar.isometry.rotation.into_inner() * 1.1;
            let rotation = UnitQuaternion::new_unchecked(q);
            let t = r.cameras[0].from_lidar.isometry.translation;
            r.cameras[0].from_lidar = Pose::new(Isometry3::from_parts(t, rotation));
        };
        found(&stretched, "not orthonormal");
    }

    #[test]
    fn points_in_view_are_counted() {
        let rig = Rig::kitti();
        let ahead = [20.0, 0.0, -1.0, 0.5];
        let behind = [-20.0, 0.0, -1.0, 0.5];
        let cloud = PointCloud { points: vec![ahead, behind, behind, behind] };
        let check = rig.check_frame(0, &cloud, &GrayImage::new(1242, 375)).unwrap();
        assert_eq!(check.share_in_view, 0.25);
        assert!(check.alignment.is_err());
        assert!(rig.check_frame(1, &cloud, &GrayImage::new(1242, 375)).is_none());
    }
}
