//! Small nuScenes worlds made by hand, and the invented drives that lie in `fixtures/nuscenes`.
#![allow(dead_code)] // not every test binary needs all of it

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use emc2::eval::nuscenes::{ClassFigures, Error, Evaluation, Request, evaluate_from};

/// Tables by name.
pub type Tables = HashMap<String, Vec<u8>>;

/// A compressed file of `fixtures/nuscenes`.
pub fn unpack(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nuscenes");
    let packed = std::fs::read(folder.join(format!("{name}.json.gz"))).unwrap();
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut text).unwrap();
    text
}

/// The tables of the invented drives.
pub fn invented() -> Tables {
    let names = [
        "attribute",
        "calibrated_sensor",
        "category",
        "ego_pose",
        "instance",
        "log",
        "sample",
        "sample_annotation",
        "sample_data",
        "scene",
        "sensor",
        "visibility",
    ];
    names.map(|name| (name.to_owned(), unpack(name))).into()
}

/// A request for mini_val.
pub fn request() -> Request {
    Request::new("".as_ref(), "v1.0-mini", "mini_val", "results.json".as_ref())
}

/// Evaluates results on tables.
pub fn judge(tables: &Tables, results: &str) -> Result<Evaluation, Error> {
    evaluate_from(&request(), tables, results.as_bytes())
}

/// An annotated or detected box.
#[derive(Debug, Clone)]
pub struct Box {
    pub sample: usize,
    /// Category of an annotation, class name of a detection.
    pub name: &'static str,
    pub at: [f64; 2],
    pub yaw: f64,
    pub size: [f64; 3],
    pub attribute: &'static str,
    pub velocity: [f64; 2],
    pub score: f64,
    pub points: i64,
}

/// A car-sized box of one LiDAR point in sample 0.
pub fn at(name: &'static str, x: f64, y: f64) -> Box {
    Box {
        sample: 0,
        name,
        at: [x, y],
        yaw: 0.0,
        size: [2.0, 4.0, 1.5],
        attribute: "",
        velocity: [0.0; 2],
        score: 0.5,
        points: 1,
    }
}

impl Box {
    fn geometry(&self) -> String {
        let (sin, cos) = (self.yaw / 2.0).sin_cos();
        let [x, y] = self.at;
        let size = self.size;
        format!(
            "\"translation\":[{x:?},{y:?},1.0],\"size\":{size:?},\"rotation\":[{cos:?},0,0,{sin:?}]"
        )
    }
}

fn rows(rows: impl Iterator<Item = String>) -> Vec<u8> {
    format!("[{}]", rows.collect::<Vec<_>>().join(",")).into_bytes()
}

/// One scene of mini_val, the vehicle at the origin, a sample at each of `times_us`, and the boxes.
/// `tracks` are the boxes of one object each, in the order of time; all others are alone.
pub fn world(times_us: &[i64], truth: &[Box], tracks: &[&[usize]]) -> Tables {
    let mut categories: Vec<_> = truth.iter().map(|one| one.name).collect();
    categories.sort_unstable();
    categories.dedup();
    let last = times_us.len() - 1;
    let link = |exists: bool, name: String| if exists { name } else { String::new() };
    let named = |names: &[&str]| {
        rows(names.iter().map(|name| format!("{{\"token\":\"{name}\",\"name\":\"{name}\"}}")))
    };
    let neighbour = |place: usize, step: isize| {
        let track = tracks.iter().find(|track| track.contains(&place));
        let found = track.and_then(|track| {
            let at = track.iter().position(|&other| other == place)?;
            track.get(at.checked_add_signed(step)?)
        });
        found.map_or_else(String::new, |place| format!("n{place}"))
    };
    let annotation = |(place, one): (usize, &Box)| {
        let attributes = if one.attribute.is_empty() {
            "[]".to_owned()
        } else {
            format!("[\"{}\"]", one.attribute)
        };
        format!(
            "{{\"token\":\"n{place}\",\"sample_token\":\"m{}\",\"instance_token\":\"i{place}\",\
             \"attribute_tokens\":{attributes},{},\"prev\":\"{}\",\"next\":\"{}\",\"num_lidar_pts\":{},\
             \"num_radar_pts\":0}}",
            one.sample,
            one.geometry(),
            neighbour(place, -1),
            neighbour(place, 1),
            one.points
        )
    };
    let tables = [
        ("sensor", b"[{\"token\":\"s\",\"channel\":\"LIDAR_TOP\",\"modality\":\"lidar\"}]".to_vec()),
        (
            "calibrated_sensor",
            b"[{\"token\":\"k\",\"sensor_token\":\"s\",\"translation\":[0,0,0],\"rotation\":[1,0,0,0]}]".to_vec(),
        ),
        ("log", b"[]".to_vec()),
        ("visibility", b"[]".to_vec()),
        ("attribute", named(&emc2::eval::nuscenes::ATTRIBUTES)),
        ("category", named(&categories)),
        (
            "scene",
            format!(
                "[{{\"token\":\"e\",\"name\":\"scene-0103\",\"first_sample_token\":\"m0\",\
                 \"last_sample_token\":\"m{last}\"}}]"
            )
            .into_bytes(),
        ),
        (
            "sample",
            rows(times_us.iter().enumerate().map(|(place, time)| {
                let previous = link(place > 0, format!("m{}", place.wrapping_sub(1)));
                let next = link(place < last, format!("m{}", place + 1));
                format!(
                    "{{\"token\":\"m{place}\",\"timestamp\":{time},\"prev\":\"{previous}\",\
                     \"next\":\"{next}\",\"scene_token\":\"e\"}}"
                )
            })),
        ),
        (
            "sample_data",
            rows((0..times_us.len()).map(|place| {
                format!(
                    "{{\"token\":\"d{place}\",\"sample_token\":\"m{place}\",\"ego_pose_token\":\"p\",\
                     \"calibrated_sensor_token\":\"k\",\"timestamp\":0,\"is_key_frame\":true,\"height\":0,\
                     \"width\":0,\"filename\":\"\",\"prev\":\"\",\"next\":\"\"}}"
                )
            })),
        ),
        (
            "ego_pose",
            b"[{\"token\":\"p\",\"timestamp\":0,\"rotation\":[1,0,0,0],\"translation\":[0,0,0]}]".to_vec(),
        ),
        (
            "instance",
            rows(truth.iter().enumerate().map(|(place, one)| {
                format!("{{\"token\":\"i{place}\",\"category_token\":\"{}\"}}", one.name)
            })),
        ),
        ("sample_annotation", rows(truth.iter().enumerate().map(annotation))),
    ];
    tables.map(|(name, text)| (name.to_owned(), text)).into()
}

/// A results file with an entry for each of `samples` samples.
pub fn results(samples: usize, boxes: &[Box]) -> String {
    let mut text = "{\"meta\":{},\"results\":{".to_owned();
    for sample in 0..samples {
        let of_sample: Vec<_> = boxes
            .iter()
            .filter(|one| one.sample == sample)
            .map(|one| {
                format!(
                    "{{\"sample_token\":\"m{sample}\",{},\"velocity\":{:?},\"detection_name\":\"{}\",\
                     \"detection_score\":{:?},\"attribute_name\":\"{}\",\"num_pts\":{}}}",
                    one.geometry(),
                    one.velocity,
                    one.name,
                    one.score,
                    one.attribute,
                    one.points
                )
            })
            .collect();
        let separator = if sample == 0 { "" } else { "," };
        let _ = write!(text, "{separator}\"m{sample}\":[{}]", of_sample.join(","));
    }
    text + "}}"
}

/// The figures of one class where `truth` is annotated and `found` detected, all in one sample.
pub fn figures_of(class: &str, truth: &[Box], found: &[Box]) -> ClassFigures {
    let evaluation = judge(&world(&[0], truth, &[]), &results(1, found)).unwrap();
    evaluation.figures.classes.into_iter().find(|one| one.class.name() == class).unwrap()
}
