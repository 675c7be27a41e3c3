//! Who is matched with whom in a frame: greedy, in the order of the label file.
//!
//! Two passes, as in the benchmark's program. The first, by score, collects the scores of true
//! matches, from which the thresholds are chosen. The second, at a threshold, takes the largest
//! overlap and gives the counts.

use super::object::{Difficulty, Metric};
use super::task::{Part, Task};

/// A metric with the overlap that a match must exceed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub metric: Metric,
    pub limit: f64,
}

/// The result of the second pass in one frame, and its working memory.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// For each label that takes part, which detection took it.
    pub taken_by: Vec<Option<u32>>,
    /// For each detection that takes part, whether it took a label.
    pub used: Vec<bool>,
}

impl Matching {
    fn reset(&mut self, task: &Task) {
        self.taken_by.clear();
        self.taken_by.resize(task.truths.len(), None);
        self.used.clear();
        self.used.resize(task.found.len(), false);
    }

    /// The first pass: gives the score of each true match to `score`. A score of -10 000 000 or
    /// less stands for "nothing found" in the benchmark's program and is never taken here.
    pub(super) fn by_score(
        &mut self,
        task: &Task,
        rule: Rule,
        difficulty: Difficulty,
        mut score: impl FnMut(f64),
    ) {
        self.reset(task);
        let d = difficulty as usize;
        for pairs in task.pairs[rule.metric as usize].chunk_by(|a, b| a.truth == b.truth) {
            let mut best = None;
            let mut highest = -1e7;
            for pair in pairs {
                let found = &task.found[pair.found as usize];
                let open = !self.used[pair.found as usize] && found.part[d] != Part::None;
                if open && pair.overlap > rule.limit && found.score > highest {
                    highest = found.score;
                    best = Some(pair.found);
                }
            }
            let Some(best) = best else { continue };
            self.used[best as usize] = true;
            let truth = pairs[0].truth as usize;
            self.taken_by[truth] = Some(best);
            let valid = task.found[best as usize].part[d] == Part::Valid;
            if valid && !task.truths[truth].ignored[d] {
                score(highest);
            }
        }
    }

    /// The second pass: detections with a score below `threshold` are not there.
    pub(super) fn by_overlap(
        &mut self,
        task: &Task,
        rule: Rule,
        difficulty: Difficulty,
        threshold: f64,
    ) {
        self.reset(task);
        let d = difficulty as usize;
        for pairs in task.pairs[rule.metric as usize].chunk_by(|a, b| a.truth == b.truth) {
            let mut best = None;
            let (mut largest, mut best_is_ignored) = (0.0, false);
            for pair in pairs {
                let found = &task.found[pair.found as usize];
                let open = !self.used[pair.found as usize] && found.score >= threshold;
                if !open || !(pair.overlap > rule.limit) {
                    continue;
                }
                match found.part[d] {
                    // Any valid detection goes before an ignored one, whatever their overlaps.
                    Part::Valid if pair.overlap > largest || best_is_ignored => {
                        largest = pair.overlap;
                        best_is_ignored = false;
                        best = Some(pair.found);
                    }
                    Part::Ignored if best.is_none() => {
                        best_is_ignored = true;
                        best = Some(pair.found);
                    }
                    _ => {}
                }
            }
            if let Some(best) = best {
                self.used[best as usize] = true;
                self.taken_by[pairs[0].truth as usize] = Some(best);
            }
        }
    }
}
