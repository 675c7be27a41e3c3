//! Cars and vans as lofted shapes: body, greenhouse with glass, wheels, lamps, plates.
//!
//! Own frame of a vehicle: origin on the ground under the centre, x forward, y left, z up. All
//! parts stay 2 cm within the labelled length, width and height, so that range noise seldom
//! carries a return out of the box.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::random::{chance, normal, uniform};
use super::solid::{Kind, Material, Parts, V3};

/// Proportions of a body, as shares of length (x, from -0.5 rear to 0.5 front) and height.
struct Style {
    /// Body: x, half width, underside, upper edge (shares of L, W/2, H, H).
    stations: &'static [[f32; 4]],
    /// Lower edge of the windows: rear and front end.
    belt: [f32; 2],
    /// Roof: rear and front end.
    roof: [f32; 2],
    /// Height of the window's lower edge.
    belt_height: f32,
    /// Half width of the roof.
    roof_width: f32,
    /// Side pillars, as shares of the window line (pillar, glass, pillar, …).
    pillars: &'static [f32],
    /// Mean length, width, height, m, and their spread.
    size: [f32; 3],
    spread: [f32; 3],
    /// Side windows behind the front doors are metal.
    panel_van: bool,
}

const HATCH: Style = Style {
    stations: &[
        [-0.500, 0.84, 0.25, 0.46],
        [-0.488, 0.92, 0.18, 0.53],
        [-0.465, 0.96, 0.15, 0.60],
        [-0.250, 1.00, 0.13, 0.62],
        [0.000, 1.00, 0.13, 0.61],
        [0.210, 1.00, 0.13, 0.60],
        [0.340, 0.98, 0.13, 0.565],
        [0.440, 0.93, 0.15, 0.51],
        [0.485, 0.86, 0.17, 0.44],
        [0.500, 0.74, 0.22, 0.38],
    ],
    belt: [-0.465, 0.25],
    roof: [-0.375, 0.045],
    belt_height: 0.605,
    roof_width: 0.70,
    pillars: &[0.0, 0.10, 0.46, 0.50, 0.93, 1.0],
    size: [3.82, 1.63, 1.49],
    spread: [0.18, 0.05, 0.05],
    panel_van: false,
};
const SEDAN: Style = Style {
    stations: &[
        [-0.500, 0.82, 0.25, 0.48],
        [-0.490, 0.90, 0.18, 0.58],
        [-0.455, 0.95, 0.15, 0.63],
        [-0.300, 0.99, 0.13, 0.65],
        [-0.050, 1.00, 0.13, 0.62],
        [0.190, 1.00, 0.13, 0.61],
        [0.330, 0.98, 0.13, 0.57],
        [0.440, 0.92, 0.15, 0.52],
        [0.485, 0.85, 0.17, 0.45],
        [0.500, 0.72, 0.22, 0.38],
    ],
    belt: [-0.37, 0.22],
    roof: [-0.215, 0.04],
    belt_height: 0.61,
    roof_width: 0.68,
    pillars: &[0.0, 0.14, 0.49, 0.53, 0.94, 1.0],
    size: [4.32, 1.68, 1.43],
    spread: [0.14, 0.05, 0.04],
    panel_van: false,
};
const ESTATE: Style = Style {
    stations: HATCH.stations,
    belt: [-0.475, 0.22],
    roof: [-0.43, 0.045],
    belt_height: 0.605,
    roof_width: 0.70,
    pillars: &[0.0, 0.06, 0.28, 0.32, 0.60, 0.63, 0.95, 1.0],
    size: [4.3, 1.68, 1.50],
    spread: [0.15, 0.05, 0.04],
    panel_van: false,
};
const MINI: Style = Style {
    stations: HATCH.stations,
    belt: [-0.47, 0.29],
    roof: [-0.40, 0.10],
    belt_height: 0.59,
    roof_width: 0.72,
    pillars: &[0.0, 0.09, 0.40, 0.44, 0.94, 1.0],
    size: [3.48, 1.58, 1.51],
    spread: [0.12, 0.03, 0.04],
    panel_van: false,
};
const SUV: Style = Style {
    stations: &[
        [-0.500, 0.86, 0.28, 0.50],
        [-0.485, 0.94, 0.22, 0.57],
        [-0.465, 0.97, 0.19, 0.61],
        [-0.200, 1.00, 0.17, 0.62],
        [0.200, 1.00, 0.17, 0.61],
        [0.350, 0.99, 0.17, 0.59],
        [0.450, 0.95, 0.19, 0.56],
        [0.488, 0.88, 0.21, 0.49],
        [0.500, 0.78, 0.25, 0.42],
    ],
    belt: [-0.475, 0.23],
    roof: [-0.42, 0.07],
    belt_height: 0.61,
    roof_width: 0.72,
    pillars: &[0.0, 0.07, 0.28, 0.31, 0.60, 0.63, 0.95, 1.0],
    size: [4.2, 1.74, 1.66],
    spread: [0.15, 0.04, 0.05],
    panel_van: false,
};
const VAN: Style = Style {
    stations: &[
        [-0.500, 0.90, 0.20, 0.48],
        [-0.490, 0.97, 0.15, 0.50],
        [-0.200, 1.00, 0.13, 0.50],
        [0.150, 1.00, 0.13, 0.50],
        [0.360, 0.98, 0.13, 0.49],
        [0.455, 0.93, 0.14, 0.44],
        [0.490, 0.86, 0.16, 0.36],
        [0.500, 0.76, 0.19, 0.30],
    ],
    belt: [-0.49, 0.385],
    roof: [-0.475, 0.20],
    belt_height: 0.495,
    roof_width: 0.84,
    pillars: &[0.0, 0.05, 0.30, 0.33, 0.62, 0.66, 0.93, 1.0],
    size: [5.0, 1.9, 2.1],
    spread: [0.3, 0.06, 0.15],
    panel_van: true,
};

/// A vehicle in its own frame, and its length, width, height.
pub(super) struct Vehicle {
    pub parts: Parts,
    pub size: [f32; 3],
}

/// A random car (or van) body; `braking` lights its rear lamps.
pub(super) fn vehicle(rng: &mut ChaCha8Rng, van: bool, object: u16, braking: bool) -> Vehicle {
    let style = if van {
        &VAN
    } else {
        match rng.random_range(0..100) {
            0..40 => &HATCH,
            40..60 => &SEDAN,
            60..76 => &ESTATE,
            76..90 => &MINI,
            _ => &SUV,
        }
    };
    let size: [f32; 3] =
        std::array::from_fn(|k| style.size[k] + style.spread[k] * 0.6 * normal(rng));
    // Infrared echo of paint hardly follows the visible colour but for black and white.
    const PAINTS: [([f32; 3], f32); 10] = [
        ([0.74, 0.75, 0.77], 0.30),
        ([0.52, 0.54, 0.56], 0.24),
        ([0.14, 0.145, 0.16], 0.08),
        ([0.09, 0.09, 0.10], 0.06),
        ([0.93, 0.93, 0.91], 0.42),
        ([0.12, 0.20, 0.42], 0.14),
        ([0.62, 0.09, 0.08], 0.26),
        ([0.34, 0.37, 0.40], 0.16),
        ([0.16, 0.30, 0.24], 0.14),
        ([0.70, 0.66, 0.55], 0.30),
    ];
    let pick = if van && chance(rng, 0.6) { 4 } else { rng.random_range(0..PAINTS.len()) };
    let shade = uniform(rng, 0.92, 1.06);
    let (color, reflectance) = PAINTS[pick];
    let paint = Material::new(Kind::Paint, color.map(|c| (c * shade).min(1.0)), reflectance);
    let panel = style.panel_van && chance(rng, 0.5);
    let mut parts = Parts::new(object);
    build(&mut parts, style, size, paint, panel, braking);
    Vehicle { parts, size }
}

fn build(p: &mut Parts, style: &Style, size: [f32; 3], paint: Material, panel: bool, brake: bool) {
    let [l, w, h] = size;
    // Everything is modelled 2 cm inside the label.
    let (bl, bw, bh) = (l - 0.04, w / 2.0 - 0.025, h - 0.025);
    let trim = Material::new(Kind::Matt, [0.10, 0.10, 0.11], 0.06);
    let glass = Material::new(Kind::Glass, [0.10, 0.12, 0.14], 0.05);

    // Body: rings of a half cross-section, joined.
    let ring = |s: &[f32; 4]| -> [V3; 6] {
        let (x, hw, lo, hi) = (s[0] * bl, s[1] * bw, s[2] * bh, s[3] * bh);
        let mid = lo + (hi - lo) * 0.62;
        [
            V3::new(x, 0.0, lo),
            V3::new(x, hw * 0.90, lo),
            V3::new(x, hw * 0.985, lo + (hi - lo) * 0.22),
            V3::new(x, hw, mid),
            V3::new(x, hw * 0.935, hi),
            V3::new(x, 0.0, hi + 0.02 * bh),
        ]
    };
    let rings: Vec<[V3; 6]> = style.stations.iter().map(ring).collect();
    for pair in rings.windows(2) {
        let (a, b) = (&pair[0], &pair[1]);
        for k in 0..5 {
            let material = if k < 2 { trim } else { paint };
            // The sill is dark only low down; the strip above it is paint.
            let material = if k == 1 { paint } else { material };
            p.quad_both(a[k], b[k], b[k + 1], a[k + 1], material);
        }
    }
    for (r, _) in [(&rings[0], -1.0), (&rings[rings.len() - 1], 1.0)] {
        let c = V3::new(r[0].x, 0.0, (r[0].z + r[5].z) / 2.0);
        for k in 0..5 {
            let m = |q: V3| V3::new(q.x, -q.y, q.z);
            p.triangle(c, r[k], r[k + 1], paint);
            p.triangle(c, m(r[k]), m(r[k + 1]), paint);
        }
    }

    greenhouse(p, style, [bl, bw, bh], paint, glass, panel);

    // Seats, which a pulse through the windows may find.
    let (front, rear) = (style.belt[1] * bl - 0.24 * bl, style.belt[0] * bl + 0.14 * bl);
    for x in [front, rear] {
        p.block(V3::new(x, 0.0, 0.62 * bh), V3::new(0.08, bw * 0.62, 0.18 * bh), 0.0, trim);
    }

    // Wheels in dark arches.
    let radius = (0.205 * bh).clamp(0.28, 0.36);
    let wheel = Material::new(Kind::Wheel, [0.62, 0.63, 0.65], 0.10);
    for x in [-0.30 * bl, 0.315 * bl] {
        for side in [-1.0, 1.0] {
            let y = |o: f32| side * (bw + o);
            let arch = radius + 0.05;
            p.tube(
                V3::new(x, y(-0.20), arch + 0.03),
                V3::new(x, y(0.004), arch + 0.03),
                arch,
                trim,
            );
            p.tube(V3::new(x, y(-0.19), radius), V3::new(x, y(0.012), radius), radius, wheel);
        }
    }
    furnish(p, style, [bl, bw, bh], trim, paint, brake);
}

/// Windows, pillars and roof.
fn greenhouse(
    p: &mut Parts,
    style: &Style,
    [bl, bw, bh]: [f32; 3],
    paint: Material,
    glass: Material,
    panel: bool,
) {
    let belt_z = style.belt_height * bh;
    let eaves = bh - 0.035 * bh;
    let (wb, wr) = (bw * 0.93, bw * style.roof_width);
    let belt =
        |t: f32| V3::new((style.belt[0] + (style.belt[1] - style.belt[0]) * t) * bl, wb, belt_z);
    let roof =
        |t: f32| V3::new((style.roof[0] + (style.roof[1] - style.roof[0]) * t) * bl, wr, eaves);
    let between = |a: V3, b: V3, t: f32| a + (b - a) * t;
    let n = style.pillars.len();
    for k in 0..n - 1 {
        let (t0, t1) = (style.pillars[k], style.pillars[k + 1]);
        let is_glass = k % 2 == 1 && !(panel && k + 3 < n);
        // A strip of paint frames the glass above.
        let (a, b) = (between(belt(t0), roof(t0), 0.90), between(belt(t1), roof(t1), 0.90));
        p.quad_both(belt(t0), belt(t1), b, a, if is_glass { glass } else { paint });
        p.quad_both(a, b, roof(t1), roof(t0), paint);
    }
    let flip = |q: V3| V3::new(q.x, -q.y, q.z);
    for (t, upper, lower) in [(1.0, 0.96, 0.04), (0.0, 0.90, 0.12)] {
        let (b0, r0) = (belt(t), roof(t));
        let inner = |f: f32| {
            let q = between(b0, r0, f);
            V3::new(q.x, q.y * 0.90, q.z)
        };
        let (g0, g1) = (inner(lower), inner(upper));
        let rear = if panel && t == 0.0 { paint } else { glass };
        p.quad(g0, g1, flip(g1), flip(g0), rear);
        p.quad_both(b0, r0, g1, g0, paint);
        p.quad(b0, g0, flip(g0), flip(b0), paint);
        p.quad(r0, g1, flip(g1), flip(r0), paint);
    }
    // Crowned roof.
    let top = |t: f32, y: f32, z: f32| {
        let r = roof(t);
        V3::new(r.x, y, z)
    };
    for (a, b) in [(0.0, 0.12), (0.12, 0.88), (0.88, 1.0)] {
        let za = if a == 0.0 { bh - 0.012 } else { bh };
        let zb = if b == 1.0 { bh - 0.012 } else { bh };
        p.quad_both(roof(a), roof(b), top(b, wr * 0.7, zb), top(a, wr * 0.7, za), paint);
        p.quad(
            top(a, wr * 0.7, za),
            top(b, wr * 0.7, zb),
            top(b, -wr * 0.7, zb),
            top(a, -wr * 0.7, za),
            paint,
        );
    }
    // The crown's ends.
    for t in [0.0, 1.0] {
        let (a, b) = (top(t, wr * 0.7, bh - 0.012), top(t, -wr * 0.7, bh - 0.012));
        p.quad(roof(t), a, b, flip(roof(t)), paint);
    }
}

/// Lamps, plates, grille, bumpers, mirrors.
fn furnish(
    p: &mut Parts,
    style: &Style,
    [bl, bw, bh]: [f32; 3],
    trim: Material,
    paint: Material,
    brake: bool,
) {
    let red = if brake { [1.0, 0.16, 0.10] } else { [0.62, 0.06, 0.05] };
    let tail = Material::new(Kind::Lamp, red, 0.75);
    let head = Material::new(Kind::Lamp, [0.88, 0.90, 0.92], 0.55);
    let plate = Material::new(Kind::Reflector, [0.93, 0.93, 0.88], 0.95);
    let van = style.panel_van;
    let (tail_z, tail_h) = if van { (0.42, 0.09) } else { (0.53, 0.055) };
    for side in [-1.0, 1.0] {
        p.block(
            V3::new(-0.481 * bl, side * 0.80 * bw, tail_z * bh),
            V3::new(0.016 * bl, 0.115 * bw, tail_h * bh),
            0.0,
            tail,
        );
        p.ellipsoid(
            V3::new(0.455 * bl, side * 0.69 * bw, if van { 0.37 } else { 0.44 } * bh),
            V3::new(0.040 * bl, 0.17 * bw, 0.040 * bh),
            head,
        );
        p.ellipsoid(
            V3::new(
                (style.belt[1] - 0.055) * bl,
                side * 0.945 * bw,
                (style.belt_height + 0.035) * bh,
            ),
            V3::new(0.06, 0.05 * bw, 0.055),
            paint,
        );
    }
    let bumper = Material::new(Kind::Matt, [0.16, 0.16, 0.17], 0.10);
    // Bars across the front and rear faces stand out of them by a few millimetres.
    let mut bar = |end: f32, out: f32, z: f32, half_width: f32, half_height: f32, m: Material| {
        let center = V3::new(end * (bl / 2.0 + out - 0.03), 0.0, z * bh);
        p.block(center, V3::new(0.03, half_width, half_height), 0.0, m);
    };
    bar(-1.0, 0.006, if van { 0.26 } else { 0.30 }, bw * 0.78, 0.035 * bh, bumper);
    bar(-1.0, 0.012, if van { 0.36 } else { 0.405 }, 0.26, 0.055, plate);
    bar(1.0, 0.006, if van { 0.255 } else { 0.335 }, bw * 0.52, 0.030 * bh, trim);
    bar(1.0, 0.006, if van { 0.205 } else { 0.245 }, bw * 0.60, 0.018 * bh, trim);
    bar(1.0, 0.012, if van { 0.225 } else { 0.275 }, 0.26, 0.05, plate);
}
