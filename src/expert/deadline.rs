//! A deadline around an expert: what has not begun in time stays a proposal.

use std::time::Instant;

use super::{Error, Expert, ExpertInput, ExpertMeter, Refinement};
use crate::frame::{Degradation, ExpertKind};

/// Hands an expert one batch at a time and looks at the clock before each. Regions that have not
/// begun when the deadline passes come back as proposals with [`Degradation::Deadline`]; a batch
/// that has begun is finished.
pub struct Deadline<E, C = fn() -> Instant> {
    inner: E,
    at: Option<Instant>,
    now: C,
}

impl<E: Expert> Deadline<E> {
    /// Around this expert, with no deadline yet.
    pub fn new(inner: E) -> Self {
        Self::with_clock(inner, Instant::now)
    }
}

impl<E: Expert, C: FnMut() -> Instant + Send> Deadline<E, C> {
    /// With a clock of the caller's own.
    pub fn with_clock(inner: E, now: C) -> Self {
        Self { inner, at: None, now }
    }

    /// Sets the moment; none for no deadline.
    pub fn set(&mut self, at: Option<Instant>) {
        self.at = at;
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

impl<E: Expert, C: FnMut() -> Instant + Send> Expert for Deadline<E, C> {
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
        let Some(at) = self.at else {
            return self.inner.refine(input, regions, out, meter);
        };
        let before = out.len();
        for batch in regions.chunks(self.inner.batch().max(1)) {
            if (self.now)() >= at {
                let late = Degradation::Deadline.into();
                let kept = batch.iter().map(|&r| Refinement::proposal(input.scene, r, late));
                out.extend(kept);
            } else if let Err(error) = self.inner.refine(input, batch, out, meter) {
                out.truncate(before);
                return Err(error);
            }
        }
        Ok(())
    }
}
