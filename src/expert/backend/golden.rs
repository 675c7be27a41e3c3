//! The numerics gate: a model folder carries an input and the output that it must give
//! (`golden.npz`, arrays named as the tensors, f32). A provider or precision whose answer departs by
//! more than the contract allows, `|a - b| <= tolerance * (1 + |b|)`, is refused. A NaN in an output
//! means that this element is not compared: of a large map a part is enough, and a folder stays small.

use std::io::Cursor;
use std::path::Path;

use ndarray::{ArrayD, IxDyn};
use ndarray_npy::NpzReader;
use serde::Serialize;

use super::super::contract::{Contract, TensorSpec};
use super::super::{Error, Network};

/// Golden inputs and outputs, in the contract's order, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// One a contract input.
    pub inputs: Vec<Vec<f32>>,
    /// One a contract output.
    pub outputs: Vec<Vec<f32>>,
}

/// How far an output is from its golden one, at the worst element.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Departure {
    /// Output name.
    pub output: String,
    /// Departure over what is allowed: above 1 is refused.
    pub ratio: f32,
    /// Index of that element.
    pub index: Vec<usize>,
    /// Golden value there.
    pub expected: f32,
    /// Value found there.
    pub found: f32,
}

impl Golden {
    /// Reads the bytes of an npz file. `source` is the file named in errors.
    ///
    /// # Errors
    /// [`Error::GoldenFile`]: not an npz, an array missing, of another type or shape, an input that is
    /// not finite, an output that is infinite somewhere or NaN everywhere.
    pub fn parse(bytes: &[u8], contract: &Contract, source: &Path) -> Result<Self, Error> {
        let wrong = |array: &str, message: String| Error::GoldenFile {
            path: source.to_owned(),
            array: array.to_owned(),
            message,
        };
        let mut archive = NpzReader::new(Cursor::new(bytes))
            .map_err(|error| wrong("(any)", format!("not an npz file: {error}")))?;
        let mut read = |spec: &TensorSpec| {
            let array: ArrayD<f32> = archive
                .by_name::<_, IxDyn>(&format!("{}.npy", spec.name))
                .or_else(|_| archive.by_name::<_, IxDyn>(&spec.name))
                .map_err(|error| wrong(&spec.name, format!("cannot be read as f32: {error}")))?;
            if array.shape() != spec.shape {
                let (found, expected) = (array.shape(), &spec.shape);
                let message = format!("has the shape {found:?}, the contract says {expected:?}");
                return Err(wrong(&spec.name, message));
            }
            Ok(array.iter().copied().collect::<Vec<f32>>())
        };
        let inputs = contract.inputs.iter().map(&mut read).collect::<Result<Vec<_>, _>>()?;
        let outputs = contract.outputs.iter().map(&mut read).collect::<Result<Vec<_>, _>>()?;
        for (spec, values) in contract.inputs.iter().zip(&inputs) {
            if let Some(element) = values.iter().position(|value| !value.is_finite()) {
                return Err(wrong(&spec.name, format!("element {element} is not finite")));
            }
        }
        for (spec, values) in contract.outputs.iter().zip(&outputs) {
            if let Some(element) = values.iter().position(|value| value.is_infinite()) {
                return Err(wrong(&spec.name, format!("element {element} is infinite")));
            }
            if values.iter().all(|value| value.is_nan()) {
                return Err(wrong(&spec.name, "has no element to compare".to_owned()));
            }
        }
        Ok(Self { inputs, outputs })
    }

    /// Reads the golden file of a model folder.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::GoldenFile`].
    pub fn load(folder: &Path, contract: &Contract) -> Result<Self, Error> {
        let path = folder.join(&contract.golden);
        let bytes =
            std::fs::read(&path).map_err(|source| Error::File { path: path.clone(), source })?;
        Self::parse(&bytes, contract, &path)
    }

    /// Writes the golden inputs into a network.
    pub fn fill(&self, network: &mut dyn Network) {
        for (index, input) in self.inputs.iter().enumerate() {
            network.input_mut(index).copy_from_slice(input);
        }
    }

    /// Runs the network on the golden input and measures each output. The inputs are zeros after.
    ///
    /// # Errors
    /// What [`Network::run`] says. A departure is not an error here: see [`Golden::hold`].
    pub fn measure(&self, network: &mut dyn Network) -> Result<Vec<Departure>, Error> {
        self.fill(network);
        let run = network.run();
        for index in 0..self.inputs.len() {
            network.input_mut(index).fill(0.0);
        }
        run?;
        let contract = network.contract();
        let outputs = contract.outputs.iter().zip(&self.outputs).enumerate();
        let measured = outputs.map(|(index, (spec, golden))| {
            worst(spec, contract.golden_tolerance, golden, network.output(index))
        });
        Ok(measured.collect())
    }

    /// As [`Golden::measure`], and refuses a departure beyond the contract's tolerance.
    ///
    /// # Errors
    /// [`Error::GoldenDeparture`], and what [`Network::run`] says.
    pub fn hold(&self, network: &mut dyn Network) -> Result<Vec<Departure>, Error> {
        let departures = self.measure(network)?;
        match departures.iter().find(|departure| departure.ratio > 1.0) {
            Some(departure) => Err(refusal(network.contract(), departure)),
            None => Ok(departures),
        }
    }
}

/// The error of a departure beyond the tolerance.
pub(super) fn refusal(contract: &Contract, departure: &Departure) -> Error {
    let Departure { output, ratio, index, expected, found } = departure.clone();
    let tolerance = contract.golden_tolerance;
    Error::GoldenDeparture {
        model: contract.name.clone(),
        output,
        index,
        expected,
        found,
        tolerance,
        ratio,
    }
}

fn worst(spec: &TensorSpec, tolerance: f32, golden: &[f32], found: &[f32]) -> Departure {
    let mut at = golden.iter().position(|value| !value.is_nan()).unwrap_or_default();
    let mut largest = 0.0_f32;
    for (element, (golden, found)) in golden.iter().zip(found).enumerate() {
        // Not compared (NaN) is never larger; that `found` is finite, the network's run has seen to.
        let ratio = (found - golden).abs() / (tolerance * (1.0 + golden.abs()));
        if ratio > largest {
            (at, largest) = (element, ratio);
        }
    }
    Departure {
        output: spec.name.clone(),
        ratio: largest,
        index: unravel(at, &spec.shape),
        expected: golden.get(at).copied().unwrap_or_default(),
        found: found.get(at).copied().unwrap_or_default(),
    }
}

/// A place in row-major memory as an index.
fn unravel(mut element: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (place, &side) in index.iter_mut().zip(shape).rev() {
        *place = element % side;
        element /= side;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_element_is_found_with_its_index() {
        let spec = TensorSpec {
            name: "boxes".into(),
            dtype: super::super::super::contract::Dtype::F32,
            shape: vec![2, 3],
            meaning: None,
        };
        let golden = [0.0, 1.0, 100.0, 0.0, 0.0, 0.0];
        let found = [0.0, 1.02, 100.5, 0.0, -0.03, 0.0];
        let departure = worst(&spec, 0.01, &golden, &found);
        assert_eq!((departure.index, departure.found), (vec![1, 1], -0.03));
        assert!((departure.ratio - 3.0).abs() < 1e-5);

        let in_part = [f32::NAN, f32::NAN, 100.0, f32::NAN, f32::NAN, 0.0];
        let departure = worst(&spec, 0.01, &in_part, &found);
        assert_eq!((departure.index, departure.expected), (vec![0, 2], 100.0));
        assert!((departure.ratio - 0.5 / 1.01).abs() < 1e-5);
    }
}
