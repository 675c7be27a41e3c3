//! The two BEV grids: cropped points in, the `fine` and `coarse` inputs of the bridge model out,
//! channel for channel as `models/FEATURES.md` says. This is the LiDAR half of the adaptive
//! multimodal data bridge (AMDB) of EMC2 (ICCV 2025, arXiv 2507.04123), after pillar encoders such
//! as PointPillars (arXiv 1812.05784), laid out for a small processor's caches.
//!
//! A scan touches about a tenth of the cells, in no useful order, while the tensors are twelve
//! planes of 563 kB: adding each point to the planes would miss the cache a dozen times a point.
//! So the points go into *packed cells* first, one cache line a cell with all its sums, found
//! through a dense table of cell numbers; a number counts only if the cell it names carries the
//! same key, so the table never needs clearing. A bitmap of touched cells then gives them in key
//! order without a sort: the planes are written front to back, each coarse cell from its four fine
//! ones, and the cells that only the frame before had touched are cleared (`old and not new`).
//! `benches/bridge.rs` keeps the plain way beside this one.

use super::GridLayout;
use super::layout::{COARSE_CHANNELS, FINE_CHANNELS, SLICES};

/// Everything known about an occupied fine cell: one cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Cell {
    /// `ix * ny + iy`.
    key: u32,
    /// Points.
    count: u32,
    /// Points of each height slice, saturating (only the first eight matter); the last is unused.
    slices: [u8; 8],
    /// Highest and lowest height above nominal ground, m.
    top: f32,
    bottom: f32,
    /// Sums of intensity, x and y offset from the cell's centre (m), and a spare lane.
    sums: [f32; 4],
    /// Sums of height and its square; f64 because a variance is a small difference.
    heights: [f64; 2],
}

/// A point, ready to be added to its cell.
#[derive(Clone, Copy, Default)]
struct Entry {
    key: u32,
    slice: u32,
    height: f32,
    sums: [f32; 4],
}

/// Points are prepared in blocks of this many: the arithmetic vectorises, the table is asked ahead.
const BLOCK: usize = 32;

/// Memory of the two grids, reused from frame to frame.
#[derive(Debug)]
pub struct Grids {
    layout: GridLayout,
    /// For each fine cell: where it is in `cells`, if the keys agree.
    table: Vec<u32>,
    cells: Vec<Cell>,
    /// Touched cells, one bit each, rows padded to whole words; now and a frame ago.
    touched: Vec<u64>,
    before: Vec<u64>,
    words: usize,
    /// The tensors (fine, coarse) hold something unknown: clear them wholly.
    stale: [bool; 2],
    /// `min(1, ln(1 + n) / ln 9)` for n = 0..=8, `ln(1 + n) / ln 65` for n = 0..=64.
    slice_share: [f32; 9],
    count_share: [f32; 65],
}

impl Grids {
    /// Grids for a layout. The first write clears the tensors wholly.
    pub fn new(layout: GridLayout) -> Self {
        let words = layout.fine[1].div_ceil(64);
        let share = |n: usize, full: f64| ((n as f64).ln_1p() / full.ln()).min(1.0) as f32;
        Self {
            table: vec![0; layout.fine_cells()],
            cells: Vec::with_capacity(layout.fine_cells() / 8),
            touched: vec![0; words * layout.fine[0]],
            before: vec![0; words * layout.fine[0]],
            words,
            stale: [true; 2],
            slice_share: std::array::from_fn(|n| share(n, 9.0)),
            count_share: std::array::from_fn(|n| share(n, 65.0)),
            layout,
        }
    }

    /// The layout they were made for.
    pub fn layout(&self) -> &GridLayout {
        &self.layout
    }

    /// Says that someone else wrote into the tensors: the next write clears them wholly.
    pub fn forget(&mut self) {
        self.stale = [true; 2];
    }

    /// Occupied fine cells of the last [`Grids::gather`].
    pub fn occupied(&self) -> usize {
        self.cells.len()
    }

    /// Sums up the points of each cell. All points must be inside the layout's range (see
    /// [`super::budget::crop`]); `origin_height` is the sensor's height above nominal ground, m.
    pub fn gather(&mut self, points: &[[f32; 4]], origin_height: f32) {
        std::mem::swap(&mut self.touched, &mut self.before);
        self.touched.fill(0);
        self.cells.clear();
        let mut block = [Entry::default(); BLOCK];
        for chunk in points.chunks(BLOCK) {
            for (entry, point) in block.iter_mut().zip(chunk) {
                *entry = prepare(&self.layout, *point, origin_height);
            }
            for entry in &block[..chunk.len()] {
                self.add(entry);
            }
        }
    }

    #[inline(always)]
    fn add(&mut self, entry: &Entry) {
        let slot = &mut self.table[entry.key as usize];
        let height = entry.height;
        match self.cells.get_mut(*slot as usize) {
            Some(cell) if cell.key == entry.key => {
                cell.count += 1;
                let slice = &mut cell.slices[entry.slice as usize & 7];
                *slice = slice.saturating_add(1);
                cell.top = cell.top.max(height);
                cell.bottom = cell.bottom.min(height);
                for (sum, value) in cell.sums.iter_mut().zip(entry.sums) {
                    *sum += value;
                }
                cell.heights[0] += f64::from(height);
                cell.heights[1] += f64::from(height) * f64::from(height);
            }
            _ => {
                *slot = self.cells.len() as u32;
                let row = entry.key as usize / self.layout.fine[1];
                let column = entry.key as usize % self.layout.fine[1];
                self.touched[row * self.words + column / 64] |= 1 << (column % 64);
                let mut slices = [0; 8];
                slices[entry.slice as usize & 7] = 1;
                self.cells.push(Cell {
                    key: entry.key,
                    count: 1,
                    slices,
                    top: height,
                    bottom: height,
                    sums: entry.sums,
                    heights: [f64::from(height), f64::from(height) * f64::from(height)],
                });
            }
        }
    }

    /// Writes the gathered cells into the tensor `fine` `[1, 12, nx, ny]`, and clears what the frame
    /// before left there. It must be the same memory from frame to frame, or [`Grids::forget`] must
    /// be called; every [`Grids::gather`] must be followed by both writes.
    ///
    /// # Panics
    /// When the slice is not of the layout's size (the bridge checks the contract beforehand).
    pub fn write_fine(&mut self, fine: &mut [f32]) {
        let plane = self.layout.fine_cells();
        assert_eq!(fine.len(), FINE_CHANNELS * plane);
        if std::mem::take(&mut self.stale[0]) {
            fine.fill(0.0);
        }
        let [_, ny] = self.layout.fine;
        let depth = self.layout.h[1] - self.layout.h[0];
        let half = 0.5 * self.layout.fine_cell;
        for row in 0..self.layout.fine[0] {
            for word in 0..self.words {
                let at = row * self.words + word;
                let first = row * ny + word * 64;
                for bit in bits(self.before[at] & !self.touched[at]) {
                    for channel in 0..FINE_CHANNELS {
                        fine[channel * plane + first + bit] = 0.0;
                    }
                }
                for bit in bits(self.touched[at]) {
                    let key = first + bit;
                    let cell = &self.cells[self.table[key] as usize];
                    let each = 1.0 / cell.count as f32;
                    let mut values = [0.0; FINE_CHANNELS];
                    for (value, count) in values.iter_mut().zip(&cell.slices[..SLICES]) {
                        *value = self.slice_share[usize::from(*count).min(8)];
                    }
                    values[SLICES] = (cell.top - self.layout.h[0]) / depth;
                    values[SLICES + 1] = cell.sums[0] * each;
                    values[SLICES + 2] = cell.sums[1] * each / half;
                    values[SLICES + 3] = cell.sums[2] * each / half;
                    values[SLICES + 4] = (cell.top - cell.bottom) / depth;
                    for (channel, value) in values.into_iter().enumerate() {
                        fine[channel * plane + key] = value;
                    }
                }
            }
        }
    }

    /// As [`Grids::write_fine`], for the tensor `coarse` `[1, 8, nx / 2, ny / 2]`.
    ///
    /// # Panics
    /// When the slice is not of the layout's size (the bridge checks the contract beforehand).
    pub fn write_coarse(&mut self, coarse: &mut [f32]) {
        let plane = self.layout.coarse_cells();
        assert_eq!(coarse.len(), COARSE_CHANNELS * plane);
        if std::mem::take(&mut self.stale[1]) {
            self.clear_coarse(coarse);
        }
        let [nx, ny] = self.layout.coarse();
        let fine_ny = self.layout.fine[1];
        let depth = self.layout.h[1] - self.layout.h[0];
        // A pair of bits (two columns) is one coarse cell; its lower bit stands for it.
        const PAIRS: u64 = 0x5555_5555_5555_5555;
        for row in 0..nx {
            for word in 0..self.words {
                let (low, high) = (2 * row * self.words + word, (2 * row + 1) * self.words + word);
                let new = self.touched[low] | self.touched[high];
                let old = self.before[low] | self.before[high];
                let (new, old) = ((new | new >> 1) & PAIRS, (old | old >> 1) & PAIRS);
                let first = row * ny + word * 32;
                for bit in bits(old & !new) {
                    // The last channel is constant.
                    for channel in 0..COARSE_CHANNELS - 1 {
                        coarse[channel * plane + first + bit / 2] = 0.0;
                    }
                }
                for bit in bits(new) {
                    let column = word * 32 + bit / 2;
                    let mut sum = Sum::default();
                    for fine_row in [2 * row, 2 * row + 1] {
                        let lanes = self.touched[fine_row * self.words + word] >> bit;
                        for lane in 0..2 {
                            if lanes >> lane & 1 == 1 {
                                let key = fine_row * fine_ny + 2 * column + lane;
                                sum.add(&self.cells[self.table[key] as usize]);
                            }
                        }
                    }
                    let values = self.coarse_values(&sum, row, column, depth);
                    for (channel, value) in values.into_iter().enumerate() {
                        coarse[channel * plane + first + bit / 2] = value;
                    }
                }
            }
        }
    }

    fn coarse_values(&self, sum: &Sum, row: usize, column: usize, depth: f32) -> [f32; 7] {
        let count = f64::from(sum.count);
        let mean = sum.heights[0] / count;
        let variance = (sum.heights[1] / count - mean * mean).max(0.0);
        let [x, y] = self.layout.coarse_center(row, column);
        let share = |height: f32| (height - self.layout.h[0]) / depth;
        // Density freed of distance: reaches 1 at 256 points' worth, where no logarithm is needed.
        let dense = sum.count as f32 * (x * x + y * y) / (20.0 * 20.0);
        let dense = if dense >= 256.0 { 1.0 } else { dense.ln_1p() / 257_f32.ln() };
        [
            self.count_share[(sum.count as usize).min(64)],
            share(sum.bottom),
            share(mean as f32),
            (variance as f32).sqrt().min(1.0),
            share(sum.top),
            sum.intensity / sum.count as f32,
            dense,
        ]
    }

    /// Zeros, and the constant channel: horizontal distance of the cell's centre / 80 m.
    fn clear_coarse(&self, coarse: &mut [f32]) {
        let [nx, ny] = self.layout.coarse();
        let (sums, constant) = coarse.split_at_mut((COARSE_CHANNELS - 1) * nx * ny);
        sums.fill(0.0);
        for row in 0..nx {
            for column in 0..ny {
                let [x, y] = self.layout.coarse_center(row, column);
                constant[row * ny + column] = (x * x + y * y).sqrt() / 80.0;
            }
        }
    }
}

/// Cell number, slice and the values to add, for one point.
#[inline(always)]
fn prepare(layout: &GridLayout, [x, y, z, intensity]: [f32; 4], origin_height: f32) -> Entry {
    let cell = layout.fine_cell;
    // Rounding may carry a point just inside the range's end to the cell behind the last.
    let ix = (((x - layout.x[0]) / cell) as i32).min(layout.fine[0] as i32 - 1);
    let iy = (((y - layout.y[0]) / cell) as i32).min(layout.fine[1] as i32 - 1);
    let height = z + origin_height;
    let slice = layout.edges[1..SLICES].iter().map(|edge| u32::from(height >= *edge)).sum();
    Entry {
        key: ix as u32 * layout.fine[1] as u32 + iy as u32,
        slice,
        height,
        sums: [
            intensity,
            x - (layout.x[0] + (ix as f32 + 0.5) * cell),
            y - (layout.y[0] + (iy as f32 + 0.5) * cell),
            0.0,
        ],
    }
}

/// What a coarse cell gathers from its fine ones.
struct Sum {
    count: u32,
    top: f32,
    bottom: f32,
    intensity: f32,
    heights: [f64; 2],
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            count: 0,
            top: f32::NEG_INFINITY,
            bottom: f32::INFINITY,
            intensity: 0.0,
            heights: [0.0; 2],
        }
    }
}

impl Sum {
    #[inline]
    fn add(&mut self, cell: &Cell) {
        self.count += cell.count;
        self.top = self.top.max(cell.top);
        self.bottom = self.bottom.min(cell.bottom);
        self.intensity += cell.sums[0];
        self.heights[0] += cell.heights[0];
        self.heights[1] += cell.heights[1];
    }
}

/// Positions of the set bits, rising.
#[inline]
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros() as usize;
            word &= word - 1;
            bit
        })
    })
}

#[cfg(test)]
mod tests;
