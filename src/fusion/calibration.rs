//! Score calibration: an expert's raw score in, one that means the same from every expert out.

use super::Error;
use crate::frame::ExpertKind;

/// A piecewise linear, rising curve from 0..1 to 0..1; flat beyond its ends. Empty: the identity.
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
    /// assert_eq!(curve.apply(0.0), 0.1);
    /// assert!((curve.apply(0.4) - 0.3).abs() < 1e-6);
    /// ```
    pub fn apply(&self, score: f32) -> f32 {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return score;
        };
        if score <= first[0] {
            return first[1];
        }
        if score >= last[0] {
            return last[1];
        }
        let above = self.points.partition_point(|point| point[0] <= score);
        if above == 0 || above == self.points.len() {
            return score; // not a number
        }
        let ([x0, y0], [x1, y1]) = (self.points[above - 1], self.points[above]);
        y0 + (score - x0) / (x1 - x0) * (y1 - y0)
    }
}
