use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::bridge::plain;

fn scan(seed: u64, count: usize) -> Vec<[f32; 4]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| {
            // Squared, so that some cells are crowded and others hold one point.
            let near: f32 = rng.random();
            [
                near * near * 70.39,
                (rng.random::<f32>() - 0.5) * 79.9 * near,
                rng.random::<f32>() * 4.4 - 2.7,
                rng.random(),
            ]
        })
        .collect()
}

fn tensors(layout: &GridLayout) -> (Vec<f32>, Vec<f32>) {
    (
        vec![f32::NAN; FINE_CHANNELS * layout.fine_cells()],
        vec![f32::NAN; COARSE_CHANNELS * layout.coarse_cells()],
    )
}

fn assert_close(found: &[f32], expected: &[f32], plane: usize) {
    for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= 2e-5,
            "channel {} cell {}: {found} is not {expected}",
            k / plane,
            k % plane
        );
    }
}

#[test]
fn packed_cells_give_what_the_plain_way_gives_frame_after_frame() {
    let layout = GridLayout::default();
    let mut grids = Grids::new(layout.clone());
    let (mut fine, mut coarse) = tensors(&layout);
    for (seed, count) in [(1, 60_000), (2, 300), (3, 60_000), (4, 0), (5, 10)] {
        let points = scan(seed, count);
        grids.gather(&points, 1.73);
        grids.write_fine(&mut fine);
        grids.write_coarse(&mut coarse);
        let (plain_fine, plain_coarse) = plain::grids(&layout, &points, 1.73);
        assert_close(&fine, &plain_fine, layout.fine_cells());
        assert_close(&coarse, &plain_coarse, layout.coarse_cells());
    }
}

#[test]
fn the_same_points_give_the_same_bytes() {
    let layout = GridLayout::default();
    let points = scan(7, 20_000);
    let mut grids = Grids::new(layout.clone());
    let (mut fine, mut coarse) = tensors(&layout);
    grids.gather(&scan(8, 30_000), 1.73);
    grids.write_fine(&mut fine);
    grids.write_coarse(&mut coarse);
    grids.gather(&points, 1.73);
    grids.write_fine(&mut fine);
    grids.write_coarse(&mut coarse);
    let mut fresh = Grids::new(layout.clone());
    let (mut fresh_fine, mut fresh_coarse) = tensors(&layout);
    fresh.gather(&points, 1.73);
    fresh.write_fine(&mut fresh_fine);
    fresh.write_coarse(&mut fresh_coarse);
    assert_eq!(fine, fresh_fine);
    assert_eq!(coarse, fresh_coarse);
}

#[test]
fn a_point_at_the_very_edge_stays_in_the_last_cell() {
    let layout = GridLayout::default();
    let mut grids = Grids::new(layout.clone());
    let (mut fine, mut coarse) = tensors(&layout);
    let edge = [70.4_f32.next_down(), 40_f32.next_down(), 0.0, 1.0];
    assert!(layout.contains(edge, 1.73));
    grids.gather(&[edge, [0.0, -40.0, 0.0, 1.0]], 1.73);
    grids.write_fine(&mut fine);
    grids.write_coarse(&mut coarse);
    assert_eq!(grids.occupied(), 2);
    assert_eq!(fine[8 * layout.fine_cells() + layout.fine_cells() - 1], 1.0);
    assert_eq!(coarse[5 * layout.coarse_cells()], 1.0);
}

#[test]
fn identical_heights_have_no_spread_at_all() {
    let layout = GridLayout::default();
    let mut grids = Grids::new(layout.clone());
    let (mut fine, mut coarse) = tensors(&layout);
    grids.gather(&vec![[10.05, 3.0, 0.7313, 0.2]; 3_000], 1.73);
    grids.write_fine(&mut fine);
    grids.write_coarse(&mut coarse);
    let spread = &coarse[3 * layout.coarse_cells()..4 * layout.coarse_cells()];
    assert!(spread.iter().all(|value| *value < 1e-5));
}
