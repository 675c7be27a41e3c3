//! What an expert costs: milliseconds for a number of regions, batches included.

use crate::frame::ExpertKind;

/// Cost of an expert. It runs fixed batches, so the first region of a batch pays for all of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Regions of a batch (at least 1).
    pub batch: usize,
    /// One run of the network with its inputs and outputs, ms.
    pub batch_ms: f64,
    /// What each region adds, ms (image windows of APE).
    pub region_ms: f64,
    /// What the first region of a frame adds, ms (decoding the picture for APE).
    pub first_ms: f64,
}

impl Cost {
    /// A cost of batches only.
    pub fn batches(batch: usize, batch_ms: f64) -> Self {
        Self { batch, batch_ms, region_ms: 0.0, first_ms: 0.0 }
    }

    /// All milliseconds times a factor, where that is below 1.
    pub(super) fn scaled(self, factor: f64) -> Self {
        let factor = if factor < 1.0 { factor } else { 1.0 };
        let [batch_ms, region_ms, first_ms] =
            [self.batch_ms, self.region_ms, self.first_ms].map(|ms| factor * ms);
        Self { batch: self.batch, batch_ms, region_ms, first_ms }
    }

    /// Milliseconds for this many regions.
    ///
    /// ```
    /// use emc2::router::Cost;
    /// let cost = Cost::batches(16, 4.0);
    /// assert_eq!((cost.ms(0), cost.ms(1), cost.ms(16), cost.ms(17)), (0.0, 4.0, 4.0, 8.0));
    /// ```
    pub fn ms(&self, regions: usize) -> f64 {
        if regions == 0 {
            return 0.0;
        }
        self.first_ms
            + regions.div_ceil(self.batch.max(1)) as f64 * self.batch_ms
            + regions as f64 * self.region_ms
    }
}

/// Costs of the three experts; the proposal itself and the emergency expert cost nothing here.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Costs {
    known: [Option<Cost>; 3],
}

impl Costs {
    /// Sets what an expert costs; none while it is unknown. Other kinds are ignored.
    pub fn set(&mut self, expert: ExpertKind, cost: Option<Cost>) {
        if let Some(slot) = slot(expert) {
            self.known[slot] = cost;
        }
    }

    /// What an expert costs, if known.
    pub fn get(&self, expert: ExpertKind) -> Option<Cost> {
        slot(expert).and_then(|slot| self.known[slot])
    }

    /// Milliseconds of an expert for this many regions; 0 while its cost is unknown, so that an
    /// expert gets the frames in which it can be measured.
    pub(super) fn ms(&self, expert: ExpertKind, regions: usize) -> f64 {
        self.get(expert).map_or(0.0, |cost| cost.ms(regions))
    }
}

/// Position of a model expert in tables of three: LPE, VEE, APE.
pub(super) fn slot(expert: ExpertKind) -> Option<usize> {
    match expert {
        ExpertKind::Lpe => Some(0),
        ExpertKind::Vee => Some(1),
        ExpertKind::Ape => Some(2),
        ExpertKind::Bridge | ExpertKind::Emergency => None,
    }
}

/// The expert at a position of such a table.
pub(super) const EXPERTS: [ExpertKind; 3] = [ExpertKind::Lpe, ExpertKind::Vee, ExpertKind::Ape];
