//! The page of a KITTI evaluation: figures, curves, histograms, experts, the worst misses. One file,
//! nothing loaded from elsewhere.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::Error;
use super::eval_experts::ExpertRow;
use super::eval_misses::{Listed, worst};
use super::html::escape;
use super::plot::{Series, histogram, unit_square};
use crate::eval::kitti::{
    Band, ClassFigures, Curves, Difficulty, Evaluation, Metric, Outcome, Outcomes, Strictness, r11,
    r40,
};

/// What goes into the page.
pub struct KittiPage<'a> {
    /// Where the labels are.
    pub labels: &'a Path,
    /// Where the results are.
    pub results: &'a Path,
    /// Where `<frame>.png` pictures of the frames are, if a run drew them.
    pub pictures: Option<PathBuf>,
    /// What was left out.
    pub notes: &'a [String],
    /// The figures.
    pub evaluation: &'a Evaluation,
    /// What became of each label and detection, by class.
    pub outcomes: &'a [Outcomes],
    /// Which expert's boxes were right.
    pub experts: &'a [ExpertRow],
}

/// Writes the page.
///
/// # Errors
/// [`Error::Plot`] if a plot cannot be drawn.
pub fn kitti_page(page: &KittiPage<'_>) -> Result<String, Error> {
    let mut body = head(page);
    for figures in &page.evaluation.classes {
        let judged = figures.official.iter().any(Option::is_some);
        let _ = writeln!(body, "<section>\n<h2>{}</h2>", figures.class.class().name());
        if judged {
            body.push_str(&table(figures));
            body.push_str(&curves(figures)?);
            if let Some(outcomes) = page.outcomes.iter().find(|o| o.class == figures.class) {
                body.push_str(&scores(outcomes)?);
                body.push_str(&areas(figures));
                body.push_str(&experts(page.experts, figures));
                body.push_str(&misses(outcomes, page.pictures.as_deref()));
            }
        } else {
            body.push_str("<p class=\"muted\">No detection that can be judged.</p>\n");
        }
        body.push_str("</section>\n");
    }
    Ok(wrap("KITTI evaluation", &body))
}

/// The frame around the body that all evaluation pages share.
pub(super) fn wrap(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>emc2: {}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>\n{}{}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title),
        include_str!("page/page.css"),
        include_str!("page/eval.css"),
    )
}

fn head(page: &KittiPage<'_>) -> String {
    let mut out = format!(
        "<header>\n<h1>KITTI evaluation</h1>\n<p class=\"muted\">emc2 {} · results {} · labels {}</p>\n<ul class=\"tiles\">\n\
         <li><b>{}</b> frames</li>\n",
        env!("CARGO_PKG_VERSION"),
        escape(&page.results.display().to_string()),
        escape(&page.labels.display().to_string()),
        page.evaluation.frames
    );
    for figures in &page.evaluation.classes {
        let Some(curves) = &figures.official[Metric::Box3d as usize] else { continue };
        let curve = &curves[Difficulty::Moderate as usize];
        let name = figures.class.class().name();
        if curve.labels == 0 {
            let _ = writeln!(out, "<li><b>–</b> {name}, moderate: no labels</li>");
            continue;
        }
        let _ = writeln!(
            out,
            "<li><b>{:.2}</b> {name} 3D &gt; {}, moderate, R40</li>",
            r40(&curve.precision),
            figures.class.limit(Strictness::Official, Metric::Box3d)
        );
    }
    out.push_str("</ul>\n");
    for note in page.notes {
        let _ = writeln!(out, "<p class=\"warning\">{}</p>", escape(note));
    }
    out.push_str(
        "<p class=\"muted\">R40 is the benchmark’s figure since 2019 (mean precision at recall 1/40 … 1), R11 the one before \
         (0, 0.1 … 1). A label counts as easy above 40 px, whole and at most 15 % outside the image; moderate above 25 px, partly \
         hidden, 30 %; hard above 25 px, largely hidden, half.</p>\n</header>\n",
    );
    out
}

/// The figures; a dash where there is no label that counts, for which the official program prints 0.
fn table(figures: &ClassFigures) -> String {
    let mut out = "<div class=\"scroll\"><table><thead><tr><th>overlap<th class=\"n\">R40 easy<th class=\"n\">moderate\
        <th class=\"n\">hard<th class=\"n\">R11 easy<th class=\"n\">moderate<th class=\"n\">hard</tr></thead><tbody>\n"
        .to_owned();
    let mut row = |name: &str, limit: f64, values: [Option<[Option<f64>; 3]>; 2]| {
        let _ = write!(out, "<tr><th>{name} &gt; {limit}");
        for value in values.into_iter().flat_map(|v| v.unwrap_or([None; 3])) {
            match value {
                Some(value) => {
                    let _ = write!(out, "<td class=\"n\">{value:.4}");
                }
                None => out.push_str("<td class=\"n\">–"),
            }
        }
        out.push_str("</tr>\n");
    };
    for (strictness, tables) in
        [(Strictness::Official, &figures.official), (Strictness::Loose, &figures.loose)]
    {
        for metric in Metric::ALL {
            if strictness == Strictness::Loose && metric == Metric::Image {
                continue;
            }
            let limit = figures.class.limit(strictness, metric);
            let curves = tables[metric as usize].as_ref();
            let name = metric.key().to_uppercase();
            let each = |average: fn(&crate::eval::kitti::Values) -> f64| {
                curves
                    .map(|c| [0, 1, 2].map(|d| (c[d].labels > 0).then(|| average(&c[d].precision))))
            };
            row(&name, limit, [each(r40), each(r11)]);
            if metric == Metric::Image {
                let each = |average: fn(&crate::eval::kitti::Values) -> f64| {
                    curves.map(|c| {
                        let counts = [0, 1, 2].map(|d| c[d].labels > 0);
                        [0, 1, 2]
                            .map(|d| c[d].similarity.as_ref().filter(|_| counts[d]).map(average))
                    })
                };
                row("AOS", limit, [each(r40), each(r11)]);
            }
        }
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn curves(figures: &ClassFigures) -> Result<String, Error> {
    let mut out = "<div class=\"plots\">\n".to_owned();
    for metric in Metric::ALL {
        let Some(curves) = &figures.official[metric as usize] else { continue };
        let title = format!(
            "{} {} > {}",
            figures.class.class().name(),
            metric.key().to_uppercase(),
            figures.class.limit(Strictness::Official, metric)
        );
        out.push_str(&unit_square(&title, "recall", "precision", &difficulties(curves))?);
    }
    out.push_str("</div>\n");
    Ok(out)
}

/// Measured precision and recall at each threshold; the benchmark's falling curve hides dips.
fn difficulties(curves: &Curves) -> Vec<Series> {
    let series = |difficulty: Difficulty| {
        let curve = &curves[difficulty as usize];
        let points = curve.points.iter().zip(&curve.precision).map(|(point, precision)| {
            (point.true_positives as f64 / curve.labels.max(1) as f64, *precision)
        });
        Series {
            name: format!("{} ({} labels)", difficulty.key(), curve.labels),
            points: points.collect(),
        }
    };
    Difficulty::ALL.map(series).into()
}

fn scores(outcomes: &Outcomes) -> Result<String, Error> {
    let of = |outcome: Outcome| -> Vec<f64> {
        let found = outcomes.objects.iter().filter(|o| !o.is_label && o.outcome == outcome);
        found.filter_map(|o| o.score).collect()
    };
    let (finds, mistakes) = (of(Outcome::Matched), of(Outcome::False));
    let by = format!(
        "{} > {}, {}",
        outcomes.metric.key().to_uppercase(),
        outcomes.limit,
        outcomes.difficulty.key()
    );
    let scores = histogram(
        &format!("Scores ({by})"),
        ["score", "detections"],
        ["finds", "mistakes"],
        [&finds, &mistakes],
    )?;
    let labels = |outcome: Outcome| -> Vec<f64> {
        let found = outcomes.objects.iter().filter(|o| o.is_label && o.outcome == outcome);
        found.map(|o| o.distance_m).collect()
    };
    let (found, missed) = (labels(Outcome::Matched), labels(Outcome::Missed));
    let distances = histogram(
        &format!("Labels by distance ({by})"),
        ["distance, m", "labels"],
        ["found", "missed"],
        [&found, &missed],
    )?;
    Ok(format!("<div class=\"plots\">\n{scores}{distances}</div>\n"))
}

fn areas(figures: &ClassFigures) -> String {
    let mut out = "<h3>Area under the whole curve</h3>\n<p class=\"muted\">Filter “hard”; every detection is a step. In brackets \
        95 % of a bootstrap over frames: on few frames differences inside it mean nothing.</p>\n\
        <div class=\"scroll\"><table><thead><tr><th>overlap"
        .to_owned();
    for band in Band::ALL {
        let _ = write!(out, "<th class=\"n\">{}", band.key());
    }
    out.push_str("</tr></thead><tbody>\n");
    for strictness in [Strictness::Official, Strictness::Loose] {
        for metric in Metric::ALL {
            if figures.areas.get(metric, strictness, Band::All).is_none() {
                continue;
            }
            let limit = figures.class.limit(strictness, metric);
            let _ = write!(out, "<tr><th>{} &gt; {limit}", metric.key().to_uppercase());
            for band in Band::ALL {
                let area = figures.areas.get(metric, strictness, band).unwrap_or_default();
                let text = match (area.area, area.interval) {
                    (None, _) => "–".to_owned(),
                    (Some(area), None) => format!("{area:.3}"),
                    (Some(area), Some([low, high])) => {
                        format!("{area:.3} <span class=\"muted\">[{low:.3}, {high:.3}]</span>")
                    }
                };
                let _ = write!(out, "<td class=\"n\" title=\"{} labels\">{text}", area.labels);
            }
            out.push_str("</tr>\n");
        }
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn experts(rows: &[ExpertRow], figures: &ClassFigures) -> String {
    let mine: Vec<&ExpertRow> = rows.iter().filter(|row| row.class == figures.class).collect();
    if mine.is_empty() {
        return String::new();
    }
    let mut out = "<h3>Boxes by expert and visibility</h3>\n<div class=\"scroll\"><table><thead><tr><th>by<th>group\
        <th class=\"n\">finds<th class=\"n\">mistakes<th class=\"n\">ignored<th class=\"n\">precision<th class=\"n\">mean overlap\
        </tr></thead><tbody>\n"
        .to_owned();
    for row in mine {
        let share =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}</tr>",
            escape(&row.by),
            escape(&row.group),
            row.finds,
            row.mistakes,
            row.ignored,
            share(row.precision),
            share(row.mean_overlap)
        );
    }
    out.push_str("</tbody></table></div>\n");
    out
}

/// The nearest missed labels and the most confident mistakes, with pictures of their frames.
fn misses(outcomes: &Outcomes, pictures: Option<&Path>) -> String {
    let boxes = outcomes.objects.iter().map(|object| Listed {
        frame: &object.frame,
        line: object.line,
        outcome: object.outcome,
        distance_m: object.distance_m,
        score: object.score,
        nearness: Some(object.overlap),
        why: &object.why,
    });
    worst(boxes, ["line", "overlap"], pictures)
}
