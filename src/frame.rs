//! What travels through the house: a frame of sensor data, its labels, and the boxes found in it.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use crate::calib::{Axes, LidarSpec, Rig};
use crate::geometry::{Box3, Pose, frames};

/// Kinds of object, as KITTI and nuScenes name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Class {
    Car,
    Pedestrian,
    Cyclist,
    Van,
    Truck,
    #[serde(rename = "Person_sitting")]
    PersonSitting,
    Tram,
    Misc,
    DontCare,
}

impl Class {
    /// Every class, in KITTI's order.
    pub const ALL: [Self; 9] = [
        Self::Car,
        Self::Pedestrian,
        Self::Cyclist,
        Self::Van,
        Self::Truck,
        Self::PersonSitting,
        Self::Tram,
        Self::Misc,
        Self::DontCare,
    ];

    /// The name as KITTI's files spell it, such as `Person_sitting`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Car => "Car",
            Self::Pedestrian => "Pedestrian",
            Self::Cyclist => "Cyclist",
            Self::Van => "Van",
            Self::Truck => "Truck",
            Self::PersonSitting => "Person_sitting",
            Self::Tram => "Tram",
            Self::Misc => "Misc",
            Self::DontCare => "DontCare",
        }
    }

    /// The class of a KITTI name, whatever its letter case; none for a name that is not KITTI's.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name))
    }
}

/// A time, in nanoseconds of the source's own clock (UNIX time where the source has it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Stamp(pub i64);

/// LiDAR returns: `[x, y, z, intensity]`, metres in the LiDAR frame, intensity in 0..1.
#[derive(Debug, Clone, Default)]
pub struct PointCloud {
    /// The points, in scan order.
    pub points: Vec<[f32; 4]>,
}

impl PointCloud {
    /// From `[x, y, z, intensity]` as a driver delivers them, m: turned from the rig's axes, the intensity divided by the
    /// one that counts as 1 ([`LidarSpec::intensity_max`]). What lies outside 0..1 then, or is not a number, the bridge counts.
    ///
    /// ```
    /// use emc2::{calib::LidarSpec, frame::PointCloud};
    /// let lidar = LidarSpec { intensity_max: 255.0, ..LidarSpec::kitti() };
    /// let cloud = PointCloud::from_driver(&[[1.0, 2.0, 3.0, 51.0]], &lidar);
    /// assert_eq!(cloud.points, [[1.0, 2.0, 3.0, 0.2]]);
    /// ```
    pub fn from_driver(points: &[[f32; 4]], lidar: &LidarSpec) -> Self {
        let full = lidar.intensity_max as f32;
        let turned = points.iter().map(|&[x, y, z, intensity]| {
            let [x, y, z] = lidar.axes.turn([x, y, z]);
            [x, y, z, intensity / full]
        });
        Self { points: turned.collect() }
    }
}

/// Where the pixels of a camera are. They are decoded only when a plan asks for them.
#[derive(Debug, Clone)]
pub enum ImageData {
    /// A PNG or JPEG file, not read yet.
    File(PathBuf),
    /// The bytes of a PNG or JPEG file.
    Encoded(Arc<[u8]>),
    /// Pixels, RGB 8 bit.
    Rgb(Arc<image::RgbImage>),
    /// There is none, and why.
    Missing(String),
}

/// One camera's picture of the frame.
#[derive(Debug, Clone)]
pub struct CameraImage {
    /// Which camera of the rig ([`Rig::cameras`] index).
    pub camera: usize,
    /// When it was taken.
    pub stamp: Stamp,
    /// The picture.
    pub data: ImageData,
}

/// A labelled object.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// What it is.
    pub class: Class,
    /// Where it is, LiDAR frame; none for DontCare areas.
    pub box3: Option<Box3>,
    /// 2D box in the labelled image: left, top, right, bottom, pixels.
    pub bbox: [f64; 4],
    /// Share of the object outside the image, 0..1 (negative: unknown).
    pub truncation: f64,
    /// KITTI's occlusion class: 0 visible, 1 partly, 2 largely, 3 unknown (negative: not given).
    pub occlusion: i32,
    /// Observation angle, rad (KITTI's alpha).
    pub alpha: f64,
}

/// One moment of the sensors.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The frame's name within its source, such as `000008`.
    pub id: String,
    /// When the LiDAR turn was taken.
    pub stamp: Stamp,
    /// LiDAR points.
    pub cloud: PointCloud,
    /// At most one picture a camera.
    pub images: Vec<CameraImage>,
    /// Where the sensors are.
    pub rig: Arc<Rig>,
    /// Vehicle pose in the world, if known.
    pub ego: Option<Pose<frames::Ego, frames::Global>>,
    /// What is really there, if known.
    pub labels: Option<Vec<Label>>,
    /// Everything that the reader dropped, by cause.
    pub dropped: Dropped,
}

impl Frame {
    /// A frame with nothing in it, to be filled by a [`Source`](crate::sensor::Source).
    pub fn empty() -> Self {
        static NO_SENSORS: LazyLock<Arc<Rig>> = LazyLock::new(|| {
            Arc::new(Rig {
                name: "none".to_owned(),
                lidar: LidarSpec {
                    axes: Axes::default(),
                    beams: 0,
                    origin_height_m: 0.0,
                    intensity_max: 1.0,
                    elevation_deg: [0.0, 0.0],
                    azimuth_step_deg: 0.0,
                },
                cameras: Vec::new(),
                lidar_to_rect: Pose::identity(),
                lidar_to_ego: Pose::identity(),
            })
        });
        Self {
            id: String::new(),
            stamp: Stamp(0),
            cloud: PointCloud::default(),
            images: Vec::new(),
            rig: Arc::clone(&NO_SENSORS),
            ego: None,
            labels: None,
            dropped: Dropped::default(),
        }
    }

    /// Takes everything out but keeps the memory of points and images for the next frame.
    pub fn clear(&mut self) {
        self.id.clear();
        self.stamp = Stamp(0);
        self.cloud.points.clear();
        self.images.clear();
        self.ego = None;
        self.labels = None;
        self.dropped = Dropped::default();
    }
}

/// Which expert a region was sent to, or a box came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExpertKind {
    /// The bridge's own proposal, unrefined.
    Bridge,
    /// Latency-prioritised expert.
    Lpe,
    /// Versatile-efficiency expert.
    Vee,
    /// Accuracy-prioritised expert.
    Ape,
    /// No model: ground removal and clustering.
    Emergency,
}

/// A step down from what was planned, and its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Degradation {
    /// No image for a region that was to have one.
    NoCamera,
    /// The share of the picture that may be looked at was spent: an expert without camera.
    Pixels,
    /// The time budget was spent: a cheaper expert, or the proposal itself.
    Budget,
    /// The deadline passed while experts ran.
    Deadline,
    /// A model failed or is not loaded; the next one took over (of the classifier, none: what the expert says stands).
    ExpertFailed,
    /// The bridge's model failed or is absent: emergency boxes only.
    NoModel,
}

impl Degradation {
    /// All steps, in ladder order.
    pub const ALL: [Self; 6] = [
        Self::NoCamera,
        Self::Pixels,
        Self::Budget,
        Self::Deadline,
        Self::ExpertFailed,
        Self::NoModel,
    ];
}

/// The steps down that touched one box: a small set that copies and never allocates.
///
/// ```
/// use emc2::frame::{Degradation, DegradationSet};
/// let steps = DegradationSet::from(Degradation::NoCamera) | Degradation::Budget.into();
/// assert!(steps.contains(Degradation::Budget) && !steps.contains(Degradation::Deadline));
/// assert_eq!(steps.iter().count(), 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DegradationSet(u8);

impl DegradationSet {
    /// Adds a step.
    pub fn insert(&mut self, step: Degradation) {
        self.0 |= 1 << step as u8;
    }

    /// Whether the step is in it.
    pub fn contains(self, step: Degradation) -> bool {
        self.0 & (1 << step as u8) != 0
    }

    /// Whether nothing was stepped down.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The steps, in ladder order.
    pub fn iter(self) -> impl Iterator<Item = Degradation> {
        Degradation::ALL.into_iter().filter(move |&step| self.contains(step))
    }
}

impl From<Degradation> for DegradationSet {
    fn from(step: Degradation) -> Self {
        let mut set = Self::default();
        set.insert(step);
        set
    }
}

impl std::ops::BitOr for DegradationSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A box that the program says is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// What it is.
    pub class: Class,
    /// Where it is, LiDAR frame.
    pub box3: Box3,
    /// Calibrated confidence, 0..1.
    pub score: f32,
    /// Who made the final box.
    pub expert: ExpertKind,
    /// Why the router sent it there.
    pub reason: String,
    /// Horizontal distance from the sensor to the centre, m.
    pub distance_m: f32,
    /// Returns seen against returns expected, 0..1.
    pub visibility: f32,
    /// Share of the box's view shadowed by nearer returns, 0..1.
    pub occlusion: f32,
    /// Share of the box outside the cameras' view, 0..1.
    pub truncation: f32,
    /// Steps down that touched this box.
    pub degraded: Vec<Degradation>,
}

/// Counts of everything dropped or cut, by cause. Nothing is dropped in silence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Points with NaN or infinite values.
    pub points_not_finite: u64,
    /// Points that no camera of the rig sees, where the reader was told to drop them.
    pub points_outside_view: u64,
    /// Returns of the vehicle itself, near the sensor, where the data set says to drop them.
    #[serde(default)]
    pub points_on_vehicle: u64,
    /// Points kept, but with an intensity outside 0..1 that was brought to the nearer bound.
    pub intensities_clamped: u64,
    /// Points outside the model's range.
    pub points_out_of_range: u64,
    /// Points over the budget.
    pub points_over_budget: u64,
    /// Proposals below the confidence limit are not counted; these are over the count limit.
    pub proposals_over_limit: u64,
    /// Proposals removed by non-maximum suppression.
    pub proposals_suppressed: u64,
    /// Region points thinned to an expert's input size.
    pub region_points_thinned: u64,
    /// Boxes below the final score limit.
    pub boxes_below_score: u64,
    /// Boxes merged or suppressed in fusion.
    pub boxes_merged: u64,
    /// Boxes with a value that is not a number.
    pub boxes_not_finite: u64,
    /// Label lines of unknown class.
    pub labels_unknown_class: u64,
    /// Label files that could not be read: their frames are taken as frames without labels.
    #[serde(default)]
    pub label_files_unreadable: u64,
    /// Images that were missing or could not be read.
    pub images_unusable: u64,
}

impl Dropped {
    /// Adds another count, cause by cause.
    pub fn add(&mut self, other: &Self) {
        // Named one by one, so that a cause that is added cannot be forgotten here.
        let Self {
            points_not_finite,
            points_outside_view,
            points_on_vehicle,
            intensities_clamped,
            points_out_of_range,
            points_over_budget,
            proposals_over_limit,
            proposals_suppressed,
            region_points_thinned,
            boxes_below_score,
            boxes_merged,
            boxes_not_finite,
            labels_unknown_class,
            label_files_unreadable,
            images_unusable,
        } = other;
        self.points_not_finite += points_not_finite;
        self.points_outside_view += points_outside_view;
        self.points_on_vehicle += points_on_vehicle;
        self.intensities_clamped += intensities_clamped;
        self.points_out_of_range += points_out_of_range;
        self.points_over_budget += points_over_budget;
        self.proposals_over_limit += proposals_over_limit;
        self.proposals_suppressed += proposals_suppressed;
        self.region_points_thinned += region_points_thinned;
        self.boxes_below_score += boxes_below_score;
        self.boxes_merged += boxes_merged;
        self.boxes_not_finite += boxes_not_finite;
        self.labels_unknown_class += labels_unknown_class;
        self.label_files_unreadable += label_files_unreadable;
        self.images_unusable += images_unusable;
    }
}
