//! An evaluation as text for a terminal.

use std::fmt::Write as _;

use super::eval_experts::ExpertRow;
use crate::eval::diff::{Change, Difference, Figure};
use crate::eval::kitti::{
    Band, ClassFigures, Curve, Curves, Difficulty, Evaluation, Metric, Strictness, Values, r11, r40,
};

/// The figures of a KITTI evaluation, class by class.
pub fn kitti_table(evaluation: &Evaluation, experts: &[ExpertRow]) -> String {
    let mut out =
        format!("{} frames judged by the rules of the KITTI object benchmark\n", evaluation.frames);
    for class in &evaluation.classes {
        push_class(&mut out, class);
    }
    let judged: Vec<&ExpertRow> = experts.iter().filter(|r| r.finds + r.mistakes > 0).collect();
    if !judged.is_empty() {
        let _ = writeln!(
            out,
            "\n{:<34}{:>8}{:>10}{:>9}{:>11}{:>14}",
            "Boxes by who made them", "finds", "mistakes", "ignored", "precision", "mean overlap"
        );
    }
    for row in judged {
        let name = format!("{} {} {}", row.class.key(), row.by, row.group);
        let _ = writeln!(
            out,
            "  {name:<32}{:>8}{:>10}{:>9}{:>11}{:>14}",
            row.finds,
            row.mistakes,
            row.ignored,
            optional(row.precision, 3),
            optional(row.mean_overlap, 3)
        );
    }
    out
}

/// A line a class: how much of it is found in 3D, and how surely that is known.
pub fn kitti_brief(evaluation: &Evaluation) -> String {
    let mut out = format!(
        "{} frames judged in 3D (area under the precision-recall curve, in brackets 95 % of a bootstrap over frames):\n",
        evaluation.frames
    );
    for class in &evaluation.classes {
        let cells = [Strictness::Official, Strictness::Loose].map(|strictness| {
            let area = class.areas.get(Metric::Box3d, strictness, Band::All).unwrap_or_default();
            let limit = class.class.limit(strictness, Metric::Box3d);
            let interval =
                area.interval.map_or(String::new(), |[a, b]| format!(" [{a:.2}, {b:.2}]"));
            format!("overlap > {limit}: {}{interval}", optional(area.area, 3))
        });
        let _ = writeln!(out, "  {:<12}{}", class.class.class().name(), cells.join("    "));
    }
    out
}

fn push_class(out: &mut String, figures: &ClassFigures) {
    let name = figures.class.class().name();
    if figures.official.iter().all(Option::is_none) {
        let _ = writeln!(out, "\n{name}: no detection that can be judged");
        return;
    }
    let labels = figures.official.iter().flatten().next();
    let labels = labels.map_or(String::new(), |curves| {
        format!(
            " (labels: {})",
            Difficulty::ALL.map(|d| curves[d as usize].labels.to_string()).join(", ")
        )
    });
    let _ = writeln!(out, "\n{name:<26}{:>10}{:>10}{:>10}{labels}", "easy", "moderate", "hard");
    type Average = fn(&Values) -> f64;
    for (average, name) in [(r40 as Average, "R40"), (r11 as Average, "R11")] {
        let rows = [Strictness::Official, Strictness::Loose].map(|strictness| {
            let table =
                if strictness == Strictness::Official { &figures.official } else { &figures.loose };
            (strictness, table)
        });
        for (strictness, table) in rows {
            for metric in Metric::ALL {
                let limit = figures.class.limit(strictness, metric);
                let label = format!("{name} {} > {limit}", metric.key());
                if let Some(curves) = &table[metric as usize] {
                    push_row(out, &label, curves, |curve| Some(average(&curve.precision)));
                    if metric == Metric::Image {
                        let label = format!("{name} aos > {limit}");
                        push_row(out, &label, curves, |curve| {
                            curve.similarity.as_ref().map(average)
                        });
                    }
                } else if strictness == Strictness::Official {
                    let _ = writeln!(out, "  {label:<24}{:>10}{:>10}{:>10}", "–", "–", "–");
                }
            }
        }
    }
    let _ = writeln!(
        out,
        "  area under the whole curve, filter hard  [95 % of a bootstrap over frames]\n  {:<16}{}",
        "",
        Band::ALL.map(|band| format!("{:>24}", band.key())).concat()
    );
    for strictness in [Strictness::Official, Strictness::Loose] {
        for metric in Metric::ALL {
            let cells = Band::ALL.map(|band| match figures.areas.get(metric, strictness, band) {
                Some(area) => match (area.area, area.interval) {
                    (None, _) => "–".to_owned(),
                    (Some(area), None) => format!("{area:.4}"),
                    (Some(area), Some([low, high])) => format!("{area:.4} [{low:.3}, {high:.3}]"),
                },
                None => String::new(),
            });
            if cells.iter().any(|cell| !cell.is_empty()) {
                let label = format!("{}@{}", metric.key(), figures.class.limit(strictness, metric));
                let _ = writeln!(
                    out,
                    "  {label:<16}{}",
                    cells.map(|cell| format!("{cell:>24}")).concat()
                );
            }
        }
    }
}

fn push_row(out: &mut String, label: &str, curves: &Curves, value: impl Fn(&Curve) -> Option<f64>) {
    let cells = Difficulty::ALL.map(|d| format!("{:>10}", optional(value(&curves[d as usize]), 4)));
    let _ = writeln!(out, "  {label:<24}{}", cells.concat());
}

fn optional(value: Option<f64>, decimals: usize) -> String {
    match value {
        Some(value) if value.is_finite() => format!("{value:.decimals$}"),
        Some(_) => "NaN".to_owned(),
        None => "–".to_owned(),
    }
}

/// What changed between two evaluations; at most `limit` boxes of each kind are listed.
pub fn diff_table(difference: &Difference, limit: usize) -> String {
    let mut out = String::new();
    let changed = |figure: &&Figure| figure.before != figure.after;
    let figures: Vec<&Figure> = difference.figures.iter().filter(changed).collect();
    let _ = writeln!(out, "{} of {} figures differ", figures.len(), difference.figures.len());
    for figure in figures {
        let by = figure.before.zip(figure.after).map(|(before, after)| after - before);
        let by = by.map_or(String::new(), |by| format!("{by:+.4}"));
        let _ = writeln!(
            out,
            "  {:<44}{:>10} -> {:>9}{by:>11}",
            figure.name,
            optional(figure.before, 4),
            optional(figure.after, 4)
        );
    }
    if difference.frames_differ {
        out.push_str("note: the two judge different frames or labels; boxes are compared where both have them\n");
    }
    if let Some(why) = &difference.boxes_missing {
        let _ = writeln!(out, "note: {why}");
    }
    push_changes(&mut out, "labels gained (missed before, found now)", &difference.gained, limit);
    push_changes(&mut out, "labels lost (found before, missed now)", &difference.lost, limit);
    push_changes(&mut out, "new mistakes", &difference.new_mistakes, limit);
    push_changes(&mut out, "mistakes gone", &difference.gone_mistakes, limit);
    out
}

fn push_changes(out: &mut String, title: &str, changes: &[Change], limit: usize) {
    if changes.is_empty() {
        return;
    }
    let _ = writeln!(out, "{title}: {}", changes.len());
    let mut near: Vec<&Change> = changes.iter().collect();
    near.sort_by(|a, b| a.now.distance_m.total_cmp(&b.now.distance_m));
    for change in near.iter().take(limit) {
        let now = &change.now;
        let other =
            change.other.as_ref().map_or(String::new(), |other| format!("; else: {}", other.why));
        // The reason of a nuScenes box holds its distance already.
        let nearness =
            now.overlap.map_or(String::new(), |overlap| format!("overlap {overlap:.3}  "));
        let _ = writeln!(
            out,
            "  {} line {:<4} {:<11} {:>5.1} m  score {:>8}  {nearness}{}{other}",
            now.frame,
            now.line,
            now.class,
            now.distance_m,
            optional(now.score, 3),
            now.why
        );
    }
    if near.len() > limit {
        let _ = writeln!(out, "  and {} more (--limit)", near.len() - limit);
    }
}
