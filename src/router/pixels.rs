//! The pixel budget: how much of each picture the image branch may look at.
//!
//! Draft-guided sparsity: the cheap stage has already said where something may be, so the picture
//! and the heavy expert are kept for these places. Regions wanted by APE are looked at in an order
//! ([`PixelOrder`]); each adds its wide image window to the camera's mask of tiles, and is
//! turned away (to LPE, which costs least, [`Degradation::Pixels`]) where the mask would grow beyond the budget.
//! A smaller region behind it may still fit.

use super::{Available, Error, Plan};
use crate::bridge::{Region, Scene};
use crate::config::{PixelConfig, PixelOrder};
use crate::frame::{Degradation, ExpertKind};

/// Tiles along each side of a picture.
const TILES: usize = 64;

/// The tiles of one picture that are looked at: `TILES` x `TILES`, whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TileMask {
    rows: [u64; TILES],
}

impl TileMask {
    /// A mask of nothing.
    pub const EMPTY: Self = Self { rows: [0; TILES] };

    /// Marks every tile that a rectangle (left, top, right, bottom; shares 0..1 of the picture)
    /// touches.
    ///
    /// ```
    /// use emc2::router::TileMask;
    /// let mut mask = TileMask::EMPTY;
    /// mask.mark([0.0, 0.0, 0.5, 0.5]);
    /// assert_eq!(mask.share(), 0.25);
    /// assert!(mask.covers([0.1, 0.1, 0.4, 0.4]) && !mask.covers([0.1, 0.1, 0.6, 0.4]));
    /// ```
    pub fn mark(&mut self, window: [f32; 4]) {
        let Some((columns, rows)) = tiles(window) else { return };
        for row in &mut self.rows[rows] {
            *row |= columns;
        }
    }

    /// Whether a rectangle lies wholly in marked tiles. An empty rectangle does not.
    pub fn covers(&self, window: [f32; 4]) -> bool {
        let Some((columns, rows)) = tiles(window) else { return false };
        self.rows[rows].iter().all(|row| row & columns == columns)
    }

    /// Share of the picture that is marked, 0..1.
    pub fn share(&self) -> f32 {
        let marked: u32 = self.rows.iter().map(|row| row.count_ones()).sum();
        marked as f32 / (TILES * TILES) as f32
    }
}

/// Bits of the columns and range of the rows that a rectangle touches; none where it is empty.
fn tiles([left, top, right, bottom]: [f32; 4]) -> Option<(u64, std::ops::Range<usize>)> {
    let span = |from: f32, to: f32| {
        let (from, to) = (from.clamp(0.0, 1.0), to.clamp(0.0, 1.0));
        if from.is_nan() || to.is_nan() || to <= from {
            return None;
        }
        let first = ((from * TILES as f32) as usize).min(TILES - 1);
        let after = ((to * TILES as f32).ceil() as usize).clamp(first + 1, TILES);
        Some(first..after)
    };
    let (columns, rows) = (span(left, right)?, span(top, bottom)?);
    let bits = (u64::MAX >> (TILES - columns.len())) << columns.start;
    Some((bits, rows))
}

/// Cuts plans down to the pixel budget. Reuses its memory.
pub(super) struct Pixels {
    config: PixelConfig,
    /// For each camera, what is looked at in this frame.
    masks: Vec<TileMask>,
    order: Vec<(f32, usize)>,
}

impl Pixels {
    pub(super) fn new(config: PixelConfig) -> Result<Self, Error> {
        if !(0.0..=1.0).contains(&config.skip) {
            let expected = "a share 0 to 1 of each picture (0: nothing is skipped)";
            return Err(Error::Number { key: "pixels.skip", expected, found: config.skip });
        }
        Ok(Self { config, masks: Vec::new(), order: Vec::new() })
    }

    /// What is looked at in a camera's picture by the last plan.
    pub(super) fn mask(&self, camera: usize) -> TileMask {
        self.masks.get(camera).copied().unwrap_or(TileMask::EMPTY)
    }

    /// Turns regions away from APE until the rest fits.
    pub(super) fn cut(&mut self, scene: &Scene, available: &Available, plan: &mut Plan) {
        let cheapest_first = [ExpertKind::Lpe, ExpertKind::Vee];
        let instead = cheapest_first
            .into_iter()
            .find(|&expert| available.expert(expert))
            .unwrap_or(ExpertKind::Bridge);
        self.masks.clear();
        self.order.clear();
        let wanted = plan.regions(ExpertKind::Ape);
        self.order.extend(wanted.map(|at| (self.config.by.rank(&scene.regions[at]), at)));
        // Highest rank first; ties in scene order, which is by confidence.
        self.order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for &(_, at) in &self.order {
            let scenario = &scene.regions[at].scenario;
            let Some(camera) = scenario.camera else { continue };
            if self.masks.len() <= camera {
                self.masks.resize(camera + 1, TileMask::EMPTY);
            }
            let mut grown = self.masks[camera];
            grown.mark(scenario.window);
            if self.config.skip > 0.0 && grown.share() > 1.0 - self.config.skip {
                plan.assignments[at].step_down(instead, Degradation::Pixels);
            } else {
                self.masks[camera] = grown;
            }
        }
    }
}

impl PixelOrder {
    /// Higher: looked at sooner.
    fn rank(self, region: &Region) -> f32 {
        match self {
            Self::Draft => region.proposal.confidence,
            Self::Near => -region.scenario.distance_m,
            Self::Dense => region.scenario.point_count as f32,
            Self::Random => chance(region),
        }
    }
}

/// A number in 0..1 that has nothing to do with what the region shows, the same in every run: bits
/// of the box's centre, mixed (the finaliser of MurmurHash3 by Appleby).
fn chance(region: &Region) -> f32 {
    let [x, y, _] = region.proposal.box3.center;
    let mut bits = x.to_bits() ^ y.to_bits().rotate_left(32);
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        bits = (bits ^ (bits >> 33)).wrapping_mul(factor);
    }
    (bits >> 40) as f32 / (1_u32 << 24) as f32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bridge::{Proposal, ProposalSource, Scenario};
    use crate::config::RouterConfig;
    use crate::frame::Class;
    use crate::geometry::Box3;
    use crate::router::{Available, Router};

    /// A region at a place with a window of so many tiles squared, at the left top.
    fn region(x: f64, confidence: f32, point_count: u32, window: [f32; 4]) -> Region {
        let box3 = Box3 { center: [x, 1.0, -1.0], size: [3.9, 1.6, 1.5], yaw: 0.0 };
        let distance_m = box3.distance() as f32;
        let camera = Some(0);
        let scenario = Scenario { distance_m, point_count, camera, window, ..Scenario::default() };
        let source = ProposalSource::Bev;
        let proposal = Proposal { class: Class::Car, class_index: 0, box3, confidence, source };
        Region { proposal, points: 0..0, scenario }
    }

    fn router(skip: f32, by: PixelOrder) -> Router {
        let policy = "always:ape".to_owned();
        let pixels = PixelConfig { skip, by };
        Router::new(&RouterConfig { policy, pixels, ..RouterConfig::default() }).unwrap()
    }

    /// Three windows of a tenth of the picture each.
    fn scene() -> Scene {
        let window = |left: f32| [left, 0.0, left + 0.0999, 1.0];
        let regions = vec![
            region(40.0, 0.9, 10, window(0.0)),
            region(10.0, 0.2, 50, window(0.25)),
            region(20.0, 0.5, 400, window(0.5)),
        ];
        Scene { regions, ..Scene::default() }
    }

    fn kept(router: &mut Router) -> Vec<bool> {
        let plan = router.plan(&scene(), &Available::everything());
        plan.assignments.iter().map(|ticket| ticket.expert == ExpertKind::Ape).collect()
    }

    #[test]
    fn the_order_says_who_is_looked_at_and_the_rest_goes_to_lpe() {
        assert_eq!(kept(&mut router(0.0, PixelOrder::Draft)), [true; 3]);
        assert_eq!(kept(&mut router(0.85, PixelOrder::Draft)), [true, false, false]);
        assert_eq!(kept(&mut router(0.85, PixelOrder::Near)), [false, true, false]);
        assert_eq!(kept(&mut router(0.85, PixelOrder::Dense)), [false, false, true]);
        let mut router = router(0.85, PixelOrder::Draft);
        let plan = router.plan(&scene(), &Available::everything());
        let turned_away = plan.assignments[1];
        assert_eq!(turned_away.expert, ExpertKind::Lpe);
        assert!(turned_away.degraded.contains(Degradation::Pixels));
        let reason = turned_away.reason.to_string();
        assert!(reason.ends_with("(pixels spent, instead of APE)"), "{reason}");
        assert!(router.mask(0).share() <= 0.15 && router.mask(1) == TileMask::EMPTY);
        let without = Available { lpe: false, ..Available::everything() };
        assert_eq!(router.plan(&scene(), &without).assignments[1].expert, ExpertKind::Vee);
    }

    #[test]
    fn a_share_that_is_none_is_refused() {
        for skip in [-0.1, 1.5, f32::NAN] {
            let pixels = PixelConfig { skip, by: PixelOrder::Draft };
            let error = Router::new(&RouterConfig { pixels, ..RouterConfig::default() });
            let text = error.err().unwrap().to_string();
            assert!(text.starts_with("router.pixels.skip: expected a share 0 to 1"), "{text}");
        }
    }

    #[test]
    fn chance_is_the_same_in_every_run_and_spread() {
        let values: Vec<f32> = (0..1000)
            .map(|k| chance(&region(5.0 + 0.05 * f64::from(k), 0.5, 0, [0.0; 4])))
            .collect();
        let mean = values.iter().sum::<f32>() / 1000.0;
        assert!((mean - 0.5).abs() < 0.05, "{mean}");
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
    }

    proptest! {
        #[test]
        fn a_mask_covers_what_it_marked(a in 0.0_f32..1.0, b in 0.0_f32..1.0, c in 0.0_f32..1.0, d in 0.0_f32..1.0) {
            prop_assume!(a != b && c != d);
            let window = [a.min(b), c.min(d), a.max(b), c.max(d)];
            let mut mask = TileMask::EMPTY;
            mask.mark(window);
            prop_assert!(mask.covers(window));
            let area = (window[2] - window[0]) * (window[3] - window[1]);
            prop_assert!(mask.share() >= area - 1e-6);
            prop_assert!(mask.share() <= (window[2] - window[0] + 2.0 / 64.0) * (window[3] - window[1] + 2.0 / 64.0) + 1e-6);
        }

        #[test]
        fn the_budget_holds_whatever_the_windows(
            windows in prop::collection::vec((0.0_f32..1.0, 0.0_f32..1.0, 0.01_f32..0.5, 0.01_f32..0.5), 0..40),
            skip in 0.01_f32..1.0,
        ) {
            let regions = windows.iter().enumerate().map(|(k, &(u, v, w, h))| {
                region(5.0 + k as f64, 0.01 * k as f32, 10, [u, v, (u + w).min(1.0), (v + h).min(1.0)])
            });
            let scene = Scene { regions: regions.collect(), ..Scene::default() };
            let mut router = router(skip, PixelOrder::Draft);
            let plan = router.plan(&scene, &Available::everything());
            let looked_at: Vec<usize> = plan.regions(ExpertKind::Ape).collect();
            let mask = router.mask(0);
            prop_assert!(mask.share() <= 1.0 - skip + 1e-6);
            for at in looked_at {
                prop_assert!(mask.covers(scene.regions[at].scenario.window));
            }
        }
    }
}
