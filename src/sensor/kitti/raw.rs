//! KITTI's raw layout: a drive's folder with `velodyne_points/data` and `image_02/data`, the
//! calibration of the day in the folder above.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Options;
use super::files::{contents, id_at, label_folder, read_labels, read_text, stems, tenth_seconds};
use super::reader::{Calibration, Parts, Reader};
use crate::calib::{Rig, parse_kitti_raw_calib};
use crate::frame::{Frame, Stamp};
use crate::sensor::{Error, Source};

const LAYOUT: &str = "KITTI raw";
const SCANS: &str = "velodyne_points/data";

/// One drive in KITTI's raw layout. Labels, if any, are files in the object format in `label_2`.
///
/// Stamps are those of `velodyne_points/timestamps.txt` (taken as UTC); without that file they
/// count from 0, a tenth of a second a frame.
pub struct KittiRaw {
    name: String,
    drive: PathBuf,
    labels: PathBuf,
    stamps: Option<(String, Vec<String>)>,
    rig: Arc<Rig>,
    ids: Vec<String>,
    reader: Reader,
}

impl KittiRaw {
    /// Opens a drive's folder, such as `2011_09_26/2011_09_26_drive_0052_sync`, or the day's folder
    /// if there is one drive in it.
    ///
    /// # Errors
    /// [`Error::Layout`] where there is no drive, or several (they are named), or no scan in it;
    /// [`Error::Calibration`]; [`Error::Split`] for a bad name in `ids`; [`Error::Read`].
    pub fn open(root: &Path, options: Options) -> Result<Self, Error> {
        let reader = Reader::new(options);
        let drive = find_drive(root)?;
        let found = stems(&drive.join(SCANS), "bin")?.unwrap_or_default();
        if found.is_empty() {
            return Err(wrong(&drive, format!("no scan in {SCANS}")));
        }
        let rig = Arc::new(read_rig(&drive)?);
        let stamps_file = drive.join("velodyne_points/timestamps.txt");
        let stamps = if stamps_file.exists() {
            let text = read_text("file of time stamps", &stamps_file)?;
            let lines = text.lines().map(str::to_owned).collect();
            Some((stamps_file.display().to_string(), lines))
        } else {
            None
        };
        let labels = label_folder(&drive, &reader.options, "label_2", LAYOUT)?;
        let ids = reader.ids(|| Ok(found))?;
        Ok(Self {
            name: format!("{LAYOUT} {}", drive.display()),
            drive,
            labels,
            stamps,
            rig,
            ids,
            reader,
        })
    }

    /// Opens one drive of a day's folder: `0052` or the whole name `2011_09_26_drive_0052_sync`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_drive(day: &Path, drive: &str, options: Options) -> Result<Self, Error> {
        let drives = drives(day)?;
        let matching =
            |name: &&String| *name == drive || name.contains(&format!("_drive_{drive}_"));
        match drives.iter().find(matching) {
            Some(name) => Self::open(&day.join(name), options),
            None => {
                Err(wrong(day, format!("no drive {drive}; drives here: {}", drives.join(", "))))
            }
        }
    }

    fn stamp(&self, id: &str) -> Result<Stamp, Error> {
        // A name that is no number can only come with no time.
        let number = id.parse::<u64>().unwrap_or(0);
        let Some((file, lines)) = &self.stamps else { return Ok(tenth_seconds(number)) };
        let text =
            usize::try_from(number).ok().and_then(|line| lines.get(line)).map_or("", |line| line);
        parse_timestamp(text).ok_or_else(|| Error::Timestamp {
            file: file.clone(),
            line: usize::try_from(number).unwrap_or(usize::MAX).saturating_add(1),
            found: text.to_owned(),
        })
    }
}

impl Source for KittiRaw {
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
            stamp: self.stamp(id)?,
            scan: self.drive.join(SCANS).join(format!("{id}.bin")),
            image_stem: self.drive.join("image_02/data").join(id),
            calibration: Calibration::Fixed(Arc::clone(&self.rig)),
            labels: read_labels(&self.labels.join(format!("{id}.txt"))),
        };
        self.reader.fill(parts, frame)
    }
}

fn wrong(root: &Path, found: String) -> Error {
    Error::Layout {
        layout: LAYOUT,
        root: root.to_owned(),
        expected: "a drive (a folder with velodyne_points/data/*.bin and, if there are any, \
                   image_02/data and label_2) with calib_cam_to_cam.txt and calib_velo_to_cam.txt \
                   in the folder above",
        found,
    }
}

fn drives(day: &Path) -> Result<Vec<String>, Error> {
    let unreadable = |source| Error::Read { what: "folder", path: day.to_owned(), source };
    let mut names: Vec<_> = std::fs::read_dir(day)
        .map_err(unreadable)?
        .flatten()
        .filter(|entry| entry.path().join(SCANS).is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    Ok(names)
}

fn find_drive(root: &Path) -> Result<PathBuf, Error> {
    if root.join(SCANS).is_dir() {
        return Ok(root.to_owned());
    }
    if !root.is_dir() {
        return Err(wrong(root, contents(root)));
    }
    match drives(root)?.as_slice() {
        [] => Err(wrong(root, format!("no {SCANS}; {}", contents(root)))),
        [only] => Ok(root.join(only)),
        several => Err(wrong(root, format!("several drives, name one: {}", several.join(", ")))),
    }
}

/// The day's calibration, from the folder above the drive or from the drive's own.
fn read_rig(drive: &Path) -> Result<Rig, Error> {
    const CAMERAS: &str = "calib_cam_to_cam.txt";
    let whole = std::path::absolute(drive).map_err(|source| Error::Read {
        what: "folder",
        path: drive.to_owned(),
        source,
    })?;
    let above = whole.parent().unwrap_or(&whole);
    let day = if whole.join(CAMERAS).is_file() { &whole } else { above };
    let [camera, velodyne] = [CAMERAS, "calib_velo_to_cam.txt"].map(|name| day.join(name));
    let texts = [read_text("calibration", &camera)?, read_text("calibration", &velodyne)?];
    parse_kitti_raw_calib(
        (&texts[0], &camera.display().to_string()),
        (&texts[1], &velodyne.display().to_string()),
    )
    .map_err(|source| Error::Calibration { file: day.display().to_string(), source: source.into() })
}

/// `2011-09-26 13:02:25.967790592` as nanoseconds since 1970, UTC; none if it is no such time.
fn parse_timestamp(text: &str) -> Option<Stamp> {
    let (date, time) = text.trim().split_once(' ')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut time = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let plausible = (1970..2200).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second)
        && fraction.len() <= 9
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !plausible {
        return None;
    }
    let nanoseconds = format!("{fraction:0<9}").parse::<i64>().ok()?;
    // Days of the Gregorian calendar, with the year begun in March so that the leap day comes last.
    let (march_year, march_month) =
        if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = march_year / 4 - march_year / 100 + march_year / 400;
    let days = 365 * march_year + leap_days + (153 * march_month + 2) / 5 + day - 719_469;
    Some(Stamp((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000_000 + nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stamps_are_nanoseconds_since_1970() {
        assert_eq!(parse_timestamp("1970-01-01 00:00:00"), Some(Stamp(0)));
        let stamp = parse_timestamp("2011-09-26 13:02:25.967790592");
        assert_eq!(stamp, Some(Stamp(1_317_042_145_967_790_592)));
        assert_eq!(
            parse_timestamp("2012-02-29 00:00:00.5"),
            Some(Stamp(1_330_473_600_500_000_000))
        );
        for bad in ["", "2011-09-26", "2011-13-26 13:02:25", "2011-09-26 13:02:25.-1", "x y"] {
            assert_eq!(parse_timestamp(bad), None, "{bad}");
        }
    }
}
