//! KITTI's object layout: `training/{velodyne,velodyne_reduced,image_2,calib,label_2}`.
//!
//! View-of-Delft's LiDAR set has the same layout (give `intensity_max: Some(255.0)`).

use std::path::{Path, PathBuf};

use super::files::{contents, id_at, label_folder, read_labels, stems};
use super::reader::{Calibration, Parts, Reader};
use super::{Options, Scan};
use crate::frame::{Frame, Stamp};
use crate::sensor::{Error, Source};

const LAYOUT: &str = "KITTI object";

/// A folder in KITTI's object layout. Its frames are moments of many drives and have no time of
/// their own: every stamp is 0.
pub struct KittiObject {
    name: String,
    base: PathBuf,
    labels: PathBuf,
    ids: Vec<String>,
    reader: Reader,
}

impl KittiObject {
    /// Opens the data set's folder, or its `training` or `testing` folder.
    ///
    /// # Errors
    /// [`Error::Layout`] where no folder of scans is found (or no folder `labels_from`), or no scan
    /// in it; [`Error::Split`] for a bad name in `ids`; [`Error::Read`] where a folder cannot be listed.
    pub fn open(root: &Path, options: Options) -> Result<Self, Error> {
        let inner = root.join("training");
        let base = if inner.is_dir() { inner } else { root.to_owned() };
        let reader = Reader::new(options);
        let folders: &[&str] = match reader.options.scan {
            Scan::Auto => &["velodyne", "velodyne_reduced"],
            Scan::Full => &["velodyne"],
            Scan::Reduced => &["velodyne_reduced"],
        };
        let wrong = |found| Error::Layout {
            layout: LAYOUT,
            root: base.clone(),
            expected: "velodyne/*.bin or velodyne_reduced/*.bin, calib/*.txt and, if there are any, \
                       image_2 and label_2, here or in a folder `training`",
            found,
        };
        let mut scans = Vec::new();
        for folder in folders {
            scans.extend(stems(&base.join(folder), "bin")?.into_iter().flatten());
        }
        if scans.is_empty() {
            return Err(wrong(format!("no scan in {}; {}", folders.join(" or "), contents(&base))));
        }
        let labels = label_folder(&base, &reader.options, "label_2", LAYOUT)?;
        let ids = reader.ids(|| Ok(scans))?;
        Ok(Self { name: format!("{LAYOUT} {}", root.display()), base, labels, ids, reader })
    }

    fn scan(&self, id: &str) -> PathBuf {
        let full = self.base.join(format!("velodyne/{id}.bin"));
        let reduced = self.base.join(format!("velodyne_reduced/{id}.bin"));
        match self.reader.options.scan {
            Scan::Full => full,
            Scan::Reduced => reduced,
            // Where there is neither, the message had better name a folder that exists.
            Scan::Auto if full.exists() || !self.base.join("velodyne_reduced").is_dir() => full,
            Scan::Auto => reduced,
        }
    }
}

impl Source for KittiObject {
    fn name(&self) -> &str {
        &self.name
    }

    fn ids(&self) -> &[String] {
        &self.ids
    }

    fn load_into(&self, index: usize, frame: &mut Frame) -> Result<(), Error> {
        let id = id_at(&self.ids, index, &self.name)?;
        let parts = Parts {
            id,
            stamp: Stamp(0),
            scan: self.scan(id),
            image_stem: self.base.join("image_2").join(id),
            calibration: Calibration::File(self.base.join(format!("calib/{id}.txt"))),
            labels: read_labels(&self.labels.join(format!("{id}.txt"))),
        };
        self.reader.fill(parts, frame)
    }
}
