//! Where the ground is: a height for each square metre, from the lowest returns and a slope limit.
//!
//! Each cell remembers its three lowest returns, so that one or two returns from below the ground
//! (mirrored by wet asphalt or glass) do not pull it down. Cells are then visited from the sensor
//! outwards: a cell's low return is ground only if the slope from its inner neighbours can reach it,
//! and a cell without ground of its own (hidden, or filled by an object) takes over theirs.

/// Side of a ground cell, m: a car covers several, a kerb does not matter.
const CELL_M: f32 = 1.0;
/// Steepest ground followed (12 %), as much as public roads have.
const SLOPE: f32 = 0.12;
/// Unevenness allowed on top of the slope, m.
const ROUGHNESS_M: f32 = 0.12;
/// However long nothing was seen, a step above this is an object, not ground, m.
const LARGEST_STEP_M: f32 = 0.6;

/// Ground height over a square around the sensor.
pub(super) struct Ground {
    reach: f32,
    margin: f32,
    side: usize,
    /// Three lowest returns of each cell, rising; infinite where there are fewer.
    lowest: Vec<[f32; 3]>,
    height: Vec<f32>,
    /// How far from the last cell with ground of its own, m.
    gap: Vec<f32>,
    /// Cells from the sensor outwards, each with its inner neighbours (up to three).
    order: Vec<(u32, [u32; 3])>,
    default_height: f32,
}

impl Ground {
    /// Over `reach` metres to each side; returns less than `margin` above the ground are ground.
    pub(super) fn new(reach: f32, margin: f32) -> Self {
        let half = (reach / CELL_M).ceil() as i32;
        let side = 2 * half as usize + 1;
        let index = |x: i32, y: i32| ((x + half) as usize * side + (y + half) as usize) as u32;
        let mut cells: Vec<(i32, i32)> =
            (-half..=half).flat_map(|x| (-half..=half).map(move |y| (x, y))).collect();
        cells.sort_by_key(|&(x, y)| (x * x + y * y, x, y));
        let order = cells
            .iter()
            .map(|&(x, y)| {
                // Inner neighbours: one step along the longer axis, one along the shorter, both.
                let (sx, sy) = (x.signum(), y.signum());
                (index(x, y), [index(x - sx, y), index(x, y - sy), index(x - sx, y - sy)])
            })
            .collect();
        Self {
            reach,
            margin,
            side,
            lowest: vec![[f32::INFINITY; 3]; side * side],
            height: vec![0.0; side * side],
            gap: vec![0.0; side * side],
            order,
            default_height: 0.0,
        }
    }

    /// Cell of a place; none beyond the reach or where it is not finite.
    #[inline]
    fn cell(&self, x: f32, y: f32) -> Option<usize> {
        // NaN fails both comparisons.
        if !(x.abs() < self.reach && y.abs() < self.reach) {
            return None;
        }
        let half = (self.side / 2) as f32;
        let (ix, iy) = (x / CELL_M + half + 0.5, y / CELL_M + half + 0.5);
        Some(ix as usize * self.side + iy as usize)
    }

    /// Estimates the ground under these returns, from a sensor `origin_height` metres above it.
    pub(super) fn estimate(&mut self, points: &[[f32; 4]], origin_height: f32) {
        self.default_height = -origin_height;
        self.lowest.fill([f32::INFINITY; 3]);
        for &[x, y, z, _] in points {
            let Some(cell) = self.cell(x, y) else { continue };
            let low = &mut self.lowest[cell];
            if z < low[2] {
                // Insertion into three sorted values; infinite returns (-inf) are not heights.
                if z == f32::NEG_INFINITY {
                } else if z < low[0] {
                    *low = [z, low[0], low[1]];
                } else if z < low[1] {
                    *low = [low[0], z, low[1]];
                } else {
                    low[2] = z;
                }
            }
        }
        for position in 0..self.order.len() {
            let (cell, inner) = self.order[position];
            let cell = cell as usize;
            let (mut expected, mut gap) = (self.default_height, 0.0);
            if position > 0 {
                // A neighbour equal to the cell itself (on an axis) does not count.
                let (mut sum, mut weight) = (0.0, 0.0);
                gap = f32::INFINITY;
                for neighbour in inner.map(|neighbour| neighbour as usize) {
                    if neighbour != cell {
                        // The nearer to real ground, the more it knows.
                        let trust = 1.0 / (1.0 + self.gap[neighbour]);
                        sum += trust * self.height[neighbour];
                        weight += trust;
                        gap = gap.min(self.gap[neighbour]);
                    }
                }
                expected = sum / weight;
            }
            let reach = (ROUGHNESS_M + SLOPE * (gap + CELL_M)).min(LARGEST_STEP_M);
            let near = |z: &f32| (z - expected).abs() <= reach;
            // The lowest that the slope can reach: lower ones come from below the ground.
            match self.lowest[cell].iter().find(|z| near(z)) {
                Some(&low) => {
                    self.height[cell] = 0.3 * expected + 0.7 * low;
                    self.gap[cell] = 0.0;
                }
                None => {
                    self.height[cell] = expected;
                    self.gap[cell] = gap + CELL_M;
                }
            }
        }
    }

    /// Height of the ground at a place, m; where nothing is known, under the sensor.
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        self.cell(x, y).map_or(self.default_height, |cell| self.height[cell])
    }

    /// How far a return is above the ground, m; none for ground and beyond the reach.
    #[inline]
    pub(super) fn above(&self, [x, y, z, _]: [f32; 4]) -> Above {
        let Some(cell) = self.cell(x, y) else { return Above::OutOfReach };
        let above = z - self.height[cell];
        if above > self.margin {
            Above::Object(above)
        } else if above.is_nan() {
            Above::OutOfReach
        } else {
            Above::Ground
        }
    }
}

/// Where a return is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Above {
    /// Beyond the reach, or not finite.
    OutOfReach,
    /// On the ground or below.
    Ground,
    /// So many metres above it.
    Object(f32),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns on a plane that rises by `slope`, one in each quarter of a square metre.
    fn plane(slope: f32) -> Vec<[f32; 4]> {
        let mut points = Vec::new();
        for x in -70..70 {
            for y in -70..70 {
                let (x, y) = (0.5 * x as f32 + 0.1, 0.5 * y as f32 + 0.1);
                points.push([x, y, -1.7 + slope * x, 0.3]);
            }
        }
        points
    }

    #[test]
    fn a_slope_is_ground_and_a_wall_on_it_is_not() {
        for slope in [-0.08, 0.0, 0.08] {
            let mut points = plane(slope);
            let wall = points.len();
            points.extend((0..40).map(|i| [20.0, 0.1 * i as f32, -0.9 + 20.0 * slope, 0.3]));
            let mut ground = Ground::new(50.0, 0.3);
            ground.estimate(&points, 1.7);
            let floor = points[..wall].iter().filter(|p| ground.above(**p) == Above::Ground);
            assert!(floor.count() > wall * 99 / 100, "slope {slope}");
            assert!(points[wall..].iter().all(|p| matches!(ground.above(*p), Above::Object(_))));
        }
    }

    #[test]
    fn two_returns_from_below_the_ground_do_not_lower_it() {
        let mut points = plane(0.0);
        points.extend([[10.2, 3.1, -4.0, 0.0], [10.3, 3.2, -3.5, 0.0]]);
        let mut ground = Ground::new(50.0, 0.3);
        ground.estimate(&points, 1.7);
        assert!((ground.at(10.2, 3.1) + 1.7).abs() < 0.05);
    }

    #[test]
    fn returns_that_are_not_finite_are_out_of_reach() {
        let mut points = plane(0.0);
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        points.extend(odd.map(|x| [x, 0.0, 0.0, 0.0]));
        points.extend(odd.map(|z| [5.0, 0.0, z, 0.0]));
        let mut ground = Ground::new(50.0, 0.3);
        ground.estimate(&points, 1.7);
        assert!((ground.at(5.0, 0.0) + 1.7).abs() < 0.05);
        assert_eq!(ground.above([f32::NAN, 0.0, 0.0, 0.0]), Above::OutOfReach);
        assert_eq!(ground.above([5.0, 0.0, f32::NAN, 0.0]), Above::OutOfReach);
    }
}
