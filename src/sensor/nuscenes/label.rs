//! nuScenes' annotations as labels of this crate: a category and an attribute in, a class out; a box
//! in the world in, a box in the LiDAR frame out.

use super::tables::{Annotation, Id, Tables};
use crate::calib::Rig;
use crate::frame::{Class, Label};
use crate::geometry::{NuscenesBox, Pose, alpha, frames};

/// The class of an annotated object; none for what KITTI's labels do not name at all (barriers, cones,
/// animals, debris, racks, things that are pushed).
///
/// KITTI's Cyclist is a person on two wheels, so a bicycle or motorcycle is one only with its rider.
/// Buses, trailers, construction and emergency vehicles, wheelchairs, pushchairs and riderless cycles
/// are Misc.
pub fn class_of(category: &str, attribute: Option<&str>) -> Option<Class> {
    Some(match category {
        "vehicle.car" => Class::Car,
        "vehicle.truck" => Class::Truck,
        "vehicle.bicycle" | "vehicle.motorcycle" if attribute == Some("cycle.with_rider") => {
            Class::Cyclist
        }
        "human.pedestrian.adult"
        | "human.pedestrian.child"
        | "human.pedestrian.construction_worker"
        | "human.pedestrian.police_officer" => {
            if attribute == Some("pedestrian.sitting_lying_down") {
                Class::PersonSitting
            } else {
                Class::Pedestrian
            }
        }
        other if other.starts_with("vehicle.") || other.starts_with("human.") => Class::Misc,
        _ => return None,
    })
}

/// KITTI's occlusion class of a band of visibility, which is a share of pixels in all six cameras.
fn occlusion(level: Option<&str>) -> i32 {
    match level {
        Some("v80-100") => 0,
        Some("v40-60" | "v60-80") => 1,
        Some("v0-40") => 2,
        _ => -1,
    }
}

/// An annotation as a label of a frame with that rig; none where [`class_of`] gives none.
///
/// The 2D box is the projection into the rig's first camera, cut at the image's border, all -1 where
/// that camera does not see it; truncation is the share cut off there, -1 where it is unseen.
pub(super) fn label(
    tables: &Tables,
    annotation: Id<Annotation>,
    to_lidar: &Pose<frames::Global, frames::Lidar>,
    rig: &Rig,
) -> Option<Label> {
    let row = &tables[annotation];
    let class = class_of(tables.category_of(annotation), tables.attribute_of(annotation))?;
    let written = NuscenesBox {
        translation: row.translation,
        size_wlh: row.size_wlh,
        rotation: row.rotation,
    };
    let box3 = written.to_box3(to_lidar);
    let seen = rig
        .cameras
        .first()
        .and_then(|camera| camera.project_box(&box3))
        .filter(|seen| seen.visible_share > 0.0);
    Some(Label {
        class,
        box3: Some(box3),
        bbox: seen.map_or([-1.0; 4], |seen| seen.clipped),
        truncation: seen.map_or(-1.0, |seen| 1.0 - seen.visible_share),
        occlusion: occlusion(row.visibility.map(|band| tables[band].level.as_str())),
        alpha: alpha(&box3, &rig.lidar_to_rect),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_a_cyclist_only_with_its_rider() {
        let with = Some("cycle.with_rider");
        assert_eq!(class_of("vehicle.bicycle", with), Some(Class::Cyclist));
        assert_eq!(class_of("vehicle.motorcycle", with), Some(Class::Cyclist));
        assert_eq!(class_of("vehicle.bicycle", Some("cycle.without_rider")), Some(Class::Misc));
        assert_eq!(class_of("vehicle.bicycle", None), Some(Class::Misc));
    }

    #[test]
    fn every_category_is_a_class_or_said_to_be_none() {
        for (category, class) in [
            ("vehicle.car", Some(Class::Car)),
            ("vehicle.truck", Some(Class::Truck)),
            ("vehicle.bus.bendy", Some(Class::Misc)),
            ("vehicle.trailer", Some(Class::Misc)),
            ("vehicle.emergency.police", Some(Class::Misc)),
            ("human.pedestrian.child", Some(Class::Pedestrian)),
            ("human.pedestrian.wheelchair", Some(Class::Misc)),
            ("movable_object.barrier", None),
            ("static_object.bicycle_rack", None),
            ("animal", None),
        ] {
            assert_eq!(class_of(category, None), class, "{category}");
        }
        let sitting = Some("pedestrian.sitting_lying_down");
        assert_eq!(class_of("human.pedestrian.adult", sitting), Some(Class::PersonSitting));
    }
}
