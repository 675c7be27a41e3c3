//! Rig files: a vehicle's own sensors, written by hand in YAML. `calib/example-vehicle.yaml` has
//! every line explained.

use std::fmt::Write as _;
use std::path::Path;

use nalgebra::{Isometry3, Quaternion, UnitQuaternion};
use serde::Deserialize;

use super::{Axes, Camera, Error, LidarSpec, Rig, kitti, matrix};
use crate::geometry::Pose;
use crate::yaml::explain;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RigFile {
    name: String,
    lidar: LidarFile,
    #[serde(default)]
    cameras: Vec<CameraFile>,
    label_frame: Option<LabelFrameFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LidarFile {
    #[serde(default)]
    axes: Option<String>,
    beams: u32,
    origin_height_m: f64,
    intensity_max: f64,
    elevation_deg: [f64; 2],
    azimuth_step_deg: f64,
    in_vehicle: PlaceFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CameraFile {
    name: String,
    size: [u32; 2],
    intrinsic: [f64; 9],
    from_lidar: Option<[f64; 12]>,
    in_vehicle: Option<PlaceFile>,
    #[serde(default)]
    time_offset_s: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelFrameFile {
    from_lidar: [f64; 12],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceFile {
    position_m: [f64; 3],
    rotation: Option<[f64; 9]>,
    quaternion_wxyz: Option<[f64; 4]>,
    turn_deg: Option<TurnFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnFile {
    yaw: f64,
    pitch: f64,
    roll: f64,
}

/// What is read from, for errors.
struct At<'a> {
    source: &'a str,
    place: String,
}

impl At<'_> {
    fn value(&self, key: &str, expected: &'static str, found: impl ToString) -> Error {
        Error::Value {
            file: self.source.to_owned(),
            place: format!("{}{key}", self.place),
            expected,
            found: found.to_string(),
        }
    }

    fn finite(&self, key: &str, values: &[f64]) -> Result<(), Error> {
        match values.iter().find(|v| !v.is_finite()) {
            Some(bad) => Err(self.value(key, "finite numbers", bad)),
            None => Ok(()),
        }
    }

    /// Sensor to vehicle. `own` turns a sensor that looks straight ahead, in its raw axes, to
    /// forward-left-up: the zero of `turn_deg`.
    fn place(&self, file: &PlaceFile, own: UnitQuaternion<f64>) -> Result<Isometry3<f64>, Error> {
        self.finite("position_m", &file.position_m)?;
        let rotation = match (&file.rotation, &file.quaternion_wxyz, &file.turn_deg) {
            (Some(rows), None, None) => {
                self.finite("rotation", rows)?;
                matrix::rotation(rows, self.source, &format!("{}rotation", self.place))?
            }
            (None, Some(q), None) => {
                self.finite("quaternion_wxyz", q)?;
                let raw = Quaternion::new(q[0], q[1], q[2], q[3]);
                if (raw.norm() - 1.0).abs() > 1e-3 {
                    let found = format!("length {:.6}", raw.norm());
                    return Err(self.value("quaternion_wxyz", "a quaternion of length 1", found));
                }
                UnitQuaternion::from_quaternion(raw)
            }
            (None, None, Some(turn)) => {
                let angles = [turn.roll, turn.pitch, turn.yaw];
                self.finite("turn_deg", &angles)?;
                let [roll, pitch, yaw] = angles.map(f64::to_radians);
                UnitQuaternion::from_euler_angles(roll, pitch, yaw) * own
            }
            _ => {
                return Err(self.value(
                    "",
                    "one of rotation, quaternion_wxyz, turn_deg",
                    "none or several of them",
                ));
            }
        };
        Ok(matrix::pose(&rotation, file.position_m))
    }
}

/// Reads a rig file's text; `source` names it in errors. A YAML error says line and column and shows
/// the text there; a value that makes no sense is named by its path of keys.
pub fn parse_rig_yaml(text: &str, source: &str) -> Result<Rig, Error> {
    let file: RigFile = serde_saphyr::from_str(text)
        .map_err(|e| Error::Yaml { file: source.to_owned(), message: explain(&e, source) })?;
    let at = At { source, place: "lidar.".to_owned() };
    let lidar = &file.lidar;
    let axes = match &lidar.axes {
        None => Axes::default(),
        Some(words) => words
            .parse()
            .map_err(|expected| at.value("axes", expected, format_args!("`{words}`")))?,
    };
    let spec = LidarSpec {
        axes,
        beams: lidar.beams,
        origin_height_m: lidar.origin_height_m,
        intensity_max: lidar.intensity_max,
        elevation_deg: lidar.elevation_deg,
        azimuth_step_deg: lidar.azimuth_step_deg,
    };
    check_lidar(&spec, &at)?;
    let to_crate = axes.rotation();
    let place = At { source, place: "lidar.in_vehicle.".to_owned() };
    // Poses of the file speak of raw axes, those of a rig of the crate's.
    let from_raw = to_crate.inverse();
    let lidar_to_ego = place.place(&lidar.in_vehicle, to_crate)? * from_raw;

    let mut cameras = Vec::with_capacity(file.cameras.len());
    for (index, camera) in file.cameras.iter().enumerate() {
        let at = At { source, place: format!("cameras[{index}].") };
        at.finite("intrinsic", &camera.intrinsic)?;
        at.finite("time_offset_s", &[camera.time_offset_s])?;
        if camera.size.contains(&0) {
            let found = format!("{:?}", camera.size);
            return Err(at.value("size", "width and height of at least 1 pixel", found));
        }
        if file.cameras[..index].iter().any(|other| other.name == camera.name) {
            return Err(at.value("name", "a name that no other camera has", &camera.name));
        }
        let from_lidar = match (&camera.from_lidar, &camera.in_vehicle) {
            (Some(rows), None) => raw_pose(rows, &at, source)? * from_raw,
            (None, Some(in_vehicle)) => {
                let place = At { source, place: format!("cameras[{index}].in_vehicle.") };
                place.place(in_vehicle, optical_to_vehicle())?.inverse() * lidar_to_ego
            }
            _ => {
                let found = "none or both of them";
                return Err(at.value("", "one of from_lidar, in_vehicle", found));
            }
        };
        let what = format!("cameras[{index}].intrinsic");
        cameras.push(Camera {
            name: camera.name.clone(),
            size: camera.size,
            intrinsic: matrix::intrinsic(&camera.intrinsic, source, &what)?,
            from_lidar: Pose::new(from_lidar),
            time_offset_s: camera.time_offset_s,
        });
    }
    let lidar_to_rect = match (&file.label_frame, cameras.first()) {
        (Some(frame), _) => {
            let at = At { source, place: "label_frame.".to_owned() };
            raw_pose(&frame.from_lidar, &at, source)? * from_raw
        }
        (None, Some(camera)) => camera.from_lidar.isometry,
        // No camera at all: as if one looked straight ahead from the LiDAR.
        (None, None) => matrix::pose(&optical_to_vehicle().inverse(), [0.0; 3]),
    };
    Ok(Rig {
        name: file.name,
        lidar: spec,
        cameras,
        lidar_to_rect: Pose::new(lidar_to_rect),
        lidar_to_ego: Pose::new(lidar_to_ego),
    })
}

fn raw_pose(rows: &[f64; 12], at: &At<'_>, source: &str) -> Result<Isometry3<f64>, Error> {
    at.finite("from_lidar", rows)?;
    matrix::isometry(rows, source, &format!("{}from_lidar", at.place))
}

/// Optical axes (x right, y down, z forward) of a camera that looks straight ahead, to the
/// vehicle's.
fn optical_to_vehicle() -> UnitQuaternion<f64> {
    matrix::nearest_rotation(&[0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0])
}

fn check_lidar(spec: &LidarSpec, at: &At<'_>) -> Result<(), Error> {
    at.finite("origin_height_m", &[spec.origin_height_m])?;
    at.finite("elevation_deg", &spec.elevation_deg)?;
    if !(1..=LidarSpec::MOST_BEAMS).contains(&spec.beams) {
        return Err(at.value("beams", "1 to 1024", spec.beams));
    }
    if !(spec.intensity_max > 0.0 && spec.intensity_max.is_finite()) {
        return Err(at.value("intensity_max", "a number above 0", spec.intensity_max));
    }
    if !(spec.azimuth_step_deg > 0.0 && spec.azimuth_step_deg < 90.0) {
        return Err(at.value("azimuth_step_deg", "degrees in 0..90", spec.azimuth_step_deg));
    }
    let [low, high] = spec.elevation_deg;
    if !(-90.0 <= low && low <= high && high <= 90.0) {
        let found = format!("[{low}, {high}]");
        return Err(at.value("elevation_deg", "[lowest, highest] within -90..90", found));
    }
    Ok(())
}

impl Rig {
    /// Reads a rig file, see [`parse_rig_yaml`].
    pub fn from_yaml(path: &Path) -> Result<Self, Error> {
        parse_rig_yaml(&kitti::read(path)?, &path.display().to_string())
    }

    /// The rig as a rig file, in the LiDAR's raw axes. [`parse_rig_yaml`] gives the same rig back, to
    /// rounding.
    pub fn to_yaml(&self) -> String {
        let l = &self.lidar;
        let to_crate = l.axes.rotation();
        let rows = |pose: Isometry3<f64>| {
            list(pose.to_matrix().fixed_view::<3, 4>(0, 0).transpose().iter())
        };
        let mut out = String::new();
        let ego = self.lidar_to_ego.isometry * to_crate;
        let turn = ego.rotation.to_rotation_matrix();
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "name: {}\nlidar:\n  axes: {}\n  beams: {}\n  origin_height_m: {:?}\n  \
             intensity_max: {:?}\n  elevation_deg: [{:?}, {:?}]\n  azimuth_step_deg: {:?}\n  \
             in_vehicle:\n    position_m: {}\n    rotation: {}\n",
            quoted(&self.name),
            l.axes,
            l.beams,
            l.origin_height_m,
            l.intensity_max,
            l.elevation_deg[0],
            l.elevation_deg[1],
            l.azimuth_step_deg,
            list(ego.translation.vector.iter()),
            list(turn.matrix().transpose().iter()),
        );
        if self.cameras.is_empty() {
            out.push_str("cameras: []\n");
        } else {
            out.push_str("cameras:\n");
        }
        for camera in &self.cameras {
            let _ = write!(
                out,
                "  - name: {}\n    size: [{}, {}]\n    intrinsic: {}\n    from_lidar: {}\n    \
                 time_offset_s: {:?}\n",
                quoted(&camera.name),
                camera.size[0],
                camera.size[1],
                list(camera.intrinsic.transpose().iter()),
                rows(camera.from_lidar.isometry * to_crate),
                camera.time_offset_s,
            );
        }
        let rect = rows(self.lidar_to_rect.isometry * to_crate);
        let _ = write!(out, "label_frame:\n  from_lidar: {rect}\n");
        out
    }
}

/// A name as a YAML string, whatever it holds.
fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

fn list<'a>(values: impl Iterator<Item = &'a f64>) -> String {
    let words: Vec<_> = values.map(|v| format!("{v:?}")).collect();
    format!("[{}]", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calib(file: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("calib").join(file)
    }

    fn near(a: &Isometry3<f64>, b: &Isometry3<f64>, tolerance: f64) -> bool {
        (a.to_matrix() - b.to_matrix()).abs().max() < tolerance
    }

    fn same(a: &Rig, b: &Rig, tolerance: f64) {
        assert_eq!(a.name, b.name);
        assert_eq!(a.lidar, b.lidar);
        assert!(near(&a.lidar_to_rect.isometry, &b.lidar_to_rect.isometry, tolerance));
        assert!(near(&a.lidar_to_ego.isometry, &b.lidar_to_ego.isometry, tolerance));
        assert_eq!(a.cameras.len(), b.cameras.len());
        for (a, b) in a.cameras.iter().zip(&b.cameras) {
            assert_eq!((&a.name, a.size, a.time_offset_s), (&b.name, b.size, b.time_offset_s));
            assert!((a.intrinsic - b.intrinsic).abs().max() < 1e-9);
            assert!(near(&a.from_lidar.isometry, &b.from_lidar.isometry, tolerance), "{}", a.name);
        }
    }

    #[test]
    fn the_kitti_rig_file_equals_the_built_in_rig() {
        same(&Rig::from_yaml(&calib("kitti.yaml")).unwrap(), &Rig::kitti(), 1e-9);
    }

    #[test]
    fn the_nuscenes_rig_file_sees_all_around() {
        let rig = Rig::from_yaml(&calib("nuscenes.yaml")).unwrap();
        assert_eq!(rig.cameras.len(), 6);
        assert_eq!(rig.lidar.axes.to_string(), "x right, y forward, z up");
        let front = rig.cameras[0].project([30.0, 0.0, 0.0]).unwrap();
        assert!((front[0] - 816.0).abs() < 40.0 && (front[1] - 491.0).abs() < 60.0, "{front:?}");
        for azimuth in 0..36 {
            let (sin, cos) = f64::from(azimuth * 10).to_radians().sin_cos();
            let seen = rig.cameras.iter().any(|c| {
                c.project([30.0 * cos, 30.0 * sin, -1.0]).is_some_and(|p| c.sees(p[0], p[1]))
            });
            assert!(seen, "nothing looks towards {} degrees", azimuth * 10);
        }
        let [x, y, z] = rig.lidar_to_ego.apply([10.0, 0.0, 0.0]);
        assert!((x - 10.94).abs() < 0.1 && y.abs() < 0.1 && (z - 1.84).abs() < 0.3, "{x} {y} {z}");
    }

    #[test]
    fn the_example_vehicle_is_a_whole_rig() {
        let rig = Rig::from_yaml(&calib("example-vehicle.yaml")).unwrap();
        assert_eq!(rig.cameras.len(), 2);
        let ahead = rig.cameras[0].project([20.0, 0.0, 0.0]).unwrap();
        assert!(rig.cameras[0].sees(ahead[0], ahead[1]), "{ahead:?}");
        assert!(rig.cameras[1].project([20.0, 0.0, 0.0]).is_none(), "the second looks back");
    }

    #[test]
    fn a_rig_written_and_read_is_the_same_rig() {
        for file in ["kitti.yaml", "nuscenes.yaml", "example-vehicle.yaml"] {
            let rig = Rig::from_yaml(&calib(file)).unwrap();
            let mut again = parse_rig_yaml(&rig.to_yaml(), "memory").unwrap();
            same(&rig, &again, 1e-12);
            again.name = "a: \"strange\" # name".to_owned();
            assert_eq!(parse_rig_yaml(&again.to_yaml(), "memory").unwrap().name, again.name);
        }
    }
}
