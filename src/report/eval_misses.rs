//! The worst of an evaluation as a piece of its page: labels that were missed and mistakes, with
//! pictures of their frames where a run drew some.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;

use super::html::escape;
use crate::eval::Outcome;

/// How many boxes each table lists, and how many frames are shown as pictures.
const MISSES: usize = 12;
const PICTURES: usize = 4;

/// A label or detection, of whatever benchmark.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed<'a> {
    /// The frame's name.
    pub frame: &'a str,
    /// Which of the frame's boxes it is.
    pub line: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// Distance from the sensor, m.
    pub distance_m: f64,
    /// The detection's score; for a label that of what came nearest.
    pub score: Option<f64>,
    /// How near the nearest thing to a match came, in the benchmark's measure.
    pub nearness: Option<f64>,
    /// By which rule.
    pub why: &'a str,
}

/// The nearest missed labels and the most confident mistakes. `columns` names the line and the
/// nearness; `pictures` is where `<frame>.png` may lie.
pub(super) fn worst<'a>(
    boxes: impl Iterator<Item = Listed<'a>>,
    [line, nearness]: [&str; 2],
    pictures: Option<&Path>,
) -> String {
    let (mut missed, mut wrong) = (Vec::new(), Vec::new());
    for one in boxes {
        match one.outcome {
            Outcome::Missed => missed.push(one),
            Outcome::False => wrong.push(one),
            Outcome::Matched | Outcome::Ignored => {}
        }
    }
    missed.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m));
    wrong.sort_by(|a, b| b.score.unwrap_or_default().total_cmp(&a.score.unwrap_or_default()));
    let mut out = String::new();
    for (title, all) in
        [("Missed labels, nearest first", &missed), ("Mistakes, most confident first", &wrong)]
    {
        if all.is_empty() {
            continue;
        }
        let _ = write!(
            out,
            "<h3>{title} ({})</h3>\n<div class=\"scroll\"><table><thead><tr><th>frame<th class=\"n\">{line}<th class=\"n\">distance\
             <th class=\"n\">score<th class=\"n\">{nearness}<th>why</tr></thead><tbody>\n",
            all.len()
        );
        let number =
            |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
        for one in all.iter().take(MISSES) {
            let _ = writeln!(
                out,
                "<tr><td>{}<td class=\"n\">{}<td class=\"n\">{:.1} m<td class=\"n\">{}<td class=\"n\">{}<td>{}</tr>",
                escape(one.frame),
                one.line,
                one.distance_m,
                number(one.score),
                number(one.nearness),
                escape(one.why)
            );
        }
        out.push_str("</tbody></table></div>\n");
    }
    if let Some(folder) = pictures {
        let mut shown: Vec<&str> = Vec::new();
        for one in missed.iter().chain(&wrong) {
            if shown.len() == PICTURES {
                break;
            }
            if shown.contains(&one.frame) {
                continue;
            }
            let Some(picture) = jpeg(&folder.join(format!("{}.png", one.frame))) else { continue };
            shown.push(one.frame);
            let _ = writeln!(
                out,
                "<figure><img alt=\"frame {0}\" src=\"data:image/jpeg;base64,{1}\"><figcaption>{0}: labels dashed, boxes by expert\
                 </figcaption></figure>",
                escape(one.frame),
                base64::engine::general_purpose::STANDARD.encode(picture)
            );
        }
    }
    out
}

/// A picture small enough for a page; none where it cannot be read.
fn jpeg(path: &Path) -> Option<Vec<u8>> {
    let picture = image::open(path).ok()?.to_rgb8();
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 82);
    picture.write_with_encoder(encoder).ok()?;
    Some(bytes)
}
