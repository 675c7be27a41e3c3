//! The whole evaluation: frames become curves for each class, metric and difficulty.
//!
//! Work is parted into jobs (class × metric × limit, curves or areas) that threads take in turn; each
//! job is done by one thread in the frames' order, so the figures do not depend on their number.

use super::area::{self, AreaDraws, Areas};
use super::curve::{Point, Values, falling, thresholds};
use super::matching::{Matching, Rule};
use super::object::{Difficulty, Judged, Metric, Strictness};
use super::read::Frame;
use super::task::{FrameShapes, Part, Task};
use crate::eval::parallel::{in_turn, threads, try_map};

/// What is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Which classes.
    pub classes: Vec<Judged>,
    /// Draws of the bootstrap over frames behind each interval; none gives no intervals.
    pub draws: usize,
    /// Threads; all cores where it is 0.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { classes: Judged::ALL.to_vec(), draws: 1000, threads: 0 }
    }
}

/// The figures of one class, metric and difficulty.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Labels to be found.
    pub labels: u64,
    /// The counts at each threshold, by falling score.
    pub points: Vec<Point>,
    /// Precision at the 41 positions.
    pub precision: Values,
    /// Orientation similarity at the 41 positions; none if it is not judged.
    pub similarity: Option<Values>,
}

/// The three difficulties of one class and metric.
pub type Curves = [Curve; 3];

/// All figures of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassFigures {
    /// Which class.
    pub class: Judged,
    /// By metric, with the benchmark's limits; none where the results lack what it needs.
    pub official: [Option<Curves>; 3],
    /// From above and in 3D with the loose limits (in the image they are the same: none there).
    pub loose: [Option<Curves>; 3],
    /// Areas under whole curves, with intervals, over all and by distance.
    pub areas: Areas,
}

/// The result of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Frames judged.
    pub frames: usize,
    /// By class, as asked for.
    pub classes: Vec<ClassFigures>,
}

/// Judges the detections of all frames by the benchmark's rules.
///
/// ```
/// use emc2::eval::kitti::{self, Difficulty, Entry, Frame, Metric, Options};
/// let label = "Car 0.00 0 1.55 300 150 400 250 1.5 1.6 3.9 -3.0 1.7 12.0 1.57";
/// let frame = Frame {
///     id: "000000".to_owned(),
///     labels: vec![Entry::new(1, label.parse()?)],
///     detections: vec![Entry::new(1, format!("{label} 0.9").parse()?)],
/// };
/// let found = kitti::evaluate(&[frame], &Options::default());
/// let car = &found.classes[0].official[Metric::Box3d as usize].as_ref().unwrap();
/// assert_eq!(car[Difficulty::Moderate as usize].points[0].true_positives, 1);
/// # Ok::<(), emc2::sensor::kitti::row::RowError>(())
/// ```
pub fn evaluate(frames: &[Frame], options: &Options) -> Evaluation {
    evaluate_with_draws(frames, options).0
}

/// As [`evaluate`], with the area of every bootstrap draw: what a comparison of two detectors on the
/// same frames takes differences of.
pub fn evaluate_with_draws(frames: &[Frame], options: &Options) -> (Evaluation, Vec<AreaDraws>) {
    let threads = threads(options.threads);
    let tasks = tasks(frames, &options.classes, threads);
    let present: Vec<[bool; 3]> =
        options.classes.iter().map(|class| judgeable(frames, *class)).collect();
    // One odd detection anywhere is enough: the benchmark's program works so.
    let with_similarity =
        !frames.iter().flat_map(|frame| &frame.detections).any(|found| found.row.alpha == -10.0);
    let mut jobs = Vec::new();
    for (index, &class) in options.classes.iter().enumerate() {
        for metric in Metric::ALL {
            for strictness in [Strictness::Official, Strictness::Loose] {
                let same = strictness == Strictness::Loose && metric == Metric::Image;
                if present[index][metric as usize] && !same {
                    let rule = Rule { metric, limit: class.limit(strictness, metric) };
                    jobs.push(Job::Curves(index, rule, strictness));
                    jobs.push(Job::Walk(index, rule, strictness));
                }
            }
        }
    }
    let detections = frames.iter().map(|frame| frame.detections.len()).sum();
    let draws = area::Draws::new(frames.len(), detections, options.draws);
    let done = in_turn(&jobs, threads, |job| match job {
        Job::Curves(index, rule, _) => {
            let similarity = with_similarity && rule.metric == Metric::Image;
            Done::Curves(Box::new(curves(&tasks[*index], *rule, similarity)))
        }
        Job::Walk(index, rule, _) => Done::Walks(Box::new(area::walk(&tasks[*index], *rule))),
    });
    let mut classes: Vec<ClassFigures> = options
        .classes
        .iter()
        .map(|&class| ClassFigures {
            class,
            official: [const { None }; 3],
            loose: [const { None }; 3],
            areas: Areas::default(),
        })
        .collect();
    let mut walks = Vec::new();
    for (job, done) in jobs.iter().zip(done) {
        match (job, done) {
            (Job::Curves(index, rule, strictness), Done::Curves(curves)) => {
                let class = &mut classes[*index];
                let table = match strictness {
                    Strictness::Official => &mut class.official,
                    Strictness::Loose => &mut class.loose,
                };
                table[rule.metric as usize] = Some(*curves);
            }
            (Job::Walk(index, rule, strictness), Done::Walks(bands)) => {
                walks.extend(bands.map(|walk| (*index, *rule, *strictness, walk)));
            }
            _ => {}
        }
    }
    let areas = in_turn(&walks, threads, |(.., walk)| area::area(walk, &draws));
    let mut drawn = Vec::with_capacity(walks.len());
    for ((index, rule, limit, walk), (area, areas)) in walks.iter().zip(areas) {
        let (band, class) = (walk.band, &mut classes[*index]);
        class.areas.push(*limit, *rule, band, area);
        let (class, metric, limit) = (class.class, rule.metric, *limit);
        drawn.push(AreaDraws { class, metric, limit, band, areas });
    }
    (Evaluation { frames: frames.len(), classes }, drawn)
}

enum Job {
    Curves(usize, Rule, Strictness),
    Walk(usize, Rule, Strictness),
}

enum Done {
    Curves(Box<Curves>),
    Walks(Box<[area::Walk; area::Band::ALL.len()]>),
}

/// By class, then frame.
fn tasks(frames: &[Frame], classes: &[Judged], threads: usize) -> Vec<Vec<Task>> {
    let Ok(by_frame) = try_map(frames, threads, |frame| {
        let shapes = FrameShapes::new(frame);
        let tasks: Vec<Task> =
            classes.iter().map(|class| Task::new(frame, &shapes, *class)).collect();
        Ok::<_, std::convert::Infallible>(tasks)
    });
    let mut by_class: Vec<Vec<Task>> =
        classes.iter().map(|_| Vec::with_capacity(frames.len())).collect();
    for tasks in by_frame {
        for (class, task) in by_class.iter_mut().zip(tasks) {
            class.push(task);
        }
    }
    by_class
}

/// Whether a class can be judged by each metric: one detection with the fields it needs is enough.
fn judgeable(frames: &[Frame], class: Judged) -> [bool; 3] {
    let mut present = [false; 3];
    let of_class = |found: &&super::Entry| found.class == Some(class.class());
    for found in frames.iter().flat_map(|frame| &frame.detections).filter(of_class) {
        let row = &found.row;
        let [x, y, z] = row.location;
        let [h, w, l] = row.size_hwl;
        let on_ground = x != -1000.0 && z != -1000.0 && w > 0.0 && l > 0.0;
        present[Metric::Image as usize] |= row.bbox[0] >= 0.0;
        present[Metric::Bev as usize] |= on_ground;
        present[Metric::Box3d as usize] |= on_ground && y != -1000.0 && h > 0.0;
    }
    present
}

/// The curves of the three difficulties: the frames are walked through twice, not six times.
fn curves(tasks: &[Task], rule: Rule, similarity: bool) -> Curves {
    let mut matching = Matching::default();
    let mut first = [const { FirstPass::new() }; 3];
    for task in tasks {
        for (difficulty, pass) in Difficulty::ALL.into_iter().zip(&mut first) {
            let d = difficulty as usize;
            pass.labels += task.truths.iter().filter(|truth| !truth.ignored[d]).count() as u64;
            matching.by_score(task, rule, difficulty, |score| pass.scores.push(score));
            let counted = task.found.iter().filter(|found| counts_if_unused(found, rule, d));
            pass.mistakes.extend(counted.map(|found| found.score));
        }
    }
    let mut all = first.map(|pass| (pass.labels, pass.points()));
    let mut paired = Vec::new();
    for task in tasks.iter().filter(|task| !task.pairs[rule.metric as usize].is_empty()) {
        paired.clear();
        let pairs = &task.pairs[rule.metric as usize];
        paired.extend(pairs.iter().map(|pair| task.found[pair.found as usize].score));
        paired.sort_unstable_by(|a, b| b.total_cmp(a));
        for (difficulty, (_, points)) in Difficulty::ALL.into_iter().zip(&mut all) {
            let (mut active, mut change) = (0, Point::default());
            for point in points {
                // Nothing changes in this frame until the threshold lets one more detection in.
                let now =
                    active + paired[active..].iter().take_while(|s| **s >= point.score).count();
                if now != active {
                    active = now;
                    matching.by_overlap(task, rule, difficulty, point.score);
                    change = counts(task, &matching, rule, difficulty as usize, similarity);
                }
                point.true_positives += change.true_positives;
                point.false_positives -= change.false_positives;
                point.false_negatives -= change.false_negatives;
                point.similarity += change.similarity;
            }
        }
    }
    all.map(|(labels, points)| {
        let of_all = |point: &Point| (point.true_positives + point.false_positives) as f64;
        let precision = falling(&points, |point| point.true_positives as f64 / of_all(point));
        let similarity =
            similarity.then(|| falling(&points, |point| point.similarity / of_all(point)));
        Curve { labels, points, precision, similarity }
    })
}

/// What the first pass collects for one difficulty.
struct FirstPass {
    labels: u64,
    /// Of true matches.
    scores: Vec<f64>,
    /// Of detections that are mistakes if they match nothing.
    mistakes: Vec<f64>,
}

impl FirstPass {
    const fn new() -> Self {
        Self { labels: 0, scores: Vec::new(), mistakes: Vec::new() }
    }

    /// The thresholds, with the counts as if nothing matched.
    fn points(mut self) -> Vec<Point> {
        let chosen = thresholds(&mut self.scores, self.labels);
        // How many mistakes each threshold lets in that the one before does not; thresholds fall.
        let mut new = vec![0u64; chosen.len() + 1];
        for mistake in &self.mistakes {
            new[chosen.partition_point(|score| *mistake < *score)] += 1;
        }
        let mut false_positives = 0;
        let points = chosen.into_iter().zip(new).map(|(score, new)| {
            false_positives += new;
            Point { score, false_positives, false_negatives: self.labels, ..Point::default() }
        });
        points.collect()
    }
}

/// Whether a detection is a mistake unless it takes a label.
pub(super) fn counts_if_unused(found: &super::task::Found, rule: Rule, d: usize) -> bool {
    found.part[d] == Part::Valid && !(found.dont_care[rule.metric as usize] > rule.limit)
}

/// What a frame's matching takes off: mistakes that took a label, labels that were taken.
fn counts(task: &Task, matching: &Matching, rule: Rule, d: usize, similarity: bool) -> Point {
    let mut counts = Point::default();
    for (truth, taken_by) in task.truths.iter().zip(&matching.taken_by) {
        let Some(found) = taken_by.map(|found| &task.found[found as usize]) else { continue };
        counts.false_positives += u64::from(counts_if_unused(found, rule, d));
        if truth.ignored[d] {
            continue;
        }
        counts.false_negatives += 1;
        if found.part[d] == Part::Valid {
            counts.true_positives += 1;
            if similarity {
                counts.similarity += (1.0 + (truth.alpha - found.alpha).cos()) / 2.0;
            }
        }
    }
    counts
}
