//! The lazy image branch: regions that a plan sends to the accuracy-prioritised expert in, feature
//! maps of their image windows out. Nothing is decoded, halved or convolved until a region asks.
//!
//! The image half of the adaptive multimodal data bridge (AMDB) of EMC2 (ICCV 2025, arXiv
//! 2507.04123): a box is projected with its depth, so a window grows as its object comes nearer,
//! and is pooled at two scales (tight and wide), see `models/FEATURES.md`.

mod ahead;
mod classifier;
mod mips;
mod shapes;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use image::RgbImage;

use crate::calib::Camera;
use crate::expert::{Network, Patience};
use crate::frame::{Class, Frame, ImageData};
use crate::pipeline::StageTimes;
use crate::sensor::image::decode_for;

use super::{Error, Proposal, Region, Scene, sigmoid};
use ahead::{Ahead, Lost};
use classifier::{Classifier, Crop, Face, Logits};
use mips::Mips;
use shapes::Shapes;

/// A tight window is this many times the projected box, a wide one twice that.
const TIGHT: f64 = 1.2;
const WIDE: f64 = 2.4;
/// After so many failures in a row network or classifier are given up for a while.
const PATIENCE: u32 = 3;
/// Least side of a window, pixels.
const LEAST_SIDE: f64 = 16.0;

/// Image features of some regions. Maps are channel-first, `side x side`, see `models/FEATURES.md`.
#[derive(Debug, Default)]
pub struct ImageFeatures {
    /// Channels of a feature map.
    pub channels: usize,
    /// Cells along each side of a map.
    pub side: usize,
    /// For each region of the scene: which window it has, or none.
    pub slot: Vec<Option<u32>>,
    /// For each slot: camera and tight window (left, top, width, height; pixels).
    pub windows: Vec<(usize, [f32; 4])>,
    /// Tight-window features: `slots x channels x side x side`.
    pub tight: Vec<f32>,
    /// Wide-window features, same layout.
    pub wide: Vec<f32>,
    /// Tight-window pixel confidence (pixel belongs to an object), logits: `slots x side x side`.
    pub confidence: Vec<f32>,
    /// Mean pixel confidence of each slot's tight window, 0..1.
    pub region_confidence: Vec<f32>,
    /// Regions that were wanted but have no window, and why.
    pub unavailable: Vec<(usize, NoImage)>,
    /// Images of this frame that were missing or could not be used.
    pub images_unusable: u64,
}

/// Why a region has no image window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoImage {
    /// There is no image model.
    NoModel,
    /// No camera of the rig sees the box.
    OutOfView,
    /// The camera's picture is missing or broken; why.
    Unusable(Arc<str>),
    /// The deadline passed before the picture was decoded.
    Late,
}

impl fmt::Display for NoImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoModel => f.write_str("no image model is loaded"),
            Self::OutOfView => f.write_str("no camera sees the box"),
            Self::Unusable(cause) => f.write_str(cause),
            Self::Late => f.write_str("the deadline passed before the picture was decoded"),
        }
    }
}

impl ImageFeatures {
    /// Empties everything for a scene of so many regions; shapes and memory stay.
    fn reset(&mut self, regions: usize) {
        self.slot.clear();
        self.slot.resize(regions, None);
        self.windows.clear();
        self.tight.clear();
        self.wide.clear();
        self.confidence.clear();
        self.region_confidence.clear();
        self.unavailable.clear();
        self.images_unusable = 0;
    }
}

/// The image model with its memory.
pub struct ImageBranch {
    network: Option<(Box<dyn Network>, Shapes)>,
    /// What the classifier knows, which itself is with the pictures' thread.
    classifier: Option<Face>,
    /// With the network, and with the classifier.
    patience: [Patience; 2],
    /// Whether the classifier, being given up, was not asked in this frame.
    unasked: bool,
    /// Until when this frame's pictures and what the classifier says of them are waited for.
    until: Option<Instant>,
    late: bool,
    logits: Logits,
    ahead: Ahead,
    mips: Mips,
    features: ImageFeatures,
    /// Wanted regions of the camera at work: region, tight window, wide window.
    queue: Vec<(usize, [[f32; 4]; 2])>,
}

impl ImageBranch {
    /// An image branch on a network of role `image`, or one that has nothing for anyone; beside it a network of
    /// role `classifier`, or none.
    ///
    /// # Errors
    /// [`Error::Contract`] when the tensors are not those of `models/FEATURES.md`.
    pub fn new(
        network: Option<Box<dyn Network>>,
        classifier: Option<Box<dyn Network>>,
    ) -> Result<Self, Error> {
        let network = match network {
            Some(network) => {
                let shapes = Shapes::of(network.contract())?;
                Some((network, shapes))
            }
            None => None,
        };
        let mut features = ImageFeatures::default();
        if let Some((_, shapes)) = &network {
            (features.channels, features.side) = (shapes.channels, shapes.side);
        }
        let classifier = classifier.map(Classifier::new).transpose()?;
        let face = classifier.as_ref().map(|classifier| classifier.face().clone());
        Ok(Self {
            network,
            classifier: face,
            patience: [Patience::new(PATIENCE), Patience::new(PATIENCE)],
            unasked: false,
            until: None,
            late: false,
            logits: Logits::new(),
            ahead: Ahead::new(classifier),
            mips: Mips::default(),
            features,
            queue: Vec::new(),
        })
    }

    /// The features of the last call.
    pub fn last(&self) -> &ImageFeatures {
        &self.features
    }

    /// Begins a frame: until when its pictures, and what the classifier says of them, are waited for; none for as long
    /// as they take. What was given up comes a frame nearer to its next try.
    pub fn begin_frame(&mut self, until: Option<Instant>) {
        self.until = until;
        self.ahead.clear();
        self.patience.iter_mut().for_each(Patience::tick);
    }

    /// Whether there is an image model that has not been given up: what the router may count on.
    pub fn is_well(&self) -> bool {
        self.network.is_some() && self.patience[0].is_well()
    }

    /// Why there will be no features, in words; none where there will be.
    pub fn given_up(&self) -> Option<String> {
        match self.network {
            None => Some("no image model is loaded".to_owned()),
            Some(_) => self.patience[0].given_up(),
        }
    }

    /// Takes network and classifier for new.
    pub fn reset(&mut self) {
        self.patience.iter_mut().for_each(Patience::worked);
    }

    /// Begins to decode the pictures that the wanted regions (indices into the scene's) need, as far
    /// down as their windows reach, and to classify what is in them, beside this thread. Call
    /// [`features`](Self::features) with the same regions afterwards, and then [`logits`](Self::logits); what
    /// lies between the calls is gained. Once a frame, after [`begin_frame`](Self::begin_frame).
    pub fn begin(&mut self, frame: &Frame, scene: &Scene, wanted: &[usize]) {
        self.unasked = false;
        let Some((_, shapes)) = &self.network else { return };
        for image in &frame.images {
            let Some(camera) = frame.rig.cameras.get(image.camera) else { continue };
            let (mut rows, mut crops) = (None, Vec::new());
            for &region in wanted {
                let Region { proposal, scenario, .. } = &scene.regions[region];
                if scenario.camera != Some(image.camera) {
                    continue;
                }
                let Some(seen) = camera.project_box(&proposal.box3) else { continue };
                let reach = windows(seen.full).map(|window| mips::rows_for(window, shapes.places));
                rows = rows.max(reach.into_iter().max());
                let Some(Face { classes, places, .. }) = &self.classifier else { continue };
                let known = classes.iter().position(|class| *class == proposal.class);
                if let Some(column) = known {
                    if !self.patience[1].is_well() {
                        self.unasked = true;
                        continue;
                    }
                    let window = classifier::crop(seen.full);
                    rows = rows.max(Some(mips::rows_for(window, *places)));
                    crops.push(Crop { region, column, window });
                }
            }
            if let Some(rows) = rows {
                self.ahead.ask(image.camera, &image.data, camera, rows, crops);
            }
        }
    }

    /// What the classifier says of the regions that [`begin`](Self::begin) had for it: region (index into the
    /// scene's) and log-odds for its own class, against what is no such object. Waits until it is done, or for the
    /// frame's time ([`late`](Self::late)). Regions of classes that it does not know, out of every picture, or without a
    /// usable picture are not there.
    ///
    /// # Errors
    /// The cause where the classifier failed at a picture; the rest is in [`last_logits`](Self::last_logits). One
    /// that fails three times in a row is left alone for a while (see [`Patience`]).
    pub fn logits(&mut self, times: &mut StageTimes) -> Result<&[(usize, f32)], Arc<str>> {
        let start = Instant::now();
        self.logits.clear();
        self.late = false;
        if self.unasked {
            return Err(self.patience[1].given_up().unwrap_or_default().into());
        }
        let done = self.ahead.logits(&mut self.logits, self.until);
        times.classifier_ms += ms(start);
        match &done {
            Err(cause) => self.patience[1].failed(cause),
            Ok(true) if !self.logits.is_empty() => self.patience[1].worked(),
            Ok(in_time) => self.late = !in_time,
        }
        done.map(|_| self.logits.as_slice())
    }

    /// Whether the last call of [`logits`](Self::logits) ended with the frame's time, before all was looked at.
    pub fn late(&self) -> bool {
        self.late
    }

    /// Whether a classifier is there for objects of this class.
    pub fn classifies(&self, class: Class) -> bool {
        self.classifier.as_ref().is_some_and(|face| face.classes.contains(&class))
    }

    /// What the last call of [`logits`](Self::logits) gave.
    pub fn last_logits(&self) -> &[(usize, f32)] {
        &self.logits
    }

    /// Features of the wanted regions (indices into the scene's). With nothing wanted, no image is
    /// touched. A region without a usable image is listed in [`ImageFeatures::unavailable`].
    ///
    /// # Errors
    /// [`Error::Model`] when the network fails; no region has features then.
    pub fn features(
        &mut self,
        frame: &Frame,
        scene: &Scene,
        wanted: &[usize],
        times: &mut StageTimes,
    ) -> Result<&ImageFeatures, Error> {
        self.features.reset(scene.regions.len());
        if self.network.is_none() {
            let none = wanted.iter().map(|region| (*region, NoImage::NoModel));
            self.features.unavailable.extend(none);
            return Ok(&self.features);
        }
        for region in wanted {
            if scene.regions[*region].scenario.camera.is_none() {
                self.features.unavailable.push((*region, NoImage::OutOfView));
            }
        }
        for camera in 0..frame.rig.cameras.len() {
            if let Err(error) = self.camera(frame, scene, wanted, camera, times) {
                self.features.reset(scene.regions.len());
                self.patience[0].failed(&error.to_string());
                return Err(error);
            }
        }
        if !self.features.windows.is_empty() {
            self.patience[0].worked();
        }
        Ok(&self.features)
    }

    /// The wanted regions that one camera sees best.
    fn camera(
        &mut self,
        frame: &Frame,
        scene: &Scene,
        wanted: &[usize],
        index: usize,
        times: &mut StageTimes,
    ) -> Result<(), Error> {
        let camera = &frame.rig.cameras[index];
        self.queue.clear();
        for region in wanted {
            let Region { proposal, scenario, .. } = &scene.regions[*region];
            if scenario.camera != Some(index) {
                continue;
            }
            match camera.project_box(&proposal.box3) {
                Some(seen) => self.queue.push((*region, windows(seen.full))),
                None => self.features.unavailable.push((*region, NoImage::OutOfView)),
            }
        }
        if self.queue.is_empty() {
            return Ok(());
        }
        let start = Instant::now();
        let data = frame.images.iter().find(|image| image.camera == index).map(|image| &image.data);
        let image = match self.ahead.take(index, self.until) {
            Ok(Some(decoded)) => decoded.map_err(NoImage::Unusable),
            Err(Lost::Late) => Err(NoImage::Late),
            Ok(None) | Err(Lost::Ended) => usable(data, camera).map_err(NoImage::Unusable),
        };
        times.image_decode_ms += ms(start);
        match image {
            Ok(image) => self.run(&image, index, times),
            Err(cause) => {
                self.features.images_unusable += u64::from(cause != NoImage::Late);
                let lost = self.queue.iter().map(|(region, _)| (*region, cause.clone()));
                self.features.unavailable.extend(lost);
                Ok(())
            }
        }
    }

    /// Runs the queue through the network, batch by batch.
    fn run(
        &mut self,
        image: &RgbImage,
        camera: usize,
        times: &mut StageTimes,
    ) -> Result<(), Error> {
        let Some((network, shapes)) = &mut self.network else { return Ok(()) };
        self.mips.clear();
        let window = 3 * shapes.places * shapes.places;
        for batch in self.queue.chunks(shapes.batch) {
            let start = Instant::now();
            let (tight, wide) = network.input_mut(0).split_at_mut(shapes.batch * window);
            for (scale, slots) in [tight, wide].into_iter().enumerate() {
                let (used, unused) = slots.split_at_mut(batch.len() * window);
                unused.fill(0.0);
                for (slot, (_, windows)) in used.chunks_exact_mut(window).zip(batch) {
                    self.mips.sample(image, windows[scale], shapes.places, slot);
                }
            }
            times.image_windows_ms += ms(start);
            let start = Instant::now();
            network.run()?;
            times.image_model_ms += ms(start);
            let start = Instant::now();
            self.features.take(network.as_ref(), shapes, camera, batch);
            times.image_windows_ms += ms(start);
        }
        Ok(())
    }
}

impl ImageFeatures {
    /// Copies a batch's outputs.
    fn take(
        &mut self,
        network: &dyn Network,
        shapes: &Shapes,
        camera: usize,
        batch: &[(usize, [[f32; 4]; 2])],
    ) {
        let area = shapes.side * shapes.side;
        let map = shapes.channels * area;
        for (region, windows) in batch {
            self.slot[*region] = Some(self.windows.len() as u32);
            self.windows.push((camera, windows[0]));
        }
        let features = network.output(shapes.features);
        self.tight.extend_from_slice(&features[..batch.len() * map]);
        self.wide.extend_from_slice(&features[shapes.batch * map..][..batch.len() * map]);
        let logits = &network.output(shapes.confidence)[..batch.len() * area];
        self.confidence.extend_from_slice(logits);
        self.region_confidence.extend(
            logits
                .chunks_exact(area)
                .map(|map| map.iter().map(|logit| sigmoid(*logit)).sum::<f32>() / area as f32),
        );
    }
}

/// Tight and wide window (left, top, width, height) around a projected box (u0, v0, u1, v1).
fn windows([u0, v0, u1, v1]: [f64; 4]) -> [[f32; 4]; 2] {
    [TIGHT, WIDE].map(|scale| {
        let [width, height] = [u1 - u0, v1 - v0].map(|extent| (scale * extent).max(LEAST_SIDE));
        let (left, top) = (0.5 * (u0 + u1 - width), 0.5 * (v0 + v1 - height));
        [left as f32, top as f32, width as f32, height as f32]
    })
}

/// What is looked at of a region as shares of the camera's picture (left, top, right, bottom), cut off
/// at its border: the wide window, for people and cyclists with the classifier's crop; zeros where the box
/// does not project. Whether there is a classifier makes no difference, so that plans do not hang on it.
pub(super) fn share_of_picture(camera: &Camera, proposal: &Proposal) -> [f32; 4] {
    let Some(seen) = camera.project_box(&proposal.box3) else { return [0.0; 4] };
    let [_, [mut left, mut top, mut width, mut height]] = windows(seen.full);
    if matches!(proposal.class, Class::Pedestrian | Class::Cyclist) {
        let [crop_left, crop_top, side, _] = classifier::crop(seen.full);
        // Both have the same middle.
        (left, width) = (left.min(crop_left), width.max(side));
        (top, height) = (top.min(crop_top), height.max(side));
    }
    let [across, down] = camera.size.map(|pixels| pixels as f32);
    // A pixel's centre lies at its number, its border half a pixel away.
    let share = |at: f32, of: f32| ((at + 0.5) / of).clamp(0.0, 1.0);
    [share(left, across), share(top, down), share(left + width, across), share(top + height, down)]
}

/// The pixels of a picture, or why there are none.
fn usable(data: Option<&ImageData>, camera: &Camera) -> Result<Arc<RgbImage>, Arc<str>> {
    match data {
        None => Err(format!("the frame has no image of camera {}", camera.name).into()),
        Some(data) => decode_for(data, camera).map_err(|error| error.to_string().into()),
    }
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests;
