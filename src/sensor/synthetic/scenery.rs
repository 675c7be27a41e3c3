//! What stands beside the street: houses, hedges, walls, trees, lamps, signs.
//!
//! Everything is made from the seed and its own place along the street, so any stretch can be
//! built without the ones before it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::random::{chance, stream, uniform};
use super::solid::{Kind, Material, Parts, Solid, V3};
use super::street::{self, GARDEN, KERB};

const HOUSE: u64 = 1;
const TREE: u64 = 2;
const BORDER: u64 = 3;
const POLE: u64 = 4;
const FAR: u64 = 5;

/// All scenery whose slot lies between two places along the street, in world coordinates.
pub(super) fn between(seed: u64, from: f32, to: f32, out: &mut Vec<Solid>) {
    for side in [0u64, 1] {
        let sign = if side == 0 { 1.0 } else { -1.0 };
        let slots = |pitch: f32| (from / pitch).floor() as i64..(to / pitch).ceil() as i64;
        for k in slots(13.5) {
            let rng = &mut stream(&[seed, HOUSE, side, k as u64]);
            let mut p = Parts::new(0);
            let s = (k as f32 + 0.5) * 13.5;
            house(&mut p, rng);
            let setback = uniform(rng, 14.5, 17.5);
            put(&p, s, sign * setback, if side == 0 { 0.0 } else { std::f32::consts::PI }, out);
        }
        for k in slots(8.0) {
            let rng = &mut stream(&[seed, TREE, side, k as u64]);
            let s = (k as f32 + 0.5) * 8.0 + uniform(rng, -2.0, 2.0);
            if chance(rng, 0.30) && !clear(s, 7.0) {
                let mut p = Parts::new(0);
                tree(&mut p, rng, 0.82);
                put(&p, s, sign * (KERB + 0.45), 0.0, out);
            }
            if chance(rng, 0.45) {
                let mut p = Parts::new(0);
                let size = uniform(rng, 0.7, 1.2);
                tree(&mut p, rng, size);
                let d = uniform(rng, GARDEN + 1.1, GARDEN + 2.2);
                put(&p, s + uniform(rng, -2.0, 2.0), sign * d, 0.0, out);
            }
            if chance(rng, 0.35) {
                let mut p = Parts::new(0);
                bush(&mut p, rng);
                put(&p, s + uniform(rng, -3.0, 3.0), sign * uniform(rng, 10.0, 12.0), 0.0, out);
            }
        }
        for k in slots(6.75) {
            let rng = &mut stream(&[seed, BORDER, side, k as u64]);
            // Two neighbouring pieces belong to one house and share the kind of border.
            let kind = stream(&[seed, BORDER, side + 2, k.div_euclid(2) as u64]).random_range(0..5);
            let s = (k as f32 + 0.5) * 6.75;
            let mut p = Parts::new(0);
            let gate = k.rem_euclid(2) == 0;
            border(&mut p, rng, kind, if gate { 2.55 } else { 3.375 });
            put(&p, s, sign * (GARDEN + 0.25), 0.0, out);
        }
        for k in slots(12.0) {
            let rng = &mut stream(&[seed, POLE, side, k as u64]);
            let s = (k as f32 + 0.5) * 12.0 + uniform(rng, -1.5, 1.5);
            let mut p = Parts::new(0);
            // A post faces the traffic of its own side.
            let yaw = if side == 0 { std::f32::consts::PI } else { 0.0 };
            match k.rem_euclid(3) {
                0 if side == 1 => lamp_post(&mut p),
                1 if chance(rng, 0.6) => sign_post(&mut p, rng),
                2 if chance(rng, 0.25) => bollard(&mut p),
                _ => continue,
            }
            put(&p, s, sign * (KERB + 0.35), yaw, out);
        }
    }
}

/// A wood far down the street that closes the view.
pub(super) fn backdrop(seed: u64, s: f32, out: &mut Vec<Solid>) {
    let first = (s / 20.0).floor() as i64;
    for k in first..first + 14 {
        let rng = &mut stream(&[seed, FAR, k as u64]);
        for side in [-1.0, 1.0] {
            let mut p = Parts::new(0);
            let r = uniform(rng, 4.0, 7.0);
            let c = [0.24, 0.34 + uniform(rng, -0.03, 0.05), 0.17];
            let wood = Material::new(Kind::Leaves, c, 0.3);
            p.ellipsoid(V3::new(0.0, 0.0, r * 0.9), V3::new(r * 1.2, r, r * 1.2), wood);
            let (at, heading) = street::place(
                k as f32 * 20.0 + uniform(rng, -4.0, 4.0),
                side * uniform(rng, 32.0, 46.0),
            );
            out.extend(p.placed(heading, at));
        }
    }
}

fn clear(s: f32, margin: f32) -> bool {
    (s - street::zebra_near(s)).abs() < margin
}

/// Places parts by street coordinates.
fn put(parts: &Parts, s: f32, d: f32, yaw: f32, out: &mut Vec<Solid>) {
    let (at, heading) = street::place(s, d);
    out.extend(parts.placed(heading + yaw, at));
}

/// A house of two storeys; its front looks along -y, towards a street on its right.
fn house(p: &mut Parts, rng: &mut ChaCha8Rng) {
    const WALLS: [[f32; 3]; 8] = [
        [0.90, 0.88, 0.82],
        [0.88, 0.80, 0.64],
        [0.80, 0.66, 0.56],
        [0.92, 0.91, 0.89],
        [0.72, 0.42, 0.34],
        [0.78, 0.80, 0.80],
        [0.86, 0.74, 0.58],
        [0.66, 0.70, 0.66],
    ];
    const ROOFS: [[f32; 3]; 4] =
        [[0.60, 0.27, 0.19], [0.46, 0.24, 0.19], [0.34, 0.32, 0.33], [0.54, 0.32, 0.22]];
    let (w, depth) = (uniform(rng, 4.4, 6.1), uniform(rng, 3.6, 4.6));
    let storeys = if chance(rng, 0.72) { 2.0 } else { 3.0 };
    let eaves = storeys * 2.9 + uniform(rng, 0.2, 0.6);
    let rise = uniform(rng, 2.2, 3.6);
    let wall = Material::new(
        Kind::Wall(rng.random_range(0..1u32 << 16)),
        WALLS[rng.random_range(0..8)],
        uniform(rng, 0.22, 0.42),
    );
    let roof = Material::new(Kind::Tiles, ROOFS[rng.random_range(0..4)], 0.22);
    p.block(V3::new(0.0, 0.0, eaves / 2.0 - 0.5), V3::new(w, depth, eaves / 2.0 + 0.5), 0.0, wall);
    let over = 0.45;
    let v = V3::new;
    if chance(rng, 0.6) {
        // Ridge along the street.
        let z0 = eaves - over * rise / depth;
        for side in [-1.0, 1.0] {
            let y = side * (depth + over);
            let (a, b) = (v(-w - 0.3, y, z0), v(w + 0.3, y, z0));
            p.quad(a, b, v(w + 0.3, 0.0, eaves + rise), v(-w - 0.3, 0.0, eaves + rise), roof);
            p.triangle(
                v(side * w, -depth, eaves),
                v(side * w, depth, eaves),
                v(side * w, 0.0, eaves + rise),
                wall,
            );
        }
        if chance(rng, 0.5) {
            // A dormer.
            let x = uniform(rng, -w * 0.5, w * 0.5);
            p.block(v(x, -depth * 0.55, eaves + 0.45 * rise), v(0.8, 1.0, 0.65), 0.0, wall);
            p.block(
                v(x, -depth * 0.60, eaves + 0.45 * rise + 0.70),
                v(0.95, 1.15, 0.06),
                0.0,
                roof,
            );
        }
    } else {
        // The gable looks at the street.
        let z0 = eaves - over * rise / w;
        for side in [-1.0, 1.0] {
            let x = side * (w + over);
            let (a, b) = (v(x, -depth - 0.3, z0), v(x, depth + 0.3, z0));
            p.quad(
                a,
                b,
                v(0.0, depth + 0.3, eaves + rise),
                v(0.0, -depth - 0.3, eaves + rise),
                roof,
            );
            p.triangle(
                v(-w, side * depth, eaves),
                v(w, side * depth, eaves),
                v(0.0, side * depth, eaves + rise),
                wall,
            );
        }
    }
    let brick = Material::new(Kind::Matt, [0.50, 0.28, 0.22], 0.25);
    let x = uniform(rng, -w * 0.6, w * 0.6);
    p.block(v(x, 0.9, eaves + rise), v(0.35, 0.35, 0.7), 0.0, brick);
}

/// Leaf clumps within an ellipsoid on a trunk.
fn tree(p: &mut Parts, rng: &mut ChaCha8Rng, size: f32) {
    let bark = Material::new(Kind::Matt, [0.36, 0.29, 0.23], 0.28);
    let trunk = uniform(rng, 2.0, 2.7) * size.max(0.9);
    let radius = 0.15 * size;
    let lean = V3::new(uniform(rng, -0.12, 0.12), uniform(rng, -0.12, 0.12), trunk);
    p.tube(V3::new(0.0, 0.0, -0.2), lean, radius, bark);
    let crown = V3::new(1.75 * size, 1.75 * size, 1.9 * size);
    let centre = lean + V3::new(0.0, 0.0, crown.z * 0.75);
    p.tube(lean, centre, radius * 0.7, bark);
    let hue = uniform(rng, -0.04, 0.05);
    let autumn = chance(rng, 0.15);
    for _ in 0..46 {
        let dir =
            V3::new(uniform(rng, -1.0, 1.0), uniform(rng, -1.0, 1.0), uniform(rng, -0.8, 1.0));
        let reach = dir.norm().max(0.2);
        let at = centre + crown.component_mul(&(dir / reach * uniform(rng, 0.25, 0.92)));
        let r = uniform(rng, 0.30, 0.62) * size;
        let v = uniform(rng, 0.88, 1.12);
        let c = if autumn {
            [0.56 * v, 0.42 * v, 0.16 * v]
        } else {
            [(0.31 + hue) * v, (0.43 + hue * 0.5) * v, 0.17 * v]
        };
        let leaves = Material::new(Kind::Leaves, c, uniform(rng, 0.22, 0.42));
        p.ellipsoid(at, V3::new(r * 1.15, r * 1.15, r * 0.85), leaves);
    }
}

fn bush(p: &mut Parts, rng: &mut ChaCha8Rng) {
    for _ in 0..5 {
        let r = uniform(rng, 0.35, 0.65);
        let at = V3::new(uniform(rng, -0.7, 0.7), uniform(rng, -0.4, 0.4), r * 0.75);
        let v = uniform(rng, 0.85, 1.15);
        let leaves = Material::new(Kind::Leaves, [0.27 * v, 0.40 * v, 0.18 * v], 0.34);
        p.ellipsoid(at, V3::new(r, r, r), leaves);
    }
}

/// What parts a garden from the pavement, along x, of this half length.
fn border(p: &mut Parts, rng: &mut ChaCha8Rng, kind: u32, half: f32) {
    let v = V3::new;
    match kind {
        0 | 1 => {
            // Hedge: clumps in a row.
            let h = 0.55 + 0.22 * kind as f32;
            let n = (half * 2.0 / 0.5) as i32;
            for k in 0..n {
                let x = -half + (k as f32 + 0.5) * half * 2.0 / n as f32;
                let c = uniform(rng, 0.88, 1.12);
                let leaves = Material::new(Kind::Leaves, [0.23 * c, 0.37 * c, 0.16 * c], 0.36);
                let r = v(0.48, uniform(rng, 0.34, 0.42), h * uniform(rng, 0.95, 1.08));
                p.ellipsoid(v(x, uniform(rng, -0.05, 0.05), h * 0.85), r, leaves);
            }
        }
        2 => {
            let stone = Material::new(Kind::Matt, [0.62, 0.58, 0.52], 0.30);
            let cap = Material::new(Kind::Matt, [0.70, 0.68, 0.64], 0.32);
            p.block(v(0.0, 0.0, 0.40), v(half, 0.12, 0.50), 0.0, stone);
            p.block(v(0.0, 0.0, 0.93), v(half, 0.16, 0.04), 0.0, cap);
        }
        3 => {
            // Picket fence.
            let wood = Material::new(Kind::Matt, [0.86, 0.85, 0.80], 0.40);
            for z in [0.30, 0.78] {
                p.block(v(0.0, 0.03, z), v(half, 0.02, 0.04), 0.0, wood);
            }
            let n = (half * 2.0 / 0.20) as i32;
            for k in 0..n {
                let x = -half + (k as f32 + 0.5) * half * 2.0 / n as f32;
                p.block(v(x, 0.0, 0.48), v(0.045, 0.012, 0.46), 0.0, wood);
            }
        }
        _ => {}
    }
}

fn lamp_post(p: &mut Parts) {
    let steel = Material::new(Kind::Matt, [0.46, 0.48, 0.48], 0.30);
    let glass = Material::new(Kind::Matt, [0.88, 0.88, 0.84], 0.40);
    let v = V3::new;
    p.tube(v(0.0, 0.0, -0.1), v(0.0, 0.0, 1.1), 0.085, steel);
    p.tube(v(0.0, 0.0, 1.0), v(0.0, 0.0, 6.6), 0.055, steel);
    p.tube(v(0.0, 0.0, 6.55), v(0.0, 1.7, 6.85), 0.04, steel);
    p.block(v(0.0, 1.9, 6.86), v(0.16, 0.38, 0.06), 0.0, steel);
    p.block(v(0.0, 1.9, 6.79), v(0.12, 0.32, 0.02), 0.0, glass);
}

/// A sign that is read by a driver who comes along +x.
fn sign_post(p: &mut Parts, rng: &mut ChaCha8Rng) {
    let steel = Material::new(Kind::Matt, [0.58, 0.59, 0.60], 0.35);
    let v = V3::new;
    p.tube(v(0.0, 0.0, -0.1), v(0.0, 0.0, 2.75), 0.032, steel);
    let plate = |c: [f32; 3]| Material::new(Kind::Reflector, c, 0.98);
    let disc = |p: &mut Parts, r: f32, x: f32, c: [f32; 3]| {
        p.tube(v(x, 0.0, 2.45), v(x + 0.012, 0.0, 2.45), r, plate(c));
    };
    match rng.random_range(0..4) {
        0 => {
            disc(p, 0.30, -0.05, [0.80, 0.10, 0.10]);
            disc(p, 0.225, -0.063, [0.95, 0.95, 0.93]);
            p.block(v(-0.068, 0.0, 2.45), v(0.006, 0.10, 0.085), 0.0, plate([0.10, 0.10, 0.10]));
        }
        1 => {
            disc(p, 0.30, -0.05, [0.80, 0.10, 0.10]);
            disc(p, 0.25, -0.063, [0.12, 0.26, 0.62]);
        }
        2 => {
            p.block(v(-0.05, 0.0, 2.45), v(0.01, 0.30, 0.30), 0.0, plate([0.12, 0.28, 0.62]));
            p.triangle(
                v(-0.065, 0.22, 2.25),
                v(-0.065, -0.22, 2.25),
                v(-0.065, 0.0, 2.66),
                plate([0.94, 0.94, 0.94]),
            );
        }
        _ => {
            p.triangle(
                v(-0.05, 0.36, 2.72),
                v(-0.05, -0.36, 2.72),
                v(-0.05, 0.0, 2.10),
                plate([0.80, 0.10, 0.10]),
            );
            p.triangle(
                v(-0.056, 0.24, 2.66),
                v(-0.056, -0.24, 2.66),
                v(-0.056, 0.0, 2.25),
                plate([0.95, 0.95, 0.93]),
            );
        }
    }
}

fn bollard(p: &mut Parts) {
    let iron = Material::new(Kind::Matt, [0.20, 0.21, 0.22], 0.2);
    p.tube(V3::new(0.0, 0.0, -0.1), V3::new(0.0, 0.0, 0.9), 0.07, iron);
    p.ellipsoid(V3::new(0.0, 0.0, 0.9), V3::repeat(0.08), iron);
}
