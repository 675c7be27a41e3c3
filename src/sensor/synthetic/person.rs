//! Pedestrians and cyclists of limbs and ellipsoids, with a gait.
//!
//! Own frame: origin on the ground under the centre, x forward, y left, z up.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::random::{chance, uniform};
use super::solid::{Kind, Material, Parts, V3};

struct Clothes {
    skin: Material,
    hair: Material,
    top: Material,
    legs: Material,
    shoes: Material,
}

fn clothes(rng: &mut ChaCha8Rng) -> Clothes {
    const TOPS: [[f32; 3]; 9] = [
        [0.75, 0.16, 0.14],
        [0.16, 0.30, 0.60],
        [0.86, 0.84, 0.80],
        [0.20, 0.21, 0.24],
        [0.26, 0.46, 0.30],
        [0.88, 0.68, 0.20],
        [0.45, 0.30, 0.50],
        [0.50, 0.55, 0.60],
        [0.80, 0.45, 0.40],
    ];
    const LEGS: [[f32; 3]; 5] = [
        [0.18, 0.22, 0.34],
        [0.14, 0.14, 0.15],
        [0.48, 0.44, 0.36],
        [0.30, 0.30, 0.32],
        [0.24, 0.30, 0.44],
    ];
    const HAIR: [[f32; 3]; 4] =
        [[0.16, 0.11, 0.08], [0.10, 0.09, 0.09], [0.48, 0.36, 0.20], [0.62, 0.60, 0.58]];
    const SKIN: [[f32; 3]; 3] = [[0.86, 0.66, 0.54], [0.70, 0.50, 0.38], [0.46, 0.32, 0.24]];
    let matt = |c: [f32; 3], r: f32| Material::new(Kind::Matt, c, r);
    // Cloth is bright in the near infrared, whatever its colour.
    Clothes {
        skin: matt(SKIN[rng.random_range(0..3)], 0.38),
        hair: matt(HAIR[rng.random_range(0..4)], 0.20),
        top: matt(TOPS[rng.random_range(0..9)], uniform(rng, 0.30, 0.55)),
        legs: matt(LEGS[rng.random_range(0..5)], uniform(rng, 0.20, 0.45)),
        shoes: matt([0.15, 0.13, 0.12], 0.15),
    }
}

/// Height and clothes come from `rng`; `phase` is the place in the gait, turns (two steps each).
pub(super) fn pedestrian(rng: &mut ChaCha8Rng, phase: f32, walking: bool, object: u16) -> Parts {
    let wear = clothes(rng);
    let k = uniform(rng, 1.60, 1.86) / 1.75;
    let bag = chance(rng, 0.35);
    let mut p = Parts::new(object);
    let swing = if walking { 0.42 } else { 0.04 };
    let v = |x: f32, y: f32, z: f32| V3::new(x, y, z) * k;
    for (side, offset) in [(1.0f32, 0.0f32), (-1.0, 0.5)] {
        let turn = std::f32::consts::TAU * (phase + offset);
        let a = swing * libm::sinf(turn);
        // The knee bends while the leg comes forward.
        let bend = swing * 1.1 * (libm::cosf(turn) * 0.5 + 0.5);
        let hip = v(0.0, 0.09 * side, 0.88);
        let knee = hip + v(0.42 * libm::sinf(a), 0.0, -0.42 * libm::cosf(a));
        let b = a - bend;
        let ankle = knee + v(0.40 * libm::sinf(b), 0.0, -0.38 * libm::cosf(b));
        p.limb(hip, knee, 0.080 * k, wear.legs);
        p.limb(knee, ankle, 0.056 * k, wear.legs);
        p.ellipsoid(ankle + v(0.06, 0.0, -0.025), v(0.13, 0.045, 0.045), wear.shoes);
        let a = -swing * 0.8 * libm::sinf(turn);
        let shoulder = v(0.0, 0.20 * side, 1.42);
        let elbow = shoulder + v(0.29 * libm::sinf(a), 0.045 * side, -0.28 * libm::cosf(a));
        let f = a + 0.25;
        let hand = elbow + v(0.25 * libm::sinf(f), 0.0, -0.24 * libm::cosf(f));
        p.limb(shoulder, elbow, 0.050 * k, wear.top);
        p.limb(elbow, hand, 0.040 * k, wear.top);
        p.ellipsoid(hand, v(0.05, 0.035, 0.06), wear.skin);
    }
    p.ellipsoid(v(0.0, 0.0, 0.94), v(0.125, 0.170, 0.15), wear.legs);
    p.ellipsoid(v(0.0, 0.0, 1.22), v(0.130, 0.190, 0.30), wear.top);
    p.ellipsoid(v(0.0, 0.0, 1.38), v(0.115, 0.215, 0.11), wear.top);
    p.tube(v(0.0, 0.0, 1.42), v(0.01, 0.0, 1.56), 0.055 * k, wear.skin);
    p.ellipsoid(v(0.02, 0.0, 1.62), v(0.100, 0.078, 0.120), wear.skin);
    p.ellipsoid(v(-0.01, 0.0, 1.655), v(0.102, 0.086, 0.092), wear.hair);
    if bag {
        let cloth = Material::new(Kind::Matt, [0.25, 0.18, 0.14], 0.25);
        p.ellipsoid(v(-0.17, 0.0, 1.24), v(0.10, 0.15, 0.21), cloth);
    }
    p
}

/// A rider on a bicycle; `phase` is the place of the pedals, turns.
pub(super) fn cyclist(rng: &mut ChaCha8Rng, phase: f32, object: u16) -> Parts {
    let wear = clothes(rng);
    let mut p = Parts::new(object);
    const FRAMES: [[f32; 3]; 4] =
        [[0.10, 0.10, 0.12], [0.55, 0.10, 0.10], [0.15, 0.30, 0.55], [0.80, 0.80, 0.82]];
    let metal = Material::new(Kind::Matt, FRAMES[rng.random_range(0..4)], 0.30);
    let helmet = chance(rng, 0.6).then(|| {
        let c = if chance(rng, 0.5) { [0.90, 0.90, 0.92] } else { [0.80, 0.20, 0.15] };
        Material::new(Kind::Matt, c, 0.5)
    });
    let v = V3::new;
    let spokes = Material::new(Kind::Spokes, [0.09, 0.09, 0.10], 0.15);
    for x in [-0.52, 0.52] {
        p.tube(v(x, -0.018, 0.335), v(x, 0.018, 0.335), 0.335, spokes);
    }
    let (crank, saddle, head) = (v(-0.08, 0.0, 0.29), v(-0.26, 0.0, 0.88), v(0.36, 0.0, 0.86));
    let mut bar = |a: V3, b: V3, r: f32| p.tube(a, b, r, metal);
    bar(crank, saddle, 0.018);
    bar(crank, head, 0.020);
    bar(v(-0.22, 0.0, 0.76), head, 0.018);
    bar(crank, v(-0.52, 0.0, 0.335), 0.014);
    bar(v(-0.22, 0.0, 0.76), v(-0.52, 0.0, 0.335), 0.012);
    bar(v(0.34, 0.0, 0.96), v(0.52, 0.0, 0.335), 0.018);
    bar(v(0.36, -0.26, 1.00), v(0.36, 0.26, 1.00), 0.016);
    p.ellipsoid(saddle + v(0.0, 0.0, 0.03), v(0.13, 0.07, 0.035), wear.shoes);
    let lamp = Material::new(Kind::Lamp, [0.75, 0.06, 0.05], 0.9);
    p.ellipsoid(v(-0.34, 0.0, 0.74), v(0.025, 0.03, 0.025), lamp);
    for (side, offset) in [(1.0f32, 0.0f32), (-1.0, 0.5)] {
        let turn = std::f32::consts::TAU * (phase + offset);
        let foot = crank + v(0.17 * libm::cosf(turn), 0.11 * side, -0.17 * libm::sinf(turn));
        let hip = v(-0.24, 0.09 * side, 0.96);
        let knee = bent(hip, foot, 0.43, 0.44);
        p.limb(hip, knee, 0.080, wear.legs);
        p.limb(knee, foot, 0.055, wear.legs);
        p.ellipsoid(foot + v(0.05, 0.0, -0.03), v(0.12, 0.045, 0.04), wear.shoes);
        let (shoulder, hand) = (v(0.06, 0.19 * side, 1.42), v(0.36, 0.24 * side, 1.03));
        p.limb(shoulder, (shoulder + hand) / 2.0 + v(-0.05, 0.03 * side, -0.04), 0.050, wear.top);
        p.limb((shoulder + hand) / 2.0 + v(-0.05, 0.03 * side, -0.04), hand, 0.040, wear.top);
        p.ellipsoid(hand, V3::repeat(0.045), wear.skin);
    }
    p.ellipsoid(v(-0.23, 0.0, 1.00), v(0.15, 0.17, 0.13), wear.legs);
    for (k, width) in [(0.12, 0.165), (0.40, 0.175), (0.68, 0.19), (0.92, 0.20)] {
        let c = v(-0.22, 0.0, 1.0) + v(0.30, 0.0, 0.44) * k;
        p.ellipsoid(c, v(0.135, width, 0.15), wear.top);
    }
    p.tube(v(0.08, 0.0, 1.44), v(0.15, 0.0, 1.56), 0.055, wear.skin);
    p.ellipsoid(v(0.18, 0.0, 1.60), v(0.100, 0.078, 0.115), wear.skin);
    match helmet {
        Some(m) => p.ellipsoid(v(0.165, 0.0, 1.645), v(0.130, 0.095, 0.085), m),
        None => p.ellipsoid(v(0.155, 0.0, 1.635), v(0.102, 0.086, 0.090), wear.hair),
    }
    p
}

/// The knee between hip and foot: two bones of these lengths, bent forward.
fn bent(hip: V3, foot: V3, thigh: f32, shin: f32) -> V3 {
    let to = foot - hip;
    let d = to.norm().clamp(0.1, (thigh + shin) * 0.999);
    let along = (thigh * thigh - shin * shin + d * d) / (2.0 * d);
    let out = (thigh * thigh - along * along).max(0.0).sqrt();
    let dir = to.normalize();
    let forward = V3::new(1.0, 0.0, 0.0);
    let side = (forward - dir * forward.dot(&dir)).normalize();
    hip + dir * along + side * out
}
