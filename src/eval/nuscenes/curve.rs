//! Matching, and the curves over recall that it gives, for one class at one distance.

use super::boxes::{EvalBox, plane_distance, scale_error, yaw_error};
use super::class::{DetectionClass, TpError};
use super::sums::{interpolate, mean, running_mean};

/// Points of a curve: recall 0, 0.01, … 1.
pub const POINTS: usize = 101;
/// The first point of a curve that counts: recalls up to 0.1 are left out.
const FIRST: usize = 11;
/// Precision up to this counts as none.
const MIN_PRECISION: f64 = 0.1;

/// The recall of a curve's point.
pub fn recall(point: usize) -> f64 {
    if point + 1 == POINTS { 1.0 } else { point as f64 * 0.01 }
}

/// Precision, score and errors of one class at one matching distance, over recall.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Precision at each recall; 0 beyond the recall that was reached.
    pub precision: Vec<f64>,
    /// The score at which each recall is reached; 0 beyond.
    pub confidence: Vec<f64>,
    /// Each error, averaged over the true positives up to there: by [`TpError`].
    pub errors: [Vec<f64>; TpError::COUNT],
    /// Scores of the detections that were matched, descending.
    pub matched_scores: Vec<f64>,
    /// Scores of those that were not, descending.
    pub unmatched_scores: Vec<f64>,
}

impl Curve {
    /// The curve where nothing was matched.
    fn empty(unmatched_scores: Vec<f64>) -> Self {
        Self {
            precision: vec![0.0; POINTS],
            confidence: vec![0.0; POINTS],
            errors: std::array::from_fn(|_| vec![1.0; POINTS]),
            matched_scores: Vec::new(),
            unmatched_scores,
        }
    }

    /// Average precision, 0..1: the mean of what lies above 0.1, beyond recall 0.1.
    pub fn average_precision(&self) -> f64 {
        let above: Vec<_> =
            self.precision[FIRST..].iter().map(|value| (value - MIN_PRECISION).max(0.0)).collect();
        mean(&above) / (1.0 - MIN_PRECISION)
    }

    /// The mean of an error beyond recall 0.1, up to the last point whose score is not 0; 1 where no
    /// point is.
    pub fn mean_error(&self, error: TpError) -> f64 {
        match self.confidence.iter().rposition(|&score| score != 0.0) {
            Some(last) if last >= FIRST => mean(&self.errors[error as usize][FIRST..=last]),
            _ => 1.0,
        }
    }
}

/// The boxes of one class, ready for matching.
#[derive(Debug)]
pub struct Contest<'a> {
    class: DetectionClass,
    /// The annotations of the class, sample by sample.
    truth: Vec<&'a EvalBox>,
    /// Their centres in the plane, m: all that matching looks at, side by side in memory, since detections
    /// in the order of their scores jump from sample to sample.
    centres: Vec<[f64; 2]>,
    /// For each of `truth`, its place among the boxes that it was taken from.
    truth_places: Vec<u32>,
    /// Where each sample's boxes begin in `truth`.
    starts: Vec<u32>,
    /// Detections, the highest score first; of equal scores the later one of those given.
    detections: Vec<&'a EvalBox>,
    /// For each of `detections`, its place among the boxes that it was taken from.
    detection_places: Vec<u32>,
}

impl<'a> Contest<'a> {
    /// Takes the boxes of `class` out of `truth` (ordered by sample) and `detections` (in the order that
    /// decides between equal scores).
    pub fn new(
        class: DetectionClass,
        truth: &'a [EvalBox],
        detections: &'a [EvalBox],
        samples: usize,
    ) -> Self {
        let of_class = |boxes: &[EvalBox]| -> Vec<u32> {
            let places = 0..boxes.len() as u32;
            places.filter(|place| boxes[*place as usize].class == class).collect()
        };
        let truth_places = of_class(truth);
        let mut starts = vec![0; samples + 1];
        for place in &truth_places {
            starts[truth[*place as usize].sample as usize + 1] += 1;
        }
        for sample in 0..samples {
            starts[sample + 1] += starts[sample];
        }
        let mut detection_places = of_class(detections);
        detection_places.reverse();
        // Stable, so that of equal scores the later one stays first. −0 equals 0.
        let score = |place: u32| detections[place as usize].score + 0.0;
        detection_places.sort_by(|a, b| score(*b).total_cmp(&score(*a)));
        let truth: Vec<_> = truth_places.iter().map(|place| &truth[*place as usize]).collect();
        let centre = |one: &&EvalBox| [one.translation[0], one.translation[1]];
        Self {
            class,
            centres: truth.iter().map(centre).collect(),
            truth,
            truth_places,
            starts,
            detections: detection_places.iter().map(|at| &detections[*at as usize]).collect(),
            detection_places,
        }
    }

    /// The places of the annotations of the class among those given.
    pub fn truth_places(&self) -> &[u32] {
        &self.truth_places
    }

    /// The places of the detections among those given, in the order in which they are matched.
    pub fn detection_places(&self) -> &[u32] {
        &self.detection_places
    }

    /// For each detection, in their order, the annotation that it takes at one distance (m), as its
    /// place in [`truth_places`](Self::truth_places): the nearest of its sample that is still free, if that is nearer
    /// than the distance.
    pub fn matches(&self, distance_m: f64) -> Vec<Option<usize>> {
        let mut taken = vec![false; self.truth.len()];
        let one = |detection: &&EvalBox| {
            let found = self.nearest(detection, distance_m, &taken)?;
            taken[found] = true;
            Some(found)
        };
        self.detections.iter().map(one).collect()
    }

    /// Precision, score and errors over recall, matched at one distance (m).
    pub fn curve(&self, distance_m: f64) -> Curve {
        let taken = self.matches(distance_m);
        let (mut matches, mut unmatched_scores) = (Vec::new(), Vec::new());
        for (detection, found) in self.detections.iter().zip(&taken) {
            match found {
                Some(place) => matches.push((*detection, self.truth[*place])),
                None => unmatched_scores.push(detection.score),
            }
        }
        if matches.is_empty() {
            return Curve::empty(unmatched_scores);
        }
        let (mut precisions, mut recalls) = (Vec::new(), Vec::new());
        let (mut right, mut wrong) = (0.0, 0.0);
        for found in taken {
            *(if found.is_some() { &mut right } else { &mut wrong }) += 1.0;
            precisions.push(right / (wrong + right));
            recalls.push(right / self.truth.len() as f64);
        }
        let scores: Vec<_> = self.detections.iter().map(|one| one.score).collect();
        let over_recall = |values: &[f64]| {
            (0..POINTS).map(|point| interpolate(recall(point), &recalls, values, 0.0)).collect()
        };
        let confidence: Vec<_> = over_recall(&scores);
        let errors = self.errors(&matches, &confidence);
        let matched_scores = matches.iter().map(|(detection, _)| detection.score).collect();
        let precision = over_recall(&precisions);
        Curve { precision, confidence, errors, matched_scores, unmatched_scores }
    }

    /// The nearest free annotation of the detection's sample, nearer than `distance_m`; the first of
    /// equally near ones.
    fn nearest(&self, detection: &EvalBox, distance_m: f64, taken: &[bool]) -> Option<usize> {
        let sample = detection.sample as usize;
        let (from, to) = (self.starts[sample] as usize, self.starts[sample + 1] as usize);
        let [x, y, _] = detection.translation;
        // The root keeps the order of squares, so only a smaller square can be nearer; but it may make
        // two of them equal, so the roots are compared.
        let (mut nearest, mut least, mut least_square) =
            (None, distance_m, distance_m * distance_m);
        for (offset, [truth_x, truth_y]) in self.centres[from..to].iter().enumerate() {
            let place = from + offset;
            let (dx, dy) = (x - truth_x, y - truth_y);
            let square = dx * dx + dy * dy;
            if square < least_square && !taken[place] {
                let distance = square.sqrt();
                if distance < least {
                    (nearest, least, least_square) = (Some(place), distance, square);
                }
            }
        }
        nearest
    }

    /// Each error's running mean over the matches, at the scores of the curve.
    fn errors(
        &self,
        matches: &[(&EvalBox, &EvalBox)],
        confidence: &[f64],
    ) -> [Vec<f64>; TpError::COUNT] {
        let scores: Vec<_> = matches.iter().rev().map(|(detection, _)| detection.score).collect();
        TpError::ALL.map(|error| {
            let mut values: Vec<_> = matches
                .iter()
                .map(|(detection, truth)| one_error(error, detection, truth, self.class))
                .collect();
            running_mean(&mut values);
            values.reverse();
            let beyond = values[values.len() - 1];
            confidence.iter().map(|&score| interpolate(score, &scores, &values, beyond)).collect()
        })
    }
}

/// One error of a true positive; NaN where it is not known (an annotation without attribute or
/// velocity).
pub fn one_error(
    error: TpError,
    detection: &EvalBox,
    truth: &EvalBox,
    class: DetectionClass,
) -> f64 {
    match error {
        TpError::Translation => plane_distance(&detection.translation, &truth.translation),
        TpError::Scale => scale_error(truth.size_wlh, detection.size_wlh),
        TpError::Orientation => yaw_error(truth.yaw, detection.yaw, class.yaw_period()),
        TpError::Velocity => plane_distance(&detection.velocity, &truth.velocity),
        TpError::Attribute if truth.attribute.is_none() => f64::NAN,
        TpError::Attribute => 1.0 - f64::from(u8::from(truth.attribute == detection.attribute)),
    }
}
