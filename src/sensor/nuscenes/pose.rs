//! nuScenes' chain of poses: where each sensor sat on the vehicle, where the vehicle was at that
//! sensor's own time, and what follows from both for this crate's LiDAR frame. All in f64.
//!
//! **The LiDAR frame here is level with the vehicle**: its origin is the sensor, its axes are those of
//! the vehicle (x forward, y left, z up). nuScenes' sensor is mounted with a pitch of about 1.4°;
//! turned by its axes alone, the road would rise 1 m at 40 m before the vehicle, and everything that
//! goes by height above ground would be wrong. So points are turned by the whole calibrated rotation.

use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};

use crate::geometry::{Pose, frames};

/// How far a quaternion's length may be from 1; the tables' are within 1e-9.
const LENGTH_TOLERANCE: f64 = 1e-3;

/// A sensor's own frame, as its calibration means it. LIDAR_TOP: x right, y forward, z up; cameras:
/// x right, y down, z forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sensor;

/// A sensor at the time of one of its measurements.
#[derive(Debug, Clone, Copy)]
pub struct Placement {
    /// Where it sits on the vehicle.
    pub to_ego: Pose<Sensor, frames::Ego>,
    /// Where the vehicle was then.
    pub ego_to_global: Pose<frames::Ego, frames::Global>,
}

impl Placement {
    /// The LiDAR frame of this crate, of the sensor `self`, on the vehicle: a shift alone.
    pub fn lidar_to_ego(&self) -> Pose<frames::Lidar, frames::Ego> {
        Pose::new(self.to_ego.isometry.translation.into())
    }

    /// The LiDAR frame of the sensor `self`, in the world.
    pub fn lidar_to_global(&self) -> Pose<frames::Lidar, frames::Global> {
        self.lidar_to_ego().then(&self.ego_to_global)
    }

    /// From this sensor's measurement to the LiDAR frame at another sensor's (`reference`) time: how
    /// a sweep is moved to its key frame.
    pub fn to_lidar_of(&self, reference: &Self) -> Pose<Sensor, frames::Lidar> {
        let between = moved(&self.ego_to_global, &reference.ego_to_global);
        Pose::new(reference.lidar_to_ego().isometry.inverse() * between * self.to_ego.isometry)
    }

    /// From the LiDAR frame at the reference's time to this sensor's own frame at its time: LiDAR,
    /// vehicle then, world, vehicle now, sensor.
    pub fn from_lidar_of(&self, reference: &Self) -> Pose<frames::Lidar, Sensor> {
        let between = moved(&reference.ego_to_global, &self.ego_to_global);
        Pose::new(self.to_ego.isometry.inverse() * between * reference.lidar_to_ego().isometry)
    }
}

/// From the vehicle at one time to the vehicle at another. The world's coordinates are thousands
/// of metres; their difference is taken first, so that no digit is lost in them.
fn moved(
    from: &Pose<frames::Ego, frames::Global>,
    to: &Pose<frames::Ego, frames::Global>,
) -> Isometry3<f64> {
    let (from, to) = (&from.isometry, &to.isometry);
    let back = to.rotation.inverse();
    let shift = back * (from.translation.vector - to.translation.vector);
    Isometry3::from_parts(Translation3::from(shift), back * from.rotation)
}

/// A pose as the tables write it: metres and a quaternion `w, x, y, z`. `None` where a number is not
/// finite or the quaternion's length is not 1.
pub fn pose<From, To>(translation: [f64; 3], rotation: [f64; 4]) -> Option<Pose<From, To>> {
    let [w, x, y, z] = rotation;
    let quaternion = Quaternion::new(w, x, y, z);
    let unit = (quaternion.norm() - 1.0).abs() <= LENGTH_TOLERANCE;
    (unit && translation.iter().all(|value| value.is_finite())).then(|| {
        Pose::new(Isometry3::from_parts(
            Translation3::from(translation),
            UnitQuaternion::from_quaternion(quaternion),
        ))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn placement() -> impl Strategy<Value = Placement> {
        let angles = || prop::array::uniform3(-3.0..3.0f64);
        let near = prop::array::uniform3(-2.0..2.0f64);
        (angles(), near, angles(), prop::array::uniform3(-2000.0..2000.0f64)).prop_map(
            |(a, s, b, t)| {
                let turn = |[r, p, y]: [f64; 3]| UnitQuaternion::from_euler_angles(r, p, y);
                let pose = |t, a| Isometry3::from_parts(Translation3::from(t), turn(a));
                Placement { to_ego: Pose::new(pose(s, a)), ego_to_global: Pose::new(pose(t, b)) }
            },
        )
    }

    fn near(a: [f64; 3], b: [f64; 3], tolerance: f64) -> bool {
        (0..3).all(|i| (a[i] - b[i]).abs() < tolerance)
    }

    proptest! {
        #[test]
        fn a_point_goes_round_the_chain_and_comes_back(
            lidar in placement(), camera in placement(), p in prop::array::uniform3(-80.0..80.0f64)
        ) {
            let there = camera.from_lidar_of(&lidar).apply(p);
            prop_assert!(near(camera.to_lidar_of(&lidar).apply(there), p, 1e-9));
            // The same through the world, step by step.
            let global = lidar.lidar_to_global().apply(p);
            let ego = camera.ego_to_global.inverse().apply(global);
            prop_assert!(near(camera.to_ego.inverse().apply(ego), there, 1e-8));
        }

        #[test]
        fn the_key_frames_own_points_are_turned_and_not_moved(
            lidar in placement(), p in prop::array::uniform3(-80.0..80.0f64)
        ) {
            let placed = lidar.to_lidar_of(&lidar).apply(p);
            let turned = lidar.to_ego.isometry.rotation * nalgebra::Vector3::from(p);
            prop_assert!(near(placed, turned.into(), 1e-11));
            // Level with the vehicle: heights differ by the sensor's alone.
            let ego = lidar.to_ego.apply(p);
            prop_assert!((ego[2] - placed[2] - lidar.to_ego.apply([0.0; 3])[2]).abs() < 1e-11);
        }
    }

    #[test]
    fn a_pose_of_no_numbers_is_none() {
        let good = [1.0, 0.0, 0.0, 0.0];
        assert!(pose::<Sensor, frames::Ego>([0.0; 3], good).is_some());
        assert!(pose::<Sensor, frames::Ego>([f64::NAN, 0.0, 0.0], good).is_none());
        assert!(pose::<Sensor, frames::Ego>([0.0; 3], [f64::NAN; 4]).is_none());
        assert!(pose::<Sensor, frames::Ego>([0.0; 3], [0.0; 4]).is_none());
        assert!(pose::<Sensor, frames::Ego>([0.0; 3], [2.0, 0.0, 0.0, 0.0]).is_none());
    }
}
