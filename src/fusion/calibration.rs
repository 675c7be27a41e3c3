//! Score calibration: an expert's raw score in, one that means the same from every expert out.

use super::Error;
use crate::frame::ExpertKind;

/// A piecewise linear, rising curve from 0..1 to 0..1. Beyond its ends it goes straight on to (0, 0) and
/// (1, 1): flat ends would make equals of all scores there, and the best boxes would lose their order.
/// Empty: the identity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    points: Vec<[f32; 2]>,
}

impl Curve {
    /// Checks a table `[raw, calibrated]`: raw scores strictly rising, calibrated ones never
    /// falling, all in 0..1. `expert` is named in the error.
    pub fn new(expert: ExpertKind, table: &[[f32; 2]]) -> Result<Self, Error> {
        let wrong = |row: usize, expected| {
            Err(Error::Calibration { expert, row, expected, found: table[row] })
        };
        for (row, [raw, calibrated]) in table.iter().enumerate() {
            if !(0.0..=1.0).contains(raw) || !(0.0..=1.0).contains(calibrated) {
                return wrong(row, "two scores in 0..1");
            }
            if row > 0 && table[row - 1][0] >= *raw {
                return wrong(row, "a raw score above that of the row before");
            }
            if row > 0 && table[row - 1][1] > *calibrated {
                return wrong(row, "a calibrated score not below that of the row before");
            }
        }
        if table.len() == 1 {
            return wrong(0, "at least two rows");
        }
        Ok(Self { points: table.to_vec() })
    }

    /// The calibrated score. What is not a number stays so.
    ///
    /// ```
    /// use emc2::{frame::ExpertKind, fusion::Curve};
    /// let curve = Curve::new(ExpertKind::Lpe, &[[0.2, 0.1], [0.6, 0.5]]).unwrap();
    /// assert!((curve.apply(0.4) - 0.3).abs() < 1e-6);
    /// assert!((curve.apply(0.8) - 0.75).abs() < 1e-6);
    /// assert_eq!([curve.apply(0.0), curve.apply(1.0)], [0.0, 1.0]);
    /// ```
    pub fn apply(&self, score: f32) -> f32 {
        if self.points.is_empty() || score.is_nan() {
            return score;
        }
        let score = score.clamp(0.0, 1.0);
        let above = self.points.partition_point(|point| point[0] <= score);
        let below = if above == 0 { [0.0, 0.0] } else { self.points[above - 1] };
        let above = self.points.get(above).copied().unwrap_or([1.0, 1.0]);
        if score <= below[0] || above[0] <= below[0] {
            return below[1];
        }
        let ([x0, y0], [x1, y1]) = (below, above);
        y0 + (score - x0) / (x1 - x0) * (y1 - y0)
    }
}
