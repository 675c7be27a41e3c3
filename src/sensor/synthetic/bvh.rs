//! Bounding volume hierarchy over the solids of one frame: which solid does a ray meet first?
//!
//! Built by the surface-area heuristic over a few bins (Wald, "On fast construction of SAH-based
//! bounding volume hierarchies", 2007); traversal order and result do not depend on threads.

use super::solid::{Solid, V3};

const BINS: usize = 12;
const LEAF: usize = 3;

#[derive(Debug, Clone, Copy)]
struct Node {
    lo: [f32; 3],
    hi: [f32; 3],
    /// Leaf: first solid. Inner: index of the second child (the first follows the node).
    first: u32,
    /// Leaf: number of solids. Inner: 0.
    count: u16,
}

/// The hierarchy; owns its solids, in an order of its own.
#[derive(Debug, Default)]
pub(super) struct Bvh {
    nodes: Vec<Node>,
    pub solids: Vec<Solid>,
}

/// Where a ray meets a solid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub t: f32,
    pub solid: u32,
}

struct Item {
    lo: V3,
    hi: V3,
    mid: V3,
    solid: u32,
}

impl Bvh {
    pub fn new(solids: Vec<Solid>) -> Self {
        let mut items: Vec<Item> = solids
            .iter()
            .enumerate()
            .map(|(i, s)| {
                let (lo, hi) = s.shape.bounds();
                Item { lo, hi, mid: (lo + hi) * 0.5, solid: i as u32 }
            })
            .collect();
        let mut nodes = Vec::with_capacity(items.len());
        if !items.is_empty() {
            split(&mut items, 0, &mut nodes);
        }
        let solids = items.iter().map(|i| solids[i.solid as usize]).collect();
        Self { nodes, solids }
    }

    /// The first solid along the ray between `t_min` and `t_max`.
    ///
    /// `porous(solid index, t_in, t_out)` decides where, if at all, a porous solid stops the ray.
    pub fn nearest<F>(&self, o: &V3, d: &V3, t_min: f32, t_max: f32, porous: F) -> Option<Hit>
    where
        F: FnMut(u32, f32, f32) -> Option<f32>,
    {
        self.walk::<F, false>(o, d, t_min, t_max, porous)
    }

    /// Whether anything lies between `t_min` and `t_max`.
    pub fn blocked<F>(&self, o: &V3, d: &V3, t_min: f32, t_max: f32, porous: F) -> bool
    where
        F: FnMut(u32, f32, f32) -> Option<f32>,
    {
        self.walk::<F, true>(o, d, t_min, t_max, porous).is_some()
    }

    fn walk<F, const ANY: bool>(
        &self,
        o: &V3,
        d: &V3,
        t_min: f32,
        t_max: f32,
        mut porous: F,
    ) -> Option<Hit>
    where
        F: FnMut(u32, f32, f32) -> Option<f32>,
    {
        if self.nodes.is_empty() {
            return None;
        }
        let inv = d.map(|c| 1.0 / if c.abs() < 1e-9 { 1e-9 } else { c });
        let mut best: Option<Hit> = None;
        let mut limit = t_max;
        // Nodes still to be walked, with the ray parameter at which they are entered.
        let mut stack = [(0u32, 0f32); 64];
        let mut depth = 0;
        let mut index = 0u32;
        if self.nodes[0].entry(o, &inv, t_min, limit) == f32::INFINITY {
            return None;
        }
        loop {
            let node = &self.nodes[index as usize];
            if node.count == 0 {
                let (left, right) = (index + 1, node.first);
                let a = self.nodes[left as usize].entry(o, &inv, t_min, limit);
                let b = self.nodes[right as usize].entry(o, &inv, t_min, limit);
                let (near, far) =
                    if a <= b { ((left, a), (right, b)) } else { ((right, b), (left, a)) };
                // The tree is far less deep than the stack; a full one would only cost accuracy.
                if far.1 < f32::INFINITY && depth < stack.len() {
                    stack[depth] = far;
                    depth += 1;
                }
                if near.1 < f32::INFINITY {
                    index = near.0;
                    continue;
                }
            }
            for i in node.first..node.first + u32::from(node.count) {
                let solid = &self.solids[i as usize];
                let Some((t_in, t_out)) = solid.shape.span(o, d) else { continue };
                if t_out <= t_min || t_in >= limit {
                    continue;
                }
                let t = if solid.material.is_porous() {
                    porous(i, t_in.max(t_min), t_out)
                } else if t_in > t_min {
                    Some(t_in)
                } else {
                    Some(t_out)
                };
                if let Some(t) = t.filter(|t| *t < limit) {
                    limit = t;
                    best = Some(Hit { t, solid: i });
                    if ANY {
                        return best;
                    }
                }
            }
            loop {
                if depth == 0 {
                    return best;
                }
                depth -= 1;
                if stack[depth].1 < limit {
                    index = stack[depth].0;
                    break;
                }
            }
        }
    }
}

impl Node {
    /// Ray parameter at which the node's box is entered; infinite where it is missed.
    fn entry(&self, o: &V3, inv: &V3, t_min: f32, limit: f32) -> f32 {
        // Plain comparisons compile to one instruction each, unlike `f32::min` and `max`.
        let min = |a: f32, b: f32| if a < b { a } else { b };
        let max = |a: f32, b: f32| if a > b { a } else { b };
        let (mut lo, mut hi) = (t_min, limit);
        for k in 0..3 {
            let a = (self.lo[k] - o[k]) * inv[k];
            let b = (self.hi[k] - o[k]) * inv[k];
            lo = max(lo, min(a, b));
            hi = min(hi, max(a, b));
        }
        if lo <= hi { lo } else { f32::INFINITY }
    }
}

fn area(lo: &V3, hi: &V3) -> f32 {
    let e = hi - lo;
    e.x * e.y + e.y * e.z + e.z * e.x
}

fn split(items: &mut [Item], offset: usize, nodes: &mut Vec<Node>) {
    let (mut lo, mut hi) = (items[0].lo, items[0].hi);
    let (mut mlo, mut mhi) = (items[0].mid, items[0].mid);
    for i in items.iter() {
        (lo, hi) = (lo.inf(&i.lo), hi.sup(&i.hi));
        (mlo, mhi) = (mlo.inf(&i.mid), mhi.sup(&i.mid));
    }
    let me = nodes.len();
    nodes.push(Node {
        lo: lo.into(),
        hi: hi.into(),
        first: offset as u32,
        count: items.len() as u16,
    });
    if items.len() <= LEAF {
        return;
    }
    let axis = (mhi - mlo).imax();
    let width = (mhi - mlo)[axis];
    let cut = if width < 1e-5 { None } else { best_cut(items, axis, mlo[axis], width) };
    let middle = match cut {
        Some(cut) => {
            // Stable partition keeps the order, and with it the result, the same everywhere.
            items.sort_by_key(|i| bin(i.mid[axis], mlo[axis], width) > cut);
            items.partition_point(|i| bin(i.mid[axis], mlo[axis], width) <= cut)
        }
        None => items.len() / 2,
    };
    nodes[me].count = 0;
    let (left, right) = items.split_at_mut(middle);
    split(left, offset, nodes);
    nodes[me].first = nodes.len() as u32;
    split(right, offset + middle, nodes);
}

fn bin(mid: f32, lo: f32, width: f32) -> usize {
    (((mid - lo) / width * BINS as f32) as usize).min(BINS - 1)
}

/// The bin after which to cut, or none when one bin holds everything.
fn best_cut(items: &[Item], axis: usize, lo: f32, width: f32) -> Option<usize> {
    let empty = (V3::repeat(f32::INFINITY), V3::repeat(f32::NEG_INFINITY), 0usize);
    let mut bins = [empty; BINS];
    for i in items {
        let b = &mut bins[bin(i.mid[axis], lo, width)];
        *b = (b.0.inf(&i.lo), b.1.sup(&i.hi), b.2 + 1);
    }
    let join = |a: (V3, V3, usize), b: &(V3, V3, usize)| (a.0.inf(&b.0), a.1.sup(&b.1), a.2 + b.2);
    let mut best = None;
    let mut least = f32::INFINITY;
    for cut in 0..BINS - 1 {
        let l = bins[..=cut].iter().fold(empty, join);
        let r = bins[cut + 1..].iter().fold(empty, join);
        if l.2 == 0 || r.2 == 0 {
            continue;
        }
        let cost = area(&l.0, &l.1) * l.2 as f32 + area(&r.0, &r.1) * r.2 as f32;
        if cost < least {
            (least, best) = (cost, Some(cut));
        }
    }
    best
}
