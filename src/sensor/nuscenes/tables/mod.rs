//! The tables of nuScenes v1.0: JSON streams past, small structs that know one another stay.
//!
//! `scene`, `sample`, `sample_data`, `sample_annotation`, `instance`, `category`, `attribute`,
//! `visibility`, `ego_pose`, `calibrated_sensor`, `sensor` and `log`, read as far as they are needed
//! ([`Need`]). Tokens become row numbers on the way, so a token that leads nowhere is found here and
//! not later; unknown columns are passed over. The whole of trainval (1.4 million annotations, 2.6
//! million files) stays below 2 GB of memory; the annotations with one file per key frame, which is
//! what evaluation needs, below a third of that.
//!
//! ```no_run
//! use emc2::sensor::nuscenes::tables::{Need, Tables};
//! let tables = Tables::load("data/nuscenes".as_ref(), "v1.0-mini", Need::EVERYTHING)?;
//! let scene = tables.scene_named("scene-0103").unwrap();
//! for &sample in tables.samples_of(scene) {
//!     let scan = tables.key_frame_file(sample, "LIDAR_TOP").unwrap();
//!     println!("{} with {} boxes", tables.filename(scan), tables.annotations_of(sample).len());
//! }
//! # Ok::<(), emc2::sensor::Error>(())
//! ```

mod load;
mod load_annotations;
mod load_files;
mod load_scenes;
mod lookup;
mod resolve;
mod rows;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod token;

use std::path::Path;

pub use rows::{
    Annotation, Attribute, CalibratedSensor, Category, EgoPose, Id, Instance, Log, Sample,
    SampleData, Scene, Sensor, Visibility,
};
pub use source::{Folder, TableSource, split_tables};
pub use token::{Spellings, Token, TokenHasher, TokenMap};

use crate::sensor::Error;

/// Which of the sensors' files are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// None.
    None,
    /// The key frames of the LiDAR, for the vehicle's place at each sample.
    LidarKeyFrames,
    /// The key frames of every sensor, without the sweeps in between.
    KeyFrames,
    /// Every file, each with the one before and the one behind.
    All,
}

/// Which tables are wanted. The small ones are always read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// `sample_annotation` and `instance`.
    pub annotations: bool,
    /// `sample_data` and `ego_pose`.
    pub files: Files,
}

impl Need {
    /// What an evaluation needs.
    pub const EVALUATION: Self = Self { annotations: true, files: Files::LidarKeyFrames };
    /// What a drive without labels needs.
    pub const DRIVE: Self = Self { annotations: false, files: Files::All };
    /// Everything.
    pub const EVERYTHING: Self = Self { annotations: true, files: Files::All };
}

/// The rows of the tables that were asked for. Index it by an [`Id`] to get the row.
#[derive(Debug, Default)]
pub struct Tables {
    scenes: Vec<Scene>,
    logs: Vec<Log>,
    samples: Vec<Sample>,
    sensors: Vec<Sensor>,
    calibrated_sensors: Vec<CalibratedSensor>,
    categories: Vec<Category>,
    attributes: Vec<Attribute>,
    visibilities: Vec<Visibility>,
    instances: Vec<Instance>,
    annotations: Vec<Annotation>,
    files: Vec<SampleData>,
    filenames: String,
    ego_poses: Vec<EgoPose>,
    sample_by_token: TokenMap<Id<Sample>>,
    samples_by_scene: lookup::Groups<Sample>,
    annotations_by_sample: lookup::Groups<Annotation>,
    files_by_sample: lookup::Groups<SampleData>,
    spellings: Spellings,
}

impl Tables {
    /// Reads the tables in `root/version`, such as `v1.0-mini`; nothing but JSON is opened.
    ///
    /// # Errors
    /// [`Error::Layout`] where there are no such tables, [`Error::Read`] where one is missing,
    /// [`Error::Table`] for a row that is not as it should be, or whose token leads nowhere.
    pub fn load(root: &Path, version: &str, need: Need) -> Result<Self, Error> {
        Self::load_from(&Folder::find(root, version)?, need)
    }

    /// As [`load`](Self::load), from anything that has tables.
    ///
    /// # Errors
    /// As [`load`](Self::load), but for the layout.
    pub fn load_from(source: &dyn TableSource, need: Need) -> Result<Self, Error> {
        load::load(source, need)
    }
}
