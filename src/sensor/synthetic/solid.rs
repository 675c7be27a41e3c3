//! Solids of the scene: a few shapes with exact ray intersections, and what they are made of.
//!
//! Coordinates are metres; the frame is whatever the caller builds in (a vehicle's own frame while
//! it is modelled, the level sensor frame once it is placed).

use nalgebra::{Matrix3, Vector3};

/// A point or direction, m.
pub(super) type V3 = Vector3<f32>;

/// How a surface looks and echoes. The number after some kinds is a seed for its texture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Plain.
    Matt,
    /// Car paint: shiny, and a poor echo.
    Paint,
    /// Window: most laser pulses are lost or pass.
    Glass,
    /// Leaves: porous.
    Leaves,
    /// A bicycle's wheel: porous but for the rim.
    Spokes,
    /// A car's wheel seen from the side: rim within tyre.
    Wheel,
    /// House wall with windows.
    Wall(u32),
    /// Roof tiles.
    Tiles,
    /// Road, kerb, pavement, lawn, by place.
    Ground,
    /// Traffic sign or number plate: echoes as strongly as the sensor can tell.
    Reflector,
    /// Lamp glass of a vehicle.
    Lamp,
}

/// Material: kind, colour (linear light, 0..1), share of infrared light sent back (0..1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Material {
    pub kind: Kind,
    pub color: [f32; 3],
    pub reflectance: f32,
}

impl Material {
    /// `srgb` as one sees it on a screen, 0..1.
    pub fn new(kind: Kind, srgb: [f32; 3], reflectance: f32) -> Self {
        Self { kind, color: srgb.map(|c| c * c), reflectance }
    }

    /// Rays may pass through parts of it.
    pub fn is_porous(&self) -> bool {
        matches!(self.kind, Kind::Leaves | Kind::Spokes)
    }
}

/// The shapes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Corner and two edges; seen from both sides.
    Triangle { a: V3, e1: V3, e2: V3 },
    /// `to_unit` maps it to the unit sphere.
    Ellipsoid { center: V3, to_unit: Matrix3<f32> },
    /// Closed cylinder from `base` along the unit `axis`.
    Tube { base: V3, axis: V3, length: f32, radius: f32 },
    /// Box; the rows of `axes` are its unit axes.
    Block { center: V3, axes: Matrix3<f32>, half: V3 },
}

/// A shape of a material, part of an object (0: scenery).
#[derive(Debug, Clone, Copy)]
pub(super) struct Solid {
    pub shape: Shape,
    pub material: Material,
    pub object: u16,
}

impl Shape {
    /// Ray parameters where the line enters and leaves, smaller first (equal for a triangle).
    pub fn span(&self, origin: &V3, dir: &V3) -> Option<(f32, f32)> {
        match self {
            Shape::Triangle { a, e1, e2 } => {
                let p = dir.cross(e2);
                let det = e1.dot(&p);
                if det.abs() < 1e-9 {
                    return None;
                }
                let inv = 1.0 / det;
                let s = origin - a;
                let u = s.dot(&p) * inv;
                if !(0.0..=1.0).contains(&u) {
                    return None;
                }
                let q = s.cross(e1);
                let v = dir.dot(&q) * inv;
                if v < 0.0 || u + v > 1.0 {
                    return None;
                }
                let t = e2.dot(&q) * inv;
                Some((t, t))
            }
            Shape::Ellipsoid { center, to_unit } => {
                let o = to_unit * (origin - center);
                let d = to_unit * dir;
                // The nearest approach is found first: far origins would lose all digits otherwise.
                let a = d.norm_squared();
                let mid = -o.dot(&d) / a;
                let near = o + d * mid;
                let rest = 1.0 - near.norm_squared();
                (rest > 0.0).then(|| {
                    let h = (rest / a).sqrt();
                    (mid - h, mid + h)
                })
            }
            Shape::Tube { base, axis, length, radius } => {
                let o = origin - base;
                let (da, oa) = (dir.dot(axis), o.dot(axis));
                let d = dir - axis * da;
                let q = o - axis * oa;
                let a = d.norm_squared();
                let (mut lo, mut hi) = (f32::NEG_INFINITY, f32::INFINITY);
                if a > 1e-12 {
                    let mid = -q.dot(&d) / a;
                    let rest = radius * radius - (q + d * mid).norm_squared();
                    if rest <= 0.0 {
                        return None;
                    }
                    let h = (rest / a).sqrt();
                    (lo, hi) = (mid - h, mid + h);
                } else if q.norm_squared() > radius * radius {
                    return None;
                }
                slab(oa - length * 0.5, da, length * 0.5, &mut lo, &mut hi).then_some((lo, hi))
            }
            Shape::Block { center, axes, half } => {
                let o = axes * (origin - center);
                let d = axes * dir;
                let (mut lo, mut hi) = (f32::NEG_INFINITY, f32::INFINITY);
                for k in 0..3 {
                    if !slab(o[k], d[k], half[k], &mut lo, &mut hi) {
                        return None;
                    }
                }
                Some((lo, hi))
            }
        }
    }

    /// Outward unit normal and the shape's own coordinates at a point of its surface.
    ///
    /// Own coordinates: block, along its axes from the centre; tube, `(distance from the axis,
    /// height along it, 0)`; ellipsoid, in the unit sphere; triangle, the point itself.
    pub fn surface(&self, at: &V3) -> (V3, V3) {
        match self {
            Shape::Triangle { e1, e2, .. } => (e1.cross(e2).normalize(), *at),
            Shape::Ellipsoid { center, to_unit } => {
                let u = to_unit * (at - center);
                ((to_unit.transpose() * u).normalize(), u)
            }
            Shape::Tube { base, axis, length, radius } => {
                let o = at - base;
                let h = o.dot(axis);
                let q = o - axis * h;
                let r = q.norm();
                let cap = h.min(length - h);
                let normal = if cap < radius - r {
                    if h * 2.0 < *length { -axis } else { *axis }
                } else {
                    q / r.max(1e-6)
                };
                (normal, V3::new(r, h, 0.0))
            }
            Shape::Block { center, axes, half } => {
                let o = axes * (at - center);
                let gap = half - o.abs();
                let k = gap.imin();
                let normal = axes.row(k).transpose() * o[k].signum();
                (normal, o)
            }
        }
    }

    /// Corners of the upright box around it.
    pub fn bounds(&self) -> (V3, V3) {
        match self {
            Shape::Triangle { a, e1, e2 } => {
                let (b, c) = (a + e1, a + e2);
                (a.inf(&b).inf(&c), a.sup(&b).sup(&c))
            }
            Shape::Ellipsoid { center, to_unit } => {
                let m = to_unit.try_inverse().unwrap_or_else(Matrix3::identity);
                let reach = V3::new(m.row(0).norm(), m.row(1).norm(), m.row(2).norm());
                (center - reach, center + reach)
            }
            Shape::Tube { base, axis, length, radius } => {
                let end = base + axis * *length;
                let reach = axis.map(|c| (1.0 - c * c).max(0.0).sqrt() * radius);
                (base.inf(&end) - reach, base.sup(&end) + reach)
            }
            Shape::Block { center, axes, half } => {
                let reach = axes.abs().transpose() * half;
                (center - reach, center + reach)
            }
        }
    }

    /// Turned by `turn`, then moved by `shift`.
    pub fn placed(&self, turn: &Matrix3<f32>, shift: &V3) -> Shape {
        match *self {
            Shape::Triangle { a, e1, e2 } => {
                Shape::Triangle { a: turn * a + shift, e1: turn * e1, e2: turn * e2 }
            }
            Shape::Ellipsoid { center, to_unit } => Shape::Ellipsoid {
                center: turn * center + shift,
                to_unit: to_unit * turn.transpose(),
            },
            Shape::Tube { base, axis, length, radius } => {
                Shape::Tube { base: turn * base + shift, axis: turn * axis, length, radius }
            }
            Shape::Block { center, axes, half } => {
                Shape::Block { center: turn * center + shift, axes: axes * turn.transpose(), half }
            }
        }
    }
}

/// Cuts the span by a slab of half width `half`; false when nothing is left.
fn slab(o: f32, d: f32, half: f32, lo: &mut f32, hi: &mut f32) -> bool {
    if d.abs() < 1e-9 {
        return o.abs() <= half;
    }
    let inv = 1.0 / d;
    let (a, b) = ((-half - o) * inv, (half - o) * inv);
    *lo = lo.max(a.min(b));
    *hi = hi.min(a.max(b));
    *lo <= *hi
}

/// Rotation about the vertical axis.
pub(super) fn yaw_matrix(yaw: f32) -> Matrix3<f32> {
    let (s, c) = (libm::sinf(yaw), libm::cosf(yaw));
    Matrix3::new(c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)
}

/// Builds an object from parts, in its own frame.
pub(super) struct Parts {
    pub solids: Vec<Solid>,
    pub object: u16,
}

impl Parts {
    pub fn new(object: u16) -> Self {
        Self { solids: Vec::new(), object }
    }

    fn push(&mut self, shape: Shape, material: Material) {
        self.solids.push(Solid { shape, material, object: self.object });
    }

    pub fn triangle(&mut self, a: V3, b: V3, c: V3, material: Material) {
        let (e1, e2) = (b - a, c - a);
        if e1.cross(&e2).norm_squared() > 1e-12 {
            self.push(Shape::Triangle { a, e1, e2 }, material);
        }
    }

    pub fn quad(&mut self, a: V3, b: V3, c: V3, d: V3, material: Material) {
        self.triangle(a, b, c, material);
        self.triangle(a, c, d, material);
    }

    /// A quad and its mirror image in the plane y = 0.
    pub fn quad_both(&mut self, a: V3, b: V3, c: V3, d: V3, material: Material) {
        let m = |p: V3| V3::new(p.x, -p.y, p.z);
        self.quad(a, b, c, d, material);
        self.quad(m(a), m(b), m(c), m(d), material);
    }

    pub fn ellipsoid(&mut self, center: V3, radii: V3, material: Material) {
        let to_unit = Matrix3::from_diagonal(&radii.map(|r| 1.0 / r));
        self.push(Shape::Ellipsoid { center, to_unit }, material);
    }

    /// An ellipsoid whose third axis points from `a` to `b`, as a limb does.
    pub fn limb(&mut self, a: V3, b: V3, radius: f32, material: Material) {
        let axis = b - a;
        let length = axis.norm().max(1e-3);
        self.push(Shape::Tube { base: a, axis: axis / length, length, radius }, material);
        self.ellipsoid(b, V3::repeat(radius), material);
    }

    pub fn tube(&mut self, a: V3, b: V3, radius: f32, material: Material) {
        let axis = b - a;
        let length = axis.norm().max(1e-3);
        self.push(Shape::Tube { base: a, axis: axis / length, length, radius }, material);
    }

    pub fn block(&mut self, center: V3, half: V3, yaw: f32, material: Material) {
        let axes = yaw_matrix(yaw).transpose();
        self.push(Shape::Block { center, axes, half }, material);
    }

    /// Moves all parts into the scene.
    pub fn placed(&self, yaw: f32, shift: V3) -> impl Iterator<Item = Solid> + '_ {
        let turn = yaw_matrix(yaw);
        self.solids.iter().map(move |s| Solid { shape: s.shape.placed(&turn, &shift), ..*s })
    }

    /// Corners of the box around all parts.
    pub fn bounds(&self) -> (V3, V3) {
        self.solids
            .iter()
            .map(|s| s.shape.bounds())
            .reduce(|(a, b), (c, d)| (a.inf(&c), b.sup(&d)))
            .unwrap_or_default()
    }
}
