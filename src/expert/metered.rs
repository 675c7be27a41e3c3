//! A meter around an expert: the running median of what a batch costs, for the router's budget.

use std::time::Instant;

use super::{Error, Expert, ExpertInput, ExpertMeter, Refinement};
use crate::frame::ExpertKind;
use crate::router::Cost;

/// Measurements that the median looks back on: odd, and short enough to follow a change of clock
/// or load within seconds.
const WINDOW: usize = 31;

/// Median of the last measurements, in memory of fixed size. The first one serves until there is a
/// second and is then forgotten: it is cold (caches, arenas, a device that wakes up).
#[derive(Debug, Clone)]
pub struct RunningMedian {
    latest: [f64; WINDOW],
    count: usize,
    next: usize,
    cold: bool,
}

impl Default for RunningMedian {
    fn default() -> Self {
        Self { latest: [0.0; WINDOW], count: 0, next: 0, cold: true }
    }
}

impl RunningMedian {
    /// Takes a measurement; the oldest of the window goes. Values that are not finite are ignored.
    pub fn push(&mut self, value: f64) {
        if value.is_finite() {
            if self.cold && self.count == 1 {
                (self.count, self.next, self.cold) = (0, 0, false);
            }
            self.latest[self.next] = value;
            self.next = (self.next + 1) % WINDOW;
            self.count = (self.count + 1).min(WINDOW);
        }
    }

    /// Forgets all measurements; the next one counts.
    pub fn clear(&mut self) {
        (self.count, self.next, self.cold) = (0, 0, false);
    }

    /// The median (of an even number: the upper middle); none before the first measurement.
    pub fn get(&self) -> Option<f64> {
        let mut sorted = self.latest;
        let sorted = &mut sorted[..self.count];
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(self.count / 2).copied()
    }
}

/// Measures what a batch of the expert inside takes, wall clock, encoding and decoding included.
/// Runs that end in an error are not measured.
pub struct Metered<E> {
    inner: E,
    prior_ms: Option<f64>,
    batch_ms: RunningMedian,
}

impl<E: Expert> Metered<E> {
    /// Around this expert. `prior_ms` is what a batch is believed to cost before the first run
    /// (the contract's `cost_ms`), if there is a belief.
    pub fn new(inner: E, prior_ms: Option<f64>) -> Self {
        Self { inner, prior_ms, batch_ms: RunningMedian::default() }
    }

    /// What the expert costs by now: the median once measured, before that the prior. What comes
    /// on top for a region or for the first one (the image branch) is for the caller to add.
    pub fn cost(&self) -> Option<Cost> {
        let batch_ms = self.batch_ms.get().or(self.prior_ms)?;
        Some(Cost::batches(self.inner.batch(), batch_ms))
    }

    /// Forgets what it measured, as too old to be believed.
    pub fn forget(&mut self) {
        self.batch_ms.clear();
    }

    /// The expert inside.
    pub fn inner(&self) -> &E {
        &self.inner
    }

    /// The expert inside.
    pub fn inner_mut(&mut self) -> &mut E {
        &mut self.inner
    }
}

impl<E: Expert> Expert for Metered<E> {
    fn kind(&self) -> ExpertKind {
        self.inner.kind()
    }

    fn batch(&self) -> usize {
        self.inner.batch()
    }

    fn needs_image(&self) -> bool {
        self.inner.needs_image()
    }

    fn refine(
        &mut self,
        input: &ExpertInput<'_>,
        regions: &[usize],
        out: &mut Vec<Refinement>,
        meter: &mut ExpertMeter,
    ) -> Result<(), Error> {
        let start = Instant::now();
        self.inner.refine(input, regions, out, meter)?;
        let batches = regions.len().div_ceil(self.inner.batch().max(1));
        if batches > 0 {
            self.batch_ms.push(start.elapsed().as_secs_f64() * 1e3 / batches as f64);
        }
        Ok(())
    }
}
