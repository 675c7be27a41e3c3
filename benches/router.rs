//! Planning a frame: each policy on 64 regions, without and with a budget that cuts.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use emc2::bridge::{Proposal, ProposalSource, Region, Scenario, Scene};
use emc2::config::RouterConfig;
use emc2::frame::{Class, ExpertKind};
use emc2::geometry::Box3;
use emc2::router::{Available, Cost, Router};

fn scene() -> Scene {
    let region = |index: usize| {
        let distance_m = 3.0 + 1.05 * ((index * 37) % 64) as f32;
        Region {
            proposal: Proposal {
                class: Class::Car,
                class_index: 0,
                box3: Box3::new([f64::from(distance_m), 0.0, -1.0], [3.9, 1.6, 1.5], 0.0),
                confidence: 1.0 - 0.013 * index as f32,
                source: ProposalSource::Bev,
            },
            points: 0..0,
            scenario: Scenario {
                distance_m,
                visibility: ((index * 29) % 64) as f32 / 63.0,
                camera: Some(0),
                ..Scenario::default()
            },
        }
    };
    Scene { regions: (0..64).map(region).collect(), ..Scene::default() }
}

fn policies(c: &mut Criterion) {
    let scene = scene();
    let mut group = c.benchmark_group("router");
    for policy in ["region-table", "scene-tree", "always:ape"] {
        for budget_ms in [None, Some(30.0)] {
            let config =
                RouterConfig { policy: policy.to_owned(), budget_ms, ..RouterConfig::default() };
            let mut router = Router::new(&config).unwrap();
            router.set_cost(ExpertKind::Lpe, Some(Cost::batches(16, 2.0)));
            router.set_cost(ExpertKind::Vee, Some(Cost::batches(16, 6.0)));
            let ape = Cost { batch: 16, batch_ms: 12.0, region_ms: 0.4, first_ms: 8.0 };
            router.set_cost(ExpertKind::Ape, Some(ape));
            let name = format!("{policy}/{}", if budget_ms.is_some() { "budget" } else { "free" });
            group.bench_function(name, |b| {
                b.iter(|| {
                    let plan = router.plan(black_box(&scene), &Available::everything());
                    black_box(plan.assignments.len())
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, policies);
criterion_main!(benches);
