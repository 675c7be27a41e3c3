//! After warm-up router, wrappers and fusion allocate nothing: a counting allocator watches whole frames.
#![allow(missing_docs)]

mod counting_allocator;

use counting_allocator::counted;
use emc2::bridge::{Proposal, ProposalSource, Region, Scenario, Scene};
use emc2::config::{FusionConfig, FusionMethod, RouterConfig};
use emc2::expert::{
    Deadline, Error, Expert, ExpertInput, ExpertMeter, Fallback, Ladder, Metered, Refinement,
};
use emc2::frame::{Class, DegradationSet, ExpertKind, Frame};
use emc2::fusion::Fusion;
use emc2::geometry::Box3;
use emc2::router::{Available, Cost, Router};

/// Gives every proposal back as its own.
struct Echo(ExpertKind);

impl Expert for Echo {
    fn kind(&self) -> ExpertKind {
        self.0
    }

    fn batch(&self) -> usize {
        16
    }

    fn refine(
        &mut self,
        input: &ExpertInput<'_>,
        regions: &[usize],
        out: &mut Vec<Refinement>,
        _meter: &mut ExpertMeter,
    ) -> Result<(), Error> {
        out.extend(regions.iter().map(|&region| Refinement {
            expert: self.0,
            ..Refinement::proposal(input.scene, region, DegradationSet::default())
        }));
        Ok(())
    }
}

fn scene(count: usize, shift: f64) -> Scene {
    let region = |index: usize| {
        let (x, y) = (3.0 + 1.1 * index as f64, shift + (index % 7) as f64);
        Region {
            proposal: Proposal {
                class: if index.is_multiple_of(3) { Class::Pedestrian } else { Class::Car },
                class_index: 0,
                box3: Box3::new([x, y, -1.0], [3.9, 1.6, 1.5], 0.3 * index as f64),
                confidence: 0.2 + 0.01 * index as f32,
                source: ProposalSource::Bev,
            },
            points: 0..0,
            scenario: Scenario {
                distance_m: x as f32,
                visibility: (index % 5) as f32 / 4.0,
                camera: (!index.is_multiple_of(4)).then_some(0),
                ..Scenario::default()
            },
        }
    };
    Scene { regions: (0..count).map(region).collect(), ..Scene::default() }
}

#[test]
fn a_frame_through_router_wrappers_and_fusion_allocates_nothing_after_warm_up() {
    let kinds = [ExpertKind::Lpe, ExpertKind::Vee, ExpertKind::Ape];
    let scenes = [scene(64, 0.0), scene(40, 2.0), scene(64, -3.0)];
    let frame = Frame::empty();
    for policy in ["region-table", "scene-tree", "always:ape"] {
        for method in [FusionMethod::Nms, FusionMethod::Wbf] {
            let config = RouterConfig {
                policy: policy.to_owned(),
                budget_ms: Some(14.0),
                ..RouterConfig::default()
            };
            let mut router = Router::new(&config).unwrap();
            let mut fusion =
                Fusion::new(&FusionConfig { method, ..FusionConfig::default() }).unwrap();
            let stack = |kind| Deadline::new(Metered::new(Echo(kind), None));
            let mut ladder: Ladder<Echo> = Fallback::new(kinds.map(stack), 3);
            for kind in kinds {
                router.set_cost(kind, Some(Cost::batches(16, 4.0)));
            }
            let mut chosen = Vec::with_capacity(64);
            let mut refinements = Vec::with_capacity(64);
            let mut line = String::with_capacity(200);
            let mut walk = |scene: &Scene| {
                let input = ExpertInput { frame: &frame, scene, image: None };
                let plan = router.plan(scene, &Available::everything());
                let all = [ExpertKind::Bridge, ExpertKind::Emergency];
                refinements.clear();
                ladder.begin_frame();
                for kind in kinds.into_iter().chain(all) {
                    chosen.clear();
                    chosen.extend(plan.regions(kind));
                    let meter = &mut ExpertMeter::default();
                    ladder.refine_from(kind, &input, &chosen, &mut refinements, meter);
                }
                let first = plan.assignments[0].reason;
                line.clear();
                router.describe(&first, &mut line);
                assert!(!fusion.fuse(&refinements).is_empty());
            };
            walk(&scenes[0]);
            for _ in 0..3 {
                for scene in &scenes {
                    assert_eq!(counted(|| walk(scene)), 0, "{policy}, {method:?}");
                }
            }
        }
    }
}
