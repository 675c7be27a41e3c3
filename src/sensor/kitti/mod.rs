//! KITTI's layouts on disk: folders in, frames out.
//!
//! Three layouts share one way of reading a frame (scan, image size, calibration, labels) and one
//! set of [`Options`]: [`KittiObject`], [`KittiRaw`] and [`KittiTracking`].

mod files;
mod object;
mod raw;
mod reader;
pub mod row;
mod split;
mod tracking;

use std::path::Path;

pub use object::KittiObject;
pub use raw::KittiRaw;
pub use split::{parse_split, read_split};
pub use tracking::{KittiTracking, SequenceLabels};

use super::{Error, Source, scan};

/// Which of KITTI's layouts a folder has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `training/{velodyne,velodyne_reduced,image_2,calib,label_2}`.
    Object,
    /// A drive: `velodyne_points/data`, `image_02/data`, calibration in the folder above.
    Raw,
    /// `training/{velodyne,image_02,calib,label_02}`, a folder or file a sequence.
    Tracking,
}

/// Which scan of a frame is read, where the object layout may hold two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scan {
    /// `velodyne` where the frame has it, else `velodyne_reduced`.
    #[default]
    Auto,
    /// `velodyne`, the whole turn.
    Full,
    /// `velodyne_reduced`, cut to the camera's view beforehand.
    Reduced,
}

/// How to read. The default fits KITTI's own data.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Which scan (object layout only).
    pub scan: Scan,
    /// Drop the points that the left colour camera does not see: KITTI labels nothing else. They
    /// are counted in `points_outside_view`.
    pub crop_to_image: bool,
    /// Only these frames, in this order; all that have a scan if none is given. A name without a
    /// scan stays in the list and is an error when it is read. In the tracking layout `0003` means
    /// the whole sequence.
    pub ids: Option<Vec<String>>,
    /// The folder of labels in place of the layout's own, such as `label_2_teacher` in a raw drive.
    pub labels_from: Option<String>,
    /// Make an error of what would be counted and left out otherwise: images missing or with a
    /// damaged header (pixels are not read here), label files that cannot be read, classes unknown, points not finite.
    pub strict: bool,
    /// More points in a scan are an error.
    pub max_points: usize,
    /// The intensity that counts as 1; if not given the rig's (KITTI: 1), or 255 for a scan most of
    /// whose intensities are above that (View-of-Delft).
    pub intensity_max: Option<f32>,
    /// Height of the LiDAR above the ground, m; KITTI's 1.73 if not given.
    pub lidar_height_m: Option<f64>,
    /// Beams of the LiDAR, where it is not KITTI's.
    pub lidar_beams: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scan: Scan::Auto,
            crop_to_image: true,
            ids: None,
            labels_from: None,
            strict: false,
            max_points: scan::MAX_POINTS,
            intensity_max: None,
            lidar_height_m: None,
            lidar_beams: None,
        }
    }
}

/// Opens a folder of that layout.
///
/// # Errors
/// As the layout's own `open`.
pub fn open(layout: Layout, root: &Path, options: Options) -> Result<Box<dyn Source>, Error> {
    Ok(match layout {
        Layout::Object => Box::new(KittiObject::open(root, options)?),
        Layout::Raw => Box::new(KittiRaw::open(root, options)?),
        Layout::Tracking => Box::new(KittiTracking::open(root, options)?),
    })
}
