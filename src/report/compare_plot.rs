//! Pictures of a comparison, as SVG: accuracy against time with the Pareto front, and differences to the
//! reference with their paired intervals. Settings are told apart by number and shape, not by colour alone.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Error;
use super::plot::{Area, Drawn, svg_of};
use crate::compare::{AreaFigure, Comparison, Front, SettingFigures, TimeAxis};
use crate::config::PixelOrder;
use crate::eval::kitti::{Judged, Metric, Strictness};

const WIDTH: u32 = 760;
const LEAST_HEIGHT: u32 = 400;
/// The width of the plot; the list of settings stands beside it.
const PLOT: u32 = 500;
/// The list's first row, the distance of its rows, and of the signs' meaning below it.
const LIST: (i32, i32, i32) = (44, 16, 12);
const ORANGE: RGBColor = RGBColor(196, 78, 20);
const BLUE: RGBColor = RGBColor(11, 98, 168);
const PURPLE: RGBColor = RGBColor(120, 60, 150);
const GREEN: RGBColor = RGBColor(20, 120, 90);
const GREY: RGBColor = RGBColor(120, 120, 120);

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// How a setting is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Square,
    Disc,
    Triangle,
    Cross,
    Circle,
}

fn look(figures: &SettingFigures) -> (Shape, RGBColor) {
    match figures.setting.pixels.map(|pixels| pixels.by) {
        Some(PixelOrder::Draft) => (Shape::Disc, GREEN),
        Some(PixelOrder::Random) => (Shape::Cross, GREY),
        Some(PixelOrder::Near) => (Shape::Triangle, BLUE),
        Some(PixelOrder::Dense) => (Shape::Circle, PURPLE),
        None if !figures.routed => (Shape::Square, ORANGE),
        None if figures.setting.policy == "region-table" => (Shape::Disc, BLUE),
        None => (Shape::Triangle, PURPLE),
    }
}

const SIGNS: [(&str, RGBColor); 4] = [
    ("square: one expert for all", ORANGE),
    ("disc: region table, line: its budgets", BLUE),
    ("triangle: scene tree", PURPLE),
    ("ring, dashes: Pareto front", GREY),
];
const SIGNS_LEFT_OUT: [(&str, RGBColor); 5] = [
    ("square: APE, no pixels left out", ORANGE),
    ("disc: highest score first (draft)", GREEN),
    ("cross: by chance (random)", GREY),
    ("triangle: nearest first (near)", BLUE),
    ("circle: most returns first (dense)", PURPLE),
];

fn area(figures: &SettingFigures, class: Judged) -> Option<&AreaFigure> {
    figures.area(class, Metric::Box3d, Strictness::Official)
}

/// One setting in the plane; its number is its place in the list, from 1.
struct Spot<'a> {
    number: usize,
    figures: &'a SettingFigures,
    at: (f64, f64),
}

/// What one picture of accuracy against time shows.
struct Plane<'a> {
    title: String,
    class: Judged,
    time: TimeAxis,
    settings: Vec<&'a SettingFigures>,
    front: Option<&'a Front>,
    signs: &'static [(&'static str, RGBColor)],
}

impl Plane<'_> {
    fn spots(&self) -> Vec<Spot<'_>> {
        let numbered = self.settings.iter().enumerate();
        let spots = numbered.filter_map(|(index, figures)| {
            let accuracy = area(figures, self.class)?.area?;
            Some(Spot { number: index + 1, figures, at: (self.time.of(figures), accuracy) })
        });
        spots.collect()
    }

    fn svg(&self) -> Result<String, Error> {
        let rows = (self.settings.len() + self.signs.len()) as i32;
        let (first, row, gap) = LIST;
        let height = LEAST_HEIGHT.max((first + gap + row * rows) as u32);
        svg_of((WIDTH, height), &self.title, |root| draw(root, self))
    }
}

/// Accuracy (area in 3D, the benchmark's limit) against the median of a time, of the settings without left-out
/// pixels.
///
/// # Errors
/// [`Error::Plot`] if it cannot be drawn.
pub fn compare_plot(
    comparison: &Comparison,
    class: Judged,
    time: TimeAxis,
) -> Result<String, Error> {
    let mut fronts = comparison.fronts.iter();
    let plane = Plane {
        title: format!("{}: accuracy against {}", class.class().name(), time.words()),
        class,
        time,
        settings: comparison.general().collect(),
        front: fronts.find(|front| (front.class, front.time) == (class, time)),
        signs: &SIGNS,
    };
    plane.svg()
}

/// The same against the time behind the bridge, of the settings with left-out pixels and of the one that they
/// are taken from. A line joins the shares of one order.
///
/// # Errors
/// [`Error::Plot`] if it cannot be drawn.
pub fn compare_left_out(comparison: &Comparison, class: Judged) -> Result<String, Error> {
    let time = TimeAxis::BeyondBridge;
    let rows = comparison.sparsity.iter();
    let plane = Plane {
        title: format!(
            "{}, left-out pixels: accuracy against {}",
            class.class().name(),
            time.words()
        ),
        class,
        time,
        settings: rows.filter_map(|row| comparison.find(&row.setting)).collect(),
        front: None,
        signs: &SIGNS_LEFT_OUT,
    };
    plane.svg()
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

fn draw(root: &Area<'_>, plane: &Plane<'_>) -> Drawn {
    let spots = plane.spots();
    let (left, right) = root.split_horizontally(PLOT);
    let (x0, x1) = around(spots.iter().map(|spot| spot.at.0), 0.1);
    let (y0, y1) = around(spots.iter().map(|spot| spot.at.1), 0.02);
    let mut chart = ChartBuilder::on(&left)
        .caption(&plane.title, ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(x0.max(0.0)..x1, y0..y1.min(1.02))?;
    let limit = plane.class.limit(Strictness::Official, Metric::Box3d);
    chart
        .configure_mesh()
        .x_desc(format!("p50 of {}, ms", plane.time.words()))
        .y_desc(format!("area under the curve, 3D > {limit}"))
        .x_label_formatter(&|x| format!("{x:.1}"))
        .y_label_formatter(&|y| format!("{y:.3}"))
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .draw()?;
    front(&mut chart, plane, &spots, x1)?;
    lines(&mut chart, &spots)?;
    // One expert for all is in front: there are few of them, and many settings of the tree.
    let (always, others): (Vec<_>, Vec<_>) =
        spots.iter().partition(|spot| look(spot.figures).0 == Shape::Square);
    for spot in others.into_iter().chain(always) {
        mark(&mut chart, spot)?;
    }
    numbers(&mut chart, &spots)?;
    list(&right, plane)
}

/// The front as a staircase.
fn front(chart: &mut Chart<'_, '_>, plane: &Plane<'_>, spots: &[Spot<'_>], right: f64) -> Drawn {
    let names = plane.front.map_or(&[][..], |front| &front.settings);
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
    Ok(())
}

/// The region table's budgets joined by time, and the shares of each order of pixels.
fn lines(chart: &mut Chart<'_, '_>, spots: &[Spot<'_>]) -> Drawn {
    let of_table = |spot: &&Spot<'_>| spot.figures.setting.policy == "region-table";
    let mut table: Vec<(f64, f64)> = spots.iter().filter(of_table).map(|spot| spot.at).collect();
    table.sort_by(|a, b| a.0.total_cmp(&b.0));
    chart.draw_series(LineSeries::new(table, BLUE.mix(0.6).stroke_width(2)))?;
    for by in [PixelOrder::Draft, PixelOrder::Random, PixelOrder::Near, PixelOrder::Dense] {
        let pixels = |spot: &Spot<'_>| spot.figures.setting.pixels.filter(|p| p.by == by);
        let mut shares: Vec<(f32, &Spot<'_>)> =
            spots.iter().filter_map(|spot| Some((pixels(spot)?.skip, spot))).collect();
        shares.sort_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, first)) = shares.first() else { continue };
        let style = look(first.figures).1.mix(0.5).stroke_width(1);
        let points = shares.iter().map(|(_, spot)| spot.at);
        chart.draw_series(LineSeries::new(points, style))?;
    }
    Ok(())
}

fn mark(chart: &mut Chart<'_, '_>, spot: &Spot<'_>) -> Drawn {
    let (shape, color) = look(spot.figures);
    let (filled, drawn) = (color.filled(), color.stroke_width(2));
    match shape {
        Shape::Square => {
            let square = EmptyElement::at(spot.at) + Rectangle::new([(-5, -5), (5, 5)], filled);
            chart.draw_series(std::iter::once(square))?;
        }
        Shape::Disc => {
            chart.draw_series(std::iter::once(Circle::new(spot.at, 5, filled)))?;
        }
        Shape::Triangle => {
            chart.draw_series(std::iter::once(TriangleMarker::new(spot.at, 7, filled)))?;
        }
        Shape::Cross => {
            chart.draw_series(std::iter::once(Cross::new(spot.at, 5, drawn)))?;
        }
        Shape::Circle => {
            chart.draw_series(std::iter::once(Circle::new(spot.at, 5, drawn)))?;
        }
    }
    Ok(())
}

/// Each number beside its spot, at the nearest place where it hides no other number or spot; a thin line leads
/// to one that is farther away.
fn numbers(chart: &mut Chart<'_, '_>, spots: &[Spot<'_>]) -> Drawn {
    const NEAR: [(i32, i32); 8] =
        [(12, -10), (-12, -10), (12, 11), (-12, 11), (0, -18), (0, 19), (24, 0), (-24, 0)];
    let far = (2..7).flat_map(|ring| {
        [(0, -18), (0, 18), (16, -14), (16, 14), (-16, -14), (-16, 14)]
            .map(|(dx, dy)| (dx * ring, dy * ring))
    });
    let places: Vec<(i32, i32)> = NEAR.into_iter().chain(far).collect();
    let (width, height) = chart.plotting_area().dim_in_pixel();
    let (left, top) = chart.plotting_area().get_base_pixel();
    let pixels: Vec<(i32, i32)> = spots.iter().map(|spot| chart.backend_coord(&spot.at)).collect();
    let mut taken: Vec<(i32, i32)> = Vec::new();
    for (spot, &(x, y)) in spots.iter().zip(&pixels) {
        let free = |&&(dx, dy): &&(i32, i32)| {
            let at = (x + dx, y + dy);
            let apart = |other: &(i32, i32), wide: i32, high: i32| {
                (other.0 - at.0).abs() >= wide || (other.1 - at.1).abs() >= high
            };
            let inside = (left + 8..left + width as i32 - 8).contains(&at.0)
                && (top + 8..top + height as i32 - 8).contains(&at.1);
            inside
                && taken.iter().all(|other| apart(other, 18, 13))
                && pixels.iter().all(|other| apart(other, 11, 11))
        };
        let (dx, dy) = places.iter().find(free).copied().unwrap_or(NEAR[0]);
        taken.push((x + dx, y + dy));
        let color = look(spot.figures).1;
        if !NEAR.contains(&(dx, dy)) {
            let short = |whole: i32, part: f64| (f64::from(whole) * part).round() as i32;
            let length = f64::from(dx).hypot(f64::from(dy));
            let end = 1.0 - 9.0 / length;
            let line = PathElement::new(
                vec![(0, 0), (short(dx, end), short(dy, end))],
                color.mix(0.6).stroke_width(1),
            );
            chart.draw_series(std::iter::once(EmptyElement::at(spot.at) + line))?;
        }
        let anchor = Pos::new(HPos::Center, VPos::Center);
        let font = ("sans-serif", 13).into_font().color(&color).pos(anchor);
        let text = Text::new(spot.number.to_string(), (dx, dy), font);
        chart.draw_series(std::iter::once(EmptyElement::at(spot.at) + text))?;
    }
    Ok(())
}

/// The settings by number, and what the signs mean.
fn list(area: &Area<'_>, plane: &Plane<'_>) -> Drawn {
    let font = |color: &RGBColor| {
        ("sans-serif", 12).into_font().color(color).pos(Pos::new(HPos::Left, VPos::Center))
    };
    let (mut y, row, gap) = LIST;
    for (index, figures) in plane.settings.iter().enumerate() {
        let text = format!("{}  {}", index + 1, figures.setting.name);
        area.draw(&Text::new(text, (8, y), font(&look(figures).1)))?;
        y += row;
    }
    y += gap;
    for (text, color) in plane.signs {
        area.draw(&Text::new(*text, (8, y), font(color)))?;
        y += row;
    }
    Ok(())
}

/// Differences of the area in 3D to the reference, with the 95 % of the paired bootstrap, of the settings without
/// left-out pixels.
///
/// # Errors
/// [`Error::Plot`] if it cannot be drawn.
pub fn compare_differences(comparison: &Comparison, class: Judged) -> Result<String, Error> {
    let title = format!(
        "{}: area in 3D less {} (95 % of a paired bootstrap over frames)",
        class.class().name(),
        comparison.reference
    );
    let height = 90 + 22 * comparison.general().count() as u32;
    svg_of((WIDTH, height), &title, |root| draw_differences(root, comparison, class, &title))
}

fn draw_differences(root: &Area<'_>, comparison: &Comparison, class: Judged, title: &str) -> Drawn {
    let rows: Vec<(&SettingFigures, Option<&AreaFigure>)> =
        comparison.general().map(|figures| (figures, area(figures, class))).collect();
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
        let (_, color) = look(figures);
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
