//! What one frame asks for one class: which labels and detections take part, and who overlaps whom.
//!
//! Made once a frame and class; every metric, limit, difficulty and threshold reads it. Pairs that
//! overlap too little for the loosest limit are not kept, so the work that follows grows with the
//! matches, not with labels × detections.

use super::object::{Difficulty, Judged, Metric, Strictness};
use super::overlap::Shape;
use super::read::{Entry, Frame};
use crate::frame::Class;

/// A label that takes part.
#[derive(Debug, Clone, Copy)]
pub(super) struct Truth {
    /// Its place among the frame's labels.
    pub index: u32,
    /// Whether it is of the neighbouring class.
    pub neighbour: bool,
    /// For each difficulty: neither to be found nor wrong to find.
    pub ignored: [bool; 3],
    pub alpha: f64,
    pub distance_m: f64,
}

/// How a detection takes part at a difficulty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Of the class and tall enough.
    Valid,
    /// Too low, of whatever class: may take a label, is no mistake.
    Ignored,
    /// Of another class.
    None,
}

/// A detection that takes part at some difficulty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Its place among the frame's detections.
    pub index: u32,
    /// Whether it is of the class; else it is here because it is low.
    pub of_class: bool,
    pub part: [Part; 3],
    pub score: f64,
    pub alpha: f64,
    pub distance_m: f64,
    /// For each metric: the largest share of it that lies in one DontCare area.
    pub dont_care: [f64; 3],
}

/// A label and a detection that overlap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// Which of [`Task::truths`].
    pub truth: u32,
    /// Which of [`Task::found`].
    pub found: u32,
    pub overlap: f64,
}

/// One frame and class.
#[derive(Debug, Clone, Default)]
pub(super) struct Task {
    /// In file order.
    pub truths: Vec<Truth>,
    /// In file order.
    pub found: Vec<Found>,
    /// For each metric, by label and then detection.
    pub pairs: [Vec<Pair>; 3],
}

impl Task {
    pub(super) fn new(frame: &Frame, shapes: &FrameShapes, judged: Judged) -> Self {
        let truths: Vec<Truth> = frame
            .labels
            .iter()
            .enumerate()
            .filter_map(|(index, label)| truth(label, index, judged))
            .collect();
        let found: Vec<Found> = frame
            .detections
            .iter()
            .enumerate()
            .filter_map(|(index, detection)| found(detection, index, judged, shapes))
            .collect();
        let pairs = Metric::ALL.map(|metric| {
            let limit = judged.limit(Strictness::Loose, metric);
            let mut pairs = Vec::new();
            for (t, truth) in truths.iter().enumerate() {
                let label = &shapes.labels[truth.index as usize];
                for (f, found) in found.iter().enumerate() {
                    let overlap = shapes.detections[found.index as usize].overlap(label, metric);
                    if overlap > limit {
                        pairs.push(Pair { truth: t as u32, found: f as u32, overlap });
                    }
                }
            }
            pairs
        });
        Self { truths, found, pairs }
    }
}

/// The shapes of a frame's rows, worked out once for all classes.
pub(super) struct FrameShapes {
    pub labels: Vec<Shape>,
    pub detections: Vec<Shape>,
    pub dont_care: Vec<Shape>,
}

impl FrameShapes {
    pub(super) fn new(frame: &Frame) -> Self {
        let dont_care = frame.labels.iter().filter(|label| label.class == Some(Class::DontCare));
        Self {
            labels: frame.labels.iter().map(|label| Shape::new(&label.row)).collect(),
            detections: frame.detections.iter().map(|found| Shape::new(&found.row)).collect(),
            dont_care: dont_care.map(|area| Shape::new(&area.row)).collect(),
        }
    }
}

fn truth(label: &Entry, index: usize, judged: Judged) -> Option<Truth> {
    let neighbour = label.class.is_some() && label.class == judged.neighbour();
    if !neighbour && label.class != Some(judged.class()) {
        return None;
    }
    Some(Truth {
        index: index as u32,
        neighbour,
        ignored: Difficulty::ALL
            .map(|difficulty| neighbour || too_hard(label, difficulty).is_some()),
        alpha: label.row.alpha,
        distance_m: label.distance_m(),
    })
}

/// Why a label of the class does not count at a difficulty; none if it counts. A truncation equal
/// to the limit counts, a height equal to it does not (the variant of the rule behind the
/// benchmark's plots; some copies of the program let equal heights count).
pub(super) fn too_hard(label: &Entry, difficulty: Difficulty) -> Option<String> {
    let row = &label.row;
    if row.occlusion > difficulty.occlusion() {
        return Some(format!("occlusion {} > {}", row.occlusion, difficulty.occlusion()));
    }
    if row.truncation > difficulty.truncation() {
        return Some(format!("truncation {} > {}", row.truncation, difficulty.truncation()));
    }
    let height = label.height_px();
    // Written so that the comparison is the benchmark's.
    (height <= difficulty.height_px())
        .then(|| format!("height {height:.2} px <= {} px", difficulty.height_px()))
}

fn found(entry: &Entry, index: usize, judged: Judged, shapes: &FrameShapes) -> Option<Found> {
    let of_class = entry.class == Some(judged.class());
    let height = entry.height_px().abs();
    let part = Difficulty::ALL.map(|difficulty| {
        if height < difficulty.height_px() {
            Part::Ignored // before the class is looked at
        } else if of_class {
            Part::Valid
        } else {
            Part::None
        }
    });
    if part == [Part::None; 3] {
        return None;
    }
    let shape = &shapes.detections[index];
    let dont_care = Metric::ALL.map(|metric| {
        let shares = shapes.dont_care.iter().map(|area| shape.share_within(area, metric));
        shares.fold(0.0, f64::max)
    });
    Some(Found {
        index: index as u32,
        of_class,
        part,
        score: entry.score(),
        alpha: entry.row.alpha,
        distance_m: entry.distance_m(),
        dont_care,
    })
}
