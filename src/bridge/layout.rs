//! The grids' geometry: a contract's [`GridSpec`] in, sizes, edges and cell numbers out.
//!
//! Cells are numbered as `models/FEATURES.md` says: row = x, column = y, all arithmetic in f32, so
//! that the training side puts each point into the same cell.

use crate::expert::contract::{Contract, GridSpec};

use super::Error;

/// Height slices of the fine grid.
pub const SLICES: usize = 7;
/// Channels of the `fine` input.
pub const FINE_CHANNELS: usize = SLICES + 5;
/// Channels of the `coarse` input.
pub const COARSE_CHANNELS: usize = 8;
/// Channels of the `boxes` output.
pub const BOX_CHANNELS: usize = 10;

/// Ranges (m), cell sizes (m) and cell counts of the two grids.
#[derive(Debug, Clone, PartialEq)]
pub struct GridLayout {
    /// Range along x, m, end excluded.
    pub x: [f32; 2],
    /// Range along y, m, end excluded.
    pub y: [f32; 2],
    /// Range of height above the nominal ground, m, end excluded.
    pub h: [f32; 2],
    /// Side of a fine cell, m.
    pub fine_cell: f32,
    /// Side of a coarse cell, m: exactly two fine cells.
    pub coarse_cell: f32,
    /// Fine cells along x and y (both even).
    pub fine: [usize; 2],
    /// Edges of the height slices, m above nominal ground.
    pub edges: [f32; SLICES + 1],
}

impl Default for GridLayout {
    /// The grid of `models/FEATURES.md`.
    fn default() -> Self {
        Self {
            x: [0.0, 70.4],
            y: [-40.0, 40.0],
            h: [-1.0, 3.5],
            fine_cell: 0.2,
            coarse_cell: 0.4,
            fine: [352, 400],
            edges: [-1.0, 0.25, 0.55, 0.85, 1.2, 1.6, 2.1, 3.5],
        }
    }
}

impl GridLayout {
    /// The layout that a contract asks for.
    ///
    /// # Errors
    /// [`Error::Contract`] when a range is empty, a coarse cell is not two fine cells, the range is
    /// not a whole number of coarse cells, or there are not seven rising slices.
    pub fn new(spec: &GridSpec, model: &str) -> Result<Self, Error> {
        let wrong = |line: &str, expected: &str, found: String| Error::Contract {
            model: model.to_owned(),
            line: format!("grid.{line}"),
            expected: expected.to_owned(),
            found,
        };
        for (name, range) in [("x", spec.x), ("y", spec.y), ("h", spec.h)] {
            let [low, high] = range;
            if !(low.is_finite() && high.is_finite() && low < high) {
                return Err(wrong(name, "two rising finite numbers", format!("{range:?}")));
            }
        }
        if !(spec.fine_cell.is_finite() && spec.fine_cell > 0.0) {
            return Err(wrong("fine_cell", "a positive length", format!("{}", spec.fine_cell)));
        }
        if spec.coarse_cell != 2.0 * spec.fine_cell {
            return Err(wrong(
                "coarse_cell",
                "exactly twice fine_cell",
                format!("{}", spec.coarse_cell),
            ));
        }
        let mut fine = [0; 2];
        for (axis, (name, range)) in [("x", spec.x), ("y", spec.y)].into_iter().enumerate() {
            let cells = f64::from(range[1] - range[0]) / f64::from(spec.coarse_cell);
            let whole = cells.round();
            if (cells - whole).abs() > 1e-3 || !(1.0..=8192.0).contains(&whole) {
                return Err(wrong(
                    name,
                    "a whole number of coarse cells, 1 to 8192",
                    format!("{range:?} = {cells} cells"),
                ));
            }
            fine[axis] = 2 * whole as usize;
        }
        let edges: [f32; SLICES + 1] = spec.slices.as_slice().try_into().map_err(|_| {
            wrong("slices", "8 edges (7 slices)", format!("{} edges", spec.slices.len()))
        })?;
        if !edges.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(wrong("slices", "rising edges", format!("{edges:?}")));
        }
        Ok(Self {
            x: spec.x,
            y: spec.y,
            h: spec.h,
            fine_cell: spec.fine_cell,
            coarse_cell: spec.coarse_cell,
            fine,
            edges,
        })
    }

    /// Coarse cells along x and y.
    pub fn coarse(&self) -> [usize; 2] {
        [self.fine[0] / 2, self.fine[1] / 2]
    }

    /// Cells of the fine grid.
    pub fn fine_cells(&self) -> usize {
        self.fine[0] * self.fine[1]
    }

    /// Cells of the coarse grid.
    pub fn coarse_cells(&self) -> usize {
        self.fine_cells() / 4
    }

    /// Is the point (LiDAR frame, m) inside the range? False for anything not a number.
    /// `origin_height` is the sensor's height above nominal ground, m.
    #[inline]
    pub fn contains(&self, [x, y, z, _]: [f32; 4], origin_height: f32) -> bool {
        let h = z + origin_height;
        (x >= self.x[0])
            & (x < self.x[1])
            & (y >= self.y[0])
            & (y < self.y[1])
            & (h >= self.h[0])
            & (h < self.h[1])
    }

    /// Centre of a coarse cell, LiDAR x and y, m.
    #[inline]
    pub fn coarse_center(&self, ix: usize, iy: usize) -> [f32; 2] {
        [
            self.x[0] + (ix as f32 + 0.5) * self.coarse_cell,
            self.y[0] + (iy as f32 + 0.5) * self.coarse_cell,
        ]
    }

    /// Checks the tensors of a bridge contract against this layout and finds the outputs.
    pub(crate) fn check(&self, contract: &Contract) -> Result<Outputs, Error> {
        let wrong = |line: String, expected: String, found: String| Error::Contract {
            model: contract.name.clone(),
            line,
            expected,
            found,
        };
        let [nx, ny] = self.fine;
        let inputs = [
            ("fine", [1, FINE_CHANNELS, nx, ny]),
            ("coarse", [1, COARSE_CHANNELS, nx / 2, ny / 2]),
        ];
        if contract.inputs.len() != inputs.len() {
            return Err(wrong(
                "inputs".to_owned(),
                "fine and coarse".to_owned(),
                format!("{} inputs", contract.inputs.len()),
            ));
        }
        for (spec, (name, shape)) in contract.inputs.iter().zip(inputs) {
            if spec.name != name || spec.shape != shape {
                return Err(wrong(
                    format!("inputs: {name}"),
                    format!("{name} {shape:?}"),
                    format!("{} {:?}", spec.name, spec.shape),
                ));
            }
        }
        let classes = contract.classes.len();
        if classes == 0 {
            return Err(wrong("classes".to_owned(), "at least one".to_owned(), "none".to_owned()));
        }
        let find = |name: &str, channels: &[usize]| {
            let shapes: Vec<_> = channels.iter().map(|&c| [1, c, nx / 2, ny / 2]).collect();
            let index = contract.outputs.iter().position(|spec| spec.name == name);
            match index {
                Some(index) if shapes.iter().any(|s| contract.outputs[index].shape == s) => {
                    Ok(index)
                }
                Some(index) => Err(wrong(
                    format!("outputs: {name}"),
                    shapes.iter().map(|s| format!("{s:?}")).collect::<Vec<_>>().join(" or "),
                    format!("{:?}", contract.outputs[index].shape),
                )),
                None => Err(wrong("outputs".to_owned(), name.to_owned(), "no such output".into())),
            }
        };
        Ok(Outputs {
            heatmap: find("heatmap", &[classes])?,
            boxes: find("boxes", &[classes * BOX_CHANNELS, BOX_CHANNELS])?,
        })
    }
}

/// Where a bridge model's outputs stand in its contract.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outputs {
    pub heatmap: usize,
    pub boxes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> GridSpec {
        let layout = GridLayout::default();
        GridSpec {
            x: layout.x,
            y: layout.y,
            h: layout.h,
            fine_cell: 0.2,
            coarse_cell: 0.4,
            slices: layout.edges.to_vec(),
        }
    }

    #[test]
    fn the_documented_spec_gives_the_documented_sizes() {
        let layout = GridLayout::new(&spec(), "bev").unwrap();
        assert_eq!(layout, GridLayout::default());
        assert_eq!(layout.coarse(), [176, 200]);
    }

    #[test]
    fn a_grid_that_does_not_fit_is_refused_by_name() {
        let mut odd = spec();
        odd.x = [0.0, 70.3];
        assert!(GridLayout::new(&odd, "bev").unwrap_err().to_string().contains("grid.x"));
        let mut few = spec();
        few.slices.pop();
        assert!(GridLayout::new(&few, "bev").unwrap_err().to_string().contains("grid.slices"));
        let mut cell = spec();
        cell.coarse_cell = 0.5;
        assert!(GridLayout::new(&cell, "bev").unwrap_err().to_string().contains("coarse_cell"));
    }
}
