//! Area under the whole precision–recall curve, with a bootstrap interval: honest on few frames.
//!
//! The benchmark's figures sample the curve at 41 places, chosen among true matches; on a dozen
//! frames that is coarse. Here every detection is a step. Detections take labels by falling score:
//! each the free label with the largest overlap above the limit, labels that count before labels
//! that do not. Labels count by the filter of "hard". A detection that takes a label which does
//! not count, or takes none and is lower than 25 pixels (or, in the image, lies in a DontCare
//! area), is neither find nor mistake. Equal scores are one step, so no order of files matters.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::judge::counts_if_unused;
use super::matching::Rule;
use super::object::{Difficulty, Judged, Metric, Strictness};
use super::task::Task;

/// Which labels and mistakes count, by horizontal distance from the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Band {
    /// All of them.
    #[serde(rename = "all")]
    All,
    /// Up to 20 m.
    #[serde(rename = "0-20 m")]
    Near,
    /// 20 to 40 m.
    #[serde(rename = "20-40 m")]
    Middle,
    /// 40 to 70 m.
    #[serde(rename = "40-70 m")]
    Far,
}

impl Band {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::All, Self::Near, Self::Middle, Self::Far];

    /// The name in tables and in the JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Near => "0-20 m",
            Self::Middle => "20-40 m",
            Self::Far => "40-70 m",
        }
    }

    fn holds(self, distance_m: f64) -> bool {
        match self {
            Self::All => true,
            Self::Near => distance_m < 20.0,
            Self::Middle => (20.0..40.0).contains(&distance_m),
            Self::Far => (40.0..70.0).contains(&distance_m),
        }
    }
}

/// One area.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Area {
    /// Labels that count.
    pub labels: u64,
    /// Area under the curve, 0..=1; none without labels.
    pub area: Option<f64>,
    /// 2.5 % and 97.5 % of the area over frames drawn with replacement.
    pub interval: Option<[f64; 2]>,
}

/// The areas of a class.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Areas {
    /// Which, with the overlap that a match must exceed, and the area.
    pub rows: Vec<AreaRow>,
}

/// An area and what it is of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AreaRow {
    /// What of two boxes is compared.
    pub metric: Metric,
    /// Which limit.
    pub limit: Strictness,
    /// The overlap that a match must exceed.
    pub overlap: f64,
    /// Which distances.
    pub band: Band,
    /// The figures.
    #[serde(flatten)]
    pub area: Area,
}

impl Areas {
    pub(super) fn push(&mut self, limit: Strictness, rule: Rule, band: Band, area: Area) {
        self.rows.push(AreaRow { metric: rule.metric, limit, overlap: rule.limit, band, area });
    }

    /// The area of a metric, limit and band.
    pub fn get(&self, metric: Metric, limit: Strictness, band: Band) -> Option<Area> {
        let same = |row: &&AreaRow| (row.metric, row.limit, row.band) == (metric, limit, band);
        self.rows.iter().find(same).map(|row| row.area)
    }
}

/// A detection that is a find or a mistake.
#[derive(Debug, Clone, Copy)]
struct Step {
    score: f64,
    frame: u32,
    found: bool,
    /// Whether the next one has a lower score: the curve has a place only there.
    ends_tie: bool,
}

/// Frames drawn with replacement, the same draws for every area; the seed is fixed.
pub(super) struct Draws {
    frames: usize,
    /// How often each frame is in each draw.
    weights: Vec<u8>,
}

impl Draws {
    /// So many draws; fewer, but a hundred, where detections are so many that the ends of the
    /// intervals are sharp anyway.
    pub(super) fn new(frames: usize, detections: usize, draws: usize) -> Self {
        let draws = draws.min((2_000_000 / detections.max(1)).max(100));
        if frames < 2 || draws < 2 {
            return Self { frames, weights: Vec::new() };
        }
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let mut weights = vec![0u8; frames * draws];
        for draw in weights.chunks_exact_mut(frames) {
            for _ in 0..frames {
                let weight = &mut draw[random.random_range(0..frames)];
                *weight = weight.saturating_add(1);
            }
        }
        Self { frames, weights }
    }
}

/// The area of one class, metric, limit and band in each bootstrap draw of frames.
///
/// The draws of two evaluations of the same frames are the same, so that differences can be taken draw
/// by draw: an interval of the difference, not a difference of intervals.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaDraws {
    /// Which class.
    pub class: Judged,
    /// What of two boxes is compared.
    pub metric: Metric,
    /// Which limit.
    pub limit: Strictness,
    /// Which distances.
    pub band: Band,
    /// An area a draw, 0..=1, in the order of the draws; draws without a label are left out. Where
    /// detections are very many there are fewer draws: the first ones of the same row.
    pub areas: Vec<f64>,
}

/// The 2.5 % and 97.5 % points of values; none without a value.
pub fn interval_of(mut values: Vec<f64>) -> Option<[f64; 2]> {
    values.sort_unstable_by(f64::total_cmp);
    (!values.is_empty()).then(|| [at_share(&values, 0.025), at_share(&values, 0.975)])
}

/// The finds and mistakes of one class, metric, limit and band, and the labels to be found.
pub(super) struct Walk {
    pub band: Band,
    /// By falling score; of equal scores in the frames' order.
    steps: Vec<Step>,
    labels_by_frame: Vec<u32>,
}

/// Walks through the frames once for all bands: where frames are many, fetching them from memory takes
/// longer than what is done with them.
pub(super) fn walk(tasks: &[Task], rule: Rule) -> [Walk; Band::ALL.len()] {
    let mut walks = Band::ALL.map(|band| Walk {
        band,
        steps: Vec::new(),
        labels_by_frame: Vec::with_capacity(tasks.len()),
    });
    let mut matcher = Matcher::default();
    for (frame, task) in tasks.iter().enumerate() {
        matcher.sort(task);
        for Walk { band, steps, labels_by_frame } in &mut walks {
            labels_by_frame.push(matcher.run(task, rule, *band, |score, found| {
                steps.push(Step { score, frame: frame as u32, found, ends_tie: true });
            }));
        }
    }
    for Walk { steps, .. } in &mut walks {
        steps.sort_by(|a, b| b.score.total_cmp(&a.score));
        for at in 1..steps.len() {
            steps[at - 1].ends_tie = steps[at].score < steps[at - 1].score;
        }
    }
    walks
}

/// The area, and that of each draw.
pub(super) fn area(walk: &Walk, draws: &Draws) -> (Area, Vec<f64>) {
    let Walk { steps, labels_by_frame, .. } = walk;
    let labels = labels_by_frame.iter().map(|count| u64::from(*count)).sum();
    let mut curve = vec![Place::default(); steps.len() + 1];
    let whole = under_curve(steps, &vec![1; labels_by_frame.len()], labels_by_frame, &mut curve);
    let areas: Vec<f64> = draws
        .weights
        .chunks_exact(draws.frames.max(1))
        .filter_map(|weights| under_curve(steps, weights, labels_by_frame, &mut curve))
        .collect();
    let interval = interval_of(areas.clone());
    (Area { labels, area: whole, interval }, areas)
}

/// The value below which a share of the sorted values lies, interpolated.
fn at_share(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    sorted[low] + part * (sorted[(low + 1).min(sorted.len() - 1)] - sorted[low])
}

/// A place of the curve where recall grew.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    gained: u32,
    hits: u32,
    all: u32,
}

/// Area under the curve, each precision raised to the best at that recall or more; `weights` is how
/// often each frame is there, `curve` working memory for one place more than there are steps.
fn under_curve(steps: &[Step], weights: &[u8], labels: &[u32], curve: &mut [Place]) -> Option<f64> {
    let total: u64 = weights.iter().zip(labels).map(|(w, n)| u64::from(*w) * u64::from(*n)).sum();
    if total == 0 {
        return None;
    }
    let (mut hits, mut before, mut all, mut places) = (0u32, 0u32, 0u32, 0);
    for step in steps {
        let weight = u32::from(weights[step.frame as usize]);
        all += weight;
        hits += weight * u32::from(step.found);
        // Written always, kept only where recall grew: a branch here would be a coin toss.
        curve[places] = Place { gained: hits - before, hits, all };
        let kept = step.ends_tie & (hits > before);
        places += usize::from(kept);
        before = if kept { hits } else { before };
    }
    let (mut area, mut best) = (0.0, 0.0f64);
    for place in curve[..places].iter().rev() {
        best = best.max(f64::from(place.hits) / f64::from(place.all));
        area += f64::from(place.gained) * best;
    }
    Some(area / total as f64)
}

/// Matching by falling score.
#[derive(Debug, Default)]
struct Matcher {
    taken: Vec<bool>,
    order: Vec<u32>,
}

impl Matcher {
    /// Puts the detections of the class in their order, by falling score.
    fn sort(&mut self, task: &Task) {
        self.order.clear();
        let of_class = (0..task.found.len() as u32).filter(|f| task.found[*f as usize].of_class);
        self.order.extend(of_class);
        self.order.sort_by(|a, b| {
            task.found[*b as usize].score.total_cmp(&task.found[*a as usize].score)
        });
    }

    /// Tells each find and mistake of the task that was sorted, with its score; gives how many labels
    /// count.
    fn run(&mut self, task: &Task, rule: Rule, band: Band, mut step: impl FnMut(f64, bool)) -> u32 {
        let d = Difficulty::Hard as usize;
        let counts = |truth: &super::task::Truth| !truth.ignored[d] && band.holds(truth.distance_m);
        self.taken.clear();
        self.taken.resize(task.truths.len(), false);
        for &at in &self.order {
            let found = &task.found[at as usize];
            let open = task.pairs[rule.metric as usize].iter().filter(|pair| {
                pair.found == at && pair.overlap > rule.limit && !self.taken[pair.truth as usize]
            });
            let best = open.max_by(|a, b| {
                let counted = |pair: &super::task::Pair| counts(&task.truths[pair.truth as usize]);
                counted(a).cmp(&counted(b)).then(a.overlap.total_cmp(&b.overlap))
            });
            match best {
                Some(pair) => {
                    self.taken[pair.truth as usize] = true;
                    if counts(&task.truths[pair.truth as usize]) {
                        step(found.score, true);
                    }
                }
                None if counts_if_unused(found, rule, d) && band.holds(found.distance_m) => {
                    step(found.score, false);
                }
                None => {}
            }
        }
        task.truths.iter().filter(|truth| counts(truth)).count() as u32
    }
}
