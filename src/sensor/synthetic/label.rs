//! Exact labels: KITTI's columns computed from the scene, the picture and the scan.
//!
//! Which objects get a row is told at [`SyntheticLabel`].
//!
//! **Columns.** Visible share = pixels where the picture shows the object over pixels where it
//! would be seen if it stood alone. Occlusion class 0: over 80 % visible, 1: over 40 %, 2: less.
//! Truncation = share of the 3D box (on a lattice) that projects outside the picture. 2D box =
//! outline of the projected 3D box, clipped by the near plane and by the picture.

use nalgebra::Vector3;

use super::bvh::Bvh;
use super::rig::{SIZE, SensorRig};
use super::scene::{Placed, Scene};
use crate::frame::{Class, Label};
use crate::geometry::{Box3, wrap_angle};
use crate::sensor::kitti::row::ObjectRow;

/// Least visible share for an object without returns, 0..1.
const LEAST_VISIBLE: f64 = 0.05;
/// Least height of a labelled 2D box, pixels.
const LEAST_PIXELS: f64 = 8.0;
/// Edges of a box are cut at this depth before they are projected, m.
const NEAR_M: f64 = 0.1;

/// A labelled object of a synthetic frame.
///
/// An object whose box reaches into the picture gets a full row when it has at least one return
/// and a 2D box at least 8 pixels high. It becomes a `DontCare` area (class `DontCare`, no 3D box)
/// when it is lower than that, or at least 5 % visible but without a return. Hidden and without a
/// return, it is left out.
#[derive(Debug, Clone)]
pub struct SyntheticLabel {
    /// The label as readers of the frame would give it; the box is in the LiDAR frame.
    pub label: Label,
    /// The same as a KITTI row, unrounded.
    pub row: ObjectRow,
    /// Its number in [`SyntheticFrame::owners`](super::SyntheticFrame::owners).
    pub object: u16,
    /// Returns from it.
    pub points: usize,
    /// Share of its outline that the picture shows, 0..1.
    pub visible: f64,
}

/// Labels of all objects in the picture, in the scene's order, DontCare areas last.
pub(super) fn labels(
    scene: &Scene,
    rig: &SensorRig,
    seen: &[u16],
    owners: &[u16],
) -> Vec<SyntheticLabel> {
    let mut returns = vec![0usize; scene.placed.len() + 1];
    owners.iter().for_each(|o| returns[usize::from(*o)] += 1);
    let mut full = Vec::new();
    let mut areas = Vec::new();
    for (k, placed) in scene.placed.iter().enumerate() {
        let object = k as u16 + 1;
        let Some(bbox) = outline(placed, rig) else { continue };
        let points = returns[usize::from(object)];
        let Some(visible) = visible_share(placed, rig, object, &bbox, seen) else { continue };
        if visible < LEAST_VISIBLE && points == 0 {
            continue;
        }
        if points == 0 || bbox[3] - bbox[1] < LEAST_PIXELS {
            areas.push(area(bbox, object, points, visible));
        } else {
            full.push(complete(placed, rig, object, bbox, points, visible));
        }
    }
    full.append(&mut areas);
    full
}

fn area(bbox: [f64; 4], object: u16, points: usize, visible: f64) -> SyntheticLabel {
    let (class, none) = (Class::DontCare, -10.0);
    SyntheticLabel {
        label: Label { class, box3: None, bbox, truncation: -1.0, occlusion: -1, alpha: none },
        row: ObjectRow {
            kind: class.name().to_owned(),
            truncation: -1.0,
            occlusion: -1.0,
            alpha: none,
            bbox,
            size_hwl: [-1.0; 3],
            location: [-1000.0; 3],
            rotation_y: none,
            score: None,
        },
        object,
        points,
        visible,
    }
}

fn complete(
    placed: &Placed,
    rig: &SensorRig,
    object: u16,
    bbox: [f64; 4],
    points: usize,
    visible: f64,
) -> SyntheticLabel {
    let [l, w, h] = placed.size;
    let foot = rig.to_rect(&(placed.center - Vector3::new(0.0, 0.0, h / 2.0)));
    let rotation_y = wrap_angle(-placed.yaw - std::f64::consts::FRAC_PI_2);
    let alpha = wrap_angle(rotation_y - libm::atan2(foot.x, foot.z));
    let occlusion = if visible > 0.8 { 0 } else { 2 - i32::from(visible > 0.4) };
    let truncation = outside_share(placed, rig);
    let back = rig.lidar_to_level.transpose();
    let heading = back * Vector3::new(libm::cos(placed.yaw), libm::sin(placed.yaw), 0.0);
    let box3 = Box3 {
        center: (back * placed.center).into(),
        size: placed.size,
        yaw: libm::atan2(heading.y, heading.x),
    };
    let class = placed.class;
    SyntheticLabel {
        label: Label { class, box3: Some(box3), bbox, truncation, occlusion, alpha },
        row: ObjectRow {
            kind: class.name().to_owned(),
            truncation,
            occlusion: f64::from(occlusion),
            alpha,
            bbox,
            size_hwl: [h, w, l],
            location: foot.into(),
            rotation_y,
            score: None,
        },
        object,
        points,
        visible,
    }
}

/// A place in the box, each coordinate -1..1, in the rectified camera frame.
fn in_box(placed: &Placed, rig: &SensorRig, [a, b, c]: [f64; 3]) -> Vector3<f64> {
    let (sin, cos) = (libm::sin(placed.yaw), libm::cos(placed.yaw));
    let [l, w, h] = placed.size;
    let (x, y, z) = (a * l / 2.0, b * w / 2.0, c * h / 2.0);
    rig.to_rect(&(placed.center + Vector3::new(x * cos - y * sin, x * sin + y * cos, z)))
}

/// The projected box, clipped by the near plane and the picture; none when nothing is left.
fn outline(placed: &Placed, rig: &SensorRig) -> Option<[f64; 4]> {
    let corner = |k: usize| {
        let sign = |bit: usize| if k >> bit & 1 == 1 { 1.0 } else { -1.0 };
        in_box(placed, rig, [sign(0), sign(1), sign(2)])
    };
    let mut b = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    let mut any = false;
    for i in 0..8usize {
        for bit in 0..3 {
            let j = i | 1 << bit;
            if i == j {
                continue;
            }
            let (mut p, mut q) = (corner(i), corner(j));
            if p.z < NEAR_M && q.z < NEAR_M {
                continue;
            }
            if p.z < NEAR_M {
                p += (q - p) * ((NEAR_M - p.z) / (q.z - p.z));
            } else if q.z < NEAR_M {
                q += (p - q) * ((NEAR_M - q.z) / (p.z - q.z));
            }
            for r in [p, q] {
                let [u, v, _] = rig.project(&r);
                b = [b[0].min(u), b[1].min(v), b[2].max(u), b[3].max(v)];
                any = true;
            }
        }
    }
    let (w, h) = (f64::from(SIZE[0]) - 1.0, f64::from(SIZE[1]) - 1.0);
    let b = [b[0].max(0.0), b[1].max(0.0), b[2].min(w), b[3].min(h)];
    (any && b[2] - b[0] > 1.0 && b[3] - b[1] > 1.0).then_some(b)
}

/// Share of the box's volume that projects outside the picture.
fn outside_share(placed: &Placed, rig: &SensorRig) -> f64 {
    let (mut out, mut all) = (0, 0);
    let at = |k: i32, n: i32| (f64::from(k) + 0.5) / f64::from(n) * 2.0 - 1.0;
    for i in 0..24 {
        for j in 0..10 {
            for k in 0..10 {
                let r = in_box(placed, rig, [at(i, 24), at(j, 10), at(k, 10)]);
                let [u, v, depth] = rig.project(&r);
                let inside = depth > NEAR_M
                    && (0.0..=f64::from(SIZE[0]) - 1.0).contains(&u)
                    && (0.0..=f64::from(SIZE[1]) - 1.0).contains(&v);
                out += i32::from(!inside);
                all += 1;
            }
        }
    }
    f64::from(out) / f64::from(all)
}

/// Share of the object's own pixels that the picture gives it; none when it has no pixel.
fn visible_share(
    placed: &Placed,
    rig: &SensorRig,
    object: u16,
    bbox: &[f64; 4],
    seen: &[u16],
) -> Option<f64> {
    let alone = Bvh::new(placed.solids.clone());
    let [l, t, r, b] = *bbox;
    // About two thousand places decide; every pixel does for small boxes.
    let step = (((r - l) * (b - t) / 2000.0).sqrt().floor() as usize).max(1);
    let (mut own, mut shown) = (0usize, 0usize);
    for y in (t as usize..=b as usize).step_by(step) {
        for x in (l as usize..=r as usize).step_by(step) {
            let ray = rig.ray(x as f32, y as f32);
            let hit = alone.nearest(&rig.eye, &ray, 0.05, 500.0, |_, t, _| Some(t));
            if hit.is_some() {
                own += 1;
                shown += usize::from(seen[y * SIZE[0] as usize + x] == object);
            }
        }
    }
    (own > 0).then(|| shown as f64 / own as f64)
}
