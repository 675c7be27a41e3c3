//! A comparison as a report in Markdown, such as `models/REPORT.md`: every figure from the file, beside
//! the command and the machine that gave it.

use std::fmt::Write as _;

use super::compare_page::place;
use super::compare_table::{name, sparsity_cells, with};
use super::compare_words::{left_out_in_short, scarce, words, words_left_out};
use super::html::utc;
use crate::compare::{Cell, Comparison, SettingFigures, percent};
use crate::eval::kitti::{Band, Judged, Metric, Strictness};

/// Writes the report. `picture`: the address, as seen from the report, of what
/// [`compare_plot`](super::compare_plot()) drew of cars and the whole frame, where it is to be shown.
pub fn compare_markdown(comparison: &Comparison, picture: Option<&str>) -> String {
    let mut out = format!(
        "# Does routing pay?\n\nWritten by `emc2 report` from what `emc2 compare` measured (`docs/compare.md` says how); not edited by hand.\n\n\
         ```\n{}\n```\n\n{}; {}, {}; threads in an operator: {}. {} frames, each {} times under every setting, turn about (warm-up {} frames, seed {}); \
         {} draws behind each interval.\n\n",
        command(comparison),
        plain(&comparison.source),
        utc(comparison.started_unix_s),
        plain(&comparison.machine.line()),
        comparison.threads,
        comparison.frames,
        comparison.repeats,
        comparison.warmup_frames,
        comparison.seed,
        comparison.draws
    );
    for model in &comparison.models {
        let sha = model.sha256.get(..12).unwrap_or(&model.sha256);
        let _ = writeln!(out, "- {}: {} (`{sha}`)", model.role, plain(&model.name));
    }
    out.push_str("\n## In words\n\n");
    for sentence in words(comparison) {
        let _ = writeln!(out, "- {}", plain(&sentence));
    }
    if let Some(ratio) = &comparison.ratio {
        let _ = writeln!(
            out,
            "- Behind the bridge `always:ape` takes {:.2} ms and `region-table` {:.2} ms (medians): {:.2} times; of means {:.2} times.",
            ratio.always_ape_ms, ratio.region_table_ms, ratio.ratio, ratio.ratio_of_means
        );
        if let Some([ape, table, ratio]) = ratio.without_wait {
            let _ = writeln!(
                out,
                "- Of that without the wait for pictures' decoder, which a camera that gives pixels does not cause: {ape:.2} ms and {table:.2} ms: \
                 {ratio:.2} times."
            );
        }
    }
    if let Some(baseline) = &comparison.baseline {
        let _ = writeln!(
            out,
            "- {} (the bare network, same runtime and threads, among the same frames): p50 {:.1} ms, p99 {:.1} ms, {:.2} times the whole frame of \
             {}.",
            plain(&baseline.file),
            baseline.ms.p50,
            baseline.ms.p99,
            baseline.over_reference,
            comparison.reference
        );
    }
    for sentence in left_out_in_short(comparison) {
        let _ = writeln!(out, "- {}", plain(&sentence));
    }
    if let Some(address) = picture {
        let _ = writeln!(
            out,
            "\n![Cars: accuracy against the median of the whole frame, setting by setting](<{address}>)\n\nEvery setting without left-out pixels by its \
             median whole frame and the area of cars in 3D; rings and dashes: the Pareto front."
        );
    }
    out.push_str("\n## Time, ms a frame\n\n");
    times(&mut out, comparison.general());
    for class in comparison.drawn() {
        let name = class.class().name();
        let _ = writeln!(
            out,
            "\n## {name}: area under the precision-recall curve (labels: {})\n",
            comparison.labels(class)
        );
        accuracy(&mut out, comparison, comparison.general(), class);
    }
    for class in comparison.scarce() {
        let _ = writeln!(
            out,
            "\n## {}: area under the precision-recall curve\n\n{}",
            class.class().name(),
            plain(&scarce(comparison, class))
        );
    }
    cells(&mut out, comparison);
    sparsity(&mut out, comparison);
    if !comparison.notes.is_empty() {
        out.push_str("\n## Notes\n\n");
        for note in &comparison.notes {
            let _ = writeln!(out, "- {}", plain(note));
        }
    }
    out
}

/// The program by its name, whatever folder it was started from.
fn command(comparison: &Comparison) -> String {
    let words = comparison.command.iter().skip(1).map(String::as_str);
    std::iter::once("emc2").chain(words).collect::<Vec<_>>().join(" ")
}

/// Text that does not become markup, nor a column of a table.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '<' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

fn times<'a>(out: &mut String, settings: impl Iterator<Item = &'a SettingFigures>) {
    out.push_str(
        "| setting | p50 | p95 | p99 | behind the bridge, p50 | p99 | bridge network | experts | image | rest | regions to bridge, lpe, vee, ape, emergency |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for figures in settings {
        let (whole, behind, split) =
            (&figures.whole_ms, &figures.beyond_bridge_ms, &figures.split_ms);
        let shares = figures.regions.shares();
        let percent: Vec<String> =
            shares.iter().map(|(_, share)| format!("{:.0}", 100.0 * share)).collect();
        let _ = writeln!(
            out,
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {} % |",
            plain(name(figures)),
            whole.p50,
            whole.p95,
            whole.p99,
            behind.p50,
            behind.p99,
            split.bridge_model,
            split.experts,
            split.image,
            split.rest,
            percent.join(", ")
        );
    }
    out.push_str("\nBridge network to rest are means and add up to the mean of the whole frame. p99 by nearest rank: of fewer than 100 frames the slowest.\n");
}

fn accuracy<'a>(
    out: &mut String,
    comparison: &Comparison,
    settings: impl Iterator<Item = &'a SettingFigures>,
    class: Judged,
) {
    let limit = |metric| class.limit(Strictness::Official, metric);
    let _ = write!(
        out,
        "| setting | BEV > {} | 3D > {} | 3D less {} | 3D, {} | 3D, {} | 3D, {} |\n\
         |---|---|---|---|---|---|---|\n",
        limit(Metric::Bev),
        limit(Metric::Box3d),
        plain(&comparison.reference),
        Band::Near.key(),
        Band::Middle.key(),
        Band::Far.key()
    );
    for figures in settings {
        let areas = figures.classes.iter().filter(|f| f.class == class).flat_map(|f| &f.areas);
        let of = |metric: Metric, band: Band| {
            areas
                .clone()
                .find(|a| (a.metric, a.limit, a.band) == (metric, Strictness::Official, band))
        };
        let area = |metric, band| {
            of(metric, band).map_or("–".to_owned(), |a| with(a.area, a.interval, false))
        };
        let difference = of(Metric::Box3d, Band::All)
            .map_or("–".to_owned(), |a| with(a.difference, a.difference_interval, true));
        let _ = writeln!(
            out,
            "| {} | {} | {} | {difference} | {} | {} | {} |",
            plain(name(figures)),
            area(Metric::Bev, Band::All),
            area(Metric::Box3d, Band::All),
            area(Metric::Box3d, Band::Near),
            area(Metric::Box3d, Band::Middle),
            area(Metric::Box3d, Band::Far)
        );
    }
    out.push_str("\nFilter of \"hard\"; in brackets 95 % of a bootstrap over frames, of differences draw by draw.\n");
}

fn cells(out: &mut String, comparison: &Comparison) {
    let Some(cells) = &comparison.cells else { return };
    out.push_str(
        "\n## Each expert by distance and visibility of the label\n\n| class | cell | labels | setting | found | overlap of the found | overlap of all |\n\
         |---|---|---|---|---|---|---|\n",
    );
    let row = |cell: &Cell| {
        format!(
            "| {} | {} | {} | {} | {} | {} | {:.3} |\n",
            cell.class.class().name(),
            place(cell),
            cell.labels,
            plain(&cell.setting),
            cell.hits,
            cell.overlap_of_hits.map_or("–".to_owned(), |overlap| format!("{overlap:.3}")),
            cell.overlap_of_all
        )
    };
    out.extend(cells.rows.iter().map(row));
    out.push_str(
        "\n3D, the benchmark's limit, filter of \"hard\"; of all: a missed label counts with the best box that touches it.\n",
    );
}

fn sparsity(out: &mut String, comparison: &Comparison) {
    if comparison.sparsity.is_empty() {
        return;
    }
    out.push_str(
        "\n## Most of the picture left out\n\nEverything goes to APE, but its image windows may touch only a share of the picture. Whose turn is first is decided by \
         the draft's scores, or for comparison by chance, nearness, or number of returns; regions that are not looked at go to LPE.\n\n",
    );
    for sentence in words_left_out(comparison) {
        let _ = writeln!(out, "- {}", plain(&sentence));
    }
    out.push_str(
        "\n| first | asked | skipped | regions to APE | labels wholly inside | behind the bridge, ms | times faster | without the wait | image branch and APE, ms | these, times faster |",
    );
    let classes: Vec<Judged> = comparison.drawn().collect();
    for class in &classes {
        let limit = class.limit(Strictness::Official, Metric::Box3d);
        let _ = write!(out, " {} 3D > {limit} |", class.class().name());
    }
    out.push_str("\n|---|---|---|---|---|---|---|---|---|---|");
    out.push_str(&"---|".repeat(classes.len()));
    out.push('\n');
    for row in &comparison.sparsity {
        let asked = row.pixels.map_or("–".to_owned(), |p| format!("{} %", percent(p.skip)));
        let _ = write!(out, "| {} | {asked} | {} |", row.by(), sparsity_cells(row).join(" | "));
        let figures = comparison.find(&row.setting);
        for class in &classes {
            let area = figures
                .and_then(|f| f.area(*class, Metric::Box3d, Strictness::Official))
                .and_then(|area| area.area);
            let _ = write!(out, " {} |", area.map_or("–".to_owned(), |a| format!("{a:.3}")));
        }
        out.push('\n');
    }
    out.push_str(
        "\nSkipped: the mean share of the picture that no image window touches. Behind the bridge: median, with LPE's work on what was turned away; \
         times faster: against the row without a limit; without the wait: the same less the wait for the picture's decoder; image branch and APE: these alone, mean. Labels: all that count at \"hard\".\n",
    );
    out.push_str("\n### Left-out pixels: time, ms a frame\n\n");
    times(out, comparison.left_out());
    for class in classes {
        let name = class.class().name();
        let _ = writeln!(
            out,
            "\n### Left-out pixels, {name}: area under the precision-recall curve (labels: {})\n",
            comparison.labels(class)
        );
        accuracy(out, comparison, comparison.left_out(), class);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::comparison_for_tests::{comparison, setting, skipping};
    use crate::config::PixelOrder;

    #[test]
    fn left_out_pixels_have_a_section_of_their_own_and_few_labels_no_table() {
        let made = comparison(vec![
            setting("always:ape", 36.0, 0.9),
            setting("region-table", 20.0, 0.9),
            skipping(0.9, PixelOrder::Draft, 21.0, 0.88),
            skipping(0.9, PixelOrder::Near, 20.0, 0.85),
        ]);
        let report = compare_markdown(&made, Some("../docs/a b.svg"));
        let (general, section) = report.split_once("## Most of the picture left out").unwrap();
        let tables = general.split_once("## Time").unwrap().1;
        assert!(!tables.contains("skipped"), "{tables}");
        for row in [
            "| always:ape, 90 % skipped, near | 20.00 |",
            "| always:ape, 90 % skipped, near | 0.850 [0.750, 0.950] |",
        ] {
            assert!(section.contains(row), "{row}: {section}");
        }
        let headings =
            |name: &str| report.lines().filter(|l| l.starts_with('#') && l.contains(name)).count();
        assert_eq!((headings("Car"), headings("Pedestrian")), (2, 1));
        assert!(general.contains("Pedestrian (labels: 1): too few labels"));
        assert!(!report.contains("3D > 0.5 |"), "no column for pedestrians");
        assert!(general.contains("](<../docs/a b.svg>)"));
        assert!(!compare_markdown(&made, None).contains("!["));
    }

    #[test]
    fn text_from_outside_cannot_become_markup() {
        assert_eq!(plain("a|b*c_d<e>`\n"), "a\\|b\\*c\\_d\\<e>\\` ");
    }
}
