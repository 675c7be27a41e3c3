//! The drive as a [`Source`]: frames straight from the generator, nothing on disk.

use std::sync::Arc;

use super::{SyntheticConfig, SyntheticDrive, rig};
use crate::calib::Rig;
use crate::frame::{CameraImage, Frame, ImageData};
use crate::sensor::{Error, Source};

/// Frames of a [`SyntheticDrive`] for the pipeline. Scans reach as far as the drive's field of
/// view, beyond the picture; the picture is given as pixels.
#[derive(Debug)]
pub struct SyntheticSource {
    drive: SyntheticDrive,
    name: String,
    ids: Vec<String>,
    rig: Arc<Rig>,
}

impl SyntheticSource {
    /// Prepares a drive; frames are generated when they are read.
    pub fn new(config: SyntheticConfig) -> Self {
        let name = format!("synthetic drive, seed {}", config.seed);
        let ids = (0..config.frames).map(|k| format!("{k:06}")).collect();
        // The generator's numbers are those of this rig.
        let rig = Arc::new(Rig::kitti());
        debug_assert_eq!(rig.cameras[0].size, rig::SIZE);
        Self { drive: SyntheticDrive::new(config), name, ids, rig }
    }
}

impl Source for SyntheticSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn ids(&self) -> &[String] {
        &self.ids
    }

    fn load_into(&self, index: usize, frame: &mut Frame) -> Result<(), Error> {
        let id = self.ids.get(index).ok_or_else(|| Error::Index {
            name: self.name.clone(),
            index,
            len: self.ids.len(),
        })?;
        let made = self.drive.frame(index);
        frame.clear();
        frame.id.push_str(id);
        frame.stamp = made.stamp;
        frame.cloud.points.extend_from_slice(&made.scan);
        let data = ImageData::Rgb(Arc::new(made.image));
        frame.images.push(CameraImage { camera: 0, stamp: made.stamp, data });
        frame.rig = Arc::clone(&self.rig);
        frame.labels = Some(made.labels.into_iter().map(|l| l.label).collect());
        Ok(())
    }
}
