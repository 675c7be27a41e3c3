//! The page for people: one file, nothing loaded from elsewhere.
//!
//! Numbers and tables are plain HTML and need no script; the frame browser is a small script fed
//! from a JSON block. Style and script lie in `page/` and are compiled in. Every text that comes
//! from outside (names, causes, commands) passes [`escape`] or the JSON block's own escaping.

use std::fmt::{Display, Write as _};

use super::latency::{Distribution, LatencySummary};
use super::page_frame::PageFrame;
use super::palette::{EXPERTS, expert_color, expert_meaning, expert_name};
use super::run_report::{ChartFrame, RunSummary};
use super::{Header, chart};

/// What goes into the page.
pub(super) struct Page<'a> {
    pub header: &'a Header,
    pub summary: &'a RunSummary,
    pub chart: &'a [ChartFrame],
    pub frames: &'a [PageFrame],
}

/// The whole page.
pub(super) fn write(page: &Page<'_>) -> String {
    let body = [head(page), browser(page), boxes(page), losses(page), latency(page), about(page)];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>emc2 run: {title}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{colors}{style}</style>\n</head>\n<body>\n\
         {body}\n<script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>\n{script}</script>\n</body>\n</html>\n",
        title = escape(&page.header.source),
        colors = expert_styles(),
        style = include_str!("page/page.css"),
        body = body.concat(),
        data = json(page),
        script = include_str!("page/page.js"),
    )
}

/// Text for HTML, inside elements and inside quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The browser's data. `<` is written as an escape, so nothing in it can end the script element.
fn json(page: &Page<'_>) -> String {
    serde_json::to_string(page.frames).unwrap_or_else(|_| "[]".to_owned()).replace('<', "\\u003c")
}

/// One class per expert; the colours are those of the pictures.
fn expert_styles() -> String {
    let mut out = String::new();
    for expert in EXPERTS {
        let [r, g, b] = expert_color(expert);
        let _ = writeln!(out, ".{} {{ --ink: rgb({r} {g} {b}) }}", expert_name(expert));
    }
    out
}

fn chip(name: &str) -> String {
    format!("<span class=\"chip {name}\">{name}</span>")
}

fn head(page: &Page<'_>) -> String {
    let s = page.summary;
    let total = s.latency.stage("total");
    let warm = total.and_then(|t| t.warm.or(t.cold));
    let ms = |pick: fn(&Distribution) -> f64| {
        warm.as_ref().map_or("–".to_owned(), |d| format!("{} ms", number(pick(d))))
    };
    let mut out = format!(
        "<header>\n<h1>{}</h1>\n<p class=\"muted\">emc2 {} · {} · {}</p>\n",
        escape(if page.header.source.is_empty() { "emc2 run" } else { &page.header.source }),
        escape(&page.header.version),
        utc(page.header.started_unix_s),
        escape(&page.header.machine.line()),
    );
    if !page.header.command.is_empty() {
        let _ = writeln!(
            out,
            "<pre class=\"command\">{}</pre>",
            escape(&page.header.command.join(" "))
        );
    }
    for warning in &page.header.warnings {
        let _ = writeln!(out, "<p class=\"warning\"><b>Warning.</b> {}</p>", escape(warning));
    }
    out.push_str("<ul class=\"tiles\">\n");
    let mut tile = |value: String, name: &str, bad: bool| {
        let class = if bad { " class=\"bad\"" } else { "" };
        let _ = writeln!(out, "<li{class}><b>{value}</b> {name}</li>");
    };
    tile(s.frames.to_string(), "frames", false);
    tile(s.boxes.to_string(), "boxes", false);
    tile(ms(|d| d.p50), "median a frame", false);
    tile(ms(|d| d.p99), "99th percentile", false);
    tile(s.frames_degraded.to_string(), "degraded frames", s.frames_degraded > 0);
    tile(s.skipped.len().to_string(), "skipped frames", !s.skipped.is_empty());
    out.push_str("</ul>\n</header>\n");
    out
}

fn browser(page: &Page<'_>) -> String {
    if page.frames.is_empty() {
        return String::new();
    }
    let mut legend = String::new();
    for expert in EXPERTS {
        let name = expert_name(expert);
        let _ = writeln!(
            legend,
            "<li><button type=\"button\" class=\"chip {name}\" data-expert=\"{name}\" aria-pressed=\"true\" \
             title=\"show or hide\">{name}</button> {}</li>",
            escape(expert_meaning(expert))
        );
    }
    let left_out = page.summary.frames.saturating_sub(page.frames.len());
    let note = if left_out > 0 {
        format!(
            "<p class=\"muted\">{left_out} more frames are not in this page; they are in <code>frames.jsonl</code>.</p>\n"
        )
    } else {
        String::new()
    };
    format!(
        "<section id=\"browser\">\n<div class=\"bar\">\n<h2>Frames</h2>\n\
         <button type=\"button\" id=\"previous\" aria-label=\"previous frame\">‹</button>\n\
         <select id=\"frame\" aria-label=\"frame\"></select>\n\
         <button type=\"button\" id=\"next\" aria-label=\"next frame\">›</button>\n\
         <span id=\"place\" class=\"muted\"></span>\n\
         <label><input type=\"checkbox\" id=\"labels\" checked> labels (dashed)</label>\n\
         <span class=\"muted keys\">← → frames, ↑ ↓ boxes, Esc none</span>\n</div>\n\
         <noscript><p class=\"warning\">The frame browser needs JavaScript; the tables below do not.</p></noscript>\n\
         <p id=\"degraded\" class=\"warning\" hidden></p>\n\
         <div class=\"stage\">\n<div class=\"left\">\n<figure id=\"overlay\"></figure>\n\
         <div class=\"scroll\"><table id=\"boxes\"><thead><tr><th>#<th>class<th class=\"n\">score<th>expert\
         <th>why this expert<th class=\"n\">distance<th class=\"n\">visible<th class=\"n\">occluded<th>degraded\
         </tr></thead><tbody></tbody></table></div>\n</div>\n<figure id=\"bev\"></figure>\n</div>\n\
         {note}<ul class=\"legend\">\n{legend}</ul>\n</section>\n"
    )
}

fn boxes(page: &Page<'_>) -> String {
    let s = page.summary;
    let mut out = String::from(
        "<section class=\"half\">\n<h2>Boxes by class and expert</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>class",
    );
    for expert in EXPERTS {
        let _ = write!(out, "<th class=\"n\">{}", chip(expert_name(expert)));
    }
    out.push_str("<th class=\"n\">all</tr></thead>\n<tbody>\n");
    let mut row = |name: &str, count: &dyn Fn(crate::frame::ExpertKind) -> usize| {
        let _ = write!(out, "<tr><th scope=\"row\">{}", escape(name));
        let mut all = 0;
        for expert in EXPERTS {
            all += count(expert);
            let _ = write!(out, "<td class=\"n\">{}", dash(count(expert)));
        }
        let _ = writeln!(out, "<td class=\"n\">{all}</tr>");
    };
    for (class, by) in &s.boxes_by {
        row(class, &|expert| by.get(&expert).copied().unwrap_or(0));
    }
    row("all", &|expert| s.boxes_by.values().filter_map(|by| by.get(&expert)).sum());
    let _ = write!(
        out,
        "</tbody>\n</table></div>\n<p class=\"muted\">Regions planned: LPE {}, VEE {}, APE {}, bridge {}, emergency {}. \
         Boxes outside the image and therefore not in <code>results/</code>: {}; degraded boxes: {}.</p>\n</section>\n",
        s.plan.lpe,
        s.plan.vee,
        s.plan.ape,
        s.plan.bridge,
        s.plan.emergency,
        s.boxes_outside_image,
        s.boxes_degraded
    );
    out
}

fn latency(page: &Page<'_>) -> String {
    let s = page.summary;
    let mut out = String::from(
        "<section>\n<h2>Time</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>stage, ms\
         <th class=\"n\">p50<th class=\"n\">p95<th class=\"n\">p99<th class=\"n\">max<th class=\"n\">cold<th>share of the median</tr></thead>\n<tbody>\n",
    );
    let median = |d: Option<Distribution>| d.map_or(0.0, |d| d.p50);
    let whole = s.latency.stage("total").map_or(0.0, |t| median(t.warm.or(t.cold)));
    for stage in s.latency.stages.iter().filter(|stage| LatencySummary::used(stage)) {
        let share = if whole > 0.0 && stage.stage != "read" {
            100.0 * median(stage.warm.or(stage.cold)) / whole
        } else {
            0.0
        };
        let class = if stage.stage == "total" { " class=\"total\"" } else { "" };
        let _ = write!(out, "<tr{class}><th scope=\"row\">{}", escape(&stage.name));
        let warm = stage.warm;
        for value in [
            warm.map(|d| d.p50),
            warm.map(|d| d.p95),
            warm.map(|d| d.p99),
            warm.map(|d| d.max),
            stage.cold.map(|d| d.max),
        ] {
            let _ = write!(out, "<td class=\"n\">{}", value.map_or("–".to_owned(), number));
        }
        let _ = writeln!(
            out,
            "<td><span class=\"share\" style=\"width:{:.1}%\"></span></tr>",
            share.clamp(0.0, 100.0)
        );
    }
    let count = |d: Option<Distribution>| d.map_or(0, |d| d.count);
    let total = s.latency.stage("total");
    let _ = writeln!(
        out,
        "</tbody>\n</table></div>\n<p class=\"muted\">{} warm frames, and {} cold (the first of each pipeline; the slowest is shown). \
         Percentiles are nearest-rank: each is a time that occurred.</p>\n{}</section>",
        total.map_or(0, |t| count(t.warm)),
        total.map_or(0, |t| count(t.cold)),
        chart::write(page.chart),
    );
    out
}

fn losses(page: &Page<'_>) -> String {
    let s = page.summary;
    let mut out = String::from("<section class=\"half\">\n<h2>Dropped, degraded, skipped</h2>\n");
    let table = |out: &mut String, head: &str, rows: &mut dyn Iterator<Item = (String, String)>| {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            let _ = writeln!(out, "<p class=\"muted\">{head}: none.</p>");
            return;
        }
        let _ = writeln!(
            out,
            "<div class=\"scroll\"><table>\n<thead><tr><th>{head}<th class=\"n\">count</tr></thead>\n<tbody>"
        );
        for (name, value) in rows {
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}<td class=\"n\">{value}</tr>",
                escape(&name)
            );
        }
        out.push_str("</tbody>\n</table></div>\n");
    };
    let grouped = |n: u64| thousands(n);
    let mut dropped =
        s.dropped.iter().filter(|(_, n)| **n > 0).map(|(c, n)| (c.replace('_', " "), grouped(*n)));
    table(&mut out, "dropped, over all frames", &mut dropped);
    let mut degraded = s.degraded.iter().map(|(name, step)| {
        (format!("{name}; the first: {}", step.first_cause), step.frames.to_string())
    });
    table(&mut out, "degraded frames by step", &mut degraded);
    if s.skipped.is_empty() {
        out.push_str("<p class=\"muted\">skipped frames: none.</p>\n");
    } else {
        out.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>skipped frame<th>why</tr></thead>\n<tbody>\n");
        const SHOWN: usize = 200;
        for skipped in s.skipped.iter().take(SHOWN) {
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}<td>{}</tr>",
                escape(&skipped.frame),
                escape(&skipped.cause)
            );
        }
        out.push_str("</tbody>\n</table></div>\n");
        if s.skipped.len() > SHOWN {
            let _ = writeln!(out, "<p class=\"muted\">and {} more.</p>", s.skipped.len() - SHOWN);
        }
    }
    out.push_str("</section>\n");
    out
}

fn about(page: &Page<'_>) -> String {
    let mut out = String::from(
        "<section>\n<h2>Models and settings</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>part<th>model<th>runs on<th>precision<th>sha256</tr></thead>\n<tbody>\n",
    );
    for model in &page.header.models {
        let short: String = model.sha256.chars().take(12).collect();
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}<td>{}<td>{}<td>{}<td><code>{}</code></tr>",
            escape(&model.role),
            escape(&model.name),
            escape(&model.providers.join(", ")),
            escape(&model.precision),
            escape(&short)
        );
    }
    if page.header.models.is_empty() {
        out.push_str("<tr><td colspan=\"5\">no model: emergency boxes only</tr>\n");
    }
    let config = serde_json::to_string_pretty(&page.header.config).unwrap_or_default();
    let _ = writeln!(
        out,
        "</tbody>\n</table></div>\n<details><summary>the whole configuration</summary><pre>{}</pre></details>\n</section>",
        escape(&config)
    );
    out
}

/// Milliseconds with as many decimals as mean something.
fn number(ms: f64) -> String {
    if ms.abs() >= 100.0 {
        format!("{ms:.0}")
    } else if ms.abs() >= 10.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.2}")
    }
}

fn dash(count: usize) -> String {
    if count == 0 { "–".to_owned() } else { count.to_string() }
}

/// 1234567 as `1 234 567`, with narrow spaces.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out
}

/// Seconds of UNIX time as date and time, UTC (Hinnant's days-to-civil method).
pub(super) fn utc(seconds: u64) -> impl Display {
    if seconds == 0 {
        return "time unknown".to_owned();
    }
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", rest / 3600, rest / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_across_leap_days() {
        assert_eq!(utc(951_782_400).to_string(), "2000-02-29 00:00 UTC");
        assert_eq!(utc(1_780_000_000).to_string(), "2026-05-28 20:26 UTC");
    }

    #[test]
    fn large_counts_are_grouped() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
