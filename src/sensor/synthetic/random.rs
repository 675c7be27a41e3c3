//! Randomness that depends on nothing but the seed and the place: seeds for ChaCha, and lattice
//! noise for textures. Only integer and IEEE-exact float operations, so all machines agree.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::solid::V3;

/// A well-mixed 64-bit number of several (splitmix64's finaliser over a running sum).
pub(super) fn mix(words: &[u64]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |state, w| {
        let mut z =
            state ^ w.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xd6e8_feb8_6659_fd93);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// A generator for one thing of the scene.
pub(super) fn stream(words: &[u64]) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(mix(words))
}

/// Uniform in `lo..hi`.
pub(super) fn uniform(rng: &mut ChaCha8Rng, lo: f32, hi: f32) -> f32 {
    lo + (hi - lo) * rng.random::<f32>()
}

/// True with this probability.
pub(super) fn chance(rng: &mut ChaCha8Rng, probability: f32) -> bool {
    rng.random::<f32>() < probability
}

/// Nearly normal, mean 0, variance 1, never beyond 3.5: a sum of uniforms needs no logarithm,
/// whose last digit differs between machines.
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let sum: f32 = (0..4).map(|_| rng.random::<f32>()).sum();
    (sum - 2.0) * 1.732_050_8
}

/// A cheap 32-bit hash of a lattice place.
pub(super) fn hash3(x: i32, y: i32, z: i32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ (z as u32).wrapping_mul(0xcb1a_b31f);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// The same as a number in 0..1.
pub(super) fn unit(h: u32) -> f32 {
    (h >> 8) as f32 / 16_777_216.0
}

/// Whole number below; without the call into the mathematics library that `f32::floor` is on
/// x86-64 processors of the base level.
pub(super) fn floor(x: f32) -> i32 {
    let whole = x as i32;
    whole - i32::from(x < whole as f32)
}

/// Noise 0..1 that is constant in each cube of this edge.
pub(super) fn cell_noise(p: &V3, edge: f32) -> f32 {
    let q = p / edge;
    unit(hash3(floor(q.x), floor(q.y), floor(q.z)))
}

/// Smooth noise 0..1 in the plane, features of about this size.
pub(super) fn smooth_noise(x: f32, y: f32, size: f32, layer: i32) -> f32 {
    let (x, y) = (x / size, y / size);
    let (ix, iy) = (floor(x), floor(y));
    let (fx, fy) = (ix as f32, iy as f32);
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - fx), ease(y - fy));
    let at = |dx: i32, dy: i32| unit(hash3(ix + dx, iy + dy, layer));
    let a = at(0, 0) + (at(1, 0) - at(0, 0)) * u;
    let b = at(0, 1) + (at(1, 1) - at(0, 1)) * u;
    a + (b - a) * v
}
