//! From the bridge model's outputs to proposals: `heatmap` and `boxes` in, boxes with confidence
//! out, by descending confidence, at most so many, without doubles.
//!
//! Peaks of a centre heat map are objects, as in CenterPoint (arXiv 2006.11275). Beside a peak a cell
//! speaks as well if the centre of its own box lies in it: of two people who walk together, less than
//! two cells apart, only one can be a peak. Suppression settles what is the same object. The numbers
//! of a cell are read as `models/FEATURES.md` says. A cell's sigmoid says that an object is there, the
//! overlap output how good its box is; the confidence is their weighted geometric mean.

use std::f32::consts::{FRAC_PI_4, PI};

use crate::config::BridgeConfig;
use crate::frame::{Class, Dropped};
use crate::geometry::{BevRect, Box3};

use super::layout::BOX_CHANNELS;
use super::{GridLayout, Proposal, ProposalSource, sigmoid};

/// A cell of the heat map that proposes something, with its decoded box.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    confidence: f32,
    cell: u32,
    class_index: u32,
    box3: Box3,
}

/// Decodes one model's outputs; its memory is reused.
#[derive(Debug)]
pub struct Decoder {
    classes: Vec<Class>,
    /// Least logit of each class.
    thresholds: Vec<f32>,
    overlap_weight: f32,
    max_proposals: usize,
    nms_overlap: f64,
    candidates: Vec<Candidate>,
    footprints: Vec<BevRect>,
}

impl Decoder {
    /// A decoder for the classes of a contract. `overlap_weight` is the contract's g. A class other
    /// than Car, Pedestrian and Cyclist takes the Car's confidence limit.
    pub fn new(config: &BridgeConfig, classes: &[Class], overlap_weight: f32) -> Self {
        let least = |class: &Class| match class {
            Class::Pedestrian => config.min_confidence[1],
            Class::Cyclist => config.min_confidence[2],
            _ => config.min_confidence[0],
        };
        Self {
            classes: classes.to_vec(),
            thresholds: classes.iter().map(|class| logit(least(class))).collect(),
            overlap_weight,
            max_proposals: config.max_proposals,
            nms_overlap: config.nms_overlap,
            candidates: Vec::with_capacity(1024),
            footprints: Vec::with_capacity(config.max_proposals),
        }
    }

    /// Fills `proposals` (cleared first) by descending confidence; ties in the order of cells, then
    /// of classes. `heatmap` is `[1, classes, nx, ny]` over the coarse grid, `boxes` `[1, 10 * classes,
    /// nx, ny]`, or `[1, 10, nx, ny]` where all classes share their boxes; `origin_height` is the sensor's height above nominal ground, m.
    ///
    /// Suppression runs from the best proposal down and stops when the limit is reached: the rest
    /// is counted as over the limit.
    ///
    /// # Panics
    /// When an output is not of the layout's size (the bridge checks the contract beforehand).
    pub fn decode(
        &mut self,
        layout: &GridLayout,
        origin_height: f32,
        (heatmap, boxes): (&[f32], &[f32]),
        proposals: &mut Vec<Proposal>,
        dropped: &mut Dropped,
    ) {
        let plane = layout.coarse_cells();
        assert_eq!(heatmap.len(), self.classes.len() * plane);
        let sets = boxes.len() / (BOX_CHANNELS * plane);
        assert!(sets == 1 || sets == self.classes.len());
        assert_eq!(boxes.len(), sets * BOX_CHANNELS * plane);
        self.candidates.clear();
        for (class_index, logits) in heatmap.chunks_exact(plane).enumerate() {
            let threshold = self.thresholds[class_index];
            let own = if sets == 1 { 0 } else { class_index };
            let boxes = &boxes[own * BOX_CHANNELS * plane..][..BOX_CHANNELS * plane];
            find_cells(logits, threshold, |cell| {
                if !holds_its_box(boxes, plane, cell) && !is_peak(logits, layout.coarse()[1], cell)
                {
                    return;
                }
                let box3 = decode_box(layout, boxes, cell, origin_height);
                let overlap = sigmoid(boxes[9 * plane + cell]);
                let confidence = sigmoid(logits[cell]).powf(1.0 - self.overlap_weight)
                    * overlap.powf(self.overlap_weight);
                if box3.is_finite() && confidence.is_finite() {
                    let (cell, class_index) = (cell as u32, class_index as u32);
                    self.candidates.push(Candidate { confidence, cell, class_index, box3 });
                } else {
                    dropped.boxes_not_finite += 1;
                }
            });
        }
        self.candidates.sort_unstable_by(|a, b| {
            b.confidence
                .total_cmp(&a.confidence)
                .then(a.cell.cmp(&b.cell))
                .then(a.class_index.cmp(&b.class_index))
        });
        self.suppress(proposals, dropped);
    }

    /// Greedy rotated suppression within each class, best first.
    fn suppress(&mut self, proposals: &mut Vec<Proposal>, dropped: &mut Dropped) {
        proposals.clear();
        self.footprints.clear();
        for (k, candidate) in self.candidates.iter().enumerate() {
            if proposals.len() == self.max_proposals {
                dropped.proposals_over_limit += (self.candidates.len() - k) as u64;
                break;
            }
            let footprint = candidate.box3.footprint();
            let class_index = candidate.class_index as usize;
            let double = proposals.iter().zip(&self.footprints).any(|(better, other)| {
                better.class_index == class_index && footprint.iou(other) > self.nms_overlap
            });
            if double {
                dropped.proposals_suppressed += 1;
                continue;
            }
            self.footprints.push(footprint);
            proposals.push(Proposal {
                class: self.classes[class_index],
                class_index,
                box3: candidate.box3,
                confidence: candidate.confidence,
                source: ProposalSource::Bev,
            });
        }
    }
}

/// Calls `found` with each cell above the threshold.
fn find_cells(logits: &[f32], threshold: f32, mut found: impl FnMut(usize)) {
    // Most of the map is far below: look at stretches first, which vectorises.
    const STRETCH: usize = 16;
    for (stretch, values) in logits.chunks(STRETCH).enumerate() {
        if !values.iter().fold(false, |any, value| any | (*value > threshold)) {
            continue;
        }
        for (k, value) in values.iter().enumerate() {
            if *value > threshold {
                found(stretch * STRETCH + k);
            }
        }
    }
}

/// Whether the centre of a cell's box lies in the cell itself, edges included.
fn holds_its_box(boxes: &[f32], plane: usize, cell: usize) -> bool {
    boxes[cell].abs() <= 0.5 && boxes[plane + cell].abs() <= 0.5
}

/// Whether none of the eight neighbours exceeds the cell; of equal ones the lower index wins.
/// `columns` is the length of a row.
fn is_peak(logits: &[f32], columns: usize, cell: usize) -> bool {
    let (row, column) = (cell / columns, cell % columns);
    let rows = logits.len() / columns;
    for other_row in row.saturating_sub(1)..=(row + 1).min(rows - 1) {
        for other_column in column.saturating_sub(1)..=(column + 1).min(columns - 1) {
            let other = other_row * columns + other_column;
            let beaten =
                logits[other] > logits[cell] || (logits[other] == logits[cell] && other < cell);
            if beaten {
                return false;
            }
        }
    }
    true
}

/// The box that a coarse cell describes, LiDAR frame.
fn decode_box(layout: &GridLayout, boxes: &[f32], cell: usize, origin_height: f32) -> Box3 {
    let plane = layout.coarse_cells();
    let value = |channel: usize| boxes[channel * plane + cell];
    let columns = layout.coarse()[1];
    let [x, y] = layout.coarse_center(cell / columns, cell % columns);
    let center = [
        x + value(0) * layout.coarse_cell,
        y + value(1) * layout.coarse_cell,
        value(2) - origin_height,
    ];
    let size = [value(3).exp(), value(4).exp(), value(5).exp()];
    let yaw = decode_yaw(value(6), value(7), value(8));
    Box3::new(center.map(f64::from), size.map(f64::from), f64::from(yaw))
}

/// Axis from the doubled angle, direction from the heading logit; -pi..pi.
fn decode_yaw(sin: f32, cos: f32, heading: f32) -> f32 {
    let mut axis = 0.5 * sin.atan2(cos);
    if axis < -FRAC_PI_4 {
        axis += PI;
    }
    if heading > 0.0 {
        axis
    } else {
        let yaw = axis - PI;
        if yaw < -PI { yaw + 2.0 * PI } else { yaw }
    }
}

/// Inverse of the sigmoid, ±infinity at 0 and 1.
fn logit(share: f32) -> f32 {
    let share = f64::from(share).clamp(0.0, 1.0);
    (share / (1.0 - share)).ln() as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn maps(layout: &GridLayout) -> (Vec<f32>, Vec<f32>) {
        (vec![-9.0; 3 * layout.coarse_cells()], vec![0.0; BOX_CHANNELS * layout.coarse_cells()])
    }

    fn decode(heatmap: &[f32], boxes: &[f32], config: &BridgeConfig) -> (Vec<Proposal>, Dropped) {
        let classes = [Class::Car, Class::Pedestrian, Class::Cyclist];
        let mut decoder = Decoder::new(config, &classes, 0.5);
        let (mut proposals, mut dropped) = (Vec::new(), Dropped::default());
        let layout = GridLayout::default();
        decoder.decode(&layout, 1.73, (heatmap, boxes), &mut proposals, &mut dropped);
        (proposals, dropped)
    }

    proptest! {
        #[test]
        fn any_yaw_survives_its_own_encoding(yaw in -PI..PI) {
            let heading = if (-FRAC_PI_4..3.0 * FRAC_PI_4).contains(&yaw) { 1.0 } else { -1.0 };
            let found = decode_yaw((2.0 * yaw).sin(), (2.0 * yaw).cos(), heading);
            let error = (found - yaw).rem_euclid(2.0 * PI);
            // At the very edge of the half circle rounding may land on the other axis end.
            let at_edge = (yaw + FRAC_PI_4).abs() < 1e-3 || (yaw - 3.0 * FRAC_PI_4).abs() < 1e-3;
            prop_assert!(at_edge || error.min(2.0 * PI - error) < 1e-5, "{yaw} {found}");
            prop_assert!((-PI..=PI).contains(&found));
        }
    }

    #[test]
    fn a_cell_is_read_as_documented() {
        let layout = GridLayout::default();
        let plane = layout.coarse_cells();
        let (mut heatmap, mut boxes) = maps(&layout);
        let cell = 50 * 200 + 30;
        heatmap[plane + cell] = 2.0;
        let (l, w, h) = (0.9_f32, 0.7_f32, 1.8_f32);
        let values = [0.25, -0.5, 0.9, l.ln(), w.ln(), h.ln(), 0.0, -1.0, -3.0, 1.0];
        for (channel, value) in values.into_iter().enumerate() {
            boxes[channel * plane + cell] = value;
        }
        let (proposals, dropped) = decode(&heatmap, &boxes, &BridgeConfig::default());
        assert_eq!(dropped, Dropped::default());
        let [proposal] = proposals[..] else { panic!("one proposal") };
        assert_eq!(proposal.class, Class::Pedestrian);
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-5, "{found}");
        near(proposal.box3.center[0], 50.5 * 0.4 + 0.1);
        near(proposal.box3.center[1], -40.0 + 30.5 * 0.4 - 0.2);
        near(proposal.box3.center[2], 0.9 - 1.73);
        near(proposal.box3.size[0], 0.9);
        near(proposal.box3.yaw, -std::f64::consts::FRAC_PI_2);
        let (heat, overlap) = (1.0 / (1.0 + (-2_f64).exp()), 1.0 / (1.0 + (-1_f64).exp()));
        near(f64::from(proposal.confidence), (heat * overlap).sqrt());
    }

    #[test]
    fn each_class_has_its_own_box_where_the_network_gives_one() {
        let layout = GridLayout::default();
        let plane = layout.coarse_cells();
        let (mut heatmap, cell) = (maps(&layout).0, 9_000);
        heatmap[plane + cell] = 2.0;
        heatmap[2 * plane + cell] = 1.0;
        let mut boxes = vec![0.0; 3 * BOX_CHANNELS * plane];
        let lengths = [4.0_f32, 0.8, 1.8];
        for (class, length) in lengths.iter().enumerate() {
            boxes[(class * BOX_CHANNELS + 3) * plane + cell] = length.ln();
        }
        let (proposals, _) = decode(&heatmap, &boxes, &BridgeConfig::default());
        let found: Vec<_> =
            proposals.iter().map(|p| (p.class_index, p.box3.size[0] as f32)).collect();
        assert_eq!(found, [(1, 0.8), (2, 1.8)]);
    }

    #[test]
    fn two_who_walk_together_are_two_although_one_alone_is_a_peak() {
        let layout = GridLayout::default();
        let plane = layout.coarse_cells();
        let (mut heatmap, mut boxes) = maps(&layout);
        let (first, second, third) = (9_000, 9_001, 9_002);
        for (cell, logit, across) in [(first, 2.0, -0.4), (second, 1.0, 0.45), (third, 0.5, -0.55)]
        {
            heatmap[plane + cell] = logit;
            boxes[plane + cell] = across;
            for (channel, metres) in [(3, 0.7_f32), (4, 0.6), (5, 1.75)] {
                boxes[channel * plane + cell] = metres.ln();
            }
        }
        let (proposals, dropped) = decode(&heatmap, &boxes, &BridgeConfig::default());
        // The third has its box in the second's cell and is no peak: it says nothing.
        assert_eq!((proposals.len(), dropped.proposals_suppressed), (2, 0));
        let across = proposals[1].box3.center[1] - proposals[0].box3.center[1];
        assert!((across - 0.74).abs() < 1e-5, "{across}");
    }

    #[test]
    fn of_equal_neighbours_one_peak_remains_the_first() {
        let mut map = vec![-5.0; 40];
        for cell in [0, 1, 8, 9, 39] {
            map[cell] = 1.0;
        }
        let mut peaks = Vec::new();
        find_cells(&map, 0.0, |cell| peaks.push(cell));
        assert_eq!(peaks, [0, 1, 8, 9, 39]);
        peaks.retain(|&cell| is_peak(&map, 8, cell));
        assert_eq!(peaks, [0, 39]);
    }

    #[test]
    fn doubles_and_overflow_and_broken_boxes_are_counted() {
        let layout = GridLayout::default();
        let plane = layout.coarse_cells();
        let (mut heatmap, mut boxes) = maps(&layout);
        boxes[3 * plane..4 * plane].fill(4_f32.ln());
        boxes[4 * plane..5 * plane].fill(2_f32.ln());
        for (cell, logit) in [(10_000, 2.0), (10_400, 1.5), (20_010, 1.0), (25_020, 0.5)] {
            heatmap[cell] = logit;
        }
        // A pedestrian at the same place as the best car is no double of it.
        heatmap[plane + 10_000] = 0.1;
        heatmap[30_000] = 3.0;
        boxes[30_000] = f32::NAN;
        let config = BridgeConfig { max_proposals: 3, ..BridgeConfig::default() };
        let (proposals, dropped) = decode(&heatmap, &boxes, &config);
        assert_eq!(proposals.len(), 3);
        assert!(proposals.windows(2).all(|pair| pair[0].confidence >= pair[1].confidence));
        assert_eq!(dropped.proposals_suppressed, 1);
        assert_eq!(dropped.proposals_over_limit, 1);
        assert_eq!(dropped.boxes_not_finite, 1);
    }
}
