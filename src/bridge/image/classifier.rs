//! The crop classifier: what the picture alone says of a person or a cyclist. A crop of the picture around the
//! projected box in, a logit out that is added to the refined score's own (see `models/FEATURES.md`).
//!
//! Runs on the pictures' thread ([`super::ahead`]), beside the image branch and its expert.

use image::RgbImage;

use super::mips::{self, Mips};
use crate::bridge::Error;
use crate::expert::Network;
use crate::expert::contract::Contract;
use crate::frame::Class;

/// Side of a crop over the longer side of the projected box.
const SCALE: f64 = 2.0;
/// Least side of a crop, pixels.
const LEAST_SIDE: f64 = 16.0;

/// A region to be looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crop {
    /// Index into the scene's regions.
    pub region: usize,
    /// Which of the classifier's classes it is proposed as.
    pub column: usize,
    /// Left, top, width, height; pixels.
    pub window: [f32; 4],
}

/// What the classifier says: region, logit.
pub(super) type Logits = Vec<(usize, f32)>;

/// What a classifier knows and takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Face {
    /// The classes that it tells from others, in the order of its outputs.
    pub classes: Vec<Class>,
    /// Places along a crop's side.
    pub places: usize,
    /// Crops in one run.
    batch: usize,
}

/// The crop classifier with its memory.
pub(super) struct Classifier {
    network: Box<dyn Network>,
    face: Face,
    mips: Mips,
}

/// The square about a projected box (u0, v0, u1, v1) as left, top, width, height.
pub(super) fn crop([u0, v0, u1, v1]: [f64; 4]) -> [f32; 4] {
    let side = (SCALE * (u1 - u0).max(v1 - v0)).max(LEAST_SIDE);
    [0.5 * (u0 + u1 - side), 0.5 * (v0 + v1 - side), side, side].map(|value| value as f32)
}

impl Face {
    fn of(contract: &Contract) -> Result<Self, Error> {
        let wrong = |line: &str, expected: &str, found: String| Error::Contract {
            model: contract.name.clone(),
            line: line.to_owned(),
            expected: expected.to_owned(),
            found,
        };
        let shapes = |specs: &[crate::expert::contract::TensorSpec]| {
            format!("{:?}", specs.iter().map(|spec| &spec.shape).collect::<Vec<_>>())
        };
        let inputs = contract.inputs.as_slice();
        let (batch, places) = match inputs {
            [input] => match *input.shape.as_slice() {
                [batch, 3, rows, columns]
                    if batch > 0 && rows == columns && (1..=mips::MOST_PLACES).contains(&rows) =>
                {
                    (batch, rows)
                }
                _ => {
                    let expected = "[N, 3, S, S], S at most 256";
                    return Err(wrong("inputs: crops", expected, shapes(inputs)));
                }
            },
            _ => return Err(wrong("inputs", "crops alone", format!("{} inputs", inputs.len()))),
        };
        let classes = contract.classes.clone();
        match contract.outputs.as_slice() {
            [logits] if logits.shape == [batch, classes.len()] => {}
            outputs => {
                let expected = format!("logits alone, [{batch}, {}]", classes.len());
                return Err(wrong("outputs", &expected, shapes(outputs)));
            }
        }
        Ok(Self { classes, places, batch })
    }
}

impl Classifier {
    /// On a network of role `classifier`.
    ///
    /// # Errors
    /// [`Error::Contract`] when the tensors are not those of `models/FEATURES.md`.
    pub(super) fn new(network: Box<dyn Network>) -> Result<Self, Error> {
        let face = Face::of(network.contract())?;
        Ok(Self { network, face, mips: Mips::default() })
    }

    pub(super) fn face(&self) -> &Face {
        &self.face
    }

    /// What the picture says of each crop; stops between two runs once nobody wants to know.
    pub(super) fn look(
        &mut self,
        image: &RgbImage,
        crops: &[Crop],
        wanted: impl Fn() -> bool,
    ) -> Result<Logits, Error> {
        let Face { classes, places, batch } = &self.face;
        let size = 3 * places * places;
        self.mips.clear();
        let mut said = Logits::with_capacity(crops.len());
        for crops in crops.chunks(*batch) {
            if !wanted() {
                break;
            }
            let (used, unused) = self.network.input_mut(0).split_at_mut(crops.len() * size);
            unused.fill(0.0);
            for (slot, crop) in used.chunks_exact_mut(size).zip(crops) {
                self.mips.sample(image, crop.window, *places, slot);
            }
            self.network.run()?;
            let logits = self.network.output(0).chunks_exact(classes.len());
            said.extend(
                crops.iter().zip(logits).map(|(crop, row)| (crop.region, row[crop.column])),
            );
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::fake::{Fake, classifier_contract};

    /// Says the mean of a crop for its first class, and twice that for its second.
    fn classifier(batch: usize) -> Classifier {
        let network = Fake::new(classifier_contract(batch, 32), |inputs, outputs| {
            let crops = inputs[0].chunks_exact(3 * 32 * 32);
            for (crop, row) in crops.zip(outputs[0].chunks_exact_mut(2)) {
                row[0] = crop.iter().sum::<f32>() / crop.len() as f32;
                row[1] = 2.0 * row[0];
            }
            Ok(())
        });
        Classifier::new(Box::new(network)).unwrap()
    }

    #[test]
    fn each_crop_gets_the_logit_of_its_own_class_over_several_batches() {
        let picture = RgbImage::from_fn(300, 200, |x, _| image::Rgb([(x / 2) as u8; 3]));
        let crops: Vec<_> = (0..5)
            .map(|k| {
                let window = crop([40.0 * f64::from(k), 80.0, 40.0 * f64::from(k) + 10.0, 110.0]);
                Crop { region: 7 * k as usize, column: k as usize % 2, window }
            })
            .collect();
        let said = classifier(2).look(&picture, &crops, || true).unwrap();
        assert_eq!(said.iter().map(|said| said.0).collect::<Vec<_>>(), [0, 7, 14, 21, 28]);
        let alone = classifier(1).look(&picture, &crops, || true).unwrap();
        assert_eq!(said, alone, "whatever the batch");
        let twice =
            classifier(1).look(&picture, &[Crop { column: 0, ..crops[3] }], || true).unwrap();
        assert!((said[3].1 - 2.0 * twice[0].1).abs() < 1e-6 && said[3].1 != 0.0);
        let asked = std::cell::Cell::new(0);
        let twice = || asked.replace(asked.get() + 1) < 2;
        assert_eq!(classifier(2).look(&picture, &crops, twice).unwrap().len(), 4);
    }

    #[test]
    fn a_crop_is_a_square_about_the_box() {
        assert_eq!(crop([100.0, 50.0, 120.0, 110.0]), [50.0, 20.0, 120.0, 120.0]);
        assert_eq!(crop([0.0, 0.0, 2.0, 4.0]), [-7.0, -6.0, 16.0, 16.0]);
    }

    #[test]
    fn a_contract_that_does_not_fit_is_named_with_its_line() {
        let says = |change: fn(&mut Contract)| {
            let mut contract = classifier_contract(1, 32);
            change(&mut contract);
            let network = Fake::new(contract, |_, _| Ok(()));
            Classifier::new(Box::new(network)).err().unwrap().to_string()
        };
        assert!(says(|contract| contract.inputs[0].shape[3] = 31).contains("[N, 3, S, S]"));
        assert!(says(|contract| contract.inputs.clear()).contains("crops alone"));
        assert!(says(|contract| contract.outputs[0].shape[1] = 3).contains("logits alone"));
        assert!(says(|contract| contract.classes.truncate(1)).contains("logits alone, [1, 1]"));
    }
}
