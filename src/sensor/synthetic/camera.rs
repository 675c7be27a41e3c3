//! The ray-cast camera: the same scene as the LiDAR's, in sun, skylight and a little haze.
//!
//! One ray a pixel, three more where the picture has an edge. Colours are linear light until the
//! last step, whose square root stands for a screen's gamma and is exact on every machine.

use image::RgbImage;

use super::random::{cell_noise, floor, hash3, smooth_noise, unit};
use super::rig::{SIZE, SensorRig};
use super::scene::Scene;
use super::solid::{Kind, Solid, V3};
use super::texture::{self, WallPart};

const SUN: [f32; 3] = [1.75, 1.62, 1.42];
const SKYLIGHT: [f32; 3] = [0.50, 0.58, 0.72];
const BOUNCE: [f32; 3] = [0.26, 0.24, 0.20];
const HAZE: [f32; 3] = [0.66, 0.74, 0.84];
/// Neighbouring pixels that differ by more than this (screen levels) are sampled again.
const EDGE_LEVELS: i32 = 22;
const FAR: f32 = 1500.0;

/// The picture, and for each pixel the object seen at its middle (0: scenery or sky).
pub(super) fn picture(scene: &Scene, rig: &SensorRig) -> (RgbImage, Vec<u16>) {
    let (w, h) = (SIZE[0] as usize, SIZE[1] as usize);
    let mut first = Vec::with_capacity(w * h);
    let mut owners = Vec::with_capacity(w * h);
    for y in 0..h {
        for x in 0..w {
            let (color, owner) = look(scene, &rig.eye, &rig.ray(x as f32, y as f32));
            first.push(color);
            owners.push(owner);
        }
    }
    let levels: Vec<[u8; 3]> = first.iter().map(|c| screen(*c)).collect();
    let mut image = RgbImage::new(SIZE[0], SIZE[1]);
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            let differs = |j: usize| {
                (0..3).any(|k| {
                    (i32::from(levels[i][k]) - i32::from(levels[j][k])).abs() > EDGE_LEVELS
                })
            };
            let edge = (x + 1 < w && differs(i + 1))
                || (x > 0 && differs(i - 1))
                || (y + 1 < h && differs(i + w))
                || (y > 0 && differs(i - w));
            let level = if edge {
                let mut sum = first[i];
                for (dx, dy) in [(-0.31, -0.12), (0.12, -0.34), (0.24, 0.30)] {
                    let ray = rig.ray(x as f32 + dx, y as f32 + dy);
                    let c = look(scene, &rig.eye, &ray).0;
                    sum = [0, 1, 2].map(|k| sum[k] + c[k]);
                }
                screen(sum.map(|c| c / 4.0))
            } else {
                levels[i]
            };
            image.put_pixel(x as u32, y as u32, image::Rgb(level));
        }
    }
    (image, owners)
}

fn screen(c: [f32; 3]) -> [u8; 3] {
    // A soft shoulder keeps white walls from burning out.
    c.map(|v| ((v * 1.10 / (1.0 + 0.12 * v)).clamp(0.0, 1.0).sqrt() * 255.0 + 0.5) as u8)
}

/// Colour and object along a ray.
fn look(scene: &Scene, eye: &V3, ray: &V3) -> ([f32; 3], u16) {
    let hit = scene.bvh.nearest(eye, ray, 0.05, FAR, |solid, t_in, t_out| {
        porous(scene, &scene.bvh.solids[solid as usize], eye, ray, t_in, t_out, false)
    });
    let Some(hit) = hit else { return (sky(scene, ray), 0) };
    let solid = &scene.bvh.solids[hit.solid as usize];
    let at = eye + ray * hit.t;
    let color = shade(scene, solid, &at, ray, hit.t);
    let thick = hit.t / (hit.t + 620.0);
    ([0, 1, 2].map(|k| color[k] + (HAZE[k] - color[k]) * thick), solid.object)
}

/// Where a ray is stopped by leaves or a bicycle's wheel.
fn porous(
    scene: &Scene,
    solid: &Solid,
    eye: &V3,
    ray: &V3,
    t_in: f32,
    t_out: f32,
    shadow: bool,
) -> Option<f32> {
    if solid.material.kind == Kind::Spokes {
        let rim = |t: &f32| {
            let (_, own) = solid.shape.surface(&(eye + ray * *t));
            own.x > 0.30 || own.x < 0.035
        };
        return [t_in, t_out].into_iter().find(rim);
    }
    // Holes between leaves, not finer than the picture can show.
    let edge = if shadow { 0.16 } else { (t_in * 0.0040).max(0.034) };
    let step = if shadow { 0.35 } else { 0.12 };
    (0..4).map(|k| t_in + step * k as f32).take_while(|t| *t < t_out).find(|t| {
        let world = scene.world(&(eye + ray * *t));
        // Sprays with gaps between them, and leaves with gaps in each.
        cell_noise(&world, edge) > 0.42 && (shadow || cell_noise(&world, 0.21) > 0.34)
    })
}

fn dot3(a: [f32; 3], k: f32) -> [f32; 3] {
    a.map(|x| x * k)
}

fn shade(scene: &Scene, solid: &Solid, at: &V3, ray: &V3, far: f32) -> [f32; 3] {
    let (mut normal, own) = solid.shape.surface(at);
    if normal.dot(ray) > 0.0 {
        normal = -normal;
    }
    let mut color = solid.material.color;
    let mut skylight = 1.0;
    let mut gloss = None;
    let mut lift: f32 = 0.004;
    match solid.material.kind {
        Kind::Ground => {
            let world = scene.world(at);
            let (s, d) = scene.line.unplace(world.x, world.y);
            color = texture::ground(s, d, far);
            skylight = scene.skylight(at);
        }
        Kind::Leaves => {
            let world = scene.world(at);
            let edge = (far * 0.0040).max(0.034);
            let q = world / edge;
            let cell = [q.x, q.y, q.z].map(floor);
            let h = hash3(cell[0], cell[1], cell[2] + 77);
            let part = |shift: u32| ((h >> shift) & 0xff) as f32 / 255.0 - 0.5;
            let bend = V3::new(part(0), part(8), part(16)) * 1.5;
            normal = (normal + bend).normalize();
            color = dot3(color, 0.62 + 0.76 * unit(h));
            skylight = (0.62 + 0.38 * normal.z.max(-0.6)).min(1.0);
            lift = 0.22;
        }
        Kind::Wall(seed) => {
            color = match &solid.shape {
                super::solid::Shape::Block { half, .. } => {
                    let part = texture::wall(seed, half, &own);
                    if part == WallPart::Pane {
                        gloss = Some(0.16);
                    }
                    wall_color(part, seed, color)
                }
                _ => color,
            };
            let world = scene.world(at);
            let stain = smooth_noise(world.x + world.y, world.z, 1.3, 4) - 0.5;
            color = dot3(color, 1.0 + 0.08 * stain);
        }
        Kind::Tiles => {
            let world = scene.world(at);
            let fade = (1.0 - far / 70.0).clamp(0.0, 1.0);
            let row = (world.z * 4.5).rem_euclid(1.0);
            let k = 1.0 - 0.30 * fade * (if row < 0.22 { 1.0 } else { 0.0 });
            let tile = cell_noise(&world, 0.23) - 0.5;
            color = dot3(color, k * (1.0 + 0.22 * tile * fade));
        }
        Kind::Wheel => {
            let radius = match solid.shape {
                super::solid::Shape::Tube { radius, .. } => own.x / radius,
                _ => 0.0,
            };
            color = match radius {
                r if r > 0.68 => [0.012, 0.012, 0.013],
                r if !(0.18..=0.60).contains(&r) => color,
                _ => {
                    // Five spokes, by the angle about the axle.
                    let hub = match solid.shape {
                        super::solid::Shape::Tube { base, .. } => at - base,
                        _ => *at,
                    };
                    let side = (hub.x * hub.x + hub.y * hub.y).sqrt() * (hub.x + hub.y).signum();
                    let angle = libm::atan2f(hub.z, side) * 5.0 / std::f32::consts::TAU;
                    let spoke = angle.rem_euclid(1.0) < 0.55;
                    if spoke { dot3(color, 0.75) } else { dot3(color, 0.10) }
                }
            };
        }
        Kind::Paint => gloss = Some(0.05),
        Kind::Glass => gloss = Some(0.10),
        Kind::Lamp | Kind::Reflector => skylight = 1.25,
        Kind::Matt | Kind::Spokes => {}
    }
    let facing = normal.dot(&scene.sun).max(0.0);
    let start = at + normal * lift.min(0.02) + scene.sun * lift;
    let lit = facing > 0.0
        && !scene.bvh.blocked(&start, &scene.sun, 0.01, 45.0, |s, t_in, t_out| {
            porous(scene, &scene.bvh.solids[s as usize], &start, &scene.sun, t_in, t_out, true)
        });
    let sun = if lit { facing } else { 0.0 };
    let up = normal.z * 0.5 + 0.5;
    let mut out = [0, 1, 2].map(|k| {
        let ambient = BOUNCE[k] + (SKYLIGHT[k] - BOUNCE[k]) * up;
        color[k] * (SUN[k] * sun + ambient * skylight)
    });
    if let Some(base) = gloss {
        let slant = 1.0 - normal.dot(ray).abs();
        let (s2, sharp) = (slant * slant, if lit { 1.0 } else { 0.0 });
        let share = base + (0.75 - base) * s2 * s2;
        let mirror = ray - normal * (2.0 * normal.dot(ray));
        let env = surroundings(scene, &mirror);
        let glint = mirror.dot(&scene.sun).max(0.0);
        let g4 = (glint * glint) * (glint * glint);
        let g32 = (g4 * g4) * (g4 * g4) * (g4 * g4) * (g4 * g4);
        out = [0, 1, 2].map(|k| {
            out[k] * (1.0 - share) + env[k] * share + SUN[k] * sharp * g32 * (0.25 + base)
        });
    }
    out
}

fn wall_color(part: WallPart, seed: u32, plaster: [f32; 3]) -> [f32; 3] {
    match part {
        WallPart::Plaster => plaster,
        WallPart::Plinth => plaster.map(|c| c * 0.55),
        WallPart::Pane => [0.020, 0.026, 0.034],
        WallPart::Curtain => [0.42, 0.41, 0.38],
        WallPart::Frame => [0.72, 0.72, 0.70],
        WallPart::Shutter => match seed / 3 % 3 {
            0 => [0.05, 0.12, 0.07],
            1 => [0.22, 0.08, 0.05],
            _ => [0.12, 0.17, 0.24],
        },
        WallPart::Door => match seed / 5 % 3 {
            0 => [0.16, 0.07, 0.03],
            1 => [0.05, 0.10, 0.14],
            _ => [0.40, 0.38, 0.34],
        },
    }
}

/// What shiny things mirror: sky above, house fronts and greenery at the horizon, street below.
fn surroundings(scene: &Scene, dir: &V3) -> [f32; 3] {
    let mix = |a: [f32; 3], b: [f32; 3], t: f32| [0, 1, 2].map(|k| a[k] + (b[k] - a[k]) * t);
    let z = dir.z;
    if z > 0.35 {
        return sky(scene, dir);
    }
    let band = [0.20, 0.21, 0.18];
    if z > 0.12 {
        return mix(band, [0.52, 0.62, 0.76], (z - 0.12) / 0.23);
    }
    mix([0.13, 0.13, 0.125], band, ((z + 0.08) / 0.20).clamp(0.0, 1.0))
}

/// Blue with a few fair-weather clouds.
fn sky(scene: &Scene, dir: &V3) -> [f32; 3] {
    let z = dir.z.max(0.0);
    let t = z.sqrt();
    let blue = [0, 1, 2].map(|k| {
        let (low, high) = ([0.70, 0.79, 0.88][k], [0.12, 0.27, 0.62][k]);
        low + (high - low) * (t * 1.15).min(1.0)
    });
    let world = scene.world(dir) - scene.world(&V3::zeros());
    let h = 1.0 / (z + 0.09);
    let (x, y) = (world.x * h, world.y * h);
    let n = smooth_noise(x, y, 1.7, 31) * 0.52
        + smooth_noise(x, y, 0.72, 32) * 0.28
        + smooth_noise(x, y, 0.31, 33) * 0.13
        + smooth_noise(x, y, 0.13, 34) * 0.07;
    let cover = ((n - 0.52) * 4.2).clamp(0.0, 1.0);
    let cover = cover * cover * (3.0 - 2.0 * cover) * (z * 9.0).min(1.0) * 0.85;
    [0, 1, 2].map(|k| blue[k] + ([0.97, 0.97, 0.98][k] - blue[k]) * cover)
}
