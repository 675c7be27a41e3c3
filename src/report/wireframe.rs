//! A 3D box as lines in a camera image, cut at the near plane and at the picture's border, so that
//! a box beside or half behind the camera draws as what can be seen of it.

use nalgebra::Point3;

use crate::calib::Camera;
use crate::geometry::Box3;

/// Nearer than this to the optical centre nothing is drawn, m.
const NEAR_M: f64 = 0.1;
/// Lines may run this far over the border, so that their ends are not seen, pixels.
const MARGIN_PX: f64 = 4.0;

/// What can be seen of a box in an image. Pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wireframe {
    /// Visible parts of the edges that do not belong to the front face.
    pub edges: Vec<[[f32; 2]; 2]>,
    /// Visible parts of the front face's edges.
    pub front_edges: Vec<[[f32; 2]; 2]>,
    /// The front face (where the object drives to), cut at the near plane and the border.
    pub front: Vec<[f32; 2]>,
}

impl Wireframe {
    /// Left, top, right, bottom of what can be seen.
    pub fn bounds(&self) -> Option<[f32; 4]> {
        let mut bounds: Option<[f32; 4]> = None;
        for [u, v] in self.edges.iter().chain(&self.front_edges).flatten() {
            let b = bounds.get_or_insert([*u, *v, *u, *v]);
            *b = [b[0].min(*u), b[1].min(*v), b[2].max(*u), b[3].max(*v)];
        }
        bounds
    }
}

/// The eight corners in the box's own frame: 0..4 the front face, 4..8 the rear one, each
/// left-bottom, right-bottom, right-top, left-top as the driver sees them.
pub(super) fn corners(box3: &Box3) -> [[f64; 3]; 8] {
    let (sin, cos) = box3.yaw.sin_cos();
    let [l, w, h] = box3.size.map(|s| s / 2.0);
    let around = [[w, -h], [-w, -h], [-w, h], [w, h]];
    std::array::from_fn(|i| {
        let x = if i < 4 { l } else { -l };
        let [y, z] = around[i % 4];
        [box3.center[0] + cos * x - sin * y, box3.center[1] + sin * x + cos * y, box3.center[2] + z]
    })
}

/// Draws nothing itself: gives the lines. `box3` in the LiDAR frame.
pub(super) fn wireframe(camera: &Camera, box3: &Box3) -> Wireframe {
    let in_camera = corners(box3).map(|corner| camera.from_lidar.apply(corner));
    if in_camera.iter().flatten().any(|value| !value.is_finite()) {
        return Wireframe::default();
    }
    let mut out = Wireframe::default();
    for i in 0..4 {
        let next = (i + 1) % 4;
        out.front_edges.extend(line(camera, in_camera[i], in_camera[next]));
        out.edges.extend(line(camera, in_camera[i], in_camera[i + 4]));
        out.edges.extend(line(camera, in_camera[i + 4], in_camera[next + 4]));
    }
    out.front = face(camera, &in_camera[..4]);
    out
}

fn project(camera: &Camera, p: [f64; 3]) -> [f64; 2] {
    let pixel = camera.intrinsic * Point3::from(p);
    [pixel.x / pixel.z, pixel.y / pixel.z]
}

/// The point between `a` and `b` that lies on the near plane.
fn on_near_plane(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    let t = (NEAR_M - a[2]) / (b[2] - a[2]);
    std::array::from_fn(|i| if i == 2 { NEAR_M } else { a[i] + t * (b[i] - a[i]) })
}

fn line(camera: &Camera, a: [f64; 3], b: [f64; 3]) -> Option<[[f32; 2]; 2]> {
    let (a, b) = match (a[2] >= NEAR_M, b[2] >= NEAR_M) {
        (true, true) => (a, b),
        (true, false) => (a, on_near_plane(a, b)),
        (false, true) => (on_near_plane(a, b), b),
        (false, false) => return None,
    };
    let [width, height] = camera.size.map(f64::from);
    clip_to_picture(project(camera, a), project(camera, b), width, height)
}

/// Liang and Barsky's line clipping against the picture with its margin.
fn clip_to_picture(a: [f64; 2], b: [f64; 2], width: f64, height: f64) -> Option<[[f32; 2]; 2]> {
    let (mut t0, mut t1) = (0.0_f64, 1.0_f64);
    for (axis, limit) in [(0, width), (1, height)] {
        let delta = b[axis] - a[axis];
        for (low, sign) in [(-MARGIN_PX, -1.0), (limit + MARGIN_PX, 1.0)] {
            let p = sign * delta;
            let q = sign * (low - a[axis]);
            if p == 0.0 {
                if q < 0.0 {
                    return None;
                }
            } else if p < 0.0 {
                t0 = t0.max(q / p);
            } else {
                t1 = t1.min(q / p);
            }
        }
    }
    if t0 > t1 {
        return None;
    }
    let at = |t: f64| [0, 1].map(|i| (a[i] + t * (b[i] - a[i])) as f32);
    Some([at(t0), at(t1)])
}

/// A face as a polygon: Sutherland and Hodgman's clipping, near plane in 3D, border in 2D.
fn face(camera: &Camera, corners: &[[f64; 3]]) -> Vec<[f32; 2]> {
    let mut near = Vec::with_capacity(8);
    for (i, &b) in corners.iter().enumerate() {
        let a = corners[(i + corners.len() - 1) % corners.len()];
        if (a[2] >= NEAR_M) != (b[2] >= NEAR_M) {
            near.push(on_near_plane(a, b));
        }
        if b[2] >= NEAR_M {
            near.push(b);
        }
    }
    let mut polygon: Vec<[f64; 2]> = near.into_iter().map(|p| project(camera, p)).collect();
    for (axis, limit) in [(0, f64::from(camera.size[0])), (1, f64::from(camera.size[1]))] {
        for (bound, sign) in [(-MARGIN_PX, 1.0), (limit + MARGIN_PX, -1.0)] {
            let inside = |p: [f64; 2]| sign * (p[axis] - bound) >= 0.0;
            let input = std::mem::take(&mut polygon);
            for (i, &b) in input.iter().enumerate() {
                let a = input[(i + input.len() - 1) % input.len()];
                if inside(a) != inside(b) {
                    let t = (bound - a[axis]) / (b[axis] - a[axis]);
                    polygon.push([0, 1].map(|i| a[i] + t * (b[i] - a[i])));
                }
                if inside(b) {
                    polygon.push(b);
                }
            }
        }
    }
    polygon.into_iter().map(|p| p.map(|c| c as f32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calib::Rig;

    fn seen(center: [f64; 3]) -> Wireframe {
        let box3 = Box3 { center, size: [4.0, 1.7, 1.5], yaw: 0.3 };
        wireframe(&Rig::kitti().cameras[0], &box3)
    }

    #[test]
    fn a_whole_box_has_twelve_edges_and_a_front() {
        let wire = seen([15.0, 1.0, -0.9]);
        assert_eq!((wire.edges.len(), wire.front_edges.len(), wire.front.len()), (8, 4, 4));
        let projected = Rig::kitti().cameras[0]
            .project_box(&Box3 { center: [15.0, 1.0, -0.9], size: [4.0, 1.7, 1.5], yaw: 0.3 })
            .unwrap();
        for (a, b) in wire.bounds().unwrap().iter().zip(projected.full) {
            assert!((f64::from(*a) - b).abs() < 0.01);
        }
    }

    #[test]
    fn lines_never_leave_the_picture_even_half_behind_the_camera() {
        let size = Rig::kitti().cameras[0].size.map(|s| s as f32);
        for x in [-3.0, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0] {
            for y in [-4.0, -1.5, 0.0, 1.5, 4.0] {
                let wire = seen([x, y, -0.9]);
                let ends = wire.edges.iter().chain(&wire.front_edges).flatten();
                for p in ends.chain(&wire.front) {
                    for i in 0..2 {
                        assert!(p[i] >= -4.01 && p[i] <= size[i] + 4.01, "{x} {y}: {p:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_box_behind_or_of_no_numbers_draws_nothing() {
        assert_eq!(seen([-15.0, 0.0, -0.9]), Wireframe::default());
        assert_eq!(seen([f64::NAN, 0.0, -0.9]), Wireframe::default());
    }
}
