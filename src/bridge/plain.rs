//! The BEV grids the plain way, straight from the words of `models/FEATURES.md`: each point adds to
//! the planes of its cell. Slower than [`super::grid`] and kept for two reasons: tests hold the
//! packed form to it, and the bench shows what the packing is worth.

use super::GridLayout;
use super::layout::{COARSE_CHANNELS, FINE_CHANNELS, SLICES};

/// Fresh `fine` and `coarse` tensors of the points (all inside the layout's range).
pub fn grids(layout: &GridLayout, points: &[[f32; 4]], origin: f32) -> (Vec<f32>, Vec<f32>) {
    let mut fine = vec![0.0; FINE_CHANNELS * layout.fine_cells()];
    let mut coarse = vec![0.0; COARSE_CHANNELS * layout.coarse_cells()];
    fill(layout, points, origin, &mut fine, &mut coarse);
    (fine, coarse)
}

/// As [`grids`], into tensors that are there already (any content).
pub fn fill(
    layout: &GridLayout,
    points: &[[f32; 4]],
    origin: f32,
    fine: &mut [f32],
    coarse: &mut [f32],
) {
    fill_fine(layout, points, origin, fine);
    fill_coarse(layout, points, origin, coarse);
}

fn cell(layout: &GridLayout, point: &[f32; 4], side: f32, shape: [usize; 2]) -> [usize; 2] {
    [
        (((point[0] - layout.x[0]) / side).floor() as usize).min(shape[0] - 1),
        (((point[1] - layout.y[0]) / side).floor() as usize).min(shape[1] - 1),
    ]
}

fn fill_fine(layout: &GridLayout, points: &[[f32; 4]], origin: f32, fine: &mut [f32]) {
    let plane = layout.fine_cells();
    let side = layout.fine_cell;
    fine.fill(0.0);
    let mut count = vec![0.0_f32; plane];
    let mut bottom = vec![f32::INFINITY; plane];
    for point in points {
        let [ix, iy] = cell(layout, point, side, layout.fine);
        let key = ix * layout.fine[1] + iy;
        let height = point[2] + origin;
        let slice = (0..SLICES - 1).filter(|k| height >= layout.edges[k + 1]).count();
        let top = &mut fine[7 * plane + key];
        *top = if count[key] == 0.0 { height } else { top.max(height) };
        count[key] += 1.0;
        bottom[key] = bottom[key].min(height);
        fine[slice * plane + key] += 1.0;
        fine[8 * plane + key] += point[3];
        fine[9 * plane + key] += point[0] - (layout.x[0] + (ix as f32 + 0.5) * side);
        fine[10 * plane + key] += point[1] - (layout.y[0] + (iy as f32 + 0.5) * side);
    }
    let depth = layout.h[1] - layout.h[0];
    for key in (0..plane).filter(|key| count[*key] > 0.0) {
        for slice in 0..SLICES {
            let share = &mut fine[slice * plane + key];
            *share = (share.ln_1p() / 9_f32.ln()).min(1.0);
        }
        let top = fine[7 * plane + key];
        fine[7 * plane + key] = (top - layout.h[0]) / depth;
        fine[8 * plane + key] /= count[key];
        fine[9 * plane + key] /= count[key] * 0.5 * side;
        fine[10 * plane + key] /= count[key] * 0.5 * side;
        fine[11 * plane + key] = (top - bottom[key]) / depth;
    }
}

fn fill_coarse(layout: &GridLayout, points: &[[f32; 4]], origin: f32, coarse: &mut [f32]) {
    let shape = layout.coarse();
    let plane = layout.coarse_cells();
    coarse.fill(0.0);
    let mut sums = vec![[0.0_f64; 2]; plane];
    let mut range = vec![[f32::INFINITY, f32::NEG_INFINITY]; plane];
    for point in points {
        let [ix, iy] = cell(layout, point, layout.coarse_cell, shape);
        let key = ix * shape[1] + iy;
        let height = point[2] + origin;
        coarse[key] += 1.0;
        coarse[5 * plane + key] += point[3];
        sums[key][0] += f64::from(height);
        sums[key][1] += f64::from(height) * f64::from(height);
        range[key] = [range[key][0].min(height), range[key][1].max(height)];
    }
    let depth = layout.h[1] - layout.h[0];
    for key in 0..plane {
        let [x, y] = layout.coarse_center(key / shape[1], key % shape[1]);
        let distance = (x * x + y * y).sqrt();
        coarse[7 * plane + key] = distance / 80.0;
        let count = coarse[key];
        if count == 0.0 {
            continue;
        }
        let mean = sums[key][0] / f64::from(count);
        let variance = (sums[key][1] / f64::from(count) - mean * mean).max(0.0);
        let share = |height: f32| (height - layout.h[0]) / depth;
        coarse[key] = (count.ln_1p() / 65_f32.ln()).min(1.0);
        coarse[plane + key] = share(range[key][0]);
        coarse[2 * plane + key] = share(mean as f32);
        coarse[3 * plane + key] = (variance.sqrt() as f32).min(1.0);
        coarse[4 * plane + key] = share(range[key][1]);
        coarse[5 * plane + key] /= count;
        let dense = count * (distance / 20.0).powi(2);
        coarse[6 * plane + key] = (dense.ln_1p() / 257_f32.ln()).min(1.0);
    }
}
