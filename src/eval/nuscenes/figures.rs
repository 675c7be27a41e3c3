//! From curves to figures: average precision, errors, and the one number of the benchmark (NDS).

use super::class::{DetectionClass, TpError};
use super::curve::{Contest, Curve};
use super::filter::Counts;
use super::sums::{mean, mean_of_numbers, sum};

/// Matching distances, m.
pub const DISTANCES_M: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
/// Which of them the errors are taken at.
pub const ERROR_DISTANCE: usize = 2;
/// How much mAP weighs in NDS against one error.
pub const MEAN_AP_WEIGHT: f64 = 5.0;

/// What one class comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassFigures {
    /// Which class.
    pub class: DetectionClass,
    /// The curve at each of [`DISTANCES_M`].
    pub curves: [Curve; DISTANCES_M.len()],
    /// Average precision at each of them, 0..1.
    pub average_precisions: [f64; DISTANCES_M.len()],
    /// Their mean.
    pub mean_ap: f64,
    /// Each error at 2 m, by [`TpError`]; NaN where the benchmark defines none.
    pub errors: [f64; TpError::COUNT],
    /// Annotations, and why some do not count.
    pub truth: Counts,
    /// Detections, and why some do not count.
    pub detections: Counts,
}

/// What the results come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// By class, in the devkit's order.
    pub classes: Vec<ClassFigures>,
    /// Mean of the classes' average precisions (mAP), 0..1.
    pub mean_ap: f64,
    /// Mean of each error over the classes that have it.
    pub errors: [f64; TpError::COUNT],
    /// 1 − error, but not below 0.
    pub scores: [f64; TpError::COUNT],
    /// The nuScenes detection score (NDS), 0..1.
    pub nd_score: f64,
}

/// The figures of one class.
pub(super) fn class_figures(
    contest: &Contest<'_>,
    class: DetectionClass,
    counts: [Counts; 2],
) -> ClassFigures {
    let curves = DISTANCES_M.map(|distance| contest.curve(distance));
    let average_precisions = [0, 1, 2, 3].map(|place: usize| curves[place].average_precision());
    let at_2m = &curves[ERROR_DISTANCE];
    let errors =
        TpError::ALL.map(|error| if class.has(error) { at_2m.mean_error(error) } else { f64::NAN });
    let mean_ap = mean(&average_precisions);
    let [truth, detections] = counts;
    ClassFigures { class, curves, average_precisions, mean_ap, errors, truth, detections }
}

/// The figures of all classes together.
pub(super) fn figures(classes: Vec<ClassFigures>) -> Figures {
    let precisions: Vec<_> = classes.iter().map(|class| class.mean_ap).collect();
    let mean_ap = mean(&precisions);
    let errors = TpError::ALL.map(|error| {
        let of_classes: Vec<_> = classes.iter().map(|class| class.errors[error as usize]).collect();
        mean_of_numbers(&of_classes)
    });
    let scores = errors.map(|error| (1.0 - error).max(0.0));
    let nd_score =
        (MEAN_AP_WEIGHT * mean_ap + sum(&scores)) / (MEAN_AP_WEIGHT + scores.len() as f64);
    Figures { classes, mean_ap, errors, scores, nd_score }
}
