//! Small nuScenes folders for tests: rows are put together, then written as tables.
#![allow(dead_code)] // not every test binary needs all of it

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use emc2::sensor::nuscenes::{CAMERAS, LIDAR};
use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};
use serde_json::{Value, json};

pub const VERSION: &str = "v1.0-mini";

/// Tables before they are written.
pub struct Tables(pub BTreeMap<&'static str, Vec<Value>>);

/// A file of a sensor, and where everything was when it was made.
pub struct File<'a> {
    pub token: &'a str,
    pub sample: &'a str,
    pub channel: &'a str,
    pub timestamp_us: i64,
    pub is_key_frame: bool,
    pub size: [u32; 2],
    pub filename: &'a str,
    pub previous: &'a str,
    pub next: &'a str,
    /// Ego to global, then.
    pub ego: Isometry3<f64>,
}

impl Tables {
    /// One scene of one drive, with the sensors of nuScenes mounted as `mounted` says (sensor to ego,
    /// intrinsic for cameras), and no sample yet.
    pub fn new(
        scene: &str,
        ends: [&str; 2],
        mounted: impl Fn(&str) -> (Isometry3<f64>, Value),
    ) -> Self {
        let names = |names: &[&str]| -> Vec<Value> {
            names
                .iter()
                .map(|name| json!({"token": name, "name": name, "description": ""}))
                .collect()
        };
        let mut tables = Self(BTreeMap::from([
            ("attribute", names(&["cycle.with_rider", "vehicle.parked", "pedestrian.moving"])),
            (
                "category",
                names(&[
                    "vehicle.car",
                    "vehicle.truck",
                    "vehicle.bus.rigid",
                    "vehicle.trailer",
                    "vehicle.construction",
                    "vehicle.bicycle",
                    "vehicle.motorcycle",
                    "human.pedestrian.adult",
                    "movable_object.barrier",
                    "movable_object.trafficcone",
                    "static_object.bicycle_rack",
                ]),
            ),
            ("visibility", vec![json!({"token": "4", "level": "v80-100", "description": ""})]),
            (
                "log",
                vec![json!({
                    "token": "log", "logfile": "log", "vehicle": "n015",
                    "date_captured": "2018-07-24", "location": "here"
                })],
            ),
            ("map", Vec::new()),
            (
                "scene",
                vec![json!({
                    "token": "scene", "log_token": "log", "nbr_samples": 1, "name": scene,
                    "first_sample_token": ends[0], "last_sample_token": ends[1], "description": ""
                })],
            ),
        ]));
        for table in ["sensor", "calibrated_sensor", "ego_pose", "sample", "sample_data"] {
            tables.0.insert(table, Vec::new());
        }
        for table in ["instance", "sample_annotation"] {
            tables.0.insert(table, Vec::new());
        }
        for channel in std::iter::once(LIDAR).chain(CAMERAS) {
            let modality = if channel == LIDAR { "lidar" } else { "camera" };
            let (to_ego, intrinsic) = mounted(channel);
            let (translation, rotation) = written(&to_ego);
            tables
                .add("sensor", json!({"token": channel, "channel": channel, "modality": modality}));
            tables.add(
                "calibrated_sensor",
                json!({
                    "token": channel, "sensor_token": channel, "translation": translation,
                    "rotation": rotation, "camera_intrinsic": intrinsic
                }),
            );
        }
        tables
    }

    pub fn add(&mut self, table: &'static str, row: Value) {
        self.0.entry(table).or_default().push(row);
    }

    pub fn add_sample(&mut self, token: &str, timestamp_us: i64, previous: &str, next: &str) {
        self.add(
            "sample",
            json!({
                "token": token, "timestamp": timestamp_us, "prev": previous, "next": next,
                "scene_token": "scene"
            }),
        );
    }

    pub fn add_file(&mut self, file: &File<'_>) {
        let (translation, rotation) = written(&file.ego);
        self.add(
            "ego_pose",
            json!({
                "token": file.token, "timestamp": file.timestamp_us, "rotation": rotation,
                "translation": translation
            }),
        );
        self.add(
            "sample_data",
            json!({
                "token": file.token, "sample_token": file.sample, "ego_pose_token": file.token,
                "calibrated_sensor_token": file.channel, "timestamp": file.timestamp_us,
                "fileformat": "", "is_key_frame": file.is_key_frame, "height": file.size[1],
                "width": file.size[0], "filename": file.filename, "prev": file.previous,
                "next": file.next
            }),
        );
    }

    /// A box in the world, of an object of its own.
    pub fn add_box(
        &mut self,
        sample: &str,
        category: &str,
        place: &Isometry3<f64>,
        size_wlh: [f64; 3],
        points: i64,
    ) {
        let token = format!("box {}", self.0["sample_annotation"].len());
        let (translation, rotation) = written(place);
        self.add("instance", json!({"token": token, "category_token": category}));
        self.add(
            "sample_annotation",
            json!({
                "token": token, "sample_token": sample, "instance_token": token,
                "visibility_token": "4", "attribute_tokens": [], "translation": translation,
                "size": size_wlh, "rotation": rotation, "prev": "", "next": "",
                "num_lidar_pts": points, "num_radar_pts": 0
            }),
        );
    }

    /// Writes the tables below `root`.
    pub fn write(&self, root: &Path) {
        let folder = root.join(VERSION);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, rows) in &self.0 {
            let text = serde_json::to_string(rows).unwrap();
            std::fs::write(folder.join(name).with_extension("json"), text).unwrap();
        }
    }
}

/// Translation and quaternion as the tables have them.
fn written(pose: &Isometry3<f64>) -> ([f64; 3], [f64; 4]) {
    let q = pose.rotation;
    (pose.translation.vector.into(), [q.w, q.i, q.j, q.k])
}

/// Writes a scan as nuScenes does.
pub fn write_scan(path: &Path, rows: impl IntoIterator<Item = [f32; 5]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let bytes: Vec<u8> = rows.into_iter().flatten().flat_map(f32::to_le_bytes).collect();
    std::fs::write(path, bytes).unwrap();
}

/// A 4 × 4 matrix of a JSON file.
pub fn matrix(value: &Value) -> Isometry3<f64> {
    let at = |row: usize, column: usize| value[row][column].as_f64().unwrap();
    let turn = Matrix3::from_fn(at);
    let shift = Vector3::from_fn(|row, _| at(row, 3));
    let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(turn));
    Isometry3::from_parts(
        Translation3::from(shift),
        UnitQuaternion::new_normalize(rotation.into_inner()),
    )
}

/// Lays one key frame that comes as mmdetection3d's description (`info.json`, its scan and pictures
/// beside it) out as nuScenes does, and returns the description.
///
/// The vehicle's place at each camera's time follows from the description's own way from LiDAR to
/// camera. Annotations get made-up tokens; what it calls `ignored` becomes a pushed thing.
pub fn from_info(folder: &Path, root: &Path) -> Value {
    // Velocities that are not known are a bare NaN.
    let text = std::fs::read_to_string(folder.join("info.json")).unwrap().replace("NaN", "null");
    let info: Value = serde_json::from_str(&text).unwrap();
    let token = info["token"].as_str().unwrap();
    let lidar = &info["lidar_points"];
    let lidar_to_ego = matrix(&lidar["lidar2ego"]);
    let ego = matrix(&info["ego2global"]);
    let camera_to_ego = |channel: &str| matrix(&info["images"][channel]["cam2ego"]);
    let mut tables = Tables::new("scene-0061", [token; 2], |channel| match channel {
        LIDAR => (lidar_to_ego, json!([])),
        camera => (camera_to_ego(camera), info["images"][camera]["cam2img"].clone()),
    });
    let microseconds = |seconds: &Value| (seconds.as_f64().unwrap() * 1e6).round() as i64;
    let time = microseconds(&info["timestamp"]);
    tables.add_sample(token, time, "", "");
    for channel in std::iter::once(LIDAR).chain(CAMERAS) {
        let (name, time, size, ego) = if channel == LIDAR {
            (&lidar["lidar_path"], time, [0, 0], ego)
        } else {
            let image = &info["images"][channel];
            let from_lidar = matrix(&image["lidar2cam"]);
            let then = ego * lidar_to_ego * from_lidar.inverse() * camera_to_ego(channel).inverse();
            (&image["img_path"], microseconds(&image["timestamp"]), [1600, 900], then)
        };
        let name = name.as_str().unwrap();
        let filename = format!("samples/{channel}/{name}");
        let to = root.join(&filename);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(&to, std::fs::read(folder.join(name)).unwrap()).unwrap();
        let token = format!("{channel} file");
        tables.add_file(&File {
            token: &token,
            sample: info["token"].as_str().unwrap(),
            channel,
            timestamp_us: time,
            is_key_frame: true,
            size,
            filename: &filename,
            previous: "",
            next: "",
            ego,
        });
    }
    for object in info["instances"].as_array().unwrap() {
        let box3 = &object["bbox_3d"];
        let [x, y, z, l, w, h, yaw] = std::array::from_fn(|i| box3[i].as_f64().unwrap());
        let in_lidar = Isometry3::from_parts(
            Translation3::new(x, y, z),
            UnitQuaternion::from_euler_angles(0.0, 0.0, yaw),
        );
        let category = match object["class"].as_str().unwrap() {
            "pedestrian" => "human.pedestrian.adult",
            "barrier" => "movable_object.barrier",
            "traffic_cone" => "movable_object.trafficcone",
            "bus" => "vehicle.bus.rigid",
            "construction_vehicle" => "vehicle.construction",
            "ignored" => "static_object.bicycle_rack",
            "car" => "vehicle.car",
            "truck" => "vehicle.truck",
            "trailer" => "vehicle.trailer",
            "bicycle" => "vehicle.bicycle",
            "motorcycle" => "vehicle.motorcycle",
            other => panic!("a class that nuScenes does not have: {other}"),
        };
        let points = object["num_lidar_pts"].as_i64().unwrap();
        tables.add_box(token, category, &(ego * lidar_to_ego * in_lidar), [w, l, h], points);
    }
    tables.write(root);
    info
}

/// The real key frame beside the checkout, laid out below `root`; none (and said so) where it is not.
pub fn real_frame(shared: Option<PathBuf>, root: &Path) -> Option<Value> {
    let folder = shared?.join("data/nuscenes/frames/mini_scene0061_ca9a282c");
    Some(from_info(&folder, root))
}
