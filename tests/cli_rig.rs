//! `emc2 rig` on real frames: the published extrinsics are good, turned ones are doubted.

use std::fs;
use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;

mod shared_data;

use shared_data::shared;

fn emc2() -> assert_cmd::Command {
    assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("emc2"))
}

/// KITTI's frames with their extrinsics turned by so many degrees of yaw.
fn turned(kitti: &Path, yaw_deg: f64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = [kitti, folder.path()].map(|root| root.join("training"));
    fs::create_dir_all(to.join("calib")).unwrap();
    for data in ["velodyne_reduced", "image_2"] {
        std::os::unix::fs::symlink(from.join(data), to.join(data)).unwrap();
    }
    let (sine, cosine) = yaw_deg.to_radians().sin_cos();
    for entry in fs::read_dir(from.join("calib")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let turn = |line: &str| {
            let Some(values) = line.strip_prefix("Tr_velo_to_cam:") else { return line.to_owned() };
            let v: Vec<f64> = values.split_whitespace().map(|v| v.parse().unwrap()).collect();
            // About the camera's y axis, which points down.
            let x = (0..4).map(|i| cosine * v[i] + sine * v[8 + i]);
            let z = (0..4).map(|i| cosine * v[8 + i] - sine * v[i]);
            let all: Vec<String> =
                x.chain(v[4..8].to_vec()).chain(z).map(|value| value.to_string()).collect();
            format!("Tr_velo_to_cam: {}", all.join(" "))
        };
        let lines: Vec<String> = text.lines().map(turn).collect();
        fs::write(to.join("calib").join(path.file_name().unwrap()), lines.join("\n")).unwrap();
    }
    folder
}

#[test]
fn real_frames_are_good_and_an_extrinsic_turned_by_two_degrees_or_more_is_doubted() {
    let Some(kitti) = shared().map(|folder| folder.join("data/kitti")) else { return };
    let rig = |root: &Path| {
        let mut command = emc2();
        command.args(["rig", "--dataset", "kitti", "--root"]).arg(root);
        command.assert()
    };
    rig(&kitti).success().stdout(contains(" image_2: good: edges agree").and(contains("! ").not()));
    for yaw in [-5.0, -2.0, 2.0, 5.0] {
        let folder = turned(&kitti, yaw);
        let undone = format!("turned by yaw {:.1} degrees clearly better", -yaw);
        rig(folder.path())
            .code(1)
            .stdout(contains(" ! image_2: doubtful").and(contains(undone)))
            .stdout(contains("look at the extrinsics"));
    }
    let one = ["rig", "--dataset", "kitti", "--frames", "000008", "--root"];
    emc2().args(one).arg(&kitti).assert().success().stdout(contains("no verdict from 1 frame, 5"));
}
