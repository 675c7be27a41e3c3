//! The annotated boxes of a split, as the benchmark takes them from the tables.

use super::boxes::{EvalBox, rotation_matrix, yaw};
use super::class::{AttributeName, BICYCLE_RACK, DetectionClass};
use super::error::Error;
use crate::sensor::nuscenes::tables::{Annotation, Id, Sample, Tables};

/// The longest time over which a velocity is taken, s; twice that with both neighbours.
const MAX_VELOCITY_SPAN_S: f64 = 1.5;

/// What there is to be found in the samples that are evaluated.
#[derive(Debug, Default)]
pub struct Truth {
    /// The boxes of the ten classes, sample by sample, in row order.
    pub boxes: Vec<EvalBox>,
    /// For each sample, where the vehicle was in the plane, m.
    pub ego: Vec<[f64; 2]>,
    /// The bicycle racks, with the number of their sample, sample by sample.
    pub racks: Vec<(u32, Rack)>,
    /// Annotations of categories that are not evaluated.
    pub other_categories: usize,
    /// For each of `boxes`, which annotation it is; empty where nobody asked.
    pub names: Vec<Name>,
    /// The annotations of other categories; empty where nobody asked.
    pub others: Vec<Other>,
}

/// Which annotation a box is.
#[derive(Debug, Clone)]
pub struct Name {
    /// Its token.
    pub token: String,
    /// Its row in `sample_annotation.json`, from 1.
    pub row: usize,
}

/// An annotation of a category that is not evaluated.
#[derive(Debug, Clone)]
pub struct Other {
    /// The number of its sample.
    pub sample: u32,
    /// Which it is.
    pub name: Name,
    /// Its category.
    pub category: String,
    /// Centre, m.
    pub translation: [f64; 3],
}

/// A bicycle rack: one corner, and the three edges that leave it.
#[derive(Debug, Clone, Copy)]
pub struct Rack {
    corner: [f64; 3],
    edges: [[f64; 3]; 3],
}

impl Rack {
    fn new(annotation: &Annotation) -> Self {
        let [w, l, h] = annotation.size_wlh;
        let matrix = rotation_matrix(annotation.rotation);
        let at = |x: f64, y: f64, z: f64| {
            let turned = matrix.map(|row| row[0] * x + row[1] * y + row[2] * z);
            let centre = annotation.translation;
            [turned[0] + centre[0], turned[1] + centre[1], turned[2] + centre[2]]
        };
        let (x, y, z) = (l / 2.0, w / 2.0, h / 2.0);
        let corner = at(x, y, z);
        let edge = |end: [f64; 3]| difference(end, corner);
        Self { corner, edges: [edge(at(-x, y, z)), edge(at(x, -y, z)), edge(at(x, y, -z))] }
    }

    /// True where a point (global frame, m) lies in the rack, faces included.
    pub fn holds(&self, point: [f64; 3]) -> bool {
        let from_corner = difference(point, self.corner);
        self.edges.iter().all(|&edge| {
            let along = dot(edge, from_corner);
            0.0 <= along && along <= dot(edge, edge)
        })
    }
}

fn difference(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Collects the truth of `samples`. `label` names the tables in errors; `with_names` says whether the
/// annotations are to be known again afterwards.
///
/// # Errors
/// [`Error::Truth`] for a sample without a LiDAR file, and an annotation with two attributes or one that
/// the benchmark does not know.
pub fn truth(
    tables: &Tables,
    samples: &[Id<Sample>],
    label: &str,
    with_names: bool,
) -> Result<Truth, Error> {
    let classes: Vec<_> = tables
        .categories()
        .iter()
        .map(|category| {
            (DetectionClass::from_category(&category.name), category.name == BICYCLE_RACK)
        })
        .collect();
    let attributes: Vec<_> = tables
        .attributes()
        .iter()
        .map(|attribute| AttributeName::from_name(attribute.name.as_bytes()))
        .collect();
    let refuse = |what, token, expected, found| {
        let (tables_label, token) = (label.to_owned(), tables.spell(token));
        Error::Truth { tables: tables_label, what, token, expected, found }
    };
    let mut truth = Truth::default();
    for (number, &sample) in samples.iter().enumerate() {
        let number = number as u32;
        let Some(scan) = tables.key_frame_file(sample, "LIDAR_TOP") else {
            let expected = "a key frame of LIDAR_TOP, from which the vehicle's place is taken";
            return Err(refuse("sample", tables[sample].token, expected, "none".to_owned()));
        };
        let [x, y, _] = tables[tables[scan].ego_pose].translation;
        truth.ego.push([x, y]);
        for &id in tables.annotations_of(sample) {
            let annotation = &tables[id];
            let (class, is_rack) = classes[tables[annotation.instance].category.place()];
            if is_rack {
                truth.racks.push((number, Rack::new(annotation)));
            }
            let name = || Name { token: tables.spell(annotation.token), row: id.place() + 1 };
            let Some(class) = class else {
                truth.other_categories += 1;
                if with_names {
                    let category = tables[tables[annotation.instance].category].name.clone();
                    let translation = annotation.translation;
                    truth.others.push(Other {
                        sample: number,
                        name: name(),
                        category,
                        translation,
                    });
                }
                continue;
            };
            let attribute = match annotation.attribute {
                _ if annotation.attribute_count > 1 => {
                    let found = format!("{} of them", annotation.attribute_count);
                    return Err(refuse(
                        "annotation",
                        annotation.token,
                        "one attribute at most",
                        found,
                    ));
                }
                None => AttributeName::default(),
                Some(attribute) => attributes[attribute.place()].ok_or_else(|| {
                    let found = format!("{:?}", tables[attribute].name);
                    refuse("annotation", annotation.token, "an attribute of the benchmark", found)
                })?,
            };
            truth.names.extend(with_names.then(name));
            truth.boxes.push(EvalBox {
                sample: number,
                class,
                attribute,
                points: annotation.lidar_points.saturating_add(annotation.radar_points),
                score: -1.0,
                translation: annotation.translation,
                size_wlh: annotation.size_wlh,
                yaw: yaw(annotation.rotation),
                velocity: velocity(tables, id),
            });
        }
    }
    Ok(truth)
}

/// An annotated object's velocity in the plane, m/s, from its neighbours in time; NaN without one.
fn velocity(tables: &Tables, id: Id<Annotation>) -> [f64; 2] {
    let annotation = &tables[id];
    let (previous, next) = (annotation.previous, annotation.next);
    if previous.is_none() && next.is_none() {
        return [f64::NAN; 2];
    }
    let first = &tables[previous.unwrap_or(id)];
    let last = &tables[next.unwrap_or(id)];
    let time = |annotation: &Annotation| 1e-6 * tables[annotation.sample].timestamp_us as f64;
    let span = time(last) - time(first);
    let longest =
        if previous.is_some() && next.is_some() { 2.0 } else { 1.0 } * MAX_VELOCITY_SPAN_S;
    if span > longest {
        return [f64::NAN; 2];
    }
    [0, 1].map(|axis| (last.translation[axis] - first.translation[axis]) / span)
}
