//! An image at several scales and windows sampled from it: the multi-scale pooling of the image
//! branch. Levels are halved by 2 x 2 means (a last odd row or column is left out) and made only
//! when a window asks for them.

use image::RgbImage;

/// Mean colour of the training images: what a window shows outside the image.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Their spread.
const SPREAD: [f32; 3] = [0.229, 0.224, 0.225];
/// Levels above the image itself.
const LEVELS: usize = 5;
/// An image with a side below this is not halved any more.
const LEAST_SIDE: usize = 8;

/// Least rows of a part of an image: halved as often as there are levels, it is still halved like the
/// whole.
const LEAST_ROWS: u32 = (LEAST_SIDE as u32) << LEVELS;

/// How many of an image's rows, from the top, are enough for a window to be sampled as from the whole;
/// may be more than the image has.
pub(super) fn rows_for(window: [f32; 4], places: usize) -> u32 {
    let bottom = (window[1] + window[3]).clamp(0.0, u32::MAX as f32 / 4.0).ceil() as u32;
    // The neighbour below a place of the level; and whole rows of every level, none left out as odd.
    let reach = bottom + (2 << level(window, places));
    reach.next_multiple_of(1 << LEVELS).max(LEAST_ROWS)
}

/// The level whose pixels lie about as far apart as the window's places.
fn level(window: [f32; 4], places: usize) -> usize {
    let step = (window[2].max(window[3])) / places as f32;
    let mut level = 0;
    while level < LEVELS && step > 2.0 * (1_u32 << level) as f32 {
        level += 1;
    }
    level
}

/// Halved copies of one image, RGB interleaved, 0..255; memory is reused from image to image.
#[derive(Debug, Default)]
pub struct Mips {
    levels: Vec<Level>,
    made: usize,
}

#[derive(Debug, Default)]
struct Level {
    pixels: Vec<f32>,
    size: [usize; 2],
}

impl Mips {
    /// Forgets the image before.
    pub fn clear(&mut self) {
        self.made = 0;
    }

    /// Samples a window (left, top, width, height; pixels) at `places` x `places` into `out`
    /// `[3, places, places]`, less mean, over spread; see `models/FEATURES.md`.
    pub fn sample(&mut self, image: &RgbImage, window: [f32; 4], places: usize, out: &mut [f32]) {
        let level = self.make(image, level(window, places));
        let scale = 1.0 / (1_u32 << level) as f32;
        if level == 0 {
            let size = [image.width() as usize, image.height() as usize];
            sample(image.as_raw(), size, scale, window, places, out);
        } else {
            let Level { pixels, size } = &self.levels[level - 1];
            sample(pixels, *size, scale, window, places, out);
        }
    }

    /// Makes levels up to the one wanted; gives the one that could be had (a tiny image is not
    /// halved).
    fn make(&mut self, image: &RgbImage, wanted: usize) -> usize {
        while self.made < wanted {
            if self.levels.len() == self.made {
                self.levels.push(Level::default());
            }
            let (before, after) = self.levels.split_at_mut(self.made);
            let made = match before.last() {
                None => {
                    let size = [image.width() as usize, image.height() as usize];
                    after[0].halve(image.as_raw(), size)
                }
                Some(Level { pixels, size }) => after[0].halve(pixels, *size),
            };
            if !made {
                break;
            }
            self.made += 1;
        }
        wanted.min(self.made)
    }
}

impl Level {
    fn halve<T: Copy + Into<f32>>(&mut self, from: &[T], [width, height]: [usize; 2]) -> bool {
        if width.min(height) < LEAST_SIDE {
            return false;
        }
        self.size = [width / 2, height / 2];
        self.pixels.clear();
        let line = 3 * width;
        for rows in from[..(height / 2) * 2 * line].chunks_exact(2 * line) {
            let (upper, lower) = rows.split_at(line);
            for (a, b) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
                for channel in 0..3 {
                    let sum: f32 = a[channel].into()
                        + a[channel + 3].into()
                        + b[channel].into()
                        + b[channel + 3].into();
                    self.pixels.push(0.25 * sum);
                }
            }
        }
        true
    }
}

/// Two neighbours along an axis and their weights; a neighbour outside weighs nothing.
#[derive(Clone, Copy, Default)]
struct Tap {
    at: [usize; 2],
    weight: [f32; 2],
}

impl Tap {
    fn new(place: f32, cells: usize) -> Self {
        let low = place.floor();
        let share = place - low;
        let mut tap = Self { at: [0; 2], weight: [1.0 - share, share] };
        for (side, neighbour) in [low, low + 1.0].into_iter().enumerate() {
            // Also refuses NaN.
            if neighbour >= 0.0 && neighbour < cells as f32 {
                tap.at[side] = neighbour as usize;
            } else {
                tap.weight[side] = 0.0;
            }
        }
        tap
    }
}

/// Places of a window along one axis at most, so that taps fit on the stack.
pub(super) const MOST_PLACES: usize = 256;

fn sample<T: Copy + Into<f32>>(
    pixels: &[T],
    [width, height]: [usize; 2],
    scale: f32,
    [left, top, across, down]: [f32; 4],
    places: usize,
    out: &mut [f32],
) {
    // Pixel centres are at whole numbers, so a level's coordinate is (u + 1/2) / 2^level - 1/2.
    let place = |start: f32, extent: f32, k: usize| {
        (start + (k as f32 + 0.5) / places as f32 * extent) * scale - 0.5
    };
    let mut columns = [Tap::default(); MOST_PLACES];
    let columns = &mut columns[..places];
    for (k, tap) in columns.iter_mut().enumerate() {
        *tap = Tap::new(place(left, across, k), width);
    }
    let area = places * places;
    for row in 0..places {
        let rows = Tap::new(place(top, down, row), height);
        let lines = rows.at.map(|at| &pixels[3 * at * width..3 * (at + 1) * width]);
        for (column, tap) in columns.iter().enumerate() {
            let mut sum = [0.0_f32; 3];
            let mut inside = 0.0;
            for (line, weight_v) in lines.iter().zip(rows.weight) {
                for (at, weight_u) in tap.at.iter().zip(tap.weight) {
                    let weight = weight_u * weight_v;
                    inside += weight;
                    for (sum, value) in sum.iter_mut().zip(&line[3 * at..3 * at + 3]) {
                        *sum += weight * (*value).into();
                    }
                }
            }
            for channel in 0..3 {
                // The mean colour outside is zero after the mean is taken off.
                out[channel * area + row * places + column] =
                    (sum[channel] * (1.0 / 255.0) - inside * MEAN[channel]) / SPREAD[channel];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture whose red rises with the column and whose green rises with the row.
    fn ramp(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 100]))
    }

    fn colour(out: &[f32], places: usize, row: usize, column: usize) -> [f32; 3] {
        std::array::from_fn(|channel| {
            let value = out[channel * places * places + row * places + column];
            (value * SPREAD[channel] + MEAN[channel]) * 255.0
        })
    }

    #[test]
    fn a_window_reads_the_ramp_at_its_places_on_every_level() {
        let image = ramp(200, 160);
        let mut mips = Mips::default();
        let mut out = vec![0.0; 3 * 64 * 64];
        for window in [[20.0, 10.0, 64.0, 32.0], [3.0, 2.0, 190.0, 150.0], [10.5, 8.5, 16.0, 16.0]]
        {
            mips.sample(&image, window, 64, &mut out);
            for (row, column) in [(5, 7), (32, 32), (60, 58)] {
                let u = window[0] + (column as f32 + 0.5) / 64.0 * window[2] - 0.5;
                let v = window[1] + (row as f32 + 0.5) / 64.0 * window[3] - 0.5;
                let [red, green, blue] = colour(&out, 64, row, column);
                assert!((red - u).abs() < 0.02 && (green - v).abs() < 0.02, "{red} {u}");
                assert!((blue - 100.0).abs() < 0.01);
            }
        }
        assert_eq!(mips.made, 1, "only the level that was asked for");
    }

    proptest! {
        #[test]
        fn the_upper_rows_are_enough_for_a_window(
            left in -200.0_f32..400.0,
            top in -300.0_f32..500.0,
            across in 16.0_f32..2500.0,
            down in 16.0_f32..900.0,
        ) {
            let noise = |x: u32, y: u32| (x * 7919 + y * 104_729) as u8;
            let image = RgbImage::from_fn(301, 403, |x, y| image::Rgb([noise(x, y), x as u8, y as u8]));
            let window = [left, top, across, down];
            let rows = rows_for(window, 64).min(403);
            let upper = image::imageops::crop_imm(&image, 0, 0, 301, rows).to_image();
            let mut outs = [vec![0.0; 3 * 64 * 64], vec![0.0; 3 * 64 * 64]];
            Mips::default().sample(&image, window, 64, &mut outs[0]);
            Mips::default().sample(&upper, window, 64, &mut outs[1]);
            prop_assert_eq!(&outs[0], &outs[1]);
        }
    }

    #[test]
    fn no_more_rows_are_asked_for_than_a_window_needs() {
        assert_eq!(rows_for([100.0, 100.0, 60.0, 60.0], 64), LEAST_ROWS);
        assert_eq!(rows_for([100.0, 200.0, 60.0, 80.0], 64), 288);
        assert_eq!(
            rows_for([100.0, 200.0, 200.0, 86.0], 64),
            320,
            "a coarser level reaches further"
        );
        assert!(rows_for([0.0, 0.0, f32::INFINITY, f32::INFINITY], 64) > 1 << 20);
    }

    #[test]
    fn outside_the_image_a_window_shows_the_mean_colour() {
        let mut out = vec![f32::NAN; 3 * 64 * 64];
        let window = [-500.0, -500.0, 100.0, 100.0];
        Mips::default().sample(&ramp(20, 20), window, 64, &mut out);
        assert!(out.iter().all(|value| *value == 0.0));
    }

    #[test]
    fn a_huge_window_on_a_tiny_image_is_sampled_at_the_coarsest_level_there_is() {
        let mut out = vec![f32::NAN; 3 * 64 * 64];
        Mips::default().sample(&ramp(5, 3), [-1e4, -1e4, 2e4, 2e4], 64, &mut out);
        assert!(out.iter().all(|value| value.is_finite()));
    }
}
