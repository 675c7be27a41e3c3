//! The rig of one key frame: calibration and poses come in, LiDAR and six cameras go out.
//!
//! Every sensor has its own time, and the vehicle moves in between: a camera's extrinsic leads from
//! the LiDAR frame over the vehicle at the LiDAR's time, the world and the vehicle at the camera's
//! time to the camera. So each frame has a rig of its own.

use nalgebra::UnitQuaternion;

use super::pose::Placement;
use super::tables::{Id, Sample, SampleData, Tables};
use crate::calib::{self, Axes, Camera, LidarSpec, Rig};
use crate::geometry::Pose;
use crate::sensor::Error;

/// The LiDAR that key frames are made with.
pub const LIDAR: &str = "LIDAR_TOP";
/// The cameras, in the order of a rig; results' 2D boxes and pictures refer to the first.
pub const CAMERAS: [&str; 6] = [
    "CAM_FRONT",
    "CAM_FRONT_RIGHT",
    "CAM_FRONT_LEFT",
    "CAM_BACK",
    "CAM_BACK_LEFT",
    "CAM_BACK_RIGHT",
];

/// What nuScenes' LiDAR (a 32-beam sensor) is like, `height_m` above the ground, with so many sweeps
/// in one cloud. A cloud of several sweeps has that many firings where one has one.
///
/// Its points come to a frame already turned, so `axes` are this crate's own. The beams' elevations
/// and the step are those of `calib/nuscenes.yaml`.
pub fn lidar_spec(height_m: f64, sweeps: usize) -> LidarSpec {
    LidarSpec {
        axes: Axes::default(),
        beams: 32,
        origin_height_m: height_m,
        intensity_max: f64::from(super::scan::INTENSITY_MAX),
        elevation_deg: [-30.6, 10.7],
        azimuth_step_deg: 0.33 / sweeps.max(1) as f64,
    }
}

/// Where the sensor of a file was when the file was made.
pub(super) fn placement(tables: &Tables, file: Id<SampleData>) -> Result<Placement, Error> {
    let row = &tables[file];
    let mounted = &tables[row.calibrated_sensor];
    let vehicle = &tables[row.ego_pose];
    let wrong = |table: &str| Error::Other {
        name: format!("nuScenes file {}", tables.filename(file)),
        cause: format!(
            "its {table} has a number that is not finite, or a quaternion whose length is not 1. Copy the tables again"
        ),
    };
    Ok(Placement {
        to_ego: super::pose::pose(mounted.translation, mounted.rotation)
            .ok_or_else(|| wrong("calibrated_sensor"))?,
        ego_to_global: super::pose::pose(vehicle.translation, vehicle.rotation)
            .ok_or_else(|| wrong("ego_pose"))?,
    })
}

/// The cameras' files of a key frame, in the order of [`CAMERAS`].
pub(super) fn camera_files(tables: &Tables, sample: Id<Sample>) -> Vec<Id<SampleData>> {
    CAMERAS.iter().filter_map(|channel| tables.key_frame_file(sample, channel)).collect()
}

/// The rig of a key frame whose LiDAR file is `lidar`; one camera for each of `cameras`.
pub(super) fn rig(
    tables: &Tables,
    lidar: Id<SampleData>,
    cameras: &[Id<SampleData>],
    sweeps: usize,
) -> Result<Rig, Error> {
    let reference = placement(tables, lidar)?;
    let cameras = cameras
        .iter()
        .map(|&file| camera(tables, file, &reference, tables[lidar].timestamp_us))
        .collect::<Result<Vec<_>, _>>()?;
    let lidar_to_rect = match cameras.first() {
        Some(camera) => Pose::new(camera.from_lidar.isometry),
        // No camera at all: as if one looked straight ahead from the LiDAR.
        None => Pose::new(nalgebra::Isometry3::from_parts(
            nalgebra::Translation3::identity(),
            UnitQuaternion::from_quaternion(nalgebra::Quaternion::new(0.5, 0.5, -0.5, 0.5)),
        )),
    };
    let vehicle = tables[tables[tables[lidar].sample].scene].log.map(|log| &tables[log].vehicle);
    Ok(Rig {
        name: vehicle.map_or_else(|| "nuscenes".to_owned(), |name| format!("nuscenes-{name}")),
        lidar: lidar_spec(reference.to_ego.apply([0.0; 3])[2], sweeps),
        cameras,
        lidar_to_rect,
        lidar_to_ego: reference.lidar_to_ego(),
    })
}

fn camera(
    tables: &Tables,
    file: Id<SampleData>,
    reference: &Placement,
    lidar_time_us: i64,
) -> Result<Camera, Error> {
    let row = &tables[file];
    let channel = tables.channel(file);
    let what = format!("camera_intrinsic of {channel}");
    let table = || format!("calibrated_sensor of {}", tables.filename(file));
    let rows = tables[row.calibrated_sensor].camera_intrinsic.ok_or_else(|| Error::Other {
        name: table(),
        cause: format!("expected a 3 x 3 {what}, found none. Copy the tables again"),
    })?;
    let flat = std::array::from_fn(|i| rows[i / 3][i % 3]);
    let intrinsic = calib::intrinsic(&flat, "calibrated_sensor.json", &what)
        .map_err(|source| Error::Calibration { file: table(), source: source.into() })?;
    let from_lidar = placement(tables, file)?.from_lidar_of(reference);
    Ok(Camera {
        name: channel.to_owned(),
        size: row.image_size,
        intrinsic,
        from_lidar: Pose::new(from_lidar.isometry),
        time_offset_s: (row.timestamp_us - lidar_time_us) as f64 * 1e-6,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sensor_is_that_of_the_rig_file() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("calib/nuscenes.yaml");
        let written = Rig::from_yaml(&file).unwrap();
        let spec = LidarSpec { axes: written.lidar.axes, ..lidar_spec(1.84, 1) };
        assert_eq!(spec, written.lidar);
        assert_eq!(CAMERAS, *written.cameras.iter().map(|c| c.name.as_str()).collect::<Vec<_>>());
    }

    #[test]
    fn two_sweeps_fire_twice_as_often() {
        assert_eq!(lidar_spec(1.84, 2).azimuth_step_deg, 0.165);
        assert_eq!(lidar_spec(1.84, 0), lidar_spec(1.84, 1));
    }
}
