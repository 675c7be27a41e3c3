//! Time per frame as an SVG chart: one stacked column a frame, or the slowest frame of each bin
//! where a run has more frames than columns.

use std::fmt::Write as _;

use super::html::escape;
use super::run_report::ChartFrame;

const COLUMNS: usize = 300;
const WIDTH: f32 = 1000.0;
const HEIGHT: f32 = 200.0;
const LEFT: f32 = 48.0;
const BOTTOM: f32 = 28.0;
const TOP: f32 = 8.0;

/// Names of [`ChartFrame::groups`].
const GROUPS: [&str; 5] = ["our code", "BEV model", "expert models", "image", "emergency"];

/// The figure with its legend; nothing for a run without frames.
pub(super) fn write(frames: &[ChartFrame]) -> String {
    if frames.is_empty() {
        return String::new();
    }
    let bin = frames.len().div_ceil(COLUMNS);
    let slowest = |bin: &[ChartFrame]| {
        (0..bin.len())
            .max_by(|&a, &b| bin[a].total.total_cmp(&bin[b].total).then(b.cmp(&a)))
            .unwrap_or(0)
    };
    let columns: Vec<&ChartFrame> = frames.chunks(bin).map(|bin| &bin[slowest(bin)]).collect();
    let top = top_of_scale(frames.iter().map(|f| f.total).fold(0.0, f32::max));
    let y = |ms: f32| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - ms / top);
    let mut svg = String::new();
    for step in 0..=4 {
        let ms = top * step as f32 / 4.0;
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{0:.1}\" y2=\"{0:.1}\"/>\
             <text x=\"{1}\" y=\"{2:.1}\" text-anchor=\"end\">{3}</text>",
            y(ms),
            LEFT - 6.0,
            y(ms) + 4.0,
            ms
        );
    }
    let step = ((WIDTH - LEFT) / columns.len() as f32).min(64.0);
    let wide = if step > 4.0 { step - 1.5 } else { step };
    for (i, frame) in columns.iter().enumerate() {
        let x = LEFT + i as f32 * step;
        let _ = write!(
            svg,
            "<g data-frame=\"{0}\"><title>{0}: {1:.1} ms",
            escape(&frame.frame),
            frame.total
        );
        for (name, ms) in GROUPS.iter().zip(frame.groups).filter(|(_, ms)| *ms >= 0.05) {
            let _ = write!(svg, "\n{name} {ms:.1}");
        }
        svg.push_str("</title>");
        let mut below = 0.0;
        for (group, &ms) in frame.groups.iter().enumerate().filter(|(_, ms)| **ms > 0.0) {
            let _ = write!(
                svg,
                "<rect class=\"g{group}\" x=\"{x:.1}\" width=\"{wide:.1}\" y=\"{:.1}\" height=\"{:.2}\"/>",
                y(below + ms),
                y(below) - y(below + ms)
            );
            below += ms;
        }
        // Shown under the frame that the browser shows.
        let middle = x + wide / 2.0;
        let foot = HEIGHT - BOTTOM + 1.0;
        let _ = write!(svg, "<path class=\"mark\" d=\"M{middle:.1} {foot}l4 6h-8z\"/>");
        svg.push_str("</g>\n");
    }
    let per_column = if bin == 1 {
        "one column a frame".to_owned()
    } else {
        format!("one column for {bin} frames, showing their slowest")
    };
    let legend: String = GROUPS
        .iter()
        .enumerate()
        .filter(|(i, _)| frames.iter().any(|f| f.groups[*i] > 0.0))
        .map(|(i, name)| format!("<li><span class=\"swatch g{i}\"></span>{name}</li>"))
        .collect();
    format!(
        "<figure class=\"chart\">\n<div class=\"scroll\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"time per frame\">\n{svg}\
         <text x=\"{LEFT}\" y=\"{:.1}\">{} frames in order, {per_column}</text></svg></div>\n\
         <ul class=\"keys\">{legend}</ul>\n<figcaption class=\"muted\">ms a frame. Choose a column to see its frame.</figcaption>\n</figure>\n",
        HEIGHT - 5.0,
        frames.len()
    )
}

/// The next of 1, 2, 4, 8 times a power of ten, so that quarters are round.
fn top_of_scale(max: f32) -> f32 {
    if !(max.is_finite() && max > 0.0) {
        return 1.0;
    }
    let power = 10.0_f32.powf(max.log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        .map(|s| s * power)
        .into_iter()
        .find(|&top| top >= max)
        .unwrap_or(max)
}
