//! The bridge at work: a frame in, a scene of regions out, step by step.
//!
//! LiDAR half of the adaptive multimodal data bridge (AMDB) of EMC2 (ICCV 2025, arXiv 2507.04123):
//! crop and point budget, grids at two scales, the BEV model, proposals, regions with the facts
//! that the router decides on. The image half is [`super::ImageBranch`]. After warm-up a frame
//! allocates nothing here.

use std::time::Instant;

use crate::config::BridgeConfig;
use crate::expert::Network;
use crate::frame::{Dropped, Frame};
use crate::geometry::BevRect;
use crate::pipeline::StageTimes;

use super::grid::Grids;
use super::intensity::match_median;
use super::layout::Outputs;
use super::proposals::Decoder;
use super::regions::RegionFinder;
use super::{Error, GridLayout, Proposal, Scene, budget};

/// Injected proposals that overlap a region (seen from above) by more than this say nothing new.
const KNOWN_OVERLAP: f64 = 0.1;

/// A bridge model and what reads it.
struct Model {
    network: Box<dyn Network>,
    outputs: Outputs,
    decoder: Decoder,
}

/// Turns frames into scenes. Owns all memory and reuses it from frame to frame.
pub struct Bridge {
    config: BridgeConfig,
    model: Option<Model>,
    grids: Grids,
    regions: RegionFinder,
    /// Points after crop and budget.
    points: Vec<[f32; 4]>,
    proposals: Vec<Proposal>,
    /// Median of the intensities that the model knows.
    intensity_median: Option<f32>,
    /// Whether it was said that the sensor's are unlike that.
    said_unlike: bool,
    scene: Scene,
}

impl Bridge {
    /// A bridge on a network of role `bridge`. Without a network its scenes hold no proposals, and
    /// regions come from [`Bridge::inject`] alone, in the range of the default grid.
    ///
    /// # Errors
    /// [`Error::Contract`] when the network's contract is not that of a bridge model.
    pub fn new(config: &BridgeConfig, network: Option<Box<dyn Network>>) -> Result<Self, Error> {
        let sensor = network.as_ref().and_then(|network| network.contract().sensor.as_ref());
        let intensity_median = sensor.and_then(|sensor| sensor.intensity_median);
        let (layout, model) = match network {
            None => (GridLayout::default(), None),
            Some(network) => {
                let contract = network.contract();
                let grid = contract.grid.as_ref().ok_or_else(|| Error::Contract {
                    model: contract.name.clone(),
                    line: "grid".to_owned(),
                    expected: "the grids of a bridge model".to_owned(),
                    found: "nothing".to_owned(),
                })?;
                let layout = GridLayout::new(grid, &contract.name)?;
                let outputs = layout.check(contract)?;
                let overlap_weight = contract.overlap_weight.unwrap_or(0.5);
                let decoder = Decoder::new(config, &contract.classes, overlap_weight);
                (layout, Some(Model { network, outputs, decoder }))
            }
        };
        Ok(Self {
            config: config.clone(),
            model,
            grids: Grids::new(layout.clone()),
            regions: RegionFinder::new(layout),
            points: Vec::new(),
            proposals: Vec::with_capacity(config.max_proposals),
            intensity_median,
            said_unlike: false,
            scene: Scene::default(),
        })
    }

    /// Makes a frame into a scene: [`Bridge::crop`], [`Bridge::write_grids`], [`Bridge::run_model`],
    /// [`Bridge::propose`], [`Bridge::find_regions`]. Adds the time of each step to `times`.
    ///
    /// # Errors
    /// [`Error::Model`] when the network fails. The scene then holds the frame's counts and no
    /// region, and [`Bridge::inject`] still works on it.
    pub fn process(&mut self, frame: &Frame, times: &mut StageTimes) -> Result<&Scene, Error> {
        let start = Instant::now();
        self.crop(frame);
        self.write_grids(frame);
        let gridded = Instant::now();
        times.grid_ms += ms(start, gridded);
        let answer = self.run_model();
        let answered = Instant::now();
        times.bev_model_ms += ms(gridded, answered);
        if answer.is_ok() {
            self.propose(frame);
        }
        let proposed = Instant::now();
        times.proposals_ms += ms(answered, proposed);
        self.find_regions(frame);
        times.regions_ms += ms(proposed, Instant::now());
        answer.map(|()| &self.scene)
    }

    /// Starts a scene: the points in range, thinned to the budget, intensities on the model's scale;
    /// everything dropped is counted.
    pub fn crop(&mut self, frame: &Frame) {
        let height = frame.rig.lidar.origin_height_m as f32;
        self.scene.dropped = Dropped::default();
        self.scene.regions.clear();
        self.scene.points.clear();
        self.scene.beams = frame.rig.lidar.beams;
        self.proposals.clear();
        let dropped = &mut self.scene.dropped;
        budget::crop(&frame.cloud.points, self.grids.layout(), height, &mut self.points, dropped);
        budget::thin(&mut self.points, self.config.point_budget, dropped);
        self.scene.intensity_factor =
            self.intensity_median.map_or(1.0, |median| match_median(&mut self.points, median));
        if self.scene.intensity_factor != 1.0 && !self.said_unlike {
            self.said_unlike = true;
            tracing::warn!(
                frame = %frame.id,
                "this LiDAR's intensities are unlike those that the bridge's model was trained on: multiplied by {:.2} in this frame, so that their \
                 median is {:.2} (counts.intensity_factor of each frame; sensor.intensity_median in the model's contract)",
                self.scene.intensity_factor,
                self.intensity_median.unwrap_or_default()
            );
        }
        self.scene.points_used = self.points.len() as u32;
        self.scene.cells_occupied = 0;
    }

    /// Writes the cropped points as grids into the network's inputs.
    pub fn write_grids(&mut self, frame: &Frame) {
        let Some(model) = &mut self.model else { return };
        self.grids.gather(&self.points, frame.rig.lidar.origin_height_m as f32);
        self.grids.write_fine(model.network.input_mut(0));
        self.grids.write_coarse(model.network.input_mut(1));
        self.scene.cells_occupied = self.grids.occupied() as u32;
    }

    /// Runs the network, if there is one.
    ///
    /// # Errors
    /// [`Error::Model`] when it fails.
    pub fn run_model(&mut self) -> Result<(), Error> {
        match &mut self.model {
            Some(model) => Ok(model.network.run()?),
            None => Ok(()),
        }
    }

    /// Reads the network's outputs as proposals.
    pub fn propose(&mut self, frame: &Frame) {
        let Some(Model { network, outputs, decoder }) = &mut self.model else { return };
        decoder.decode(
            self.grids.layout(),
            frame.rig.lidar.origin_height_m as f32,
            (network.output(outputs.heatmap), network.output(outputs.boxes)),
            &mut self.proposals,
            &mut self.scene.dropped,
        );
    }

    /// Makes the proposals into regions with their points and facts.
    pub fn find_regions(&mut self, frame: &Frame) {
        if !self.proposals.is_empty() {
            self.regions.look(&self.points, &frame.rig);
        }
        self.regions.find(&self.points, &frame.rig, &self.proposals, &mut self.scene);
    }

    /// Adds proposals from elsewhere (the emergency expert) to the scene of the frame just processed,
    /// and makes all regions anew, by descending confidence. A proposal that overlaps a better one
    /// seen from above, of whatever class, says nothing new and is counted as suppressed; one over
    /// `max_proposals` is counted as over the limit, one with a value that is not finite as such.
    pub fn inject(&mut self, frame: &Frame, proposals: &[Proposal]) -> &Scene {
        let dropped = &mut self.scene.dropped;
        for proposal in proposals {
            if !(proposal.box3.is_finite() && proposal.confidence.is_finite()) {
                dropped.boxes_not_finite += 1;
                continue;
            }
            let footprint: BevRect = proposal.box3.footprint();
            let known = self
                .proposals
                .iter()
                .any(|other| footprint.iou(&other.box3.footprint()) > KNOWN_OVERLAP);
            if known {
                dropped.proposals_suppressed += 1;
            } else if self.proposals.len() >= self.config.max_proposals {
                dropped.proposals_over_limit += 1;
            } else {
                // Behind all that are at least as confident: a stable place without a sort.
                let at =
                    self.proposals.partition_point(|other| other.confidence >= proposal.confidence);
                self.proposals.insert(at, *proposal);
            }
        }
        self.find_regions(frame);
        &self.scene
    }

    /// The scene of the last frame.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The last frame's points after crop and budget: `[x, y, z, intensity]`, LiDAR frame, scan order.
    pub fn points(&self) -> &[[f32; 4]] {
        &self.points
    }

    /// The proposals of the last frame, in the order of the scene's regions.
    pub fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    /// Is there a model?
    pub fn has_model(&self) -> bool {
        self.model.is_some()
    }
}

fn ms(from: Instant, to: Instant) -> f64 {
    (to - from).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests;
