//! Regions: proposals and the cropped points in, each proposal's points and scenario facts out.
//!
//! Testing 120 000 points against 64 boxes is eight million tests; nearly all are in vain. Here the
//! ground is cut into square buckets with one bit for each of 64 boxes: a bucket's bits say which
//! boxes may hold a point of it. One pass over the points, in scan order, looks at the bucket's
//! bits and tests only those boxes, so the order needs no restoring.

use crate::calib::Rig;
use crate::geometry::Box3;

use super::visibility::{RangeImage, expected_points};
use super::{BoxFrame, GridLayout, Proposal, Region, Scenario, Scene};

/// Side of a bucket, m.
const BUCKET_M: f32 = 0.8;
/// Boxes in one pass: bits of a bucket.
const GROUP: usize = 64;

/// A return counts as the object's own (for visibility) within this of the box's sides, m...
const OWN_MARGIN_M: f32 = 0.15;
/// ... and from this above its bottom, where the ground cannot be meant, m.
const OWN_FOOT_M: f32 = 0.2;

/// Finds the regions' points and facts; its memory is reused.
#[derive(Debug)]
pub struct RegionFinder {
    layout: GridLayout,
    shape: [usize; 2],
    buckets: Vec<u64>,
    /// Box within the group, point.
    hits: Vec<(u32, u32)>,
    frames: Vec<BoxFrame>,
    range_image: RangeImage,
}

impl RegionFinder {
    /// A finder for points in a layout's range.
    pub fn new(layout: GridLayout) -> Self {
        let cells = |range: [f32; 2]| ((range[1] - range[0]) / BUCKET_M).ceil() as usize + 1;
        let shape = [cells(layout.x), cells(layout.y)];
        Self {
            buckets: vec![0; shape[0] * shape[1]],
            hits: Vec::with_capacity(32_768),
            frames: Vec::with_capacity(GROUP),
            range_image: RangeImage::default(),
            shape,
            layout,
        }
    }

    /// Takes in the scan for [`Scenario::occlusion`]. Points are cropped to the layout, LiDAR frame.
    pub fn look(&mut self, points: &[[f32; 4]], rig: &Rig) {
        self.range_image.fill(&rig.lidar, points, rig.lidar.origin_height_m as f32);
    }

    /// Fills the scene's regions and their points (cleared first), one region a proposal, in order.
    /// [`RegionFinder::look`] must have seen the points before.
    pub fn find(
        &mut self,
        points: &[[f32; 4]],
        rig: &Rig,
        proposals: &[Proposal],
        scene: &mut Scene,
    ) {
        scene.regions.clear();
        scene.points.clear();
        for group in proposals.chunks(GROUP) {
            self.frames.clear();
            self.frames.extend(group.iter().map(|proposal| BoxFrame::new(&proposal.box3)));
            self.mark();
            self.collect(points);
            self.hand_out(points, group, rig, scene);
        }
    }

    /// Sets each box's bit in the buckets that its surrounding rectangle touches.
    fn mark(&mut self) {
        self.buckets.fill(0);
        for (k, frame) in self.frames.iter().enumerate() {
            // A hair more than the box reaches, against rounding.
            let [along, across] = frame.extent().map(|extent| extent + 0.01);
            let [x, y, _] = frame.center;
            let from = self.bucket(x - along, y - across);
            let to = self.bucket(x + along, y + across);
            for row in from[0]..=to[0] {
                for bucket in &mut self.buckets[row * self.shape[1]..][from[1]..=to[1]] {
                    *bucket |= 1 << k;
                }
            }
        }
    }

    /// Row and column of the bucket that holds a place; places outside count to the border.
    #[inline(always)]
    fn bucket(&self, x: f32, y: f32) -> [usize; 2] {
        // By way of i32, which vectorises where usize does not.
        let place = |value: f32, low: f32, cells: usize| {
            ((value - low) * (1.0 / BUCKET_M)).clamp(0.0, (cells - 1) as f32) as i32 as usize
        };
        [place(x, self.layout.x[0], self.shape[0]), place(y, self.layout.y[0], self.shape[1])]
    }

    /// Which point is in which box, in scan order.
    fn collect(&mut self, points: &[[f32; 4]]) {
        const BLOCK: usize = 32;
        let mut places = [0_u32; BLOCK];
        self.hits.clear();
        for (block, chunk) in points.chunks(BLOCK).enumerate() {
            for (place, point) in places.iter_mut().zip(chunk) {
                let [row, column] = self.bucket(point[0], point[1]);
                *place = row as u32 * self.shape[1] as u32 + column as u32;
            }
            for (k, (place, point)) in places.iter().zip(chunk).enumerate() {
                let mut boxes = self.buckets[*place as usize];
                while boxes != 0 {
                    let bit = boxes.trailing_zeros();
                    boxes &= boxes - 1;
                    if self.frames[bit as usize].holds(*point) {
                        self.hits.push((bit, (block * BLOCK + k) as u32));
                    }
                }
            }
        }
    }

    /// Lays each box's points back to back and adds the facts.
    fn hand_out(&mut self, points: &[[f32; 4]], group: &[Proposal], rig: &Rig, scene: &mut Scene) {
        let mut next = [0_usize; GROUP];
        for (k, _) in &self.hits {
            next[*k as usize] += 1;
        }
        let mut at = scene.points.len();
        scene.points.resize(at + self.hits.len(), [0.0; 4]);
        for (proposal, count) in group.iter().zip(&mut next) {
            let range = at..at + *count;
            *count = range.start;
            at = range.end;
            let scenario = Scenario { point_count: range.len() as u32, ..Scenario::default() };
            scene.regions.push(Region { proposal: *proposal, points: range, scenario });
        }
        let mut own = [0_u32; GROUP];
        for (k, index) in &self.hits {
            let k = *k as usize;
            let point = points[*index as usize];
            scene.points[next[k]] = point;
            next[k] += 1;
            own[k] += u32::from(self.frames[k].holds_as_own(point, OWN_MARGIN_M, OWN_FOOT_M));
        }
        let first = scene.regions.len() - group.len();
        for (region, own) in scene.regions[first..].iter_mut().zip(own) {
            self.describe(region, own, rig);
        }
    }

    /// Fills in the scenario; `own` returns are the object's rather than the ground's.
    fn describe(&self, region: &mut Region, own: u32, rig: &Rig) {
        let box3 = &region.proposal.box3;
        let scenario = &mut region.scenario;
        scenario.distance_m = box3.distance() as f32;
        scenario.expected_points = expected_points(&rig.lidar, box3);
        scenario.visibility = if scenario.expected_points > 0.0 {
            (own as f32 / scenario.expected_points).min(1.0)
        } else {
            f32::from(u8::from(own > 0))
        };
        scenario.occlusion = self.range_image.occlusion(box3);
        (scenario.camera, scenario.truncation) = view(rig, box3);
        if let Some(camera) = scenario.camera {
            scenario.window =
                super::image::share_of_picture(&rig.cameras[camera], &region.proposal);
        }
    }
}

/// The camera that sees most of a box, and the share of the box that even it does not see.
fn view(rig: &Rig, box3: &Box3) -> (Option<usize>, f32) {
    if rig.cameras.is_empty() {
        return (None, 0.0);
    }
    let mut best = (None, 0.0);
    for (index, camera) in rig.cameras.iter().enumerate() {
        let share = camera.view_share(box3);
        if share > best.1 {
            best = (Some(index), share);
        }
    }
    (best.0, (1.0 - best.1) as f32)
}

#[cfg(test)]
mod tests;
