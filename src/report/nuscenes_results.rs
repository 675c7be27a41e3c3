//! nuScenes' detection results: a finished run in, one `results.json` out, as the benchmark's
//! development kit reads it (global frame; size width, length, height; quaternion `w, x, y, z`).
//!
//! It is made from `frames.jsonl`, so a run that was interrupted and resumed gives the same file. What
//! the benchmark asks and this project's boxes do not say is filled by these rules:
//!
//! - **Names.** Car and Van: `car`; Truck: `truck`; Pedestrian and Person_sitting: `pedestrian`; Cyclist:
//!   `bicycle` (it is a person on two wheels; nothing tells bicycle from motorcycle, and `bicycle` is what
//!   KITTI's cyclists ride). Boxes of other classes have no name there and are left out, counted.
//! - **Velocity.** Not measured: `[0, 0]` stands for it, since bare `NaN`, which the kit would take, is no
//!   JSON. The velocity error of a match is then the object's own speed.
//! - **Attributes.** The rule that the common nuScenes code bases share ([`attribute`]), for an unknown
//!   speed; a Cyclist is `cycle.with_rider`, a Person_sitting `pedestrian.sitting_lying_down`, by their
//!   classes' meaning.
//! - **At most 500 boxes a sample**, the best; the rest is counted.
//! - `use_external` is true: the models of this project are trained on other data (KITTI).

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Error;
use super::frames_jsonl::{Header, Line};
use crate::frame::{Class, Detection};
use crate::geometry::{NuscenesBox, Pose, frames};

/// The file's name in a run's folder.
pub const NUSCENES_RESULTS: &str = "results.json";
/// The benchmark's limit (`max_boxes_per_sample`).
const MAX_BOXES: usize = 500;
/// From this speed on an object counts as moving, m/s.
const MOVING_M_S: f64 = 0.2;

/// A key frame that the file must hold.
#[derive(Debug, Clone)]
pub struct NuscenesSample {
    /// Its token, the frame's name in the run.
    pub token: String,
    /// Where its LiDAR frame was; none where the tables do not say, so that there can be no box.
    pub lidar_to_global: Option<Pose<frames::Lidar, frames::Global>>,
}

/// What went into the file, and what did not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NuscenesSummary {
    /// Where it is.
    pub path: PathBuf,
    /// Samples in it, those with an empty list included.
    pub samples: usize,
    /// Samples that the run has no result for: their list is empty.
    pub without_result: Vec<String>,
    /// Boxes in it.
    pub boxes: usize,
    /// Boxes left out because their sample had 500 better ones.
    pub over_limit: usize,
    /// Boxes left out because the benchmark has no name for their class.
    pub without_name: usize,
    /// Boxes left out because a value is not finite or a size is not positive.
    pub not_finite: usize,
}

#[derive(Serialize)]
struct Meta {
    use_camera: bool,
    use_lidar: bool,
    use_radar: bool,
    use_map: bool,
    use_external: bool,
}

#[derive(Serialize)]
struct ResultBox<'a> {
    sample_token: &'a str,
    translation: [f64; 3],
    size: [f64; 3],
    rotation: [f64; 4],
    velocity: [f64; 2],
    detection_name: &'static str,
    detection_score: f32,
    attribute_name: &'static str,
}

/// The benchmark's name for a class; none where it has none.
pub fn detection_name(class: Class) -> Option<&'static str> {
    match class {
        Class::Car | Class::Van => Some("car"),
        Class::Truck => Some("truck"),
        Class::Pedestrian | Class::PersonSitting => Some("pedestrian"),
        Class::Cyclist => Some("bicycle"),
        Class::Tram | Class::Misc | Class::DontCare => None,
    }
}

/// The attribute of an object of that name at that speed (m/s), by the rule that CenterPoint, OpenPCDet
/// and mmdetection3d share: faster than 0.2 m/s a vehicle is moving and a cycle has a rider; slower, a
/// pedestrian stands and a bus has stopped; otherwise, and where the speed is unknown, each name's most
/// frequent one. Barriers and cones have none.
pub fn attribute(name: &str, speed_m_s: Option<f64>) -> &'static str {
    let moving = speed_m_s.map(|speed| speed > MOVING_M_S);
    match (name, moving) {
        ("car" | "truck" | "bus" | "trailer" | "construction_vehicle", Some(true)) => {
            "vehicle.moving"
        }
        ("bicycle" | "motorcycle", Some(true)) => "cycle.with_rider",
        ("pedestrian", Some(false)) => "pedestrian.standing",
        ("bus", Some(false)) => "vehicle.stopped",
        ("car" | "truck" | "trailer" | "construction_vehicle", _) => "vehicle.parked",
        ("bus", _) => "vehicle.moving",
        ("pedestrian", _) => "pedestrian.moving",
        ("bicycle" | "motorcycle", _) => "cycle.without_rider",
        _ => "",
    }
}

/// Writes `results.json` into a run's folder, from its `frames.jsonl`: every sample of `samples`, in
/// their order, with an empty list where the run has no result.
///
/// # Errors
/// The disk; a `frames.jsonl` that is not one.
pub fn write_nuscenes_results(
    out: &Path,
    samples: &[NuscenesSample],
) -> Result<NuscenesSummary, Error> {
    let (header, found) = read_run(&out.join("frames.jsonl"))?;
    let path = out.join(NUSCENES_RESULTS);
    let part = out.join(format!("{NUSCENES_RESULTS}.part"));
    let meta = Meta {
        use_camera: header.models.iter().any(|model| model.role == "image"),
        use_lidar: true,
        use_radar: false,
        use_map: false,
        use_external: !header.models.is_empty(),
    };
    let mut summary = NuscenesSummary { path: path.clone(), ..NuscenesSummary::default() };
    let write = |summary: &mut NuscenesSummary| -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(&part)?);
        write!(file, "{{\"meta\": {},\n\"results\": {{", serde_json::to_string(&meta)?)?;
        for (place, sample) in samples.iter().enumerate() {
            let detections = found.get(&sample.token);
            let boxes = match (detections, &sample.lidar_to_global) {
                (Some(detections), Some(pose)) => boxes(&sample.token, detections, pose, summary),
                _ => {
                    summary.without_result.push(sample.token.clone());
                    Vec::new()
                }
            };
            summary.samples += 1;
            summary.boxes += boxes.len();
            let comma = if place == 0 { "" } else { "," };
            write!(file, "{comma}\n{}: ", serde_json::to_string(&sample.token)?)?;
            serde_json::to_writer(&mut file, &boxes)?;
        }
        write!(file, "\n}}}}\n")?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&part, &path)
    };
    write(&mut summary).map_err(|source| {
        let _ = fs::remove_file(&part);
        Error::Io { doing: "write", path: path.clone(), source }
    })?;
    Ok(summary)
}

/// The header of a run and its boxes by frame, read line by line.
fn read_run(path: &Path) -> Result<(Header, HashMap<String, Vec<Detection>>), Error> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let (mut header, mut found) = (Header::default(), HashMap::new());
    for (index, text) in BufReader::new(file).split(b'\n').enumerate() {
        let text = text.map_err(Error::io("read", path))?;
        let line = serde_json::from_slice(&text).map_err(|error| Error::BadLine {
            source_name: path.display().to_string(),
            line: index + 1,
            message: error.to_string(),
        })?;
        match line {
            Line::Header(own) => header = *own,
            Line::Frame(record) => {
                found.insert(record.result.frame, record.result.detections);
            }
            Line::Skipped(_) | Line::Resumed(_) => {}
        }
    }
    Ok((header, found))
}

/// A sample's boxes, best first.
fn boxes<'a>(
    token: &'a str,
    detections: &[Detection],
    lidar_to_global: &Pose<frames::Lidar, frames::Global>,
    summary: &mut NuscenesSummary,
) -> Vec<ResultBox<'a>> {
    let to_lidar = lidar_to_global.inverse();
    let mut boxes = Vec::with_capacity(detections.len());
    for detection in detections {
        let Some(detection_name) = detection_name(detection.class) else {
            summary.without_name += 1;
            continue;
        };
        let written = NuscenesBox::from_box3(&detection.box3, &to_lidar);
        let is_box = detection.score.is_finite()
            && written.translation.iter().chain(&written.rotation).all(|value| value.is_finite())
            && written.size_wlh.iter().all(|size| size.is_finite() && *size > 0.0);
        if !is_box {
            summary.not_finite += 1;
            continue;
        }
        boxes.push(ResultBox {
            sample_token: token,
            // Exactly the way back: the inverse of the inverse would lose digits.
            translation: lidar_to_global.apply(detection.box3.center),
            size: written.size_wlh,
            rotation: written.rotation,
            velocity: [0.0; 2],
            detection_name,
            detection_score: detection.score,
            attribute_name: match detection.class {
                Class::Cyclist => "cycle.with_rider",
                Class::PersonSitting => "pedestrian.sitting_lying_down",
                _ => attribute(detection_name, None),
            },
        });
    }
    boxes.sort_by(|a, b| b.detection_score.total_cmp(&a.detection_score));
    summary.over_limit += boxes.len().saturating_sub(MAX_BOXES);
    boxes.truncate(MAX_BOXES);
    boxes
}

#[cfg(test)]
mod tests {
    use nalgebra::{Isometry3, Translation3, UnitQuaternion};
    use serde_json::Value;

    use super::super::scene_for_tests::{car, scene};
    use super::super::{
        Existing, FrameOutput, ModelInUse, ReportOptions, RunFolder, RunReport, SCHEMA,
    };
    use super::*;
    use crate::geometry::wrap_angle;

    fn pose() -> Pose<frames::Lidar, frames::Global> {
        Pose::new(Isometry3::from_parts(
            Translation3::new(600.0, 1647.0, 1.8),
            UnitQuaternion::from_euler_angles(0.01, -0.02, 2.5),
        ))
    }

    fn samples(tokens: &[&str]) -> Vec<NuscenesSample> {
        let sample = |token: &&str| NuscenesSample {
            token: (*token).to_owned(),
            lidar_to_global: Some(pose()),
        };
        tokens.iter().map(sample).collect()
    }

    fn record(report: &mut RunReport, token: &str, detections: Vec<Detection>) {
        let (mut frame, mut result) = scene();
        frame.id = token.to_owned();
        (result.frame, result.detections) = (frame.id.clone(), detections);
        let options = ReportOptions::default();
        report.add(FrameOutput::make(&frame, &result, None, 0, true, &options).unwrap()).unwrap();
    }

    fn run(out: &Path, existing: Existing, roles: &[&str]) -> RunReport {
        let models = roles
            .iter()
            .map(|role| ModelInUse { role: (*role).to_owned(), ..ModelInUse::default() });
        let header = Header { schema: SCHEMA, models: models.collect(), ..Header::default() };
        let folder = RunFolder::open(out, &header, existing).unwrap();
        RunReport::new(folder, header, ReportOptions::default())
    }

    fn read(out: &Path) -> Value {
        serde_json::from_slice(&fs::read(out.join(NUSCENES_RESULTS)).unwrap()).unwrap()
    }

    #[test]
    fn every_sample_is_there_in_the_datasets_order_also_after_an_interruption() {
        let out = tempfile::tempdir().unwrap();
        let mut report = run(out.path(), Existing::Refuse, &["bev", "image"]);
        record(&mut report, "c", vec![car([9.0, 1.0, -1.0], 0.0)]);
        drop(report);
        let mut report = run(out.path(), Existing::Resume, &["bev", "image"]);
        report.skip("b", "its scan is gone").unwrap();
        record(&mut report, "a", vec![]);
        report.finish().unwrap();
        let summary = write_nuscenes_results(out.path(), &samples(&["a", "b", "c"])).unwrap();
        assert_eq!((summary.samples, summary.boxes), (3, 1));
        assert_eq!(summary.without_result, ["b"]);
        let text = fs::read_to_string(out.path().join(NUSCENES_RESULTS)).unwrap();
        assert!(text.find("\"a\"") < text.find("\"b\"") && text.find("\"b\"") < text.find("\"c\""));
        let json = read(out.path());
        assert_eq!(json["results"]["b"], serde_json::json!([]));
        assert_eq!(json["results"]["c"].as_array().unwrap().len(), 1);
        assert_eq!(json["meta"]["use_camera"], true);
        assert_eq!(json["meta"]["use_lidar"], true);
        assert_eq!(json["meta"]["use_external"], true);
    }

    #[test]
    fn a_box_in_the_world_is_the_same_box() {
        let out = tempfile::tempdir().unwrap();
        let mut report = run(out.path(), Existing::Refuse, &[]);
        let detection = car([12.0, 2.0, -0.9], -1.2);
        record(&mut report, "a", vec![detection.clone()]);
        report.finish().unwrap();
        write_nuscenes_results(out.path(), &samples(&["a"])).unwrap();
        let json = read(out.path());
        assert_eq!(json["meta"]["use_camera"], false, "no image model ran");
        let written = &json["results"]["a"][0];
        let numbers = |key: &str| -> Vec<f64> {
            written[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
        };
        assert_eq!(numbers("size"), [1.7, 4.0, 1.5]);
        assert_eq!(numbers("velocity"), [0.0, 0.0]);
        let back = NuscenesBox {
            translation: numbers("translation").try_into().unwrap(),
            size_wlh: numbers("size").try_into().unwrap(),
            rotation: numbers("rotation").try_into().unwrap(),
        }
        .to_box3(&pose().inverse());
        for i in 0..3 {
            assert!((back.center[i] - detection.box3.center[i]).abs() < 1e-9);
        }
        assert!(wrap_angle(back.yaw - detection.box3.yaw).abs() < 1e-9);
        assert_eq!(written["sample_token"], "a");
        assert_eq!(written["detection_name"], "car");
        assert_eq!(written["attribute_name"], "vehicle.parked");
        assert_eq!(written["detection_score"].to_string(), "0.9");
    }

    #[test]
    fn the_best_500_boxes_stay_and_what_cannot_be_written_is_counted() {
        let out = tempfile::tempdir().unwrap();
        let mut report = run(out.path(), Existing::Refuse, &[]);
        let scored =
            |i: usize| Detection { score: (i % 97) as f32 / 100.0, ..car([9.0, 1.0, -1.0], 0.0) };
        let mut detections: Vec<_> = (0..600).map(scored).collect();
        detections.push(Detection { class: Class::Misc, ..car([9.0, 1.0, -1.0], 0.0) });
        let mut flat = car([9.0, 1.0, -1.0], 0.0);
        flat.box3.size[2] = 0.0;
        detections.push(flat);
        record(&mut report, "a", detections);
        report.finish().unwrap();
        let summary = write_nuscenes_results(out.path(), &samples(&["a"])).unwrap();
        assert_eq!((summary.boxes, summary.over_limit), (500, 100));
        assert_eq!((summary.without_name, summary.not_finite), (1, 1));
        let json = read(out.path());
        let scores: Vec<f64> = json["results"]["a"]
            .as_array()
            .unwrap()
            .iter()
            .map(|written| written["detection_score"].as_f64().unwrap())
            .collect();
        assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]));
        // 0.00 to 0.13 seven times each and 0.14 twice are the hundred worst.
        assert_eq!(scores[499], 0.14);
    }

    #[test]
    fn attributes_follow_the_speed_and_where_it_is_unknown_the_most_frequent() {
        for (name, slow, fast, unknown) in [
            ("car", "vehicle.parked", "vehicle.moving", "vehicle.parked"),
            ("bus", "vehicle.stopped", "vehicle.moving", "vehicle.moving"),
            ("pedestrian", "pedestrian.standing", "pedestrian.moving", "pedestrian.moving"),
            ("bicycle", "cycle.without_rider", "cycle.with_rider", "cycle.without_rider"),
            ("barrier", "", "", ""),
        ] {
            assert_eq!(attribute(name, Some(0.2)), slow, "{name}");
            assert_eq!(attribute(name, Some(0.3)), fast, "{name}");
            assert_eq!(attribute(name, None), unknown, "{name}");
        }
    }
}
