//! nuScenes as a source of frames: a key frame is a frame, named by its sample's token.
//!
//! A frame holds the LiDAR's points (its own turn, and earlier sweeps where they are asked for, moved
//! along with the vehicle), the six cameras' pictures with a rig made for that moment, the vehicle's
//! pose and the annotations.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::pose::Placement;
use super::rig::{self, LIDAR};
use super::tables::{Files, Id, Need, Sample, SampleData, Tables};
use super::{Selection, label, scan};
use crate::calib::{Camera, LidarSpec, Rig};
use crate::frame::{CameraImage, Frame, ImageData, Stamp};
use crate::geometry::{Pose, frames};
use crate::sensor::{Error, Source, image};

/// How to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Which key frames.
    pub selection: Selection,
    /// Sweeps in one cloud, the key frame's own included: it, and as many before it as the scene
    /// still has. They are 0.05 s apart.
    ///
    /// One is the default. This project's models are trained on single turns; a second sweep doubles
    /// the points of what stands still, and smears a car at 15 m/s over 0.75 m. Nets that are trained
    /// on nuScenes take 10, with each point's age as an input, which these models do not have.
    pub sweeps: usize,
    /// Make an error of what would be counted and left out otherwise: pictures missing or of another
    /// size, points not finite.
    pub strict: bool,
    /// More points in a cloud are an error.
    pub max_points: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            selection: Selection::All,
            sweeps: 1,
            strict: false,
            max_points: crate::sensor::scan::MAX_POINTS,
        }
    }
}

/// A version of nuScenes on disk: `ROOT/VERSION/*.json`, `ROOT/samples`, `ROOT/sweeps`.
pub struct Nuscenes {
    name: String,
    root: PathBuf,
    tables: Tables,
    samples: Vec<Id<Sample>>,
    ids: Vec<String>,
    options: Options,
}

impl Nuscenes {
    /// Reads the tables and chooses the key frames; scans and pictures are opened frame by frame.
    ///
    /// # Errors
    /// Tables that are missing or not as they should be (see [`Tables::load`]); a selection that the
    /// tables do not hold; [`Error::Other`] for no sweep at all.
    pub fn open(root: &Path, version: &str, options: Options) -> Result<Self, Error> {
        let files = if options.sweeps > 1 { Files::All } else { Files::KeyFrames };
        let tables = Tables::load(root, version, Need { annotations: true, files })?;
        Self::with_tables(root, version, tables, options)
    }

    /// The same on tables that were read already (key frames at least, every file where sweeps are
    /// asked for).
    ///
    /// # Errors
    /// As [`open`](Self::open), but for the tables.
    pub fn with_tables(
        root: &Path,
        version: &str,
        tables: Tables,
        options: Options,
    ) -> Result<Self, Error> {
        let sweeps = options.sweeps;
        let words = options.selection.words();
        let name = format!(
            "nuScenes {version} {}, {words}, {sweeps} sweep{} a frame",
            root.display(),
            if sweeps == 1 { "" } else { "s" }
        );
        if sweeps == 0 {
            let cause = "expected at least 1 sweep, the key frame's own; found 0".to_owned();
            return Err(Error::Other { name, cause });
        }
        let samples = options.selection.samples(&tables, version)?;
        let ids = samples.iter().map(|&sample| tables.spell(tables[sample].token)).collect();
        Ok(Self { name, root: root.to_owned(), tables, samples, ids, options })
    }

    /// The tables behind the frames.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// From the LiDAR frame of frame number `index` to nuScenes' global frame; neither scan nor
    /// picture is read.
    ///
    /// # Errors
    /// [`Error::Index`] where there is no such frame, [`Error::Other`] where it has no LiDAR file, or
    /// one with a pose that is none.
    pub fn lidar_to_global(
        &self,
        index: usize,
    ) -> Result<Pose<frames::Lidar, frames::Global>, Error> {
        Ok(rig::placement(&self.tables, self.lidar_file(index)?)?.lidar_to_global())
    }

    /// The rig of frame number `index`, made for that moment; neither scan nor picture is read.
    ///
    /// # Errors
    /// As [`lidar_to_global`](Self::lidar_to_global), and for a camera that is none.
    pub fn rig(&self, index: usize) -> Result<Rig, Error> {
        let key_frame = self.lidar_file(index)?;
        let cameras = rig::camera_files(&self.tables, self.sample(index)?);
        rig::rig(&self.tables, key_frame, &cameras, self.sweep_files(key_frame).len())
    }

    fn sample(&self, index: usize) -> Result<Id<Sample>, Error> {
        self.samples.get(index).copied().ok_or_else(|| Error::Index {
            name: self.name.clone(),
            index,
            len: self.samples.len(),
        })
    }

    fn lidar_file(&self, index: usize) -> Result<Id<SampleData>, Error> {
        self.tables.key_frame_file(self.sample(index)?, LIDAR).ok_or_else(|| Error::Other {
            name: format!("nuScenes sample {}", self.ids[index]),
            cause: format!(
                "expected a key frame of {LIDAR} in sample_data.json, found none. Copy the tables again"
            ),
        })
    }

    /// The key frame's file and the sweeps before it, as many as are asked for and there.
    fn sweep_files(&self, key_frame: Id<SampleData>) -> Vec<Id<SampleData>> {
        std::iter::successors(Some(key_frame), |&file| self.tables[file].previous)
            .take(self.options.sweeps)
            .collect()
    }

    fn fill_points(
        &self,
        sweeps: &[Id<SampleData>],
        reference: &Placement,
        frame: &mut Frame,
    ) -> Result<(), Error> {
        for &sweep in sweeps {
            let place = rig::placement(&self.tables, sweep)?.to_lidar_of(reference).isometry;
            let path = self.root.join(self.tables.filename(sweep));
            let points = &mut frame.cloud.points;
            let stats = scan::read_sweep(&path, &place, self.options.max_points, points)?;
            if self.options.strict && stats.not_finite > 0 {
                return Err(Error::ScanDirty {
                    file: path.display().to_string(),
                    points: stats.read,
                    not_finite: stats.not_finite,
                });
            }
            frame.dropped.points_not_finite += stats.not_finite;
            frame.dropped.points_on_vehicle += stats.on_vehicle;
            frame.dropped.intensities_clamped += stats.intensity_clamped;
        }
        Ok(())
    }

    /// The picture's file, if it is there and has its camera's size.
    fn picture(&self, file: Id<SampleData>, camera: &Camera) -> Result<PathBuf, String> {
        let path = self.root.join(self.tables.filename(file));
        let found = image::size(&path).map_err(|error| error.to_string())?;
        if found == camera.size {
            return Ok(path);
        }
        let [width, height] = camera.size;
        let expected = format!("sample_data.json says {width} x {height} for {}", camera.name);
        let file = path.display().to_string();
        Err(Error::ImageSize { file, expected, found }.to_string())
    }
}

impl Source for Nuscenes {
    fn name(&self) -> &str {
        &self.name
    }

    fn ids(&self) -> &[String] {
        &self.ids
    }

    fn lidar(&self) -> Option<LidarSpec> {
        let first = rig::placement(&self.tables, self.lidar_file(0).ok()?).ok()?;
        Some(rig::lidar_spec(first.to_ego.apply([0.0; 3])[2], self.options.sweeps))
    }

    fn load_into(&self, index: usize, frame: &mut Frame) -> Result<(), Error> {
        frame.clear();
        let tables = &self.tables;
        let sample = self.sample(index)?;
        let key_frame = self.lidar_file(index)?;
        let reference = rig::placement(tables, key_frame)?;
        frame.id.push_str(&self.ids[index]);
        frame.stamp = microseconds(tables[sample].timestamp_us);
        frame.ego = Some(reference.ego_to_global);

        let sweeps = self.sweep_files(key_frame);
        let cameras = rig::camera_files(tables, sample);
        frame.rig = Arc::new(rig::rig(tables, key_frame, &cameras, sweeps.len())?);
        self.fill_points(&sweeps, &reference, frame)?;
        for (number, &file) in cameras.iter().enumerate() {
            let data = match self.picture(file, &frame.rig.cameras[number]) {
                Ok(path) => ImageData::File(path),
                Err(cause) if self.options.strict => {
                    return Err(Error::ImageMissing { frame: frame.id.clone(), cause });
                }
                Err(cause) => {
                    frame.dropped.images_unusable += 1;
                    ImageData::Missing(cause)
                }
            };
            let stamp = microseconds(tables[file].timestamp_us);
            frame.images.push(CameraImage { camera: number, stamp, data });
        }

        // A version without annotations at all (`v1.0-test`) says nothing about its frames.
        if !tables.annotations().is_empty() {
            let to_lidar = reference.lidar_to_global().inverse();
            let annotations = tables.annotations_of(sample);
            let label = |&id: &_| label::label(tables, id, &to_lidar, &frame.rig);
            let labels: Vec<_> = annotations.iter().filter_map(label).collect();
            frame.dropped.labels_unknown_class += (annotations.len() - labels.len()) as u64;
            frame.labels = Some(labels);
        }
        Ok(())
    }
}

/// nuScenes' microseconds as a stamp.
fn microseconds(time: i64) -> Stamp {
    Stamp(time.saturating_mul(1000))
}
