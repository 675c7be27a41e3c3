//! How good each expert is in each cell of distance and visibility: the ground truth's cells, the same
//! for every expert, so that an expert that loses an object loses it in its cell.
//!
//! Distance and visibility of a label are those that the bridge would give a proposal of exactly its
//! box ([`crate::bridge::Scenario`]), so the cells are those that the router's table speaks of.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Error, Judgement, Setting};
use crate::bridge::{Bridge, Proposal, ProposalSource, Scenario};
use crate::config::{Config, RouterConfig};
use crate::eval::kitti::{Difficulty, Judged, Metric, Outcome, outcomes};
use crate::frame::Frame;
use crate::geometry::KittiBox;
use crate::sensor::Source;

/// The whole table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cells {
    /// What is compared: in 3D, with the benchmark's limit; labels count by the filter of "hard".
    pub metric: Metric,
    /// Where distance bands meet, m: the bounds of the region table.
    pub distance_edges_m: Vec<f32>,
    /// Where visibility bands meet: the bounds of the region table.
    pub visibility_edges: Vec<f32>,
    /// A row for each class, cell with labels, and setting.
    pub rows: Vec<Cell>,
}

/// One setting in one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Which class.
    pub class: Judged,
    /// Distance from and to, m; the last band has no end.
    pub distance_m: (f32, Option<f32>),
    /// Visibility from and to.
    pub visibility: [f32; 2],
    /// `always:` setting, or the reference.
    pub setting: String,
    /// Labels in the cell.
    pub labels: usize,
    /// Of them found: matched above the limit.
    pub hits: usize,
    /// Mean overlap of the hits; none without any.
    pub overlap_of_hits: Option<f64>,
    /// Mean over all labels of the overlap with its match or, where it was missed, the best that touches it.
    pub overlap_of_all: f64,
}

/// Facts of labels by frame name and line.
type Facts = HashMap<(String, usize), Scenario>;

/// The table for the settings whose places are given.
///
/// # Errors
/// A frame that cannot be read.
pub(super) fn cells(
    source: &dyn Source,
    config: &Config,
    settings: &[Setting],
    judgements: &[Judgement],
    which: &[usize],
    classes: &[Judged],
) -> Result<Cells, Error> {
    let (distance_edges_m, visibility_edges) = edges(&config.router);
    let facts = facts(source, config, &judgements[which[0]])?;
    let mut rows = Vec::new();
    for &class in classes {
        let mut tallies: HashMap<(usize, usize, usize), Tally> = HashMap::new();
        for &at in which {
            let frames = &judgements[at].frames;
            let (metric, difficulty) = (Metric::Box3d, Difficulty::Hard);
            let judged = outcomes(frames, class, metric, difficulty, f64::NEG_INFINITY);
            for label in judged.objects.iter().filter(|object| object.is_label) {
                let hit = match label.outcome {
                    Outcome::Matched => true,
                    Outcome::Missed => false,
                    _ => continue,
                };
                let Some(facts) = facts.get(&(label.frame.clone(), label.line)) else { continue };
                let distance = band(&distance_edges_m, facts.distance_m);
                let visibility = band(&visibility_edges, facts.visibility);
                let tally = tallies.entry((distance, visibility, at)).or_default();
                tally.labels += 1;
                tally.all += label.overlap;
                if hit {
                    tally.hits += 1;
                    tally.hit += label.overlap;
                }
            }
        }
        let mut keys: Vec<_> = tallies.keys().copied().collect();
        // From near to far, well seen before hidden, in the order of settings.
        keys.sort_unstable_by_key(|(distance, visibility, at)| {
            (*distance, std::cmp::Reverse(*visibility), *at)
        });
        rows.extend(keys.into_iter().map(|key| {
            let ((distance, visibility, at), tally) = (key, &tallies[&key]);
            let from = |edges: &[f32], band: usize| if band == 0 { 0.0 } else { edges[band - 1] };
            Cell {
                class,
                distance_m: (
                    from(&distance_edges_m, distance),
                    distance_edges_m.get(distance).copied(),
                ),
                visibility: [
                    from(&visibility_edges, visibility),
                    visibility_edges.get(visibility).copied().unwrap_or(1.0),
                ],
                setting: settings[at].name.clone(),
                labels: tally.labels,
                hits: tally.hits,
                overlap_of_hits: (tally.hits > 0).then(|| tally.hit / tally.hits as f64),
                overlap_of_all: tally.all / tally.labels as f64,
            }
        }));
    }
    Ok(Cells { metric: Metric::Box3d, distance_edges_m, visibility_edges, rows })
}

#[derive(Debug, Default)]
struct Tally {
    labels: usize,
    hits: usize,
    hit: f64,
    all: f64,
}

/// The bounds of the table that part something; of a table without, those of the expected gains.
fn edges(config: &RouterConfig) -> (Vec<f32>, Vec<f32>) {
    let sorted = |bounds: Vec<f32>, most: f32| {
        let mut inside: Vec<f32> =
            bounds.into_iter().filter(|bound| *bound > 0.0 && *bound < most).collect();
        inside.sort_unstable_by(f32::total_cmp);
        inside.dedup();
        inside
    };
    let of = |pick: fn(&crate::config::TableRow) -> Option<[f32; 2]>| {
        config.table.iter().filter_map(pick).flatten().collect::<Vec<f32>>()
    };
    let or = |found: Vec<f32>, else_: &[f32]| {
        if found.is_empty() { else_.to_vec() } else { found }
    };
    // A bound beyond what a LiDAR sees stands for none.
    let distance = sorted(of(|row| row.distance_m), 150.0);
    let visibility = sorted(of(|row| row.visibility), 1.0);
    (or(distance, &config.gain.edges_m), or(visibility, &[0.5]))
}

fn band(edges: &[f32], value: f32) -> usize {
    edges.iter().filter(|edge| value >= **edge).count()
}

/// What the bridge says of a proposal that is exactly the label.
fn facts(source: &dyn Source, config: &Config, judgement: &Judgement) -> Result<Facts, Error> {
    let mut bridge = Bridge::new(&config.bridge, None)?;
    let mut frame = Frame::empty();
    let mut facts = Facts::new();
    for judged in &judgement.frames {
        let Some(index) = source.index_of(&judged.id) else { continue };
        source.load_into(index, &mut frame).map_err(|source_error| Error::Frame {
            frame: judged.id.clone(),
            source: source_error,
        })?;
        for label in &judged.labels {
            let Some(class) = label.class.filter(|_| label.row.has_box3()) else { continue };
            let row = &label.row;
            let boxed = KittiBox {
                size_hwl: row.size_hwl,
                location: row.location,
                rotation_y: row.rotation_y,
            };
            let box3 = boxed.to_box3(&frame.rig.lidar_to_rect);
            // One at a time: boxes beside each other would suppress one another.
            bridge.crop(&frame);
            let (source, class_index, confidence) = (ProposalSource::Bev, 0, 1.0);
            let proposal = Proposal { class, class_index, box3, confidence, source };
            if let Some(region) = bridge.inject(&frame, &[proposal]).regions.first() {
                facts.insert((judged.id.clone(), label.line), region.scenario);
            }
        }
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TableRow;
    use crate::frame::ExpertKind;

    #[test]
    fn cells_are_those_that_the_region_table_tells_apart() {
        let row = |distance_m, visibility| {
            let (name, expert) = (String::new(), ExpertKind::Lpe);
            TableRow {
                name,
                classes: None,
                beams: None,
                distance_m,
                visibility,
                confidence: None,
                expert,
            }
        };
        let table = vec![
            row(Some([25.0, 45.0]), Some([0.0, 0.5])),
            row(Some([45.0, 1000.0]), None),
            row(None, Some([0.5, 1.0])),
        ];
        let (distance, visibility) = edges(&RouterConfig { table, ..RouterConfig::default() });
        let bare = RouterConfig { table: vec![row(None, None)], ..RouterConfig::default() };
        assert_eq!(edges(&bare), (vec![25.0, 45.0], vec![0.5]));
        assert_eq!((distance.as_slice(), visibility.as_slice()), (&[25.0, 45.0][..], &[0.5][..]));
        assert_eq!([0.0, 24.9, 25.0, 60.0].map(|d| band(&distance, d)), [0, 0, 1, 2]);
    }
}
