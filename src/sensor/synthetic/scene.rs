//! One moment of the drive: everything that stands around the ego vehicle, in the level frame.

use nalgebra::Vector3;

use super::bvh::Bvh;
use super::rig::SENSOR_HEIGHT;
use super::solid::{Solid, V3, yaw_matrix};
use super::street::{self, CentreLine, LANE};
use super::traffic::{self, Actor};
use super::{scenery, traffic::FRAME_TIME};
use crate::frame::Class;

/// How far ahead scenery and traffic are built, m. The LiDAR reaches 120 m.
const AHEAD: f32 = 165.0;
/// How far ahead the ground reaches, so that the picture has no edge in it.
const GROUND_AHEAD: f32 = 330.0;

/// An object with a label.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub class: Class,
    /// Middle of the box, level frame, m.
    pub center: Vector3<f64>,
    /// Length, width, height, m.
    pub size: [f64; 3],
    /// Heading in the level frame, rad.
    pub yaw: f64,
    /// Its solids, in the level frame.
    pub solids: Vec<Solid>,
}

/// The scene of one frame. Object `k` of a solid is `placed[k - 1]`.
#[derive(Debug)]
pub(super) struct Scene {
    pub bvh: Bvh,
    pub placed: Vec<Placed>,
    pub line: CentreLine,
    /// Ego vehicle in the world: the LiDAR's place, and the heading's cosine and sine.
    origin: V3,
    turn: [f32; 2],
    /// Unit direction to the sun, level frame.
    pub sun: V3,
    /// Vehicles and people near each 4 m of the way ahead, for the shade beneath them.
    shade: Vec<Vec<u16>>,
}

impl Scene {
    /// `behind_m` is how far back the scene reaches.
    pub fn new(seed: u64, index: usize, behind_m: f32) -> Self {
        let time = index as f32 * FRAME_TIME;
        let s = traffic::ego(seed, time);
        let (ground_at, heading) = street::place(s, -LANE);
        let origin = ground_at + V3::new(0.0, 0.0, SENSOR_HEIGHT as f32);
        let (sin, cos) = (libm::sinf(heading), libm::cosf(heading));
        let (from, to) = (s - behind_m, s + AHEAD);
        let mut world = street::ground(from - 12.0, s + GROUND_AHEAD).solids;
        scenery::between(seed, from, to, &mut world);
        scenery::backdrop(seed, s + 130.0, &mut world);
        let back = yaw_matrix(-heading);
        let shift = -(back * origin);
        let mut solids: Vec<Solid> =
            world.iter().map(|w| Solid { shape: w.shape.placed(&back, &shift), ..*w }).collect();
        let place = |a: Actor| -> Placed {
            let (at, street_heading) = street::place(a.s, a.d);
            let yaw = street_heading + a.yaw - heading;
            let at = back * at + shift;
            let ahead = V3::new(libm::cosf(yaw), libm::sinf(yaw), 0.0) * a.ahead;
            let center = (at + ahead + V3::new(0.0, 0.0, a.size[2] / 2.0)).cast::<f64>();
            Placed {
                class: a.class,
                center,
                size: a.size.map(f64::from),
                yaw: f64::from(yaw),
                solids: a.parts.placed(yaw, at).collect(),
            }
        };
        let placed: Vec<Placed> =
            traffic::actors(seed, time, from, to).into_iter().map(place).collect();
        solids.extend(placed.iter().flat_map(|p| p.solids.iter().copied()));
        let sun = back * V3::new(-0.46, 0.50, 0.73).normalize();
        let mut scene = Self {
            bvh: Bvh::new(solids),
            placed,
            line: CentreLine::new(from - 120.0, s + GROUND_AHEAD + 20.0),
            origin,
            turn: [cos, sin],
            sun,
            shade: vec![Vec::new(); 32],
        };
        scene.note_shade();
        scene
    }

    fn note_shade(&mut self) {
        for (k, p) in self.placed.iter().enumerate() {
            let reach = p.size[0] / 2.0 + 1.0;
            let cell = |x: f64| (x / 4.0).floor().clamp(-1.0, 32.0) as i32;
            for c in cell(p.center.x - reach)..=cell(p.center.x + reach) {
                if let Some(list) = usize::try_from(c).ok().and_then(|c| self.shade.get_mut(c)) {
                    list.push(k as u16);
                }
            }
        }
    }

    /// A point of the level frame in the world, where textures are fixed.
    pub fn world(&self, p: &V3) -> V3 {
        let [c, s] = self.turn;
        V3::new(p.x * c - p.y * s, p.x * s + p.y * c, p.z) + self.origin
    }

    /// Share of the sky's light that reaches the ground here, 0..1: dark beneath vehicles.
    pub fn skylight(&self, p: &V3) -> f32 {
        let Some(list) = (p.x >= 0.0).then(|| self.shade.get((p.x / 4.0) as usize)).flatten()
        else {
            return 1.0;
        };
        let mut light = 1.0f32;
        for k in list {
            let o = &self.placed[*k as usize];
            let d = p.cast::<f64>() - o.center;
            if d.x.abs() > 4.0 || d.y.abs() > 4.0 {
                continue;
            }
            let d = yaw_matrix(-o.yaw as f32) * d.cast::<f32>();
            let (l, w) = (o.size[0] as f32 / 2.0, o.size[1] as f32 / 2.0);
            let (ox, oy) = ((d.x.abs() - l + 0.25).max(0.0), (d.y.abs() - w + 0.25).max(0.0));
            let gap = (ox * ox + oy * oy).sqrt();
            light = light.min(0.30 + 0.70 * (gap / 0.85).min(1.0));
        }
        light
    }
}
