//! The glue that LPE, VEE and APE share: regions into a network's fixed batch, its answers into
//! refined boxes.
//!
//! A contract's input names say what the network takes ([`crate::bridge::encode`] fills them), its
//! outputs are `boxes` and `scores`; `models/FEATURES.md` has every number. What differs between
//! the experts is told in [`super::lpe`], [`super::vee`] and [`super::ape`].

use std::time::Instant;

use super::{Error, Expert, ExpertInput, ExpertMeter, Network, Refinement};
use crate::bridge::{ImageFeatures, Proposal, encode};
use crate::frame::{Class, DegradationSet, ExpertKind};
use crate::geometry::Box3;

/// What an input of the network is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filling {
    Context,
    Raster,
    Points { places: usize },
    Pixels { places: usize, channels: usize },
    Window { channels: usize },
}

/// One of the three experts: a kind, and a network whose contract says what it takes.
pub struct RegionExpert {
    kind: ExpertKind,
    network: Box<dyn Network>,
    fillings: Vec<Filling>,
    boxes: usize,
    scores: usize,
    batch: usize,
    classes: Vec<Class>,
    quality_weight: f32,
}

impl RegionExpert {
    /// Takes a loaded network as the expert of this kind. An error where its contract names an
    /// input that no encoder fills, lacks an output, or has a shape that does not fit.
    pub fn new(kind: ExpertKind, network: Box<dyn Network>) -> Result<Self, Error> {
        let contract = network.contract();
        let wrong = |tensor: &str, expected: String, found: String| Error::Unsuitable {
            model: contract.name.clone(),
            tensor: tensor.to_owned(),
            expected,
            found,
        };
        let batch = contract.inputs.first().and_then(|input| input.shape.first()).copied();
        let batch = batch.filter(|&batch| batch > 0).ok_or_else(|| {
            wrong("inputs", "a fixed batch of 1 or more".to_owned(), "none".to_owned())
        })?;
        let mut fillings = Vec::with_capacity(contract.inputs.len());
        for input in &contract.inputs {
            let (filling, form) = match (input.name.as_str(), input.shape.as_slice()) {
                ("context", [_, encode::CONTEXT]) => (Filling::Context, ""),
                ("raster", [_, a, b, c]) if [*a, *b, *c] == encode::RASTER => (Filling::Raster, ""),
                ("points", &[_, places, encode::POINT]) if places > 0 => {
                    (Filling::Points { places }, "")
                }
                ("pixels", &[_, places, width]) if places > 0 && width > 1 => {
                    (Filling::Pixels { places, channels: width - 1 }, "")
                }
                ("window", &[_, width]) if width > 0 && width % 2 == 0 => {
                    (Filling::Window { channels: width / 2 }, "")
                }
                ("context", _) => (Filling::Context, "[N, 12]"),
                ("raster", _) => (Filling::Context, "[N, 8, 32, 16]"),
                ("points", _) => (Filling::Context, "[N, places, 8]"),
                ("pixels", _) => (Filling::Context, "[N, places, features + 1]"),
                ("window", _) => (Filling::Context, "[N, 2 x features]"),
                _ => {
                    let expected = "an input named context, raster, points, pixels or window";
                    return Err(wrong(&input.name, expected.to_owned(), input.name.clone()));
                }
            };
            if !form.is_empty() || input.shape[0] != batch {
                let form =
                    if form.is_empty() { format!("a batch of {batch}") } else { form.into() };
                return Err(wrong(&input.name, form, format!("{:?}", input.shape)));
            }
            fillings.push(filling);
        }
        let classes = contract.classes.clone();
        let output = |name: &str, width: usize| {
            let position = contract.outputs.iter().position(|output| output.name == name);
            let expected = vec![batch, width];
            let Some(position) = position else {
                return Err(wrong(name, format!("an output {expected:?}"), "none".to_owned()));
            };
            let shape = &contract.outputs[position].shape;
            if *shape != expected {
                return Err(wrong(name, format!("{expected:?}"), format!("{shape:?}")));
            }
            Ok(position)
        };
        let (boxes, scores) = (output("boxes", 7)?, output("scores", classes.len())?);
        let quality_weight = contract.quality_weight.unwrap_or(0.5);
        Ok(Self { kind, network, fillings, boxes, scores, batch, classes, quality_weight })
    }

    /// The network.
    pub fn network(&self) -> &dyn Network {
        self.network.as_ref()
    }

    /// The image features, if these regions have any; an error where the image model gives another
    /// number of features than this network takes.
    fn image<'a>(
        &self,
        input: &ExpertInput<'a>,
        regions: &[usize],
    ) -> Result<Option<&'a ImageFeatures>, Error> {
        let has_slot = |image: &&ImageFeatures| {
            regions.iter().any(|&region| image.slot.get(region).is_some_and(Option::is_some))
        };
        let Some(image) = input.image.filter(has_slot) else { return Ok(None) };
        for (index, filling) in self.fillings.iter().enumerate() {
            if let Filling::Pixels { channels, .. } | Filling::Window { channels } = *filling
                && channels != image.channels
            {
                let contract = self.network.contract();
                return Err(Error::Unsuitable {
                    model: contract.name.clone(),
                    tensor: contract.inputs[index].name.clone(),
                    expected: format!("for the image model's {} features", image.channels),
                    found: format!("for {channels}"),
                });
            }
        }
        Ok(Some(image))
    }

    /// Fills the network's inputs for one batch; gives the number of region points left out.
    fn encode(
        &mut self,
        input: &ExpertInput<'_>,
        image: Option<&ImageFeatures>,
        regions: &[usize],
    ) -> u64 {
        let scene = input.scene;
        let origin_height = input.frame.rig.lidar.origin_height_m as f32;
        let mut thinned = 0;
        for (index, filling) in self.fillings.iter().enumerate() {
            let out = self.network.input_mut(index);
            match (*filling, image) {
                (Filling::Context, _) => encode::context(scene, regions, origin_height, out),
                (Filling::Raster, _) => encode::raster(scene, regions, out),
                (Filling::Points { places }, _) => {
                    thinned += encode::points(scene, regions, places, out);
                }
                (Filling::Pixels { places, .. }, Some(image)) => {
                    encode::pixels(scene, regions, &input.frame.rig, image, places, out);
                }
                (Filling::Window { .. }, Some(image)) => encode::window(regions, image, out),
                (Filling::Pixels { .. } | Filling::Window { .. }, None) => out.fill(0.0),
            }
        }
        thinned
    }

    fn decode(&self, input: &ExpertInput<'_>, regions: &[usize], out: &mut Vec<Refinement>) {
        let boxes = self.network.output(self.boxes).chunks_exact(7);
        let scores = self.network.output(self.scores).chunks_exact(self.classes.len().max(1));
        for ((&region, delta), scores) in regions.iter().zip(boxes).zip(scores) {
            let proposal = &input.scene.regions[region].proposal;
            let own = self.classes.iter().position(|class| *class == proposal.class);
            let Some(own) = own else {
                // The network was not taught this class and has nothing to say about it.
                out.push(Refinement::proposal(input.scene, region, DegradationSet::default()));
                continue;
            };
            let quality = 1.0 / (1.0 + (-scores[own]).exp());
            let w = self.quality_weight;
            out.push(Refinement {
                region: Some(region),
                class: proposal.class,
                box3: refined_box(proposal, delta),
                score: proposal.confidence.powf(1.0 - w) * quality.powf(w),
                quality,
                quality_weight: w,
                picture: 0.0,
                expert: self.kind,
                degraded: DegradationSet::default(),
            });
        }
    }
}

/// Applies a row of `boxes` to the proposal: shift along the box's axes in units of its diagonal,
/// up in units of its height, logarithms of the size ratios, turn (rad).
fn refined_box(proposal: &Proposal, delta: &[f32]) -> Box3 {
    let Box3 { center, size, yaw } = proposal.box3;
    let delta: [f64; 7] = std::array::from_fn(|i| f64::from(delta[i]));
    let diagonal = size[0].hypot(size[1]);
    let (sin, cos) = yaw.sin_cos();
    let (along, across) = (delta[0] * diagonal, delta[1] * diagonal);
    let turned = yaw + delta[6];
    Box3 {
        center: [
            center[0] + cos * along - sin * across,
            center[1] + sin * along + cos * across,
            center[2] + delta[2] * size[2],
        ],
        size: std::array::from_fn(|i| size[i] * delta[3 + i].exp()),
        yaw: turned.sin().atan2(turned.cos()),
    }
}

fn ms_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

impl Expert for RegionExpert {
    fn kind(&self) -> ExpertKind {
        self.kind
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn needs_image(&self) -> bool {
        self.fillings
            .iter()
            .any(|filling| matches!(filling, Filling::Pixels { .. } | Filling::Window { .. }))
    }

    fn refine(
        &mut self,
        input: &ExpertInput<'_>,
        regions: &[usize],
        out: &mut Vec<Refinement>,
        meter: &mut ExpertMeter,
    ) -> Result<(), Error> {
        let before = out.len();
        for batch in regions.chunks(self.batch) {
            let start = Instant::now();
            let image = self.image(input, batch).inspect_err(|_| out.truncate(before))?;
            meter.points_thinned += self.encode(input, image, batch);
            meter.encode_ms += ms_since(start);

            let start = Instant::now();
            let ran = self.network.run();
            meter.model_ms += ms_since(start);
            if let Err(error) = ran {
                out.truncate(before);
                return Err(error);
            }

            let start = Instant::now();
            self.decode(input, batch, out);
            meter.encode_ms += ms_since(start);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
