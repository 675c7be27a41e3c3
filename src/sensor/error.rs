//! Why a frame, or a whole source, could not be read: where, what was expected, what was found.

use std::path::PathBuf;

use super::kitti::row::RowError;
use super::nuscenes::json::JsonError;
use super::scan::PointLayout;

/// What went wrong while reading sensor data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read.
    #[error("cannot read the {what} {}: {source}", path.display())]
    Read {
        /// What the file is for, such as `scan`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A scan file without a byte in it.
    #[error(
        "{file}: the scan is empty (0 bytes); expected at least one point of {} bytes. Copy the file again",
        layout.bytes()
    )]
    ScanEmpty {
        /// Which scan.
        file: String,
        /// How its points are stored.
        layout: PointLayout,
    },
    /// A scan file that ends within a point.
    #[error(
        "{file}: {bytes} bytes are not a whole number of {}-byte points ({} as f32): \
         {points} points and {remainder} bytes more, cut off at byte {}. The file is truncated or not a \
         {} scan; copy it again{}",
        layout.bytes(), layout.columns(), bytes - remainder, layout.owner(), fits_another(*bytes, *layout)
    )]
    ScanSize {
        /// Which scan.
        file: String,
        /// Its size.
        bytes: u64,
        /// Whole points in it.
        points: u64,
        /// Bytes behind the last whole point.
        remainder: u64,
        /// How its points are stored.
        layout: PointLayout,
    },
    /// A scan whose fifth column is not a laser ring.
    #[error(
        "{file}, point {point}: expected the number of a laser ring (0 to {}) as its fifth value, found {found}. \
         A nuScenes scan has five f32 a point (x, y, z, intensity, ring); is this one of KITTI, or of another sensor?",
        rings - 1
    )]
    ScanRing {
        /// Which scan.
        file: String,
        /// Which point, from 0.
        point: u64,
        /// What stands there.
        found: f32,
        /// Rings that the sensor may have.
        rings: u32,
    },
    /// A scan with more points than is allowed.
    #[error(
        "{file}: {points} points, more than the limit of {limit}. Is this one scan? If so, raise the limit (max_points)"
    )]
    ScanTooLarge {
        /// Which scan.
        file: String,
        /// Its points.
        points: u64,
        /// The limit.
        limit: u64,
    },
    /// A scan in which no point is a number.
    #[error(
        "{file}: none of the {points} points has finite coordinates and intensity. Is this a scan of little-endian f32?"
    )]
    ScanNotFinite {
        /// Which scan.
        file: String,
        /// Its points.
        points: u64,
    },
    /// A scan whose values no LiDAR gives: the file has another layout.
    #[error(
        "{file}: this does not look like a scan of x, y, z, intensity as four little-endian float32 a point: {odd} \
         of the {points} points {what}. Files of five columns (x, y, z, intensity, ring, as nuScenes has them), of \
         float64 or of another byte order are of another layout: write the points as four float32"
    )]
    ScanForeign {
        /// Which scan.
        file: String,
        /// Points that were looked at.
        points: u64,
        /// Those that are odd.
        odd: u64,
        /// What is odd in them.
        what: String,
    },
    /// Points that are not numbers, under strict reading.
    #[error(
        "{file}: {not_finite} of the {points} points are NaN or infinite. Without strict reading they are counted and left out"
    )]
    ScanDirty {
        /// Which scan.
        file: String,
        /// Its points.
        points: u64,
        /// Those that are not finite.
        not_finite: u64,
    },
    /// A line of a label or result file that is not one.
    #[error("{file} line {line}: {cause}")]
    Row {
        /// Which file.
        file: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong in it.
        cause: RowError,
    },
    /// A class that KITTI does not have, under strict reading.
    #[error(
        "{file} line {line}, column 1: expected one of {}, found {found:?}. Without strict reading such lines are counted and left out",
        known_classes()
    )]
    UnknownClass {
        /// Which file.
        file: String,
        /// Which line, from 1.
        line: usize,
        /// The class written there.
        found: String,
    },
    /// A picture that cannot be decoded.
    #[error(
        "{file}: cannot decode the image: {cause}. Expected a PNG or JPEG; copy the file again"
    )]
    Image {
        /// Which file.
        file: String,
        /// What the decoder said.
        cause: String,
    },
    /// A picture that does not belong to its camera.
    #[error("{file}: the image is {} x {}, {expected}. Is the calibration that of this camera, or was the image scaled?", found[0], found[1])]
    ImageSize {
        /// Which file.
        file: String,
        /// What the calibration asks for, in words.
        expected: String,
        /// Width and height found.
        found: [u32; 2],
    },
    /// No picture, where strict reading demands one.
    #[error(
        "frame {frame}: {cause}. Without strict reading such a frame is read without its image"
    )]
    ImageMissing {
        /// Which frame.
        frame: String,
        /// Why there is none.
        cause: String,
    },
    /// A calibration that cannot be used.
    #[error("cannot use the calibration {file}")]
    Calibration {
        /// Which file or folder.
        file: String,
        /// What is wrong in it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A folder that is not laid out as it should be.
    #[error("{} is not a {layout} folder: {found}. Expected {expected}", root.display())]
    Layout {
        /// The layout that was asked for.
        layout: &'static str,
        /// The folder.
        root: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A list of frames that cannot be used.
    #[error("{file} line {line}: {cause}")]
    Split {
        /// Which list.
        file: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        cause: String,
    },
    /// A file of time stamps with a bad line.
    #[error(
        "{file} line {line}: expected a time such as 2011-09-26 13:02:25.967790592, found {found:?}"
    )]
    Timestamp {
        /// Which file.
        file: String,
        /// Which line, from 1.
        line: usize,
        /// What is there.
        found: String,
    },
    /// A row of a nuScenes table that is not as it should be.
    #[error(
        "{file}, row {row}, column {column}: {cause}. Copy the tables again, or correct the row"
    )]
    Table {
        /// Which table.
        file: String,
        /// Which row, from 1.
        row: usize,
        /// Which column, or the table's name before the first.
        column: &'static str,
        /// What is wrong, and where in the file.
        cause: Box<JsonError>,
    },
    /// A token in a nuScenes table that leads to no row.
    #[error(
        "{file}, row {row}, column {column}: expected the token of a row of {table}, found {token:?}, which is \
         not there (a dangling token). Are all tables of one version? Copy them again"
    )]
    DanglingToken {
        /// Which table the token stands in.
        file: String,
        /// Which row, from 1.
        row: usize,
        /// Which column.
        column: &'static str,
        /// The table it should lead to.
        table: &'static str,
        /// The token.
        token: String,
    },
    /// A frame number that the source does not have.
    #[error("{name} has {len} frames: there is no number {index} (they count from 0)")]
    Index {
        /// Which source.
        name: String,
        /// The number asked for.
        index: usize,
        /// How many there are.
        len: usize,
    },
    /// Something a generator or another kind of source could not do.
    #[error("{name}: {cause}")]
    Other {
        /// Which source.
        name: String,
        /// What went wrong.
        cause: String,
    },
}

/// A word on a size that would be whole points of the other layout.
fn fits_another(bytes: u64, layout: PointLayout) -> String {
    let other = match layout {
        PointLayout::Kitti => PointLayout::Nuscenes,
        PointLayout::Nuscenes => PointLayout::Kitti,
    };
    let size = other.bytes() as u64;
    if !bytes.is_multiple_of(size) {
        return String::new();
    }
    format!(
        ". Its size is that of {} whole points of {} ({}): it may be a scan of that layout",
        bytes / size,
        other.columns(),
        other.owner()
    )
}

fn known_classes() -> String {
    crate::frame::Class::ALL.map(crate::frame::Class::name).join(", ")
}
