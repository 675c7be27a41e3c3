//! Curves and histograms as SVG, drawn with `plotters`; told apart by dashes as well as by colour,
//! so that they survive a black and white printer.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Error;

/// One line of a plot.
pub(super) struct Series {
    /// For the legend.
    pub name: String,
    /// x and y.
    pub points: Vec<(f64, f64)>,
}

const SIZE: (u32, u32) = (420, 300);
const COLORS: [RGBColor; 4] =
    [RGBColor(11, 98, 168), RGBColor(196, 78, 20), RGBColor(60, 60, 60), RGBColor(120, 60, 150)];
/// Dash and gap in pixels of each line; the first is whole.
const DASHES: [(u32, u32); 4] = [(0, 0), (7, 3), (2, 3), (12, 4)];

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A white picture of the usual size with what `draw` puts on it.
fn svg(title: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String, Error> {
    svg_of(SIZE, title, draw)
}

/// A white picture of a size (pixels) with what `draw` puts on it.
pub(super) fn svg_of(
    size: (u32, u32),
    title: &str,
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Result<String, Error> {
    let mut text = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let filled = area.fill(&WHITE).map_err(Into::into);
        filled.and_then(|()| draw(&area)).and_then(|()| area.present().map_err(Into::into))
    };
    drawn.map_err(|cause| Error::Plot { title: title.to_owned(), cause: cause.to_string() })?;
    Ok(text)
}

/// Caption and room for the axes.
fn frame<'a, 'b>(area: &'b Area<'a>, title: &'b str) -> ChartBuilder<'b, 'b, SVGBackend<'a>> {
    let mut builder = ChartBuilder::on(area);
    builder
        .caption(title, ("sans-serif", 15))
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(44);
    builder
}

/// Lines in the unit square.
pub(super) fn unit_square(
    title: &str,
    x: &str,
    y: &str,
    series: &[Series],
) -> Result<String, Error> {
    svg(title, |area| draw_unit_square(area, title, x, y, series))
}

fn draw_unit_square(area: &Area<'_>, title: &str, x: &str, y: &str, series: &[Series]) -> Drawn {
    let mut chart = frame(area, title).build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    chart
        .configure_mesh()
        .x_desc(x)
        .y_desc(y)
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .draw()?;
    // The legend stands at the lower left, where a good curve never passes, or at the upper right.
    let low = series.iter().flat_map(|line| &line.points).any(|(x, y)| *x < 0.6 && *y < 0.4);
    let (left, bottom) =
        if low { (0.62, 0.94 - 0.08 * (series.len() - 1) as f64) } else { (0.04, 0.06) };
    for (at, line) in series.iter().enumerate() {
        let color = COLORS[at % COLORS.len()];
        let (dash, gap) = DASHES[at % DASHES.len()];
        let style = color.stroke_width(2);
        let points = line.points.iter().copied().filter(|p| p.0.is_finite() && p.1.is_finite());
        if dash == 0 {
            chart.draw_series(LineSeries::new(points, style))?;
        } else {
            chart.draw_series(DashedLineSeries::new(points, dash, gap, style))?;
        }
        let row = bottom + 0.08 * (series.len() - 1 - at) as f64;
        let key = [(left, row), (left + 0.12, row)];
        if dash == 0 {
            chart.draw_series(LineSeries::new(key, style))?;
        } else {
            chart.draw_series(DashedLineSeries::new(key, dash, gap, style))?;
        }
        let anchor = Pos::new(HPos::Left, VPos::Center);
        let text = ("sans-serif", 12).into_font().color(&BLACK).pos(anchor);
        chart.draw_series(std::iter::once(Text::new(
            line.name.clone(),
            (left + 0.14, row),
            text,
        )))?;
    }
    Ok(())
}

/// Two sets of values as bars side by side over the same bins; the second is hatched by being hollow.
pub(super) fn histogram(
    title: &str,
    [x, y]: [&str; 2],
    names: [&str; 2],
    values: [&[f64]; 2],
) -> Result<String, Error> {
    svg(title, |area| draw_histogram(area, title, [x, y], names, values))
}

const BINS: usize = 20;

fn draw_histogram(
    area: &Area<'_>,
    title: &str,
    [x, y]: [&str; 2],
    names: [&str; 2],
    values: [&[f64]; 2],
) -> Drawn {
    let all = || values.iter().flat_map(|v| v.iter().copied()).filter(|v| v.is_finite());
    let low = all().fold(f64::INFINITY, f64::min).min(0.0);
    let high = all().fold(f64::NEG_INFINITY, f64::max).max(low + 1e-9);
    let high = if (0.0..=1.0).contains(&high) && low >= 0.0 { 1.0 } else { high };
    let (low, width) =
        if low.is_finite() { (low, (high - low) / BINS as f64) } else { (0.0, 0.05) };
    let counts = values.map(|values| {
        let mut counts = [0u32; BINS];
        for value in values.iter().filter(|value| value.is_finite()) {
            counts[(((value - low) / width) as usize).min(BINS - 1)] += 1;
        }
        counts
    });
    let top = counts.iter().flatten().copied().max().unwrap_or(0).max(1);
    let height = f64::from(top) * 1.25;
    let mut chart =
        frame(area, title).build_cartesian_2d(low..low + width * BINS as f64, 0.0..height)?;
    chart
        .configure_mesh()
        .x_desc(x)
        .y_desc(y)
        // Counts are whole: no more lines than there are whole numbers.
        .y_labels((height as usize + 1).min(11))
        .y_label_formatter(&|count| format!("{count:.0}"))
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .draw()?;
    for (which, counts) in counts.iter().enumerate() {
        let color = COLORS[which];
        let style = if which == 0 { color.filled() } else { color.stroke_width(2) };
        chart.draw_series(counts.iter().enumerate().filter(|(_, n)| **n > 0).map(|(bin, n)| {
            let from = low + width * (bin as f64 + 0.08 + 0.44 * which as f64);
            Rectangle::new([(from, 0.0), (from + 0.4 * width, f64::from(*n))], style)
        }))?;
        let row = f64::from(top) * (1.2 - 0.1 * which as f64);
        let key = low + width * 0.5;
        let half = f64::from(top) * 0.03;
        let mark = [(key, row - half), (key + width * 0.8, row + half)];
        chart.draw_series(std::iter::once(Rectangle::new(mark, style)))?;
        let anchor = Pos::new(HPos::Left, VPos::Center);
        let text = ("sans-serif", 12).into_font().color(&BLACK).pos(anchor);
        let label = format!("{} ({})", names[which], values[which].len());
        chart.draw_series(std::iter::once(Text::new(label, (key + width * 1.2, row), text)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_axis_has_whole_numbers_only() {
        for most in [1, 2, 3, 4, 7, 15, 30] {
            let far: Vec<f64> = std::iter::repeat_n(12.5, most).chain([60.0]).collect();
            let words = (["distance, m", "labels"], ["found", "missed"]);
            let svg = histogram("Labels", words.0, words.1, [&far, &[]]).unwrap();
            let texts: Vec<&str> = svg
                .lines()
                .map(str::trim)
                .filter(|line| line.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
                .filter(|line| !line.is_empty())
                .collect();
            // The axis of distances has one decimal, that of counts has none, and no number twice.
            let counts: Vec<&str> = texts.into_iter().filter(|t| !t.contains('.')).collect();
            let mut once = counts.clone();
            once.dedup();
            assert_eq!(counts, once, "{most}: {svg}");
            assert!(counts.len() >= 2 && counts.contains(&"0"), "{most}: {counts:?}");
        }
    }
}
