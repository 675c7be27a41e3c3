//! Whatever is wrong with files in KITTI's layouts, the message names the file and what is wrong,
//! and the next frame is read as if nothing had been.

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};

use emc2::frame::{Class, Frame, ImageData};
use emc2::sensor::kitti::{
    KittiObject, KittiRaw, KittiTracking, Layout, Options, Scan, open, read_split,
};
use emc2::sensor::{Error, Frames, Source, image};
use tempfile::TempDir;

const CALIB: &str = "\
P0: 721.5377 0 609.5593 0 0 721.5377 172.854 0 0 0 1 0
P2: 721.5377 0 609.5593 44.85728 0 721.5377 172.854 0.2163791 0 0 1 0.002745884
R0_rect: 0.9999239 0.00983776 -0.007445048 -0.009869795 0.9999421 -0.004278459 0.007402527 0.004351614 0.9999631
Tr_velo_to_cam: 0.007533745 -0.9999714 -0.000616602 -0.004069766 0.01480249 0.0007280733 -0.9998902 -0.07631618 0.9998621 0.00752379 0.01480755 -0.2717806
";
const LABEL: &str =
    "Car 0.00 1 2.04 334.85 178.94 624.50 372.04 1.57 1.50 3.68 -1.17 1.65 7.86 1.90\n";
/// Two points in view of the camera, one behind it.
const POINTS: [[f32; 4]; 3] =
    [[10.0, 0.0, -1.0, 0.3], [20.0, 1.0, -1.0, 0.5], [-10.0, 0.0, -1.0, 0.3]];

/// A data set of two good frames, 000000 and 000001, to be spoilt.
struct Set(TempDir);

impl Set {
    fn object() -> Self {
        let set = Self(TempDir::new().unwrap());
        for id in ["000000", "000001"] {
            set.write(&format!("training/velodyne/{id}.bin"), scan(&POINTS));
            set.write(&format!("training/calib/{id}.txt"), CALIB);
            set.write(&format!("training/label_2/{id}.txt"), LABEL);
            set.write(&format!("training/image_2/{id}.png"), picture(1242, 375));
        }
        set
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn write(&self, file: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn source(&self, strict: bool) -> KittiObject {
        KittiObject::open(self.0.path(), Options { strict, ..Options::default() }).unwrap()
    }

    /// Reads frame 0, which must fail, with the message's parts; frame 1 must still be good.
    fn refuses(&self, strict: bool, parts: &[&str]) -> Error {
        let source = self.source(strict);
        let mut frame = Frame::empty();
        let error = source.load_into(0, &mut frame).expect_err("the frame is spoilt");
        says(&error, parts);
        source.load_into(1, &mut frame).expect("the next frame is good");
        assert_eq!((frame.cloud.points.len(), frame.labels.as_ref().unwrap().len()), (2, 1));
        error
    }

    fn frame(&self) -> Frame {
        self.source(false).load(0).unwrap()
    }
}

fn scan(points: &[[f32; 4]]) -> Vec<u8> {
    points.iter().flatten().flat_map(|value| value.to_le_bytes()).collect()
}

fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    ::image::RgbImage::new(width, height).write_to(&mut bytes, ::image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn says(error: &Error, parts: &[&str]) {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[test]
fn a_good_frame_is_read_whole_and_what_is_left_out_is_counted() {
    let frame = Set::object().frame();
    assert_eq!(frame.id, "000000");
    assert_eq!(frame.cloud.points, POINTS[..2]);
    assert_eq!(frame.dropped.points_outside_view, 1);
    assert_eq!(frame.rig.cameras[0].size, [1242, 375]);
    let label = &frame.labels.unwrap()[0];
    assert_eq!((label.class, label.occlusion), (Class::Car, 1));
    let center = label.box3.unwrap().center;
    assert!((center[0] - 8.1).abs() < 0.2 && (center[1] - 1.2).abs() < 0.2, "{center:?}");
}

#[test]
fn a_truncated_scan_names_the_file_its_size_and_the_byte() {
    let set = Set::object();
    set.write("training/velodyne/000000.bin", &scan(&POINTS)[..40]);
    let error =
        set.refuses(false, &["000000.bin", "40 bytes", "2 points", "8 bytes more", "at byte 32"]);
    assert!(matches!(error, Error::ScanSize { bytes: 40, remainder: 8, .. }));
}

#[test]
fn a_scan_of_five_columns_is_refused_and_not_run_over() {
    let set = Set::object();
    let street = |ring: &[f32]| -> Vec<u8> {
        let point = |i: u16| {
            let place = [10.0 + f32::from(i % 30), f32::from(i % 7) - 3.0, -1.5];
            [&place[..], &[f32::from(i % 50) / 50.0], &ring[..ring.len().min(1)]].concat()
        };
        (0..400).flat_map(point).flat_map(f32::to_le_bytes).collect()
    };
    set.write("training/velodyne/000000.bin", street(&[]));
    assert_eq!(set.frame().dropped.intensities_clamped, 0);
    set.write("training/velodyne/000000.bin", street(&[7.0]));
    let parts = ["000000.bin", "of the 500 points", "five columns (x, y, z, intensity, ring"];
    let error = set.refuses(false, &parts);
    assert!(matches!(error, Error::ScanForeign { points: 500, .. }));
    // One point fewer: no whole number of points of four values.
    set.write("training/velodyne/000000.bin", &street(&[7.0])[20..]);
    set.refuses(false, &["truncated", "399 whole points of x, y, z, intensity, ring (nuScenes)"]);
}

#[test]
fn a_scan_whose_intensities_fit_no_scale_is_refused_unless_the_scale_is_said() {
    let set = Set::object();
    let points: Vec<_> = (0..200).map(|i| [10.0, 0.0, -1.0, 40.0 * i as f32]).collect();
    set.write("training/velodyne/000000.bin", scan(&points));
    set.refuses(false, &["000000.bin", "intensity outside 0 to 255", "--intensity-max"]);
    let said = Options { intensity_max: Some(8000.0), ..Options::default() };
    let frame = KittiObject::open(set.0.path(), said).unwrap().load(0).unwrap();
    assert_eq!((frame.cloud.points.len(), frame.dropped.intensities_clamped), (200, 0));
}

#[test]
fn an_empty_scan_is_refused() {
    let set = Set::object();
    set.write("training/velodyne/000000.bin", []);
    set.refuses(false, &["000000.bin", "empty"]);
}

#[test]
fn a_scan_over_the_limit_is_refused_before_it_is_read() {
    let set = Set::object();
    // A sparse file: five million points that are not on the disk.
    let file = fs::File::create(set.path("training/velodyne/000000.bin")).unwrap();
    file.set_len(5_000_000 * 16).unwrap();
    set.refuses(false, &["000000.bin", "5000000 points", "limit of 4194304", "max_points"]);
}

#[test]
fn five_million_points_are_read_where_the_limit_allows_it() {
    let set = Set::object();
    let file = fs::File::create(set.path("training/velodyne/000000.bin")).unwrap();
    file.set_len(5_000_000 * 16).unwrap();
    let options = Options { max_points: 6_000_000, crop_to_image: false, ..Options::default() };
    let frame = KittiObject::open(set.0.path(), options).unwrap().load(0).unwrap();
    assert_eq!(frame.cloud.points.len(), 5_000_000);
}

#[test]
fn points_that_are_not_numbers_are_counted_and_refused_under_strict() {
    let set = Set::object();
    let mut points = POINTS.to_vec();
    points.extend([[f32::NAN, 0.0, 0.0, 0.1], [0.0, 0.0, f32::INFINITY, 0.1]]);
    set.write("training/velodyne/000000.bin", scan(&points));
    let frame = set.frame();
    assert_eq!((frame.cloud.points.len(), frame.dropped.points_not_finite), (2, 2));
    set.refuses(true, &["000000.bin", "2 of the 5 points"]);
    set.write("training/velodyne/000000.bin", scan(&points[3..]));
    set.refuses(false, &["000000.bin", "none of the 2 points"]);
}

#[test]
fn a_missing_scan_is_an_error_of_its_frame_and_names_the_file() {
    let set = Set::object();
    fs::remove_file(set.path("training/velodyne/000000.bin")).unwrap();
    let ids = Some(vec!["000000".to_owned(), "000001".to_owned()]);
    let source = KittiObject::open(set.0.path(), Options { ids, ..Options::default() }).unwrap();
    let read: Vec<_> = Frames::new(&source).collect();
    says(read[0].as_ref().unwrap_err(), &["scan", "velodyne/000000.bin", "No such file"]);
    assert!(read[1].is_ok());
    assert_eq!(set.source(false).ids(), ["000001"], "without a list, frames are those with a scan");
}

#[test]
fn a_missing_image_is_counted_and_refused_under_strict() {
    let set = Set::object();
    fs::remove_file(set.path("training/image_2/000000.png")).unwrap();
    let frame = set.frame();
    assert!(matches!(&frame.images[0].data, ImageData::Missing(cause) if cause.contains("000000")));
    assert_eq!(frame.dropped.images_unusable, 1);
    assert_eq!(
        frame.rig.cameras[0].size,
        [1242, 375],
        "the size that this camera is known to have"
    );
    let error = set.refuses(true, &["000000", "no image", "strict"]);
    assert!(matches!(error, Error::ImageMissing { .. }));
}

#[test]
fn an_image_with_a_damaged_header_is_counted_and_refused_under_strict() {
    let set = Set::object();
    for bytes in [&b""[..], b"\x89PNG\r\n\x1a\nrubbish", b"GIF89a", &picture(1242, 375)[..20]] {
        set.write("training/image_2/000000.png", bytes);
        let frame = set.frame();
        assert!(
            matches!(&frame.images[0].data, ImageData::Missing(cause) if cause.contains("000000.png"))
        );
        assert_eq!(frame.dropped.images_unusable, 1);
        set.refuses(true, &["000000.png", "cannot decode"]);
    }
}

#[test]
fn an_image_damaged_behind_its_header_is_an_error_when_it_is_decoded() {
    let set = Set::object();
    let whole = picture(1242, 375);
    set.write("training/image_2/000000.png", &whole[..whole.len() / 2]);
    let frame = set.frame();
    says(&image::decode(&frame.images[0].data).unwrap_err(), &["000000.png", "cannot decode"]);
}

#[test]
fn an_image_of_the_wrong_size_is_counted_and_refused_under_strict() {
    let set = Set::object();
    set.write("training/image_2/000000.png", picture(621, 188));
    let frame = set.frame();
    assert!(matches!(frame.images[0].data, ImageData::Missing(_)));
    assert_eq!(frame.rig.cameras[0].size, [1242, 375], "a wrong image does not change the rig");
    set.refuses(true, &["000000.png", "621 x 188", "principal point"]);
    let pixels = ImageData::Encoded(picture(10, 10).into());
    let error = image::decode_for(&pixels, &frame.rig.cameras[0]).unwrap_err();
    says(&error, &["10 x 10", "1242 x 375"]);
}

#[test]
fn a_calibration_names_the_missing_or_malformed_key() {
    let set = Set::object();
    for (from, to, part) in [
        ("P2:", "P9:", "P2"),
        ("Tr_velo_to_cam:", "Tr:", "Tr_velo_to_cam"),
        ("R0_rect: 0.9999239", "R0_rect: abc", "abc"),
        ("R0_rect: 0.9999239", "R0_rect: NaN", "R0_rect"),
        ("R0_rect: 0.9999239", "R0_rect:", "R0_rect"),
        ("R0_rect: 0.9999239", "R0_rect: 7.0", "R0_rect"),
    ] {
        set.write("training/calib/000000.txt", CALIB.replace(from, to));
        let error = set.refuses(false, &["calib/000000.txt", part]);
        assert!(matches!(error, Error::Calibration { .. }));
    }
    fs::remove_file(set.path("training/calib/000000.txt")).unwrap();
    set.refuses(false, &["calibration", "calib/000000.txt", "No such file"]);
}

#[test]
fn a_label_line_names_line_column_expected_and_found() {
    let set = Set::object();
    let cases = [
        ("Car 0.00 1\n", &["line 2", "15", "found 3"][..]),
        ("Car 0 0 0 0 0 0 0 1 1 1 0 0 0 0 0 0\n", &["line 2", "found 17"]),
        ("Car 0 0 0 0 0 0 0 1 1 1 0 0 0 abc\n", &["line 2", "column 15 (rotation_y)", "\"abc\""]),
        (
            "Car 0 0 NaN 0 0 0 0 1 1 1 0 0 0 0\n",
            &["line 2", "column 4 (alpha)", "finite", "\"NaN\""],
        ),
    ];
    for (line, parts) in cases {
        set.write("training/label_2/000000.txt", format!("{LABEL}{line}"));
        set.refuses(true, &[&["label_2/000000.txt"], parts].concat());
    }
    set.write("training/label_2/000000.txt", b"Car \xff\xfe");
    set.refuses(true, &["label_2/000000.txt", "UTF-8"]);
}

#[test]
fn a_frame_with_a_bad_label_file_is_read_without_labels_and_that_is_counted() {
    let set = Set::object();
    for bad in [&b"Car 0.00 1\n"[..], b"Car \xff\xfe"] {
        set.write("training/label_2/000000.txt", bad);
        let source = set.source(false);
        let frame = source.load(0).unwrap();
        assert_eq!((frame.cloud.points.len(), frame.labels), (2, None));
        assert_eq!(frame.dropped.label_files_unreadable, 1);
        let next = source.load(1).unwrap();
        assert_eq!((next.labels.unwrap().len(), next.dropped.label_files_unreadable), (1, 0));
    }
    let set = raw();
    let drive = "day/day_drive_0001_sync";
    set.write(&format!("{drive}/label_2/0000000000.txt"), "Car 0.00 1\n");
    let frame = KittiRaw::open(&set.path(drive), Options::default()).unwrap().load(0).unwrap();
    assert_eq!((frame.labels, frame.dropped.label_files_unreadable), (None, 1));
}

#[test]
fn labels_of_unknown_class_are_counted_and_refused_under_strict() {
    let set = Set::object();
    let rider = LABEL.replace("Car", "rider");
    let cyclist = LABEL.replace("Car", "CYCLIST");
    set.write("training/label_2/000000.txt", format!("{rider}{LABEL}{cyclist}"));
    let frame = set.frame();
    let classes: Vec<_> = frame.labels.unwrap().iter().map(|label| label.class).collect();
    assert_eq!(classes, [Class::Car, Class::Cyclist]);
    assert_eq!(frame.dropped.labels_unknown_class, 1);
    set.refuses(true, &["line 1, column 1", "Pedestrian", "\"rider\""]);
}

#[test]
fn without_label_files_nothing_is_known_and_an_empty_one_says_that_nothing_is_there() {
    let set = Set::object();
    set.write("training/label_2/000000.txt", "");
    fs::remove_file(set.path("training/label_2/000001.txt")).unwrap();
    let source = set.source(true);
    assert_eq!(source.load(0).unwrap().labels, Some(Vec::new()));
    assert_eq!(source.load(1).unwrap().labels, None);
}

#[test]
fn a_folder_of_another_layout_says_what_was_expected_and_found() {
    let set = Set::object();
    let refuse = |layout, root: &Path, parts: &[&str]| {
        let error = open(layout, root, Options::default()).err().expect("not that layout");
        says(&error, parts);
    };
    refuse(Layout::Object, &set.path("nowhere"), &["nowhere", "KITTI object", "does not exist"]);
    refuse(Layout::Object, &set.path("training/calib"), &["velodyne/*.bin", "000000.txt"]);
    refuse(Layout::Raw, set.0.path(), &["KITTI raw", "velodyne_points/data", "training"]);
    refuse(Layout::Tracking, set.0.path(), &["KITTI tracking", "velodyne/0000"]);
    let reduced = Options { scan: Scan::Reduced, ..Options::default() };
    says(
        &KittiObject::open(set.0.path(), reduced).err().unwrap(),
        &["no scan in velodyne_reduced"],
    );
    let labels = Options { labels_from: Some("label_9".to_owned()), ..Options::default() };
    says(&KittiObject::open(set.0.path(), labels).err().unwrap(), &["label_9", "label_2"]);
}

#[test]
fn a_list_of_frames_may_not_repeat_itself_or_lead_out_of_the_folder() {
    let set = Set::object();
    let split = set.path("split.txt");
    fs::write(&split, "# held out\n000000\n\n000001 # with a remark\n").unwrap();
    assert_eq!(read_split(&split).unwrap(), ["000000", "000001"]);
    for (text, parts) in [
        ("000000\n000001\n000000\n", &["split.txt", "line 3", "line 1"][..]),
        ("000000\n../../etc/passwd\n", &["line 2", "etc/passwd"]),
        ("/etc/passwd\n", &["line 1"]),
        ("000000 000001\n", &["line 1", "one frame name"]),
        ("\n", &["names no frame"]),
    ] {
        fs::write(&split, text).unwrap();
        says(&read_split(&split).unwrap_err(), parts);
    }
    let ids = Some(vec!["../000000".to_owned()]);
    assert!(KittiObject::open(set.0.path(), Options { ids, ..Options::default() }).is_err());
}

#[test]
fn a_frame_number_beyond_the_end_is_an_error() {
    says(&Set::object().source(false).load(2).unwrap_err(), &["2 frames", "no number 2"]);
}

#[test]
fn the_iterator_goes_on_behind_a_bad_frame_and_knows_its_position() {
    let set = Set::object();
    set.write("training/velodyne/000000.bin", [0; 5]);
    let source = set.source(false);
    let mut frames = Frames::new(&source);
    assert_eq!((frames.position(), frames.total(), frames.len()), (0, 2, 2));
    assert!(frames.next().unwrap().is_err());
    assert!(frames.next().unwrap().is_ok());
    assert!(frames.next().is_none());
    assert_eq!((frames.position(), frames.len()), (2, 0));
}

const CAMERAS: &str = "\
calib_time: 01-Jan-2012 00:00:00
S_rect_02: 1.242e+03 3.75e+02
R_rect_00: 0.9999239 0.00983776 -0.007445048 -0.009869795 0.9999421 -0.004278459 0.007402527 0.004351614 0.9999631
P_rect_02: 721.5377 0 609.5593 44.85728 0 721.5377 172.854 0.2163791 0 0 1 0.002745884
";
const VELODYNE: &str = "\
R: 0.007533745 -0.9999714 -0.000616602 0.01480249 0.0007280733 -0.9998902 0.9998621 0.00752379 0.01480755
T: -0.004069766 -0.07631618 -0.2717806
";

fn raw() -> Set {
    let set = Set(TempDir::new().unwrap());
    set.write("day/calib_cam_to_cam.txt", CAMERAS);
    set.write("day/calib_velo_to_cam.txt", VELODYNE);
    for drive in ["day_drive_0001_sync", "day_drive_0002_sync"] {
        for id in ["0000000000", "0000000001"] {
            set.write(&format!("day/{drive}/velodyne_points/data/{id}.bin"), scan(&POINTS));
        }
        set.write(&format!("day/{drive}/image_02/data/0000000000.png"), picture(1242, 375));
        set.write(&format!("day/{drive}/label_2_teacher/0000000000.txt"), LABEL);
    }
    set
}

#[test]
fn a_raw_drive_keeps_frames_without_image_and_takes_teacher_labels_only_when_asked() {
    let set = raw();
    let source = KittiRaw::open_drive(&set.path("day"), "0001", Options::default()).unwrap();
    assert_eq!(source.ids(), ["0000000000", "0000000001"]);
    let frame = source.load(0).unwrap();
    assert!(matches!(frame.images[0].data, ImageData::File(_)));
    assert_eq!(frame.labels, None);
    let frame = source.load(1).unwrap();
    assert!(matches!(frame.images[0].data, ImageData::Missing(_)));
    assert_eq!((frame.stamp.0, frame.cloud.points.len()), (100_000_000, 2));
    let asked = Options { labels_from: Some("label_2_teacher".to_owned()), ..Options::default() };
    let source = KittiRaw::open(&set.path("day/day_drive_0001_sync"), asked).unwrap();
    assert_eq!(source.load(0).unwrap().labels.unwrap().len(), 1);
}

#[test]
fn a_raw_day_with_several_drives_names_them() {
    let set = raw();
    let error = |drive| match drive {
        None => KittiRaw::open(&set.path("day"), Options::default()).err().unwrap(),
        Some(drive) => {
            KittiRaw::open_drive(&set.path("day"), drive, Options::default()).err().unwrap()
        }
    };
    says(&error(None), &["several drives", "day_drive_0001_sync", "day_drive_0002_sync"]);
    says(&error(Some("0003")), &["no drive 0003", "day_drive_0001_sync"]);
}

#[test]
fn a_raw_drive_without_calibration_or_with_a_wrong_image_says_so() {
    let set = raw();
    let drive = set.path("day/day_drive_0001_sync");
    set.write("day/day_drive_0001_sync/image_02/data/0000000000.png", picture(1224, 370));
    let strict = Options { strict: true, ..Options::default() };
    let error = KittiRaw::open(&drive, strict).unwrap().load(0).unwrap_err();
    says(&error, &["1224 x 370", "1242 x 375"]);
    set.write("day/calib_cam_to_cam.txt", CAMERAS.replace("P_rect_02", "P_rect_2"));
    says(&KittiRaw::open(&drive, Options::default()).err().unwrap(), &["day", "P_rect_02"]);
    fs::remove_file(set.path("day/calib_cam_to_cam.txt")).unwrap();
    says(&KittiRaw::open(&drive, Options::default()).err().unwrap(), &["calib_cam_to_cam.txt"]);
}

#[test]
fn a_bad_time_stamp_is_an_error_of_its_frame_only() {
    let set = raw();
    let drive = set.path("day/day_drive_0001_sync");
    set.write(
        "day/day_drive_0001_sync/velodyne_points/timestamps.txt",
        "2011-09-26 13:02:25.967790592\nyesterday\n",
    );
    let source = KittiRaw::open(&drive, Options::default()).unwrap();
    assert_eq!(source.load(0).unwrap().stamp.0, 1_317_042_145_967_790_592);
    says(&source.load(1).unwrap_err(), &["timestamps.txt line 2", "\"yesterday\""]);
}

fn tracking() -> Set {
    let set = Set(TempDir::new().unwrap());
    // The tracking set spells two keys differently and leaves out their colons.
    let calib = CALIB.replace("R0_rect:", "R_rect").replace("Tr_velo_to_cam:", "Tr_velo_cam");
    for sequence in ["0000", "0001"] {
        for frame in ["000000", "000001"] {
            set.write(&format!("training/velodyne/{sequence}/{frame}.bin"), scan(&POINTS));
            set.write(&format!("training/image_02/{sequence}/{frame}.png"), picture(1242, 375));
        }
        set.write(&format!("training/calib/{sequence}.txt"), &calib);
        set.write(&format!("training/label_02/{sequence}.txt"), format!("1 7 {LABEL}0 -1 {LABEL}"));
    }
    set
}

#[test]
fn a_tracking_sequence_gives_each_frame_its_own_labels() {
    let set = tracking();
    let source = KittiTracking::open(set.0.path(), Options::default()).unwrap();
    assert_eq!(source.ids(), ["0000/000000", "0000/000001", "0001/000000", "0001/000001"]);
    let frame = source.load(3).unwrap();
    assert_eq!((frame.id.as_str(), frame.stamp.0), ("0001/000001", 100_000_000));
    assert_eq!((frame.cloud.points.len(), frame.labels.unwrap().len()), (2, 1));
    let ids = Some(vec!["0001".to_owned()]);
    let source = KittiTracking::open(set.0.path(), Options { ids, ..Options::default() }).unwrap();
    assert_eq!(source.ids(), ["0001/000000", "0001/000001"]);
}

#[test]
fn a_bad_tracking_label_is_a_matter_of_its_frame_and_has_line_and_column() {
    let set = tracking();
    set.write(
        "training/label_02/0000.txt",
        format!("0 1 {LABEL}1 2 Car 0 0 x 0 0 0 0 1 1 1 0 0 0 0\n"),
    );
    let strict = || Options { strict: true, ..Options::default() };
    let source = KittiTracking::open(set.0.path(), Options::default()).unwrap();
    let [good, bad] = [0, 1].map(|index| source.load(index).unwrap());
    assert_eq!((good.labels.unwrap().len(), good.dropped.label_files_unreadable), (1, 0));
    assert_eq!((bad.labels, bad.dropped.label_files_unreadable), (None, 1));
    let source = KittiTracking::open(set.0.path(), strict()).unwrap();
    assert!(source.load(0).is_ok());
    says(&source.load(1).unwrap_err(), &["0000.txt line 2", "column 6 (alpha)", "\"x\""]);
    set.write("training/label_02/0000.txt", format!("0 one {LABEL}"));
    let source = KittiTracking::open(set.0.path(), strict()).unwrap();
    says(&source.load(0).unwrap_err(), &["line 1", "column 2 (track)", "\"one\""]);
    set.write("training/label_02/0000.txt", format!("first 1 {LABEL}"));
    let error = KittiTracking::open(set.0.path(), Options::default()).err().unwrap();
    says(&error, &["line 1", "column 1 (frame)", "\"first\""]);
}

#[test]
fn a_scan_with_intensities_to_255_is_recognised_unless_the_scale_is_said() {
    let set = Set::object();
    set.write(
        "training/velodyne/000000.bin",
        scan(&[[10.0, 0.0, -1.0, 51.0], [20.0, 1.0, -1.0, 255.0], [15.0, 0.0, -1.0, 0.0]]),
    );
    let read = |options: Options| {
        let mut frame = Frame::empty();
        KittiObject::open(set.0.path(), options).unwrap().load_into(0, &mut frame).unwrap();
        let shine: Vec<f32> = frame.cloud.points.iter().map(|point| point[3]).collect();
        (shine, frame.dropped.intensities_clamped)
    };
    assert_eq!(read(Options::default()), (vec![0.2, 1.0, 0.0], 0));
    let said = Options { intensity_max: Some(102.0), ..Options::default() };
    assert_eq!(read(said), (vec![0.5, 1.0, 0.0], 1));
    let high = Options { lidar_height_m: Some(2.5), ..Options::default() };
    let mut frame = Frame::empty();
    KittiObject::open(set.0.path(), high).unwrap().load_into(1, &mut frame).unwrap();
    assert_eq!(frame.rig.lidar.origin_height_m, 2.5);
}
