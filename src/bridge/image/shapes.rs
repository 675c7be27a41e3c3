//! What an image model's contract says of its tensors (`models/FEATURES.md`), or the line that does not fit.

use super::mips;
use crate::bridge::Error;
use crate::expert::contract::Contract;

/// Shapes of an image model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shapes {
    /// Regions in one run (half the windows).
    pub batch: usize,
    /// Places along a window's side.
    pub places: usize,
    pub features: usize,
    pub confidence: usize,
    pub channels: usize,
    pub side: usize,
}

impl Shapes {
    /// From the contract of a model of role `image`.
    pub(super) fn of(contract: &Contract) -> Result<Self, Error> {
        let wrong = |line: &str, expected: &str, found: String| Error::Contract {
            model: contract.name.clone(),
            line: line.to_owned(),
            expected: expected.to_owned(),
            found,
        };
        let input = match contract.inputs.as_slice() {
            [input] => input,
            inputs => {
                return Err(wrong("inputs", "windows alone", format!("{} inputs", inputs.len())));
            }
        };
        let (windows, places) = match *input.shape.as_slice() {
            [windows, 3, rows, columns]
                if rows == columns
                    && (1..=mips::MOST_PLACES).contains(&rows)
                    && windows >= 2
                    && windows % 2 == 0 =>
            {
                (windows, rows)
            }
            _ => {
                return Err(wrong(
                    "inputs: windows",
                    "[2N, 3, S, S], S at most 256",
                    format!("{:?}", input.shape),
                ));
            }
        };
        let find = |name: &str| {
            let index = contract.outputs.iter().position(|spec| spec.name == name);
            let index = index.ok_or_else(|| wrong("outputs", name, "no such output".to_owned()))?;
            match *contract.outputs[index].shape.as_slice() {
                [count, channels, rows, columns]
                    if count == windows && rows == columns && rows > 0 && channels > 0 =>
                {
                    Ok((index, channels, rows))
                }
                _ => Err(wrong(
                    &format!("outputs: {name}"),
                    &format!("[{windows}, channels, side, side]"),
                    format!("{:?}", contract.outputs[index].shape),
                )),
            }
        };
        let (features, channels, side) = find("features")?;
        let (confidence, one, confidence_side) = find("confidence")?;
        if one != 1 || confidence_side != side {
            return Err(wrong(
                "outputs: confidence",
                &format!("[{windows}, 1, {side}, {side}]"),
                format!("{:?}", contract.outputs[confidence].shape),
            ));
        }
        Ok(Self { batch: windows / 2, places, features, confidence, channels, side })
    }
}
