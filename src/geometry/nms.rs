//! Rotated non-maximum suppression: boxes and scores in, the indices of those kept out.
//!
//! Greedy, best score first, as every detector of this field does it: a box is suppressed when its
//! footprint overlaps (IoU) that of a better kept box by more than the limit.

use super::{BevRect, Box3};

/// Non-maximum suppression with its own scratch: once it has seen the largest input, it allocates
/// nothing.
///
/// ```
/// use emc2::geometry::{Box3, Nms};
///
/// let car = Box3::new([10.0, 0.0, -1.0], [4.0, 1.8, 1.5], 0.0);
/// let nearly = Box3 { yaw: 0.1, ..car };
/// let other = Box3 { center: [30.0, 0.0, -1.0], ..car };
/// let mut nms = Nms::default();
/// assert_eq!(nms.suppress(&[car, nearly, other], &[0.6, 0.9, 0.7], 0.3), [1, 2]);
/// ```
#[derive(Debug, Default, Clone)]
pub struct Nms {
    order: Vec<usize>,
    kept: Vec<usize>,
    kept_rects: Vec<BevRect>,
}

impl Nms {
    /// Scratch for up to `count` boxes.
    pub fn with_capacity(count: usize) -> Self {
        Self {
            order: Vec::with_capacity(count),
            kept: Vec::with_capacity(count),
            kept_rects: Vec::with_capacity(count),
        }
    }

    /// Indices of the kept boxes, best score first. `iou_limit` is the footprint IoU above which
    /// the worse box goes. Of equal scores the earlier box counts as better; a score that is not a
    /// number counts as the worst. `boxes` and `scores` are of one length; what the longer of the
    /// two has over is ignored.
    pub fn suppress(&mut self, boxes: &[Box3], scores: &[f32], iou_limit: f64) -> &[usize] {
        self.suppress_where(boxes, scores, iou_limit, |_, _| true)
    }

    /// As [`Nms::suppress`], but a box can only be suppressed by one for which
    /// `comparable(better, worse)` holds, such as a box of the same class.
    pub fn suppress_where(
        &mut self,
        boxes: &[Box3],
        scores: &[f32],
        iou_limit: f64,
        comparable: impl Fn(usize, usize) -> bool,
    ) -> &[usize] {
        let count = boxes.len().min(scores.len());
        let key = |i: usize| if scores[i].is_nan() { f32::NEG_INFINITY } else { scores[i] };
        self.order.clear();
        self.order.extend(0..count);
        // The index breaks ties, so an unstable sort (no allocation) is deterministic.
        self.order.sort_unstable_by(|&a, &b| key(b).total_cmp(&key(a)).then(a.cmp(&b)));
        self.kept.clear();
        self.kept_rects.clear();
        for &candidate in &self.order {
            let rect = boxes[candidate].footprint();
            let hidden = self.kept.iter().zip(&self.kept_rects).any(|(&better, better_rect)| {
                rect.iou(better_rect) > iou_limit && comparable(better, candidate)
            });
            if !hidden {
                self.kept.push(candidate);
                self.kept_rects.push(rect);
            }
        }
        &self.kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geometry::bev_overlap;

    proptest! {
        #[test]
        fn kept_boxes_do_not_overlap_and_suppressed_ones_have_a_better_neighbour(
            raw in prop::collection::vec(
                (prop::array::uniform2(-15.0..15.0f64), -3.0..3.0f64, 0u8..20), 0..60),
            limit in 0.05..0.7f64,
        ) {
            let boxes: Vec<_> = raw.iter()
                .map(|r| Box3::new([r.0[0], r.0[1], 0.0], [4.0, 1.8, 1.5], r.1)).collect();
            let scores: Vec<_> = raw.iter().map(|r| f32::from(r.2) / 20.0).collect();
            let mut nms = Nms::default();
            let kept = nms.suppress(&boxes, &scores, limit).to_vec();
            prop_assert_eq!(&kept, nms.suppress(&boxes, &scores, limit));
            for (k, &i) in kept.iter().enumerate() {
                for &j in &kept[k + 1..] {
                    prop_assert!(bev_overlap(&boxes[i], &boxes[j]) <= limit + 1e-12);
                    prop_assert!(scores[i] > scores[j] || (scores[i] == scores[j] && i < j));
                }
            }
            for i in (0..boxes.len()).filter(|i| !kept.contains(i)) {
                prop_assert!(kept.iter().any(|&k| scores[k] >= scores[i]
                    && bev_overlap(&boxes[i], &boxes[k]) > limit - 1e-12));
            }
        }
    }

    #[test]
    fn ties_go_to_the_earlier_box_and_nan_scores_last() {
        let b = Box3::new([0.0; 3], [4.0, 2.0, 1.5], 0.0);
        let mut nms = Nms::default();
        assert_eq!(nms.suppress(&[b, b, b], &[0.5, 0.5, f32::NAN], 0.5), [0]);
        assert_eq!(nms.suppress(&[b, b], &[f32::NAN, 0.1], 0.5), [1]);
        assert!(nms.suppress(&[], &[], 0.5).is_empty());
    }

    #[test]
    fn only_comparable_boxes_suppress() {
        let b = Box3::new([0.0; 3], [4.0, 2.0, 1.5], 0.0);
        let mut nms = Nms::default();
        let class = [0, 1, 0];
        let kept = nms.suppress_where(&[b; 3], &[0.9, 0.8, 0.7], 0.5, |a, c| class[a] == class[c]);
        assert_eq!(kept, [0, 1]);
    }
}
