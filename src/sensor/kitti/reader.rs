//! The part of reading a frame that all of KITTI's layouts share: scan, image, rig, labels.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Options;
use super::files::{LabelRows, read_text};
use super::row::ObjectRow;
use super::split::check_names;
use crate::calib::{Camera, KITTI_IMAGE_SIZE, Rig, parse_kitti_calib};
use crate::frame::{CameraImage, Class, Frame, ImageData, Label, Stamp};
use crate::geometry::KittiBox;
use crate::sensor::scan::{ScanFormat, read_scan};
use crate::sensor::{Error, image, view};

/// Endings that an image may have, first found first taken.
const IMAGE_ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];
/// Largest distance of the principal point from the image's centre, share of the image's side.
/// KITTI's and View-of-Delft's cameras stay within 0.04; a halved or cut image is far beyond.
const CENTRE_TOLERANCE: f64 = 0.15;

/// The scale of sensors that give one byte, such as View-of-Delft's.
const BYTE_INTENSITY: f32 = 255.0;

/// Where a frame's sensors are described.
pub(super) enum Calibration {
    /// A file of the object or tracking layout; the image gives the image size.
    File(PathBuf),
    /// One rig for the whole drive, image size included.
    Fixed(Arc<Rig>),
}

/// Where the parts of one frame are.
pub(super) struct Parts<'a> {
    pub id: &'a str,
    pub stamp: Stamp,
    pub scan: PathBuf,
    /// The image without its ending.
    pub image_stem: PathBuf,
    pub calibration: Calibration,
    /// None where there is no label file; an error where there is one that cannot be read.
    pub labels: Result<Option<LabelRows>, Error>,
}

/// A calibration's text and the image's size, if there is an image.
type RigKey = (String, Option<[u32; 2]>);

/// Reads frames; shared by all threads.
pub(super) struct Reader {
    pub options: Options,
    // Thousands of frames share a handful of calibrations: same text and image size, same rig.
    rigs: Mutex<HashMap<RigKey, Arc<Rig>>>,
    intensity_warned: AtomicBool,
    /// Frames whose labels were told to be unreadable: some are read more than once.
    labels_warned: Mutex<HashSet<String>>,
}

impl Reader {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            rigs: Mutex::default(),
            intensity_warned: AtomicBool::new(false),
            labels_warned: Mutex::default(),
        }
    }

    /// The frames' names: those asked for, checked, or those that `found` gives, sorted.
    pub fn ids(
        &self,
        found: impl FnOnce() -> Result<Vec<String>, Error>,
    ) -> Result<Vec<String>, Error> {
        if let Some(asked) = &self.options.ids {
            let names = asked.iter().enumerate().map(|(index, name)| (index + 1, name.as_str()));
            return check_names(names, "list of frames");
        }
        let mut ids = found()?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    pub fn fill(&self, parts: Parts<'_>, frame: &mut Frame) -> Result<(), Error> {
        frame.clear();
        frame.id.push_str(parts.id);
        frame.stamp = parts.stamp;

        let found = find_image(&parts.image_stem);
        let size = found.as_ref().ok().map(|(_, size)| *size);
        frame.rig = self.rig(&parts.calibration, size)?;
        let camera = &frame.rig.cameras[0];
        let checked = found.and_then(|(path, size)| {
            match check_size(&path, size, &parts.calibration, camera) {
                Ok(()) => Ok(path),
                Err(error) => Err(error.to_string()),
            }
        });
        let data = match checked {
            Ok(path) => ImageData::File(path),
            Err(cause) if self.options.strict => {
                return Err(Error::ImageMissing { frame: parts.id.to_owned(), cause });
            }
            Err(cause) => {
                frame.dropped.images_unusable += 1;
                if size.is_some() {
                    // The image's size is not to be trusted either.
                    frame.rig = self.rig(&parts.calibration, None)?;
                }
                ImageData::Missing(cause)
            }
        };
        frame.images.push(CameraImage { camera: 0, stamp: parts.stamp, data });

        self.fill_points(&parts.scan, frame)?;
        match parts.labels {
            Ok(Some((rows, file))) => frame.labels = Some(self.labels(rows, &file, frame)?),
            Ok(None) => {}
            Err(error) if self.options.strict => return Err(error),
            // Boxes need no labels: the frame counts as one without, and says why.
            Err(error) => {
                frame.dropped.label_files_unreadable += 1;
                let mut warned = self.labels_warned.lock().unwrap_or_else(PoisonError::into_inner);
                if warned.insert(parts.id.to_owned()) {
                    tracing::warn!(frame = parts.id, "read without its labels: {error}");
                }
            }
        }
        Ok(())
    }

    fn fill_points(&self, path: &Path, frame: &mut Frame) -> Result<(), Error> {
        let format = ScanFormat {
            intensity_max: self
                .options
                .intensity_max
                .unwrap_or(frame.rig.lidar.intensity_max as f32),
            max_points: self.options.max_points,
        };
        let mut stats = read_scan(path, format, &mut frame.cloud.points)?;
        // KITTI's layout with another sensor's scale: clamping would tell the models that all shines.
        let of_bytes =
            stats.intensity_clamped > stats.read / 2 && self.options.intensity_max.is_none();
        if of_bytes {
            let format = ScanFormat { intensity_max: BYTE_INTENSITY, ..format };
            stats = read_scan(path, format, &mut frame.cloud.points)?;
        }
        if self.options.intensity_max.is_none() {
            let scale = if of_bytes { BYTE_INTENSITY } else { format.intensity_max };
            stats.fits_scale(path, scale)?;
        }
        if self.options.strict && stats.not_finite > 0 {
            return Err(Error::ScanDirty {
                file: path.display().to_string(),
                points: stats.read,
                not_finite: stats.not_finite,
            });
        }
        if of_bytes && !self.intensity_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                scan = %path.display(),
                "most intensities are above {}: such scans are read as 0..{BYTE_INTENSITY}; set --intensity-max \
                 (intensity_max) if this sensor's scale is another",
                format.intensity_max,
            );
        }
        frame.dropped.points_not_finite = stats.not_finite;
        frame.dropped.intensities_clamped = stats.intensity_clamped;
        if self.options.crop_to_image {
            frame.dropped.points_outside_view =
                view::keep_visible(&mut frame.cloud.points, &frame.rig.cameras[0]);
        }
        Ok(())
    }

    fn labels(
        &self,
        rows: Vec<(usize, ObjectRow)>,
        file: &str,
        frame: &mut Frame,
    ) -> Result<Vec<Label>, Error> {
        let mut labels = Vec::with_capacity(rows.len());
        for (line, row) in rows {
            match row.class() {
                Some(class) => labels.push(label(&row, class, &frame.rig)),
                None if self.options.strict => {
                    return Err(Error::UnknownClass {
                        file: file.to_owned(),
                        line,
                        found: row.kind,
                    });
                }
                None => frame.dropped.labels_unknown_class += 1,
            }
        }
        Ok(labels)
    }

    /// The rig of a calibration; without an image, with the size that such a camera has.
    fn rig(
        &self,
        calibration: &Calibration,
        image_size: Option<[u32; 2]>,
    ) -> Result<Arc<Rig>, Error> {
        let path = match calibration {
            Calibration::Fixed(rig) => return Ok(self.mounted(rig)),
            Calibration::File(path) => path,
        };
        let text = read_text("calibration", path)?;
        let key = (text, image_size);
        let mut rigs = self.rigs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rig) = rigs.get(&key) {
            return Ok(Arc::clone(rig));
        }
        let file = path.display().to_string();
        let parsed = parse_kitti_calib(&key.0, &file, image_size.unwrap_or(KITTI_IMAGE_SIZE));
        let mut rig =
            parsed.map_err(|source| Error::Calibration { file, source: source.into() })?;
        if image_size.is_none() {
            rig.cameras[0].size = nominal_size(&rig.cameras[0]);
        }
        let rig = self.mounted(&Arc::new(rig));
        rigs.insert(key, Arc::clone(&rig));
        Ok(rig)
    }

    /// The rig with the LiDAR at the height and with the beams that the options say, if they do.
    fn mounted(&self, rig: &Arc<Rig>) -> Arc<Rig> {
        let (height, beams) = (self.options.lidar_height_m, self.options.lidar_beams);
        if height.is_none() && beams.is_none() {
            return Arc::clone(rig);
        }
        let mut mounted = Rig::clone(rig);
        let lidar = &mut mounted.lidar;
        lidar.origin_height_m = height.unwrap_or(lidar.origin_height_m);
        lidar.beams = beams.unwrap_or(lidar.beams);
        Arc::new(mounted)
    }
}

/// A KITTI row in the rig's LiDAR frame. Without positive sizes there is no 3D box.
fn label(row: &ObjectRow, class: Class, rig: &Rig) -> Label {
    let kitti =
        KittiBox { size_hwl: row.size_hwl, location: row.location, rotation_y: row.rotation_y };
    Label {
        class,
        box3: row.has_box3().then(|| kitti.to_box3(&rig.lidar_to_rect)),
        bbox: row.bbox,
        truncation: row.truncation,
        occlusion: row.occlusion.round() as i32,
        alpha: row.alpha,
    }
}

/// The image's file and size, or why there is none.
fn find_image(stem: &Path) -> Result<(PathBuf, [u32; 2]), String> {
    for ending in IMAGE_ENDINGS {
        let mut path = stem.as_os_str().to_owned();
        path.push(".");
        path.push(ending);
        let path = PathBuf::from(path);
        if path.is_file() {
            return match image::size(&path) {
                Ok(size) => Ok((path, size)),
                Err(error) => Err(error.to_string()),
            };
        }
    }
    Err(format!("no image {}.png, .jpg or .jpeg", stem.display()))
}

fn check_size(
    path: &Path,
    found: [u32; 2],
    calibration: &Calibration,
    camera: &Camera,
) -> Result<(), Error> {
    let error =
        |expected| Err(Error::ImageSize { file: path.display().to_string(), expected, found });
    if matches!(calibration, Calibration::Fixed(_)) {
        let [width, height] = camera.size;
        return if found == camera.size {
            Ok(())
        } else {
            error(format!("its calibration says {width} x {height}"))
        };
    }
    let centre = [camera.intrinsic[(0, 2)], camera.intrinsic[(1, 2)]];
    let off = |axis: usize| (centre[axis] / f64::from(found[axis]) - 0.5).abs();
    // Written so that NaN is refused.
    if off(0) < CENTRE_TOLERANCE && off(1) < CENTRE_TOLERANCE {
        Ok(())
    } else {
        error(format!(
            "its calibration has the principal point at {:.1}, {:.1}, which should be near the centre",
            centre[0], centre[1]
        ))
    }
}

/// Image size of a camera whose image is not there: KITTI's five recording days, known by their
/// focal length; for any other camera, twice the principal point.
fn nominal_size(camera: &Camera) -> [u32; 2] {
    const DAYS: [(f64, [u32; 2]); 5] = [
        (721.5377, [1242, 375]), // 2011_09_26
        (707.0493, [1224, 370]), // 2011_09_28
        (718.3351, [1238, 374]), // 2011_09_29
        (707.0912, [1226, 370]), // 2011_09_30
        (718.856, [1241, 376]),  // 2011_10_03
    ];
    let focal = camera.intrinsic[(0, 0)];
    DAYS.iter().find(|(known, _)| (known - focal).abs() < 5e-4).map_or_else(
        || {
            [0, 1]
                .map(|axis| (2.0 * camera.intrinsic[(axis, 2)]).round().clamp(1.0, 16_384.0) as u32)
        },
        |(_, size)| *size,
    )
}
