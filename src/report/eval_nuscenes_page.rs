//! The page of a nuScenes evaluation: figures, curves, score histograms, what was left out, the worst
//! misses. One file, nothing loaded from elsewhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Error;
use super::eval_kitti_page::wrap;
use super::eval_misses::{Listed, worst};
use super::html::escape;
use super::plot::{Series, histogram, unit_square};
use crate::eval::nuscenes::{
    ClassFigures, Counts, DISTANCES_M, ERROR_DISTANCE, Evaluation, TpError, recall,
};

/// What goes into the page.
pub struct NuscenesPage<'a> {
    /// The figures, and what became of each box where that was asked for.
    pub evaluation: &'a Evaluation,
    /// Where the tables are.
    pub tables: &'a Path,
    /// The results files.
    pub results: &'a [PathBuf],
    /// Where `<sample token>.png` pictures are, if a run drew them.
    pub pictures: Option<PathBuf>,
}

/// Writes the page.
///
/// # Errors
/// [`Error::Plot`] if a plot cannot be drawn.
pub fn nuscenes_page(page: &NuscenesPage<'_>) -> Result<String, Error> {
    let evaluation = page.evaluation;
    let mut body = head(page);
    let _ = write!(body, "<section>\n<h2>Figures</h2>\n{}</section>\n", figures_table(evaluation));
    let _ =
        write!(body, "<section>\n<h2>What counts</h2>\n{}</section>\n", counts_table(evaluation));
    for class in &evaluation.figures.classes {
        let name = class.class.name();
        let _ = writeln!(body, "<section>\n<h2>{name}</h2>");
        if class.detections.kept == 0 && class.truth.kept == 0 {
            body.push_str("<p class=\"muted\">Neither annotated nor detected within range.</p>\n");
        } else {
            body.push_str(&curves(class)?);
            body.push_str(&misses(page, name));
        }
        body.push_str("</section>\n");
    }
    Ok(wrap("nuScenes evaluation", &body))
}

/// The nearest missed annotations of a class and its most confident mistakes.
fn misses(page: &NuscenesPage<'_>, class: &str) -> String {
    let all = page.evaluation.outcomes.iter().flatten().filter(|one| one.class == class);
    let boxes = all.map(|one| Listed {
        frame: &one.frame,
        line: one.line,
        outcome: one.outcome,
        distance_m: one.distance_m,
        score: one.score,
        nearness: one.centre_distance_m,
        why: &one.why,
    });
    worst(boxes, ["row, or place", "to the nearest, m"], page.pictures.as_deref())
}

fn head(page: &NuscenesPage<'_>) -> String {
    let evaluation = page.evaluation;
    let results: Vec<_> = page.results.iter().map(|path| path.display().to_string()).collect();
    let figures = &evaluation.figures;
    let mut out = format!(
        "<header>\n<h1>nuScenes detection, {}</h1>\n<p class=\"muted\">emc2 {} · results {} · tables {}</p>\n\
         <ul class=\"tiles\">\n<li><b>{:.4}</b> NDS</li>\n<li><b>{:.4}</b> mAP</li>\n",
        escape(&evaluation.split),
        env!("CARGO_PKG_VERSION"),
        escape(&results.join(", ")),
        escape(&page.tables.display().to_string()),
        figures.nd_score,
        figures.mean_ap
    );
    for (error, name) in
        TpError::ALL.iter().zip(["mATE, m", "mASE", "mAOE, rad", "mAVE, m/s", "mAAE"])
    {
        let _ =
            writeln!(out, "<li><b>{}</b> {name}</li>", error_text(figures.errors[*error as usize]));
    }
    let _ = writeln!(out, "<li><b>{}</b> samples</li>\n</ul>", evaluation.samples);
    if evaluation.samples < evaluation.samples_of_split {
        let _ = writeln!(
            out,
            "<p class=\"warning\">Only {} of the split’s {} samples have results: these are not the split’s figures.</p>",
            evaluation.samples, evaluation.samples_of_split
        );
    }
    out.push_str(
        "<p class=\"muted\">AP: mean precision above 0.1 beyond recall 0.1, over matching distances of 0.5, 1, 2 and 4 m in the \
         plane. Errors of what is matched at 2 m: place (ATE), size (ASE, 1 − overlap), heading (AOE), velocity (AVE), attribute \
         (AAE). NDS: half mAP, half 1 − errors.</p>\n</header>\n",
    );
    out
}

/// An error of what was matched; a dash where nothing could be.
fn error_text(value: f64) -> String {
    if value.is_nan() { "–".to_owned() } else { format!("{value:.3}") }
}

/// The figures; a class without annotations has an AP of 0 by the rules, and that counts in the mean.
fn figures_table(evaluation: &Evaluation) -> String {
    let mut out =
        "<div class=\"scroll\"><table><thead><tr><th>class<th class=\"n\">AP, %".to_owned();
    for distance in DISTANCES_M {
        let _ = write!(out, "<th class=\"n\">{distance} m");
    }
    out.push_str(
        "<th class=\"n\">ATE, m<th class=\"n\">ASE<th class=\"n\">AOE, rad<th class=\"n\">AVE, m/s<th class=\"n\">AAE</tr></thead><tbody>\n",
    );
    for class in &evaluation.figures.classes {
        let _ = write!(
            out,
            "<tr><th>{}{}<td class=\"n\">{:.2}",
            class.class.name(),
            if class.truth.kept == 0 {
                " <span class=\"muted\">(no annotations)</span>"
            } else {
                ""
            },
            100.0 * class.mean_ap
        );
        for value in class.average_precisions {
            let _ = write!(out, "<td class=\"n\">{:.2}", 100.0 * value);
        }
        for value in class.errors {
            let _ = write!(out, "<td class=\"n\">{}", error_text(value));
        }
        out.push_str("</tr>\n");
    }
    let _ = write!(
        out,
        "<tr class=\"total\"><th>mean<td class=\"n\">{:.2}<td><td><td><td>",
        100.0 * evaluation.figures.mean_ap
    );
    for value in evaluation.figures.errors {
        let _ = write!(out, "<td class=\"n\">{}", error_text(value));
    }
    out.push_str("</tr>\n</tbody></table></div>\n");
    out
}

fn counts_table(evaluation: &Evaluation) -> String {
    let columns = "<th class=\"n\">kept<th class=\"n\">too far<th class=\"n\">no point<th class=\"n\">in a rack";
    let mut out = format!(
        "<div class=\"scroll\"><table><thead><tr><th><th colspan=\"4\">annotations<th colspan=\"4\">detections</tr>\n\
         <tr><th>class{columns}{columns}</tr></thead><tbody>\n"
    );
    for class in &evaluation.figures.classes {
        let _ = write!(out, "<tr><th>{} (within {} m)", class.class.name(), class.class.range_m());
        for Counts { kept, too_far, without_points, in_rack, .. } in [class.truth, class.detections]
        {
            for count in [kept, too_far, without_points, in_rack] {
                let _ = write!(out, "<td class=\"n\">{count}");
            }
        }
        out.push_str("</tr>\n");
    }
    let _ = write!(
        out,
        "</tbody></table></div>\n<p class=\"muted\">{} annotations are of categories that are not evaluated.</p>\n",
        evaluation.other_categories
    );
    out
}

fn curves(class: &ClassFigures) -> Result<String, Error> {
    let series: Vec<_> = class
        .curves
        .iter()
        .zip(DISTANCES_M)
        .zip(class.average_precisions)
        .map(|((curve, distance), precision)| {
            let values = curve.precision.iter().enumerate();
            Series {
                name: format!("{distance} m: AP {:.1} %", 100.0 * precision),
                points: values.map(|(point, value)| (recall(point), *value)).collect(),
            }
        })
        .collect();
    let precision = unit_square("Precision", "recall", "precision", &series)?;
    let at_2m = &class.curves[ERROR_DISTANCE];
    let scores = [at_2m.matched_scores.as_slice(), at_2m.unmatched_scores.as_slice()];
    let scores =
        histogram("Scores at 2 m", ["score", "detections"], ["matched", "not matched"], scores)?;
    Ok(format!("<div class=\"plots\">{precision}{scores}</div>\n"))
}
