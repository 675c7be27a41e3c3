//! A drive that never was: a seed becomes LiDAR scans, pictures and exact labels.
//!
//! A street with houses, gardens, trees, parked and moving cars and vans, cyclists and pedestrians
//! is built around the ego vehicle for each frame, and seen by a ray-cast 64-beam LiDAR and a
//! ray-cast camera in the places that KITTI's car had them. Consecutive frames, 0.1 s apart, are
//! one coherent drive. The same seed gives the same bytes, whatever the number of threads; no
//! function of the system's mathematics library takes part, so machines agree as well.
//!
//! ```
//! use emc2::sensor::synthetic::{SyntheticConfig, SyntheticDrive};
//!
//! let drive = SyntheticDrive::new(SyntheticConfig { frames: 1, seed: 7, ..Default::default() });
//! let frame = drive.scan(0);
//! assert!(frame.scan.len() > 10_000);
//! ```

mod bvh;
mod camera;
mod label;
mod layout;
mod lidar;
mod person;
mod random;
mod rig;
mod scene;
mod scenery;
mod solid;
mod source;
mod street;
#[cfg(test)]
mod tests;
mod texture;
mod traffic;
mod vehicle;

use std::path::PathBuf;

use image::RgbImage;

pub use label::SyntheticLabel;
pub use source::SyntheticSource;

use crate::frame::Stamp;

/// What to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct SyntheticConfig {
    /// Number of frames, 0.1 s apart.
    pub frames: usize,
    /// Everything follows from it.
    pub seed: u64,
    /// Half of the LiDAR's horizontal field of view, degrees from straight ahead: 50 covers the
    /// camera with a margin, 180 is the whole turn.
    pub half_view_deg: f64,
    /// Threads that [`SyntheticDrive::write`] uses; 0: as many as the machine has.
    pub jobs: usize,
}

impl Default for SyntheticConfig {
    fn default() -> Self {
        Self { frames: 20, seed: 1, half_view_deg: 50.0, jobs: 0 }
    }
}

/// Why a drive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A folder could not be made.
    #[error("cannot make the folder {}: choose an output folder that can be written", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}: is there space, and may the folder be written?", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A picture could not be encoded.
    #[error("cannot encode the picture {}", path.display())]
    Encode {
        /// Where it was to go.
        path: PathBuf,
        /// The encoder's reason.
        source: image::ImageError,
    },
}

/// What [`SyntheticDrive::write`] wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Frames.
    pub frames: usize,
    /// LiDAR returns.
    pub points: u64,
    /// Labelled objects.
    pub labels: usize,
    /// DontCare areas.
    pub dont_care: usize,
    /// Bytes of all frame files.
    pub bytes: u64,
}

/// One frame of the drive.
#[derive(Debug, Clone)]
pub struct SyntheticFrame {
    /// Six digits, from `000000`.
    pub id: String,
    /// Nanoseconds since the drive's start.
    pub stamp: Stamp,
    /// Returns `[x, y, z, reflectance]`, LiDAR frame, m, reflectance 0..1; ring by ring from the
    /// highest, each counter-clockwise from straight ahead.
    pub scan: Vec<[f32; 4]>,
    /// For each return, the number of the object it came from (0: scenery).
    pub owners: Vec<u16>,
    /// The left colour camera's picture, 1242 x 375.
    pub image: RgbImage,
    /// Labelled objects, then DontCare areas; the rule is told at [`SyntheticLabel`].
    pub labels: Vec<SyntheticLabel>,
}

/// Returns of one frame without the picture.
#[derive(Debug, Clone)]
pub struct SyntheticScan {
    /// See [`SyntheticFrame::scan`].
    pub scan: Vec<[f32; 4]>,
    /// See [`SyntheticFrame::owners`].
    pub owners: Vec<u16>,
}

/// A generator of frames; any frame can be asked for in any order.
#[derive(Debug, Clone)]
pub struct SyntheticDrive {
    config: SyntheticConfig,
    rig: rig::SensorRig,
}

impl SyntheticDrive {
    /// Prepares a drive; nothing is generated yet.
    pub fn new(config: SyntheticConfig) -> Self {
        Self { config, rig: rig::SensorRig::new() }
    }

    /// What it was made with.
    pub fn config(&self) -> &SyntheticConfig {
        &self.config
    }

    /// The text of the drive's KITTI `calib` file, the same for every frame.
    pub fn calib_text(&self) -> String {
        rig::SensorRig::calib_text()
    }

    /// Scan, picture and labels of a frame. Frames beyond [`SyntheticConfig::frames`] exist too.
    pub fn frame(&self, index: usize) -> SyntheticFrame {
        let scene = self.scene(index);
        let (scan, owners) = self.fire(&scene, index);
        let (image, seen) = camera::picture(&scene, &self.rig);
        let labels = label::labels(&scene, &self.rig, &seen, &owners);
        let stamp = Stamp(index as i64 * 100_000_000);
        SyntheticFrame { id: format!("{index:06}"), stamp, scan, owners, image, labels }
    }

    /// The returns of a frame alone, several times faster than the whole frame.
    pub fn scan(&self, index: usize) -> SyntheticScan {
        let (scan, owners) = self.fire(&self.scene(index), index);
        SyntheticScan { scan, owners }
    }

    fn scene(&self, index: usize) -> scene::Scene {
        // Objects a little behind still throw shadows into view.
        let behind = if self.config.half_view_deg > 80.0 { 130.0 } else { 14.0 };
        scene::Scene::new(self.config.seed, index, behind)
    }

    fn fire(&self, scene: &scene::Scene, index: usize) -> (Vec<[f32; 4]>, Vec<u16>) {
        lidar::scan(scene, &self.rig, self.config.seed, index, self.config.half_view_deg)
    }
}
