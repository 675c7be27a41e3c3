//! The rows of the tables, as small structs that point at one another by number instead of by token.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;

use super::Token;

/// The place of a row in its table, four bytes, also inside an `Option`. Look it up by indexing
/// [`Tables`](super::Tables).
pub struct Id<Row> {
    from_one: NonZeroU32,
    row: PhantomData<fn() -> Row>,
}

impl<Row> Id<Row> {
    /// The row at that place, counted from 0.
    ///
    /// # Panics
    /// Beyond 4 294 967 294 rows; the reader refuses longer tables.
    pub fn new(place: usize) -> Self {
        let from_one = u32::try_from(place + 1).ok().and_then(NonZeroU32::new);
        Self { from_one: from_one.expect("a table of fewer than 2^32 rows"), row: PhantomData }
    }

    /// The place, counted from 0.
    pub fn place(self) -> usize {
        self.from_one.get() as usize - 1
    }
}

impl<Row> Clone for Id<Row> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Row> Copy for Id<Row> {}

impl<Row> PartialEq for Id<Row> {
    fn eq(&self, other: &Self) -> bool {
        self.from_one == other.from_one
    }
}

impl<Row> Eq for Id<Row> {}

impl<Row> fmt::Debug for Id<Row> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.place())
    }
}

/// A drive of about 20 s (`scene`).
#[derive(Debug, Clone)]
pub struct Scene {
    /// Its key.
    pub token: Token,
    /// Such as `scene-0103`; splits are lists of these.
    pub name: String,
    /// What happens in it, in words.
    pub description: String,
    /// Where and with which vehicle; none where the log table was not asked for.
    pub log: Option<Id<Log>>,
    /// Its first and its last key frame.
    pub ends: [Id<Sample>; 2],
}

/// A recording from which scenes were cut (`log`).
#[derive(Debug, Clone)]
pub struct Log {
    /// Its key.
    pub token: Token,
    /// Name of the recording.
    pub logfile: String,
    /// Which car, such as `n008`.
    pub vehicle: String,
    /// The day, such as `2018-08-01`.
    pub date_captured: String,
    /// The place, such as `boston-seaport`.
    pub location: String,
}

/// An annotated moment, a key frame at 2 Hz (`sample`).
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Its key.
    pub token: Token,
    /// UNIX time, µs: when the LiDAR turn ended.
    pub timestamp_us: i64,
    /// The drive it belongs to.
    pub scene: Id<Scene>,
    /// The key frame before it in the scene.
    pub previous: Option<Id<Sample>>,
    /// The key frame behind it in the scene.
    pub next: Option<Id<Sample>>,
}

/// A file of one sensor (`sample_data`).
#[derive(Debug, Clone, Copy)]
pub struct SampleData {
    /// Its key.
    pub token: Token,
    /// The key frame it belongs to, or is nearest to.
    pub sample: Id<Sample>,
    /// Where the vehicle was at the time of the file.
    pub ego_pose: Id<EgoPose>,
    /// Which sensor, and how it is mounted.
    pub calibrated_sensor: Id<CalibratedSensor>,
    /// UNIX time, µs.
    pub timestamp_us: i64,
    /// True for the files of the key frames; sweeps in between have false.
    pub is_key_frame: bool,
    /// Width and height in pixels; 0 for what is no picture.
    pub image_size: [u32; 2],
    /// The file of the same sensor before it; none at the scene's start, and none where only key
    /// frames were asked for.
    pub previous: Option<Id<SampleData>>,
    /// The file of the same sensor behind it, as `previous`.
    pub next: Option<Id<SampleData>>,
    /// End of the file's name in the text that holds all names one behind the other.
    pub(super) filename_end: u32,
}

/// Where the vehicle was (`ego_pose`): maps the ego frame to the global frame.
#[derive(Debug, Clone, Copy, Default)]
pub struct EgoPose {
    /// UNIX time, µs.
    pub timestamp_us: i64,
    /// Quaternion w, x, y, z.
    pub rotation: [f64; 4],
    /// The ego frame's origin in the global frame, m.
    pub translation: [f64; 3],
}

/// A sensor as mounted in one drive (`calibrated_sensor`): maps its frame to the ego frame.
#[derive(Debug, Clone, Copy)]
pub struct CalibratedSensor {
    /// Its key.
    pub token: Token,
    /// Which sensor.
    pub sensor: Id<Sensor>,
    /// Quaternion w, x, y, z.
    pub rotation: [f64; 4],
    /// The sensor's origin in the ego frame, m.
    pub translation: [f64; 3],
    /// The camera's 3×3 matrix by rows, pixels; none for what is no camera.
    pub camera_intrinsic: Option<[[f64; 3]; 3]>,
}

/// A kind of sensor at one place of the vehicle (`sensor`).
#[derive(Debug, Clone)]
pub struct Sensor {
    /// Its key.
    pub token: Token,
    /// Such as `LIDAR_TOP` or `CAM_FRONT`.
    pub channel: String,
    /// `lidar`, `camera` or `radar`.
    pub modality: String,
}

/// An annotated box in one key frame (`sample_annotation`), global frame.
#[derive(Debug, Clone, Copy)]
pub struct Annotation {
    /// Its key.
    pub token: Token,
    /// The key frame.
    pub sample: Id<Sample>,
    /// The object that this is a view of.
    pub instance: Id<Instance>,
    /// How much of the object the cameras see; none where the table says nothing.
    pub visibility: Option<Id<Visibility>>,
    /// What the object does, such as `vehicle.parked`; the first of `attribute_count`.
    pub attribute: Option<Id<Attribute>>,
    /// How many attributes the table gives (0 or 1 in the official tables).
    pub attribute_count: u8,
    /// The box's centre, m.
    pub translation: [f64; 3],
    /// Width, length, height, m.
    pub size_wlh: [f64; 3],
    /// Quaternion w, x, y, z that turns the box's axes (x along the heading) into the global frame.
    pub rotation: [f64; 4],
    /// The same object in the key frame before.
    pub previous: Option<Id<Annotation>>,
    /// The same object in the key frame behind.
    pub next: Option<Id<Annotation>>,
    /// LiDAR points within the box.
    pub lidar_points: i32,
    /// Radar points within the box.
    pub radar_points: i32,
}

/// An object throughout a scene (`instance`).
#[derive(Debug, Clone, Copy)]
pub struct Instance {
    /// Its key.
    pub token: Token,
    /// What it is.
    pub category: Id<Category>,
}

/// A kind of object (`category`).
#[derive(Debug, Clone)]
pub struct Category {
    /// Its key.
    pub token: Token,
    /// Such as `vehicle.bus.rigid`.
    pub name: String,
}

/// A state of an object (`attribute`).
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its key.
    pub token: Token,
    /// Such as `cycle.with_rider`.
    pub name: String,
}

/// How much of an object the cameras see (`visibility`).
#[derive(Debug, Clone)]
pub struct Visibility {
    /// Its key; unlike the others' a digit.
    pub token: Token,
    /// Such as `v80-100`, in percent.
    pub level: String,
}
