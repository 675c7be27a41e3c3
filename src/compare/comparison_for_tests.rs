//! Made-up comparisons: 30 cars that count and one pedestrian.

use std::collections::BTreeMap;

use super::settings::percent;
use super::{
    AreaFigure, ClassDifference, ClassFigure, Comparison, SCHEMA, Setting, SettingFigures, Shares,
    Sparsity, Split,
};
use crate::config::{PixelConfig, PixelOrder};
use crate::eval::kitti::{Band, Judged, Metric, Strictness};
use crate::report::{Distribution, Machine};

/// A setting named by its policy, or `policy, more`, with its median of the whole frame and its area.
/// The bridge takes 15 ms of it.
pub(crate) fn setting(name: &str, ms: f64, area: f64) -> SettingFigures {
    let policy = name.split(',').next().unwrap_or(name).to_owned();
    let setting =
        Setting { name: name.to_owned(), policy, budget_ms: None, tree: None, pixels: None };
    let time = |p50: f64| Distribution { count: 8, mean: p50, p50, p95: p50, p99: p50, max: p50 };
    let figure = |class: Judged, area: f64, labels| {
        let areas = Metric::ALL.map(|metric| AreaFigure {
            metric,
            limit: Strictness::Official,
            overlap: class.limit(Strictness::Official, metric),
            band: Band::All,
            labels,
            area: Some(area),
            interval: Some([area - 0.1, area + 0.1]),
            difference: None,
            difference_interval: None,
        });
        ClassFigure { class, r40: BTreeMap::new(), areas: areas.to_vec() }
    };
    SettingFigures {
        routed: setting.routed(),
        setting,
        whole_ms: time(ms),
        beyond_bridge_ms: time(ms - 15.0),
        work_behind_bridge_ms: time(ms - 15.0),
        split_ms: Split::default(),
        regions: Shares::default(),
        frames_varied: 0,
        degraded: BTreeMap::new(),
        classes: vec![figure(Judged::Car, area, 30), figure(Judged::Pedestrian, 1.0, 1)],
    }
}

/// `always:ape` with a share of the picture left out.
pub(crate) fn skipping(skip: f32, by: PixelOrder, ms: f64, area: f64) -> SettingFigures {
    let name = format!("always:ape, {} % skipped, {}", percent(skip), by.word());
    let mut figures = setting(&name, ms, area);
    figures.setting.pixels = Some(PixelConfig { skip, by });
    figures
}

/// The settings as a comparison, the region table (else the first) being the reference; rows of left-out
/// pixels where a setting has such, with 31 labels, of which as many lie inside as percent are looked at,
/// and half of that by chance.
pub(crate) fn comparison(settings: Vec<SettingFigures>) -> Comparison {
    let named = |name: &str| settings.iter().find(|figures| figures.setting.name == name);
    let first = settings.first().map(|figures| figures.setting.name.as_str());
    let reference = named("region-table").map_or(first, |f| Some(&f.setting.name));
    let reference = reference.unwrap_or_default().to_owned();
    let rows = settings.iter().filter(|figures| figures.setting.pixels.is_some());
    let sparsity = rows.map(|figures| row(figures, &settings)).collect();
    let mut comparison = Comparison {
        schema: SCHEMA,
        version: "0".to_owned(),
        command: vec!["emc2".to_owned(), "compare".to_owned()],
        started_unix_s: 0,
        source: "made up".to_owned(),
        machine: Machine::default(),
        models: Vec::new(),
        config: serde_json::Value::Null,
        threads: 1,
        frames: 8,
        repeats: 1,
        warmup_frames: 0,
        seed: 1,
        draws: 100,
        notes: Vec::new(),
        reference,
        settings: Vec::new(),
        baseline: None,
        ratio: None,
        fronts: Vec::new(),
        verdicts: Vec::new(),
        cells: None,
        sparsity,
    };
    comparison.settings = settings;
    comparison.weigh_anew();
    comparison
}

fn row(figures: &SettingFigures, all: &[SettingFigures]) -> Sparsity {
    let pixels = figures.setting.pixels.unwrap_or_default();
    let area = |figures: &SettingFigures| {
        figures.area(Judged::Car, Metric::Box3d, Strictness::Official).and_then(|area| area.area)
    };
    let draft = Some(PixelConfig { by: PixelOrder::Draft, ..pixels });
    let draft = all.iter().find(|other| other.setting.pixels == draft);
    let difference = draft.and_then(|draft| Some(area(figures)? - area(draft)?));
    let control = difference.filter(|_| pixels.by != PixelOrder::Draft);
    let inside = (31.0 * (1.0 - pixels.skip)).round() as usize;
    Sparsity {
        setting: figures.setting.name.clone(),
        pixels: Some(pixels),
        skipped: pixels.skip.into(),
        regions: 0.5,
        labels: 31,
        labels_inside: if pixels.by == PixelOrder::Random { inside / 2 } else { inside },
        behind_ms: figures.beyond_bridge_ms.p50,
        image_ms: 1.0,
        branch_ms: Some(figures.beyond_bridge_ms.p50 - 1.0),
        branch_faster: Some(20.0 / (figures.beyond_bridge_ms.p50 - 1.0)),
        faster: Some(2.0),
        faster_at_work: Some(2.0),
        less_draft: control
            .map(|difference| ClassDifference {
                class: Judged::Car,
                difference,
                interval: Some([difference - 0.02, difference + 0.02]),
            })
            .into_iter()
            .collect(),
    }
}
