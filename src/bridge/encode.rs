//! What the experts eat: regions of a scene in, the tensors `context`, `raster`, `points`, `pixels`
//! and `window` out, number for number as `models/FEATURES.md` says.
//!
//! Pure functions. Each fills one input of fixed batch size: slot `k` belongs to `regions[k]`, slots
//! without a region are zero. An input longer than its regions is normal, a shorter one a panic:
//! the caller splits its regions into batches.

use crate::calib::Rig;
use crate::frame::Class;

use super::{BoxFrame, ImageFeatures, Region, Scene, sigmoid};

/// Numbers in a region's `context`.
pub const CONTEXT: usize = 12;
/// Shape of a region's `raster`: channels, cells along the box, cells across.
pub const RASTER: [usize; 3] = [8, 32, 16];
/// Numbers of a point in `points`.
pub const POINT: usize = 8;
/// Classes in the order of the one-hot part of `context`.
const CLASSES: [Class; 3] = [Class::Car, Class::Pedestrian, Class::Cyclist];

/// Which point of a region stands at place `k` of an input with `places`: all of them in order,
/// repeated from the first when there are too few, every so many when there are too many.
#[inline]
fn pick(k: usize, count: usize, places: usize) -> usize {
    if count > places { k * count / places } else { k % count }
}

/// Fills `context` `[N, 12]`. `origin_height` is the sensor's height above nominal ground, m.
pub fn context(scene: &Scene, regions: &[usize], origin_height: f32, out: &mut [f32]) {
    let (slots, rest) = out.split_at_mut(regions.len() * CONTEXT);
    rest.fill(0.0);
    for (slot, region) in slots.chunks_exact_mut(CONTEXT).zip(regions) {
        let Region { proposal, points, .. } = &scene.regions[*region];
        let frame = BoxFrame::new(&proposal.box3);
        let [x, y, z] = frame.center;
        let turn = proposal.box3.yaw as f32 - y.atan2(x);
        slot[..3].copy_from_slice(&frame.size);
        slot[3] = z + origin_height;
        slot[4] = (x * x + y * y).sqrt() / 70.0;
        slot[5] = (points.len() as f32).ln_1p() / 8.0;
        for (place, class) in slot[6..9].iter_mut().zip(CLASSES) {
            *place = f32::from(u8::from(class == proposal.class));
        }
        slot[9] = proposal.confidence;
        (slot[10], slot[11]) = turn.sin_cos();
    }
}

/// Fills `raster` `[N, 8, 32, 16]` (LPE): the enlarged box seen from above.
pub fn raster(scene: &Scene, regions: &[usize], out: &mut [f32]) {
    let [channels, rows, columns] = RASTER;
    let plane = rows * columns;
    out.fill(0.0);
    for (slot, region) in out.chunks_exact_mut(channels * plane).zip(regions) {
        let region = &scene.regions[*region];
        let frame = BoxFrame::new(&region.proposal.box3);
        let reach = frame.reach();
        let step =
            [2.0 * reach[0] / rows as f32, 2.0 * reach[1] / columns as f32, 2.0 * reach[2] / 5.0];
        for point in &scene.points[region.points.clone()] {
            let local = frame.local(*point);
            let at = |axis: usize, cells: usize| {
                (((local[axis] + reach[axis]) / step[axis]) as usize).min(cells - 1)
            };
            let cell = at(0, rows) * columns + at(1, columns);
            slot[at(2, 5) * plane + cell] += 1.0;
            let share = (local[2] + reach[2]) / (2.0 * reach[2]);
            slot[5 * plane + cell] = slot[5 * plane + cell].max(share);
            slot[6 * plane + cell] += point[3];
            slot[7 * plane + cell] += 1.0;
        }
        for cell in 0..plane {
            let count = slot[7 * plane + cell];
            if count == 0.0 {
                continue;
            }
            for slice in 0..5 {
                let value = &mut slot[slice * plane + cell];
                *value = slice_share(*value);
            }
            slot[6 * plane + cell] /= count;
            slot[7 * plane + cell] = (count.ln_1p() / 33_f32.ln()).min(1.0);
        }
    }
}

/// `min(1, ln(1 + n) / ln 9)` of a small whole number.
#[inline]
fn slice_share(count: f32) -> f32 {
    if count == 0.0 {
        0.0
    } else if count >= 8.0 {
        1.0
    } else {
        count.ln_1p() / 9_f32.ln()
    }
}

/// Fills `points` `[N, places, 8]` (VEE, APE): x', y', z', i, x'/(l/2), y'/(w/2), z'/(h/2), 1.
/// Returns how many region points found no place.
///
/// # Panics
/// When `places` is 0 or `out` is shorter than the regions need.
pub fn points(scene: &Scene, regions: &[usize], places: usize, out: &mut [f32]) -> u64 {
    let (slots, rest) = out.split_at_mut(regions.len() * places * POINT);
    rest.fill(0.0);
    let mut thinned = 0;
    for (slot, region) in slots.chunks_exact_mut(places * POINT).zip(regions) {
        let region = &scene.regions[*region];
        let own = &scene.points[region.points.clone()];
        if own.is_empty() {
            slot.fill(0.0);
            continue;
        }
        thinned += own.len().saturating_sub(places) as u64;
        let frame = BoxFrame::new(&region.proposal.box3);
        let half = frame.size.map(|side| 0.5 * side);
        for (k, place) in slot.chunks_exact_mut(POINT).enumerate() {
            let point = own[pick(k, own.len(), places)];
            let [x, y, z] = frame.local(point);
            place.copy_from_slice(&[x, y, z, point[3], x / half[0], y / half[1], z / half[2], 1.0]);
        }
    }
    thinned
}

/// Fills `pixels` `[N, places, channels + 1]` (APE): at each point of [`points`], the features of
/// the tight window and the confidence there, bilinear; zeros where the point does not project or
/// the region has no image. Without `image` everything is zero.
///
/// # Panics
/// When `out` is not a whole number of slots or too short for the regions.
pub fn pixels(
    scene: &Scene,
    regions: &[usize],
    rig: &Rig,
    image: &ImageFeatures,
    places: usize,
    out: &mut [f32],
) {
    let width = image.channels + 1;
    let area = image.side * image.side;
    let (slots, rest) = out.split_at_mut(regions.len() * places * width);
    rest.fill(0.0);
    for (slot, region) in slots.chunks_exact_mut(places * width).zip(regions) {
        let own = &scene.points[scene.regions[*region].points.clone()];
        let window = image.slot.get(*region).copied().flatten();
        let (Some(window), false) = (window, own.is_empty()) else {
            slot.fill(0.0);
            continue;
        };
        let window = window as usize;
        let (camera, [left, top, across, down]) = image.windows[window];
        let maps = &image.tight[window * image.channels * area..][..image.channels * area];
        let sure = &image.confidence[window * area..][..area];
        let projector = rig.cameras[camera].projector();
        for (k, place) in slot.chunks_exact_mut(width).enumerate() {
            let point = own[pick(k, own.len(), places)];
            let Some([u, v, _]) = projector.project([point[0], point[1], point[2]].map(f64::from))
            else {
                place.fill(0.0);
                continue;
            };
            let (u, v) = (u as f32, v as f32);
            let taps = Taps::new(image.side, (u + 0.5 - left) / across, (v + 0.5 - top) / down);
            for (value, map) in place.iter_mut().zip(maps.chunks_exact(area)) {
                *value = taps.of(map);
            }
            place[image.channels] = sigmoid(taps.of(sure));
        }
    }
}

/// Fills `window` `[N, 2 channels]` (APE): the mean over the map of each tight-window feature, then
/// of each wide-window feature; zeros for a region without an image.
pub fn window(regions: &[usize], image: &ImageFeatures, out: &mut [f32]) {
    let width = 2 * image.channels;
    let area = image.side * image.side;
    let (slots, rest) = out.split_at_mut(regions.len() * width);
    rest.fill(0.0);
    for (slot, region) in slots.chunks_exact_mut(width.max(1)).zip(regions) {
        let Some(window) = image.slot.get(*region).copied().flatten() else {
            slot.fill(0.0);
            continue;
        };
        let from = window as usize * image.channels * area;
        let tight = image.tight[from..][..image.channels * area].chunks_exact(area);
        let wide = image.wide[from..][..image.channels * area].chunks_exact(area);
        for (value, map) in slot.iter_mut().zip(tight.chain(wide)) {
            *value = map.iter().sum::<f32>() / area as f32;
        }
    }
}

/// Four neighbours in a square map and their weights.
struct Taps {
    at: [usize; 4],
    weight: [f32; 4],
}

impl Taps {
    /// `across` and `down` are shares of the window, 0 at its left or top edge, 1 at the other;
    /// places outside are moved to the border cells' centres.
    fn new(side: usize, across: f32, down: f32) -> Self {
        let split = |share: f32| {
            let place = (share * side as f32 - 0.5).clamp(0.0, (side - 1) as f32);
            let low = (place as usize).min(side - 1);
            (low, (low + 1).min(side - 1), place - low as f32)
        };
        let ((left, right, u), (top, bottom, v)) = (split(across), split(down));
        Self {
            at: [
                top * side + left,
                top * side + right,
                bottom * side + left,
                bottom * side + right,
            ],
            weight: [(1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v],
        }
    }

    #[inline]
    fn of(&self, map: &[f32]) -> f32 {
        (0..4).map(|k| self.weight[k] * map[self.at[k]]).sum()
    }
}

#[cfg(test)]
mod tests;
