//! A calibration that cannot be used says which file, line and key, what belongs there and what was
//! found.

use emc2::calib::{
    Error, KITTI_IMAGE_SIZE, Rig, parse_kitti_calib, parse_kitti_raw_calib, parse_rig_yaml,
};

const OBJECT: &str = "P0: 721.5 0 609.5 0 0 721.5 172.8 0 0 0 1 0
P2: 721.5 0 609.5 44.8 0 721.5 172.8 0.2 0 0 1 0.003
R0_rect: 1 0 0 0 1 0 0 0 1
Tr_velo_to_cam: 0 -1 0 0.1 0 0 -1 -0.1 1 0 0 -0.3
Tr_imu_to_velo:";
const CAM: &str = "calib_time: 01-Jan-2012 00:00:00
S_rect_02: 1242 375
R_rect_00: 1 0 0 0 1 0 0 0 1
P_rect_02: 721.5 0 609.5 44.8 0 721.5 172.8 0.2 0 0 1 0.003
";
const VELO: &str = "R: 0 -1 0 0 0 -1 1 0 0\nT: 0.1 -0.1 -0.3\ndelta_f: 0 0\n";
const RIG: &str = include_str!("../calib/example-vehicle.yaml");

fn object(text: &str) -> Result<Rig, Error> {
    parse_kitti_calib(text, "calib/000008.txt", KITTI_IMAGE_SIZE)
}

fn says(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[test]
fn a_calibration_with_empty_or_missing_lines_that_nobody_needs_is_taken() {
    let rig = object(OBJECT).unwrap();
    let [u, v, depth] = rig.cameras[0].project([20.0, 0.0, 0.0]).unwrap();
    assert!((depth - 19.703).abs() < 1e-9 && u > 600.0 && v > 160.0);
    object(&OBJECT.replace("P0: 721.5 0 609.5 0 0 721.5 172.8 0 0 0 1 0\n", "")).unwrap();
    object(&OBJECT.replace('\n', "\r\n")).unwrap();
    // The tracking layout's names, without colons.
    object(&OBJECT.replace("R0_rect:", "R_rect").replace("Tr_velo_to_cam:", "Tr_velo_cam"))
        .unwrap();
}

#[test]
fn a_missing_key_is_named_with_its_file() {
    for key in ["P2", "R0_rect", "Tr_velo_to_cam"] {
        let error = object(&OBJECT.replace(&format!("{key}:"), "X:")).unwrap_err();
        says(&error, &["calib/000008.txt", key, "object", "numbers"]);
    }
    let error = parse_kitti_raw_calib((CAM, "cam.txt"), ("R: 0 -1 0 0 0 -1 1 0 0", "velo.txt"));
    says(&error.unwrap_err(), &["velo.txt", "`T:`", "3 numbers"]);
    says(&object("").unwrap_err(), &["P2"]);
}

#[test]
fn a_malformed_number_is_named_with_line_key_and_position() {
    let error = object(&OBJECT.replace("172.8 0.2", "172,8 0.2")).unwrap_err();
    says(&error, &["calib/000008.txt", "line 2", "value 7", "`P2`", "finite number", "`172,8`"]);
    let error = object(&OBJECT.replace("0 0 -1 -0.1", "0 0 -1 nan")).unwrap_err();
    says(&error, &["line 4", "value 8", "`nan`"]);
    let error = object(&OBJECT.replace("44.8", "1e999")).unwrap_err();
    says(&error, &["line 2", "`1e999`"]);
}

#[test]
fn a_wrong_count_of_numbers_says_both_counts() {
    let error = object(&OBJECT.replace("R0_rect: 1 0 0", "R0_rect: 1 0")).unwrap_err();
    says(&error, &["line 3", "R0_rect", "8 numbers", "expected 9"]);
    let error = object(&OBJECT.replace("0 -0.3", "0 -0.3 7")).unwrap_err();
    says(&error, &["line 4", "13 numbers", "expected 12"]);
    let error =
        object(&OBJECT.replace("P2: 721.5 0 609.5 44.8 0 721.5 172.8 0.2 0 0 1 0.003", "P2:"));
    says(&error.unwrap_err(), &["line 2", "0 numbers", "expected 12"]);
}

#[test]
fn what_is_no_rotation_or_camera_is_refused() {
    let error = object(&OBJECT.replace("R0_rect: 1 0 0", "R0_rect: 1 0.1 0")).unwrap_err();
    says(&error, &["R0_rect", "not a rotation", "row by row"]);
    let mirrored = object(&OBJECT.replace("0 -1 -0.1", "0 1 -0.1")).unwrap_err();
    says(&mirrored, &["Tr_velo_to_cam", "determinant -1"]);
    let error = object(&OBJECT.replace("P2: 721.5", "P2: 0")).unwrap_err();
    says(&error, &["P2", "focal"]);
    let error = object(&OBJECT.replace("0 0 1 0.003", "0 0 0 0.003")).unwrap_err();
    says(&error, &["P2", "last row"]);
    let error =
        parse_kitti_raw_calib((&CAM.replace("1242 375", "0 375"), "cam.txt"), (VELO, "velo.txt"));
    says(&error.unwrap_err(), &["cam.txt", "S_rect_02", "0 375"]);
}

#[test]
fn both_layouts_give_the_same_rig() {
    let a = object(OBJECT).unwrap();
    let b = parse_kitti_raw_calib((CAM, "cam.txt"), (VELO, "velo.txt")).unwrap();
    let point = [17.0, -3.0, -1.0];
    assert_eq!(a.cameras[0].project(point), b.cameras[0].project(point));
    assert_eq!(a.cameras[0].size, b.cameras[0].size);
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calib.txt");
    says(&Rig::from_kitti_calib(&path, KITTI_IMAGE_SIZE).unwrap_err(), &["calib.txt"]);
    std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    says(&Rig::from_kitti_calib(&path, KITTI_IMAGE_SIZE).unwrap_err(), &["calib.txt", "utf-8"]);
    says(&Rig::from_kitti_raw(folder.path()).unwrap_err(), &["calib_cam_to_cam.txt"]);
    says(&Rig::from_yaml(&folder.path().join("no.yaml")).unwrap_err(), &["no.yaml"]);
}

#[test]
fn a_rig_file_that_cannot_be_read_says_line_and_column() {
    let rig = |from: &str, to: &str| {
        assert!(RIG.contains(from), "{from}");
        parse_rig_yaml(&RIG.replacen(from, to, 1), "my.yaml").unwrap_err()
    };
    let error = rig("beams: 32", "beams: many");
    says(&error, &["my.yaml", "line 17", "column 10", "many"]);
    says(&rig("  beams: 32", "  beems: 32"), &["my.yaml", "beems", "line"]);
    says(&rig("size: [1920, 1080]", "size: [1920]"), &["my.yaml", "line"]);
    says(&rig("name: example-vehicle", "name: [unclosed"), &["my.yaml", "line"]);
    says(&parse_rig_yaml("", "my.yaml").unwrap_err(), &["my.yaml"]);
}

#[test]
fn a_rig_value_that_makes_no_sense_is_named_by_its_place() {
    let rig = |from: &str, to: &str| {
        assert!(RIG.contains(from), "{from}");
        parse_rig_yaml(&RIG.replacen(from, to, 1), "my.yaml").unwrap_err()
    };
    says(
        &rig("axes: x forward, y left", "axes: x forward, y right"),
        &["lidar.axes", "left-handed"],
    );
    says(&rig("beams: 32", "beams: 0"), &["lidar.beams", "1 to 1024"]);
    says(&rig("intensity_max: 255.0", "intensity_max: 0"), &["lidar.intensity_max"]);
    says(&rig("[-25.0, 15.0]", "[15, -25]"), &["lidar.elevation_deg", "[15, -25]"]);
    says(&rig("size: [1920, 1080]", "size: [0, 1080]"), &["cameras[0].size"]);
    says(&rig("- name: rear", "- name: front"), &["cameras[1].name", "front"]);
    says(&rig("[1200.0, 0.0,", "[.nan, 0.0,"), &["cameras[0].intrinsic", "finite"]);
    says(&rig("[1200.0, 0.0,", "[-1200.0, 0.0,"), &["cameras[0].intrinsic", "focal"]);
    let two = "turn_deg: {yaw: 0.0, pitch: 2.0, roll: 0.0}\n      quaternion_wxyz: [1, 0, 0, 0]";
    let error = rig("turn_deg: {yaw: 0.0, pitch: 2.0, roll: 0.0}", two);
    says(&error, &["cameras[0].in_vehicle", "one of", "several"]);
    let error = rig("turn_deg: {yaw: 0.0, pitch: 2.0, roll: 0.0}", "quaternion_wxyz: [2, 0, 0, 0]");
    says(&error, &["cameras[0].in_vehicle.quaternion_wxyz", "length 2"]);
}
