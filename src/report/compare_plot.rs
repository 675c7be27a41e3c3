//! Pictures of a comparison, as SVG: accuracy against time with the Pareto front, and differences to the
//! reference with their paired intervals. Settings are told apart by number and shape, not by colour alone.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Error;
use super::plot::{Area, Drawn, svg_of};
use crate::compare::{AreaFigure, Comparison, SettingFigures, TimeAxis};
use crate::eval::kitti::{Judged, Metric, Strictness};

const SIZE: (u32, u32) = (760, 400);
/// The width of the plot; the list of settings stands beside it.
const PLOT: u32 = 500;
const ALWAYS: RGBColor = RGBColor(196, 78, 20);
const TABLE: RGBColor = RGBColor(11, 98, 168);
const TREE: RGBColor = RGBColor(120, 60, 150);
const SPARSE: RGBColor = RGBColor(20, 120, 90);
const GREY: RGBColor = RGBColor(120, 120, 120);

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

fn color(figures: &SettingFigures) -> RGBColor {
    match (figures.routed, figures.setting.policy.as_str()) {
        (false, _) => ALWAYS,
        (true, "region-table") => TABLE,
        (true, "always:ape") => SPARSE, // pixels left out
        _ => TREE,
    }
}

fn area(figures: &SettingFigures, class: Judged) -> Option<&AreaFigure> {
    figures.area(class, Metric::Box3d, Strictness::Official)
}

/// One setting in the plane; its number is its place in the tables, from 1.
struct Spot<'a> {
    number: usize,
    figures: &'a SettingFigures,
    at: (f64, f64),
}

fn spots(comparison: &Comparison, class: Judged, time: TimeAxis) -> Vec<Spot<'_>> {
    let mut spots = Vec::with_capacity(comparison.settings.len());
    for (index, figures) in comparison.settings.iter().enumerate() {
        if let Some(accuracy) = area(figures, class).and_then(|area| area.area) {
            spots.push(Spot { number: index + 1, figures, at: (time.of(figures), accuracy) });
        }
    }
    spots
}

/// Accuracy (area in 3D, the benchmark's limit) against the median of a time.
///
/// # Errors
/// [`Error::Plot`] if it cannot be drawn.
pub fn compare_plot(
    comparison: &Comparison,
    class: Judged,
    time: TimeAxis,
) -> Result<String, Error> {
    let title = format!("{}: accuracy against {}", class.class().name(), time.words());
    svg_of(SIZE, &title, |root| draw(root, comparison, class, time, &title))
}

/// The range of values with room around it, at least `least` wide.
fn around(values: impl Iterator<Item = f64> + Clone, least: f64) -> (f64, f64) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    if !(low.is_finite() && high.is_finite()) {
        return (0.0, 1.0);
    }
    let room = (0.12 * (high - low)).max(0.5 * (least - (high - low)));
    (low - room, high + room)
}

fn draw(
    root: &Area<'_>,
    comparison: &Comparison,
    class: Judged,
    time: TimeAxis,
    title: &str,
) -> Drawn {
    let spots = spots(comparison, class, time);
    let (left, right) = root.split_horizontally(PLOT);
    let (x0, x1) = around(spots.iter().map(|spot| spot.at.0), 0.1);
    let (y0, y1) = around(spots.iter().map(|spot| spot.at.1), 0.02);
    let mut chart = ChartBuilder::on(&left)
        .caption(title, ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(x0.max(0.0)..x1, y0..y1.min(1.02))?;
    let limit = class.limit(Strictness::Official, Metric::Box3d);
    chart
        .configure_mesh()
        .x_desc(format!("p50 of {}, ms", time.words()))
        .y_desc(format!("area under the curve, 3D > {limit}"))
        .x_label_formatter(&|x| format!("{x:.1}"))
        .y_label_formatter(&|y| format!("{y:.3}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .draw()?;
    lines(&mut chart, comparison, class, time, &spots, x1)?;
    for spot in &spots {
        mark(&mut chart, spot)?;
    }
    numbers(&mut chart, &spots)?;
    list(&right, comparison)
}

/// The front as a staircase, and the region table's budgets joined by time.
fn lines(
    chart: &mut Chart<'_, '_>,
    comparison: &Comparison,
    class: Judged,
    time: TimeAxis,
    spots: &[Spot<'_>],
    right: f64,
) -> Drawn {
    let front = comparison.fronts.iter().find(|front| (front.class, front.time) == (class, time));
    let names = front.map_or(&[][..], |front| &front.settings);
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for name in names {
        let Some(spot) = spots.iter().find(|spot| spot.figures.setting.name == *name) else {
            continue;
        };
        if let Some((_, y)) = steps.last().copied() {
            steps.push((spot.at.0, y));
        }
        steps.push(spot.at);
        let ring = Circle::new(spot.at, 10, GREY.stroke_width(2));
        chart.draw_series(std::iter::once(ring))?;
    }
    if let Some((_, y)) = steps.last().copied() {
        steps.push((right, y));
    }
    chart.draw_series(DashedLineSeries::new(steps, 5, 4, GREY.stroke_width(1)))?;
    let of_table = |spot: &&Spot<'_>| spot.figures.setting.policy == "region-table";
    let mut table: Vec<(f64, f64)> = spots.iter().filter(of_table).map(|spot| spot.at).collect();
    table.sort_by(|a, b| a.0.total_cmp(&b.0));
    chart.draw_series(LineSeries::new(table, TABLE.mix(0.6).stroke_width(2)))?;
    Ok(())
}

fn mark(chart: &mut Chart<'_, '_>, spot: &Spot<'_>) -> Drawn {
    let style = color(spot.figures).filled();
    if !spot.figures.routed {
        let square = EmptyElement::at(spot.at) + Rectangle::new([(-5, -5), (5, 5)], style);
        chart.draw_series(std::iter::once(square))?;
    } else if spot.figures.setting.pixels.is_some() {
        let style = color(spot.figures).stroke_width(2);
        chart.draw_series(std::iter::once(Cross::new(spot.at, 5, style)))?;
    } else if spot.figures.setting.policy == "region-table" {
        chart.draw_series(std::iter::once(Circle::new(spot.at, 5, style)))?;
    } else {
        chart.draw_series(std::iter::once(TriangleMarker::new(spot.at, 7, style)))?;
    }
    Ok(())
}

/// Each number beside its spot, at the first of eight places where it hides no other number or spot.
fn numbers(chart: &mut Chart<'_, '_>, spots: &[Spot<'_>]) -> Drawn {
    const PLACES: [(i32, i32); 8] =
        [(12, -10), (-12, -10), (12, 11), (-12, 11), (0, -18), (0, 19), (24, 0), (-24, 0)];
    let pixels: Vec<(i32, i32)> = spots.iter().map(|spot| chart.backend_coord(&spot.at)).collect();
    let mut taken: Vec<(i32, i32)> = Vec::new();
    for (spot, &(x, y)) in spots.iter().zip(&pixels) {
        let free = |&(dx, dy): &(i32, i32)| {
            let at = (x + dx, y + dy);
            let apart = |other: &(i32, i32), wide: i32, high: i32| {
                (other.0 - at.0).abs() >= wide || (other.1 - at.1).abs() >= high
            };
            taken.iter().all(|other| apart(other, 16, 13))
                && pixels.iter().all(|other| apart(other, 11, 11))
        };
        let (dx, dy) = PLACES.into_iter().find(free).unwrap_or(PLACES[0]);
        taken.push((x + dx, y + dy));
        let anchor = Pos::new(HPos::Center, VPos::Center);
        let font = ("sans-serif", 13).into_font().color(&color(spot.figures)).pos(anchor);
        let text = Text::new(spot.number.to_string(), (dx, dy), font);
        chart.draw_series(std::iter::once(EmptyElement::at(spot.at) + text))?;
    }
    Ok(())
}

/// The settings by number, and what the signs mean.
fn list(area: &Area<'_>, comparison: &Comparison) -> Drawn {
    let font = |color: &RGBColor| {
        ("sans-serif", 12).into_font().color(color).pos(Pos::new(HPos::Left, VPos::Center))
    };
    // Below the settings: how many more, a gap of 12, five signs.
    let mut y = 44;
    let most = ((SIZE.1 as i32 - 44 - 12 - 6 * 16) / 16) as usize;
    for (index, figures) in comparison.settings.iter().enumerate().take(most) {
        let text = format!("{}  {}", index + 1, figures.setting.name);
        area.draw(&Text::new(text, (8, y), font(&color(figures))))?;
        y += 16;
    }
    if comparison.settings.len() > most {
        let text = format!("… and {} more, in the table", comparison.settings.len() - most);
        area.draw(&Text::new(text, (8, y), font(&GREY)))?;
        y += 16;
    }
    y += 12;
    for (text, color) in [
        ("square: one expert for all", &ALWAYS),
        ("circle: region table, line: its budgets", &TABLE),
        ("triangle: scene tree", &TREE),
        ("cross: pixels left out", &SPARSE),
        ("ring, dashes: Pareto front", &GREY),
    ] {
        area.draw(&Text::new(text, (8, y), font(color)))?;
        y += 16;
    }
    Ok(())
}

/// Differences of the area in 3D to the reference, with the 95 % of the paired bootstrap.
///
/// # Errors
/// [`Error::Plot`] if it cannot be drawn.
pub fn compare_differences(comparison: &Comparison, class: Judged) -> Result<String, Error> {
    let title = format!(
        "{}: area in 3D less {} (95 % of a paired bootstrap over frames)",
        class.class().name(),
        comparison.reference
    );
    let height = 90 + 22 * comparison.settings.len() as u32;
    svg_of((SIZE.0, height), &title, |root| draw_differences(root, comparison, class, &title))
}

fn draw_differences(root: &Area<'_>, comparison: &Comparison, class: Judged, title: &str) -> Drawn {
    let rows: Vec<(&SettingFigures, Option<&AreaFigure>)> =
        comparison.settings.iter().map(|figures| (figures, area(figures, class))).collect();
    let mut values = vec![0.0];
    for area in rows.iter().filter_map(|(_, area)| *area) {
        values.extend(area.difference);
        values.extend(area.difference_interval.into_iter().flatten());
    }
    let (x0, x1) = around(values.iter().copied(), 0.02);
    let count = rows.len() as f64;
    let mut chart = ChartBuilder::on(root)
        .caption(title, ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(24)
        .y_label_area_size(190)
        .build_cartesian_2d(x0..x1, count..0.0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .x_label_formatter(&|x| format!("{x:+.2}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .draw()?;
    let zero = [(0.0, 0.0), (0.0, count)];
    chart.draw_series(LineSeries::new(zero, GREY.stroke_width(1)))?;
    for (index, (figures, area)) in rows.iter().enumerate() {
        let y = index as f64 + 0.5;
        let color = color(figures);
        if let Some([low, high]) = area.and_then(|area| area.difference_interval) {
            let bar = [(low, y), (high, y)];
            chart.draw_series(LineSeries::new(bar, color.stroke_width(2)))?;
        }
        if let Some(difference) = area.and_then(|area| area.difference) {
            chart.draw_series(std::iter::once(Circle::new((difference, y), 4, color.filled())))?;
        }
        let anchor = Pos::new(HPos::Left, VPos::Center);
        let font = ("sans-serif", 12).into_font().color(&color).pos(anchor);
        let (_, row) = chart.backend_coord(&(x0, y));
        let name = format!("{}  {}", index + 1, figures.setting.name);
        root.draw(&Text::new(name, (12, row), font))?;
    }
    Ok(())
}
