//! The page of a comparison: verdicts, pictures, times, accuracy, cells. One file, nothing loaded from
//! elsewhere.

use std::fmt::Write as _;

use super::Error;
use super::compare_plot::{compare_differences, compare_left_out, compare_plot};
use super::compare_table::{name, sparsity_cells, with};
use super::compare_words::{left_out_in_short, scarce, words, words_left_out};
use super::eval_kitti_page::wrap;
use super::html::{escape, utc};
use super::palette::{EXPERTS, expert_color, expert_name};
use crate::compare::{Baseline, Cell, Comparison, SettingFigures, TimeAxis};
use crate::eval::kitti::{Band, Judged, Metric, Strictness};

/// Rows of a table: settings, those of the pictures with their numbers there.
type Rows<'a> = [(Option<usize>, &'a SettingFigures)];

/// Writes the page.
///
/// # Errors
/// [`Error::Plot`] if a picture cannot be drawn.
pub fn compare_page(comparison: &Comparison) -> Result<String, Error> {
    let mut body = head(comparison);
    for class in comparison.drawn() {
        let _ = writeln!(
            body,
            "<section>\n<h2>{}: accuracy against time</h2>\n<div class=\"plots wide\">",
            class.class().name()
        );
        for time in TimeAxis::ALL {
            body.push_str(&compare_plot(comparison, class, time)?);
        }
        body.push_str(&compare_differences(comparison, class)?);
        body.push_str(
            "</div>\n<p class=\"muted\">Behind the bridge is what the settings decide about; in the whole frame the bridge’s network, the same \
             work for all, adds its own noise. A difference whose bar crosses 0 is within the noise of these frames.</p>\n</section>\n",
        );
    }
    let rows: Vec<_> =
        comparison.general().enumerate().map(|(index, f)| (Some(index + 1), f)).collect();
    let _ = writeln!(
        body,
        "<section>\n<h2>Time, ms a frame</h2>\n{}</section>",
        times(comparison.baseline.as_ref(), &rows)
    );
    for class in comparison.drawn() {
        let name = class.class().name();
        let tables = accuracy(comparison, &rows, class);
        let title = format!("<h2>{name}: area under the precision–recall curve</h2>");
        let _ = writeln!(body, "<section>\n{title}\n{tables}</section>");
    }
    for class in comparison.scarce() {
        let _ =
            writeln!(body, "<section>\n<p>{}</p>\n</section>", escape(&scarce(comparison, class)));
    }
    body.push_str(&cells(comparison));
    body.push_str(&sparsity(comparison)?);
    body.push_str(&about(comparison));
    Ok(wrap("routing compared", &format!("<style>\n{}</style>\n{body}", style())))
}

fn style() -> String {
    let mut out = "header ul + p { margin-top: .9rem }\nul.words { padding-left: 1.2rem }\n.plots.wide svg { flex: 1 1 560px; max-width: 760px }\n\
                   .stack { display: flex; width: 9rem; height: .7em; border-radius: 2px; overflow: hidden }\n"
        .to_owned();
    for expert in EXPERTS {
        let [r, g, b] = expert_color(expert);
        let _ = writeln!(
            out,
            ".stack .{} {{ background: rgb({r} {g} {b}) }}",
            expert_name(expert).to_lowercase()
        );
    }
    out
}

fn head(comparison: &Comparison) -> String {
    let mut out = format!(
        "<header>\n<h1>Does routing pay?</h1>\n<p class=\"muted\">emc2 {} · {} · {} · {}</p>\n<pre class=\"command\">{}</pre>\n<ul class=\"tiles\">\n",
        escape(&comparison.version),
        escape(&comparison.source),
        utc(comparison.started_unix_s),
        escape(&comparison.machine.line()),
        escape(&comparison.command.join(" "))
    );
    let mut tile = |value: String, name: &str| {
        let _ = writeln!(out, "<li><b>{value}</b> {name}</li>");
    };
    tile(comparison.frames.to_string(), "frames");
    tile(comparison.repeats.to_string(), "times each, turn about");
    tile(comparison.threads.to_string(), "threads in an operator");
    if let Some(ratio) = &comparison.ratio {
        tile(format!("{:.2}", ratio.ratio), "always:ape over region-table, behind the bridge");
    }
    if let Some(baseline) = &comparison.baseline {
        let what = format!("{} over the whole frame", escape(&baseline.file));
        tile(format!("{:.2}", baseline.over_reference), &what);
    }
    out.push_str("</ul>\n<ul class=\"words\">\n");
    for sentence in words(comparison).into_iter().chain(left_out_in_short(comparison)) {
        let _ = writeln!(out, "<li>{}</li>", escape(&sentence));
    }
    out.push_str("</ul>\n");
    for note in &comparison.notes {
        let _ = writeln!(out, "<p class=\"warning\">{}</p>", escape(note));
    }
    out.push_str("</header>\n");
    out
}

fn row_name(number: Option<usize>, figures: &SettingFigures) -> String {
    let number = number.map_or(String::new(), |number| format!("{number} "));
    format!("<th>{number}{}", escape(name(figures)))
}

fn times(baseline: Option<&Baseline>, rows: &Rows<'_>) -> String {
    let mut out = "<div class=\"scroll\"><table><thead><tr><th>setting<th class=\"n\">p50\
        <th class=\"n\">p95<th class=\"n\">p99<th class=\"n\">behind the bridge, p50<th class=\"n\">p99<th class=\"n\">bridge network\
        <th class=\"n\">experts<th class=\"n\">image<th class=\"n\">rest<th>regions<th class=\"n\">bridge, lpe, vee, ape, emergency %</tr></thead><tbody>\n"
        .to_owned();
    for &(number, figures) in rows {
        let (whole, behind, split) =
            (&figures.whole_ms, &figures.beyond_bridge_ms, &figures.split_ms);
        let _ = write!(out, "<tr>{}", row_name(number, figures));
        for value in [
            whole.p50,
            whole.p95,
            whole.p99,
            behind.p50,
            behind.p99,
            split.bridge_model,
            split.experts,
            split.image,
            split.rest,
        ] {
            let _ = write!(out, "<td class=\"n\">{value:.2}");
        }
        let shares = figures.regions.shares();
        out.push_str("<td><div class=\"stack\">");
        for (name, share) in shares {
            let _ = write!(out, "<i class=\"{name}\" style=\"width:{:.1}%\"></i>", 100.0 * share);
        }
        let percent: Vec<String> =
            shares.iter().map(|(_, share)| format!("{:.0}", 100.0 * share)).collect();
        let _ = writeln!(out, "</div><td class=\"n\">{}</tr>", percent.join(", "));
    }
    if let Some(baseline) = baseline {
        let ms = &baseline.ms;
        let _ = writeln!(
            out,
            "<tr><th>{} (the bare network)<td class=\"n\">{:.2}<td class=\"n\">{:.2}<td class=\"n\">{:.2}<td colspan=\"8\"></tr>",
            escape(&baseline.file),
            ms.p50,
            ms.p95,
            ms.p99
        );
    }
    out.push_str(
        "</tbody></table></div>\n<p class=\"muted\">Nearest-rank percentiles over all frames and repeats, reading left out. Bridge network to rest are \
         means and add up to the mean of the whole.</p>\n",
    );
    out
}

fn accuracy(comparison: &Comparison, rows: &Rows<'_>, class: Judged) -> String {
    let mut out = String::new();
    for (metric, limit, open) in [
        (Metric::Box3d, Strictness::Official, true),
        (Metric::Bev, Strictness::Official, false),
        (Metric::Box3d, Strictness::Loose, false),
        (Metric::Bev, Strictness::Loose, false),
    ] {
        let open = if open { " open" } else { "" };
        let _ = write!(
            out,
            "<details{open}><summary>{} &gt; {}</summary>\n<div class=\"scroll\"><table><thead><tr><th>setting",
            metric.key(),
            class.limit(limit, metric)
        );
        for band in Band::ALL {
            let _ = write!(out, "<th class=\"n\">{}", band.key());
        }
        let _ = writeln!(
            out,
            "<th class=\"n\">all, less {}</tr></thead><tbody>",
            escape(&comparison.reference)
        );
        for &(number, figures) in rows {
            let _ = write!(out, "<tr>{}", row_name(number, figures));
            let areas =
                figures.classes.iter().find(|f| f.class == class).map(|f| f.areas.as_slice());
            let of = |band| {
                let same = |a: &&crate::compare::AreaFigure| {
                    (a.metric, a.limit, a.band) == (metric, limit, band)
                };
                areas.unwrap_or_default().iter().find(same)
            };
            for band in Band::ALL {
                let cell = of(band).map_or("–".to_owned(), |a| with(a.area, a.interval, false));
                let _ = write!(out, "<td class=\"n\">{cell}");
            }
            let cell = of(Band::All)
                .map_or("–".to_owned(), |a| with(a.difference, a.difference_interval, true));
            let _ = writeln!(out, "<td class=\"n\">{cell}</tr>");
        }
        let counts = Band::ALL.map(|band| {
            let of = comparison.settings.iter().flat_map(|f| &f.classes);
            let areas = of.filter(|f| f.class == class).flat_map(|f| &f.areas);
            let same = areas.filter(|a| (a.metric, a.limit, a.band) == (metric, limit, band));
            format!("<td class=\"n\">{}", same.map(|a| a.labels).max().unwrap_or(0))
        });
        let _ = writeln!(
            out,
            "<tr class=\"total\"><th>labels{}<td></tr></tbody></table></div></details>",
            counts.concat()
        );
    }
    out.push_str(
        "<p class=\"muted\">Filter of “hard”; in brackets 95 % of a bootstrap over frames, of differences draw by draw on the same frames.</p>\n",
    );
    out
}

/// Where a cell is, in words: `0-25 m, visibility 0.5-1`.
pub(super) fn place(cell: &Cell) -> String {
    let [low, high] = cell.visibility;
    let distance = match cell.distance_m {
        (from, Some(to)) => format!("{from}-{to} m"),
        (from, None) => format!("{from} m and more"),
    };
    format!("{distance}, visibility {low}-{high}")
}

fn cells(comparison: &Comparison) -> String {
    let Some(cells) = &comparison.cells else { return String::new() };
    let mut settings: Vec<&str> = Vec::new();
    for cell in &cells.rows {
        if !settings.contains(&cell.setting.as_str()) {
            settings.push(&cell.setting);
        }
    }
    let mut out = "<section>\n<h2>Each expert by distance and visibility of the label</h2>\n<div class=\"scroll\"><table><thead><tr>\
        <th>class<th>cell<th class=\"n\">labels"
        .to_owned();
    for setting in &settings {
        let _ = write!(out, "<th class=\"n\">{}", escape(setting));
    }
    out.push_str("</tr></thead><tbody>\n");
    let same = |a: &Cell, b: &Cell| (a.class, place(a)) == (b.class, place(b));
    for row in cells.rows.chunk_by(same) {
        let _ = write!(
            out,
            "<tr><th>{}<td>{}<td class=\"n\">{}",
            row[0].class.class().name(),
            place(&row[0]),
            row[0].labels
        );
        for setting in &settings {
            let cell = row.iter().find(|cell| cell.setting == *setting);
            let text = cell.map_or("–".to_owned(), |cell| {
                format!("{} found, {:.3}", cell.hits, cell.overlap_of_all)
            });
            let _ = write!(out, "<td class=\"n\">{text}");
        }
        out.push_str("</tr>\n");
    }
    out.push_str(
        "</tbody></table></div>\n<p class=\"muted\">Labels found (3D, the benchmark’s limit, filter of “hard”), and the mean overlap over all labels of the \
         cell: a missed one counts with the best box that touches it. Bands meet where the region table has its bounds.</p>\n</section>\n",
    );
    out
}

fn sparsity(comparison: &Comparison) -> Result<String, Error> {
    if comparison.sparsity.is_empty() {
        return Ok(String::new());
    }
    let mut out =
        "<section>\n<h2>Most of the picture left out</h2>\n<ul class=\"words\">\n".to_owned();
    for sentence in words_left_out(comparison) {
        let _ = writeln!(out, "<li>{}</li>", escape(&sentence));
    }
    out.push_str("</ul>\n<div class=\"plots wide\">");
    for class in comparison.drawn() {
        out.push_str(&compare_left_out(comparison, class)?);
    }
    out.push_str("</div>\n<div class=\"scroll\"><table><thead><tr><th>setting<th class=\"n\">skipped\
        <th class=\"n\">regions to APE<th class=\"n\">labels wholly inside<th class=\"n\">behind the bridge, ms\
        <th class=\"n\">times faster<th class=\"n\">without the wait<th class=\"n\">image branch and APE, ms<th class=\"n\">these, times faster</tr></thead><tbody>\n");
    for row in &comparison.sparsity {
        let cells = sparsity_cells(row).join("<td class=\"n\">");
        let _ = writeln!(out, "<tr><th>{}<td class=\"n\">{cells}</tr>", escape(&row.setting));
    }
    out.push_str(
        "</tbody></table></div>\n<p class=\"muted\">Skipped: the mean share of the picture that no image window touches. Without the wait: less the wait for the picture’s \
         decoder, which a camera that gives pixels does not cause. Regions that are not looked at go to LPE, whose work counts. Whose turn is first: the draft’s scores, or for comparison chance, nearness, number of returns.</p>\n",
    );
    let rows: Vec<_> = comparison.left_out().map(|figures| (None, figures)).collect();
    let _ = writeln!(out, "<h3>Left-out pixels: time, ms a frame</h3>\n{}", times(None, &rows));
    for class in comparison.drawn() {
        let (name, tables) = (class.class().name(), accuracy(comparison, &rows, class));
        let _ = writeln!(
            out,
            "<h3>Left-out pixels, {name}: area under the precision–recall curve</h3>\n{tables}"
        );
    }
    out.push_str("</section>\n");
    Ok(out)
}

fn about(comparison: &Comparison) -> String {
    let mut out = format!(
        "<section>\n<h2>How it was measured</h2>\n<p>For each frame every setting had its turn in an order shuffled with seed {}, {} times, after {} frames \
         of warm-up under every setting; the models were loaded once. Intervals: {} draws of the frames.</p>\n<div class=\"scroll\"><table><thead><tr>\
         <th>model<th>name<th>providers<th>SHA-256</tr></thead><tbody>\n",
        comparison.seed, comparison.repeats, comparison.warmup_frames, comparison.draws
    );
    for model in &comparison.models {
        let _ = writeln!(
            out,
            "<tr><th>{}<td>{}<td>{}<td><code>{}</code></tr>",
            escape(&model.role),
            escape(&model.name),
            escape(&model.providers.join(", ")),
            escape(model.sha256.get(..16).unwrap_or(&model.sha256))
        );
    }
    out.push_str("</tbody></table></div>\n</section>\n");
    out
}
