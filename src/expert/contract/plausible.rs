//! What can be told of a contract without the model's files: values that cannot be right.

use std::path::Path;

use super::{Contract, Fault, GridSpec, Role, TensorSpec};

/// More elements than this in one tensor are taken for a mistake (1 GiB of f32).
const MAX_ELEMENTS: usize = 1 << 28;

impl Contract {
    pub(super) fn plausible(&self) -> Result<(), Fault> {
        let wrong = |field: &str, problem: &str| {
            Err(Fault::Value { field: field.to_owned(), problem: problem.to_owned() })
        };
        if self.name.is_empty() {
            return wrong("name", "must not be empty");
        }
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return wrong("sha256", "must be 64 hexadecimal digits");
        }
        for (field, file) in [("file", &self.file), ("golden", &self.golden)] {
            if Path::new(file).file_name() != Some(file.as_ref()) {
                return wrong(field, "must be the plain name of a file in the model folder");
            }
        }
        if !(self.golden_tolerance.is_finite() && self.golden_tolerance > 0.0) {
            return wrong("golden_tolerance", "must be a number above 0");
        }
        plausible_side("inputs", &self.inputs, &[])?;
        plausible_side("outputs", &self.outputs, &self.inputs)?;
        for (index, class) in self.classes.iter().enumerate() {
            if self.classes[..index].contains(class) {
                return wrong("classes", &format!("{class:?} stands there twice"));
            }
        }
        if self.role != Role::Image && self.classes.is_empty() {
            return wrong("classes", "all but an image model need at least one");
        }
        match (&self.grid, self.role) {
            (None, Role::Bridge) => return wrong("grid", "a bridge model needs it"),
            (Some(grid), _) => grid.plausible()?,
            _ => {}
        }
        for (field, weight) in
            [("overlap_weight", self.overlap_weight), ("quality_weight", self.quality_weight)]
        {
            if weight.is_some_and(|weight| !(0.0..=1.0).contains(&weight)) {
                return wrong(field, "must lie in 0..1");
            }
        }
        let rising = self.calibration.is_sorted_by(|a, b| a[0] < b[0] && a[1] <= b[1]);
        let inside = self.calibration.iter().flatten().all(|score| (0.0..=1.0).contains(score));
        if self.calibration.len() == 1 || !rising || !inside {
            return wrong(
                "calibration",
                "must be at least two [score, chance] in 0..1, rising; without the line scores stay as they are",
            );
        }
        if let Some(sensor) = &self.sensor
            && (sensor.beams == 0 || !(sensor.origin_height.is_finite()))
        {
            return wrong("sensor", "needs at least one beam and a finite height");
        }
        if let Some(median) = self.sensor.as_ref().and_then(|sensor| sensor.intensity_median)
            && !(median > 0.0 && median < 1.0)
        {
            return wrong("sensor.intensity_median", "must be above 0 and below 1");
        }
        for (situation, cost) in &self.cost_ms {
            if !(cost.is_finite() && *cost >= 0.0) {
                return wrong(&format!("cost_ms.{situation}"), "must be a number of milliseconds");
            }
        }
        Ok(())
    }
}

impl GridSpec {
    fn plausible(&self) -> Result<(), Fault> {
        let wrong = |field: &str, problem: String| {
            Err(Fault::Value { field: format!("grid.{field}"), problem })
        };
        for (field, [from, to]) in [("x", self.x), ("y", self.y), ("h", self.h)] {
            if !(from.is_finite() && to.is_finite() && from < to) {
                return wrong(field, format!("{from}..{to} is not a rising range"));
            }
        }
        for (field, cell) in [("fine_cell", self.fine_cell), ("coarse_cell", self.coarse_cell)] {
            if !(cell.is_finite() && cell > 0.0) {
                return wrong(field, format!("{cell} is not a length above 0"));
            }
            for (axis, [from, to]) in [("x", self.x), ("y", self.y)] {
                // The grids are dense: a cell that does not divide the range would leave a strip out.
                let cells = f64::from(to - from) / f64::from(cell);
                if (cells - cells.round()).abs() > 1e-3 * cells.max(1.0) {
                    let problem = format!("{cell} m does not divide the range {axis} {from}..{to}");
                    return wrong(field, problem);
                }
                if cells > 1e5 {
                    return wrong(field, format!("{cells:.0} cells along {axis} are too many"));
                }
            }
        }
        if self.fine_cell > self.coarse_cell {
            return wrong("fine_cell", "is larger than coarse_cell".to_owned());
        }
        let rising = self.slices.windows(2).all(|pair| pair[0] < pair[1]);
        if self.slices.len() < 2 || !rising {
            return wrong("slices", "must be at least two rising heights".to_owned());
        }
        Ok(())
    }
}

fn plausible_side(side: &str, specs: &[TensorSpec], others: &[TensorSpec]) -> Result<(), Fault> {
    let wrong = |field: String, problem: &str| {
        Err(Fault::Value { field: format!("{side}{field}"), problem: problem.to_owned() })
    };
    if specs.is_empty() {
        return wrong(String::new(), "must not be empty");
    }
    for (index, spec) in specs.iter().enumerate() {
        let twice = specs[..index].iter().chain(others).any(|other| other.name == spec.name);
        if spec.name.is_empty() || twice {
            return wrong(format!("[{index}].name"), "must be a name that stands there once");
        }
        let elements = spec.shape.iter().try_fold(1_usize, |all, &side| all.checked_mul(side));
        if spec.shape.is_empty() || !elements.is_some_and(|n| (1..=MAX_ELEMENTS).contains(&n)) {
            return wrong(
                format!("[{index}].shape"),
                "must be sides above 0, at most 2^28 elements",
            );
        }
    }
    Ok(())
}
