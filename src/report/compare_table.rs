//! A comparison as text for a terminal.

use std::fmt::Write as _;

use super::compare_words::{left_out_in_short, words};
use crate::compare::{Comparison, SettingFigures, Sparsity};
use crate::eval::kitti::{Metric, Strictness};

/// The table of a comparison: time, accuracy, where the regions went, the verdicts, the cells.
pub fn compare_table(comparison: &Comparison) -> String {
    let mut out = format!(
        "{} settings of the router on {} frames, {} times each, turn about ({} frames of warm-up, seed {}, threads {})\n",
        comparison.settings.len(),
        comparison.frames,
        comparison.repeats,
        comparison.warmup_frames,
        comparison.seed,
        comparison.threads
    );
    times(&mut out, comparison.general());
    accuracy(&mut out, comparison, comparison.general());
    cells(&mut out, comparison);
    sparsity(&mut out, comparison);
    if let Some(ratio) = &comparison.ratio {
        let _ = writeln!(
            out,
            "\nTime behind the bridge, always:ape / region-table: {:.2} / {:.2} ms = {:.2} (medians; of means {:.2})",
            ratio.always_ape_ms, ratio.region_table_ms, ratio.ratio, ratio.ratio_of_means
        );
        if let Some([ape, table, ratio]) = ratio.without_wait {
            let _ = writeln!(
                out,
                "Without the wait for pictures' decoder: {ape:.2} / {table:.2} ms = {ratio:.2}"
            );
        }
    }
    if let Some(baseline) = &comparison.baseline {
        let _ = writeln!(
            out,
            "{}: p50 {:.2} ms, p99 {:.2} ms for the bare network, {:.2} times the whole frame of {}",
            baseline.file,
            baseline.ms.p50,
            baseline.ms.p99,
            baseline.over_reference,
            comparison.reference
        );
    }
    for sentence in words(comparison).into_iter().chain(left_out_in_short(comparison)) {
        let _ = writeln!(out, "{sentence}");
    }
    for note in &comparison.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

pub(super) fn name(figures: &SettingFigures) -> &str {
    &figures.setting.name
}

fn times<'a>(out: &mut String, settings: impl Iterator<Item = &'a SettingFigures>) {
    let _ = writeln!(
        out,
        "\n{:<36}{:>9}{:>9}{:>9} |{:>9}{:>9} |{:>8}{:>8}{:>8}{:>8} |  regions %: bridge lpe vee ape emergency",
        "ms a frame", "p50", "p95", "p99", "behind", "p99", "bridge", "experts", "image", "rest"
    );
    for figures in settings {
        let (whole, behind, split) =
            (&figures.whole_ms, &figures.beyond_bridge_ms, &figures.split_ms);
        let shares = figures.regions.shares();
        let percent = |at: usize| format!("{:.0}", 100.0 * shares[at].1);
        let _ = writeln!(
            out,
            "{:<36}{:>9.2}{:>9.2}{:>9.2} |{:>9.2}{:>9.2} |{:>8.2}{:>8.2}{:>8.2}{:>8.2} |{:>19}{:>4}{:>4}{:>4}{:>10}",
            name(figures),
            whole.p50,
            whole.p95,
            whole.p99,
            behind.p50,
            behind.p99,
            split.bridge_model,
            split.experts,
            split.image,
            split.rest,
            percent(0),
            percent(1),
            percent(2),
            percent(3),
            percent(4)
        );
    }
    out.push_str(
        "(behind: the frame less crop, grids, bridge network, proposals, regions; means from bridge to rest)\n",
    );
}

fn accuracy<'a>(
    out: &mut String,
    comparison: &Comparison,
    settings: impl Iterator<Item = &'a SettingFigures> + Clone,
) {
    for class in comparison.drawn() {
        let labels = comparison.labels(class);
        let _ = writeln!(
            out,
            "\n{:<36}{:>26}{:>26}{:>34}",
            format!("{} (labels: {labels})", class.class().name()),
            format!("BEV > {}", class.limit(Strictness::Official, Metric::Bev)),
            format!("3D > {}", class.limit(Strictness::Official, Metric::Box3d)),
            format!("3D less {}", comparison.reference)
        );
        for figures in settings.clone() {
            let area = |metric| figures.area(class, metric, Strictness::Official);
            let cell = |metric| {
                area(metric).map_or("–".to_owned(), |area| with(area.area, area.interval, false))
            };
            let difference = area(Metric::Box3d).map_or("–".to_owned(), |area| {
                with(area.difference, area.difference_interval, true)
            });
            let _ = writeln!(
                out,
                "{:<36}{:>26}{:>26}{:>34}",
                name(figures),
                cell(Metric::Bev),
                cell(Metric::Box3d),
                difference
            );
        }
    }
    let _ = writeln!(
        out,
        "(area under the whole precision-recall curve, filter hard; in brackets 95 % of a bootstrap over frames, of differences draw by draw)"
    );
}

pub(super) fn with(value: Option<f64>, interval: Option<[f64; 2]>, signed: bool) -> String {
    let number = |v: f64| if signed { format!("{v:+.3}") } else { format!("{v:.3}") };
    match (value, interval) {
        (None, _) => "–".to_owned(),
        (Some(value), None) => number(value),
        (Some(value), Some([low, high])) => {
            format!("{} [{}, {}]", number(value), number(low), number(high))
        }
    }
}

/// Skipped, regions that reached APE, labels wholly inside, ms behind the bridge, times faster, the same
/// without the wait for pictures, ms of image branch and APE, times faster: as all three reports write them.
pub(super) fn sparsity_cells(row: &Sparsity) -> [String; 8] {
    let times = |faster: Option<f64>| faster.map_or("–".to_owned(), |f| format!("{f:.2}"));
    [
        format!("{:.1} %", 100.0 * row.skipped),
        format!("{:.0} %", 100.0 * row.regions),
        format!("{} of {}", row.labels_inside, row.labels),
        format!("{:.2}", row.behind_ms),
        times(row.faster),
        times(row.faster_at_work),
        row.branch_ms.map_or("–".to_owned(), |ms| format!("{ms:.2}")),
        times(row.branch_faster),
    ]
}

fn sparsity(out: &mut String, comparison: &Comparison) {
    if comparison.sparsity.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n{:<38}{:>10}{:>12}{:>16}{:>9}{:>9}{:>9}{:>11}{:>9}",
        "Pixels left out",
        "skipped",
        "regions",
        "labels inside",
        "behind",
        "faster",
        "at work",
        "image+APE",
        "its gain"
    );
    for row in &comparison.sparsity {
        let [skipped, regions, labels, behind, faster, at_work, branch, branch_faster] =
            sparsity_cells(row);
        let _ = writeln!(
            out,
            "{:<38}{skipped:>10}{regions:>12}{labels:>16}{behind:>9}{faster:>9}{at_work:>9}{branch:>11}{branch_faster:>9}",
            row.setting
        );
    }
    out.push_str(
        "(skipped: no image window touches it, mean; regions: those that reached APE, the rest went to LPE; behind: median ms behind the bridge; \
         at work: times faster without the wait for the picture's decoder; \
         image+APE: mean ms of image branch and APE alone, its gain: times faster)\n",
    );
    times(out, comparison.left_out());
    accuracy(out, comparison, comparison.left_out());
}

fn cells(out: &mut String, comparison: &Comparison) {
    let Some(cells) = &comparison.cells else { return };
    let _ = writeln!(
        out,
        "\n{:<38}{:<28}{:>8}{:>8}{:>12}{:>12}",
        "Labels by distance and visibility", "setting", "labels", "found", "overlap", "of all"
    );
    let mut last = String::new();
    for cell in &cells.rows {
        let to = cell.distance_m.1.map_or("…".to_owned(), |to| to.to_string());
        let title = format!(
            "{} {}-{to} m, visibility {}-{}",
            cell.class.key(),
            cell.distance_m.0,
            cell.visibility[0],
            cell.visibility[1]
        );
        let shown = if title == last { "" } else { title.as_str() };
        let _ = writeln!(
            out,
            "{shown:<38}{:<28}{:>8}{:>8}{:>12}{:>12.3}",
            cell.setting,
            cell.labels,
            cell.hits,
            cell.overlap_of_hits.map_or("–".to_owned(), |overlap| format!("{overlap:.3}")),
            cell.overlap_of_all
        );
        last = title;
    }
    out.push_str(
        "(3D, the benchmark's limit; overlap: mean of the found; of all: a missed label counts with the best that touches it)\n",
    );
}
