//! The ray-cast LiDAR: 64 beams of an HDL-64E, with range noise, lost pulses and reflectance.
//!
//! Rings come one after another from the highest, each counter-clockwise from straight ahead, as
//! in KITTI's files. Loss and intensity follow what KITTI's own scans show: paint loses about half
//! of its pulses at 40 m and half of its echoes are too weak for a reflectance; glass gives few
//! echoes; leaves let pulses in.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::random::{chance, hash3, normal, stream, uniform, unit};
use super::rig::SensorRig;
use super::scene::Scene;
use super::solid::{Kind, Material, V3};

/// Beams.
pub(super) const RINGS: usize = 64;
/// Angle between two firings of a beam, degrees.
const STEP_DEG: f64 = 0.18;
/// Furthest echo, m.
const RANGE_M: f32 = 120.0;
/// Standard deviation of the range, m.
const RANGE_NOISE_M: f32 = 0.02;
const LIDAR: u64 = 21;

/// Elevation of a beam, degrees; ring 0 is the highest.
pub(super) fn elevation_deg(ring: usize) -> f64 {
    if ring < 32 {
        2.0 - ring as f64 * (10.33 / 31.0)
    } else {
        -8.83 - (ring - 32) as f64 * (15.5 / 31.0)
    }
}

/// Points (LiDAR frame, m, reflectance) and the object of each (0: scenery).
pub(super) fn scan(
    scene: &Scene,
    rig: &SensorRig,
    seed: u64,
    index: usize,
    half_view_deg: f64,
) -> (Vec<[f32; 4]>, Vec<u16>) {
    let steps = (360.0 / STEP_DEG).round() as usize;
    let turn = rig.lidar_to_level.cast::<f32>();
    let (mut points, mut owners) = (Vec::with_capacity(40_000), Vec::with_capacity(40_000));
    for ring in 0..RINGS {
        let rng = &mut stream(&[seed, LIDAR, index as u64, ring as u64]);
        // Lasers sit a little askew, the same way in every frame.
        let askew = &mut stream(&[LIDAR, ring as u64]);
        let offset = f64::from(uniform(askew, -0.5, 0.5)) * STEP_DEG;
        let gain = uniform(askew, 0.80, 1.18);
        let lift = elevation_deg(ring) + 0.02 * f64::from(normal(askew));
        for k in 0..steps {
            let azimuth = k as f64 * STEP_DEG + offset;
            let from_front = if azimuth > 180.0 { 360.0 - azimuth } else { azimuth };
            if from_front > half_view_deg {
                continue;
            }
            let azimuth = azimuth + 0.004 * f64::from(normal(rng));
            let (a, e) = (azimuth.to_radians(), lift.to_radians());
            let out = V3::new(
                (libm::cos(e) * libm::cos(a)) as f32,
                (libm::cos(e) * libm::sin(a)) as f32,
                libm::sin(e) as f32,
            );
            let salt = (ring * steps + k) as i32;
            if let Some(echo) = fire(scene, &(turn * out), rng, salt) {
                let r = echo.range + RANGE_NOISE_M * normal(rng);
                let p = out * r;
                points.push([p.x, p.y, p.z, reported(echo.intensity * gain)]);
                owners.push(echo.object);
            }
        }
    }
    (points, owners)
}

struct Echo {
    range: f32,
    intensity: f32,
    object: u16,
}

fn fire(scene: &Scene, dir: &V3, rng: &mut ChaCha8Rng, salt: i32) -> Option<Echo> {
    let origin = V3::zeros();
    let mut start = 0.8;
    // A pulse may pass two panes and still find something.
    for _ in 0..4 {
        let solids = &scene.bvh.solids;
        let hit = scene.bvh.nearest(&origin, dir, start, RANGE_M, |solid, t_in, t_out| {
            let luck = unit(hash3(salt, solid as i32, start.to_bits() as i32)).max(1e-6);
            match solids[solid as usize].material.kind {
                // Free path of a pulse among leaves: exponential.
                Kind::Leaves => {
                    let t = t_in - 0.30 * libm::logf(luck);
                    (t < t_out).then_some(t)
                }
                _ => {
                    let (_, own) = solids[solid as usize].shape.surface(&(dir * t_in));
                    (own.x > 0.30 || luck < 0.25).then_some(t_in)
                }
            }
        })?;
        let solid = &solids[hit.solid as usize];
        let (normal, own) = solid.shape.surface(&(dir * hit.t));
        let cosine = normal.dot(dir).abs();
        let material = &solid.material;
        let glass = material.kind == Kind::Glass || is_pane(material, &solid.shape, &own);
        if glass {
            let luck: f32 = rng.random();
            if luck < 0.45 {
                start = hit.t + 0.01;
                continue;
            }
            if luck < 0.82 {
                return None;
            }
        }
        if !chance(rng, detected(material, cosine, hit.t)) {
            return None;
        }
        let intensity = if glass { 0.0 } else { intensity(material, cosine, hit.t, rng) };
        return Some(Echo { range: hit.t, intensity, object: solid.object });
    }
    None
}

/// Windows of a house wall are glass too.
fn is_pane(material: &Material, shape: &super::solid::Shape, own: &V3) -> bool {
    match (material.kind, shape) {
        (Kind::Wall(seed), super::solid::Shape::Block { half, .. }) => {
            super::texture::wall(seed, half, own) == super::texture::WallPart::Pane
        }
        _ => false,
    }
}

/// Probability that the pulse's echo is strong enough.
fn detected(material: &Material, cosine: f32, range: f32) -> f32 {
    // Range at which half of the echoes are lost, from the strength of the echo.
    let strength = (material.reflectance * cosine.max(0.02)).sqrt();
    let half_range = match material.kind {
        Kind::Paint => 36.0 + 20.0 * strength,
        Kind::Wheel => 40.0,
        Kind::Reflector | Kind::Lamp => 300.0,
        Kind::Ground => 35.0 + 420.0 * strength,
        _ => 60.0 + 160.0 * strength,
    };
    let q = range / half_range;
    let keep = match material.kind {
        // Slanting paint mirrors the pulse away.
        Kind::Paint => (0.60 + 1.4 * cosine).min(1.0) / (1.0 + q.powi(4)),
        _ => 1.0 / (1.0 + q * q * q),
    };
    let floor = match material.kind {
        Kind::Paint => 0.98,
        _ => 0.985,
    };
    keep * floor
}

/// Strength of the echo against a white target; 0 when it is too weak to calibrate.
fn intensity(material: &Material, cosine: f32, range: f32, rng: &mut ChaCha8Rng) -> f32 {
    let rho = material.reflectance;
    match material.kind {
        Kind::Paint => {
            let weak = (0.86 - 1.05 * rho + 0.004 * range).clamp(0.1, 0.95);
            if chance(rng, weak) { 0.0 } else { rho * 0.55 + 0.17 + 0.10 * normal(rng) }
        }
        Kind::Reflector => rho + 0.05 * normal(rng),
        Kind::Leaves => {
            if chance(rng, 0.24) {
                0.0
            } else {
                rho * 0.88 + 0.08 * normal(rng)
            }
        }
        Kind::Ground => {
            if chance(rng, 0.06) {
                0.0
            } else {
                rho + 0.06 * normal(rng)
            }
        }
        _ => {
            if chance(rng, 0.10) {
                0.0
            } else {
                rho * (0.75 + 0.25 * cosine) + 0.07 * normal(rng)
            }
        }
    }
}

/// The same within 0..0.99, to the hundredth.
fn reported(value: f32) -> f32 {
    (value.clamp(0.0, 0.99) * 100.0).round() / 100.0
}
