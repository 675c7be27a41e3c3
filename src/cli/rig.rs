//! `emc2 rig`: whether a rig can be meant, and whether its cameras and LiDAR agree on real frames.

use std::sync::Arc;

use super::args::RigArgs;
use super::exit::Exit;
use super::progress::Progress;
use super::source;
use crate::calib::{Alignment, AlignmentCheck, Rig, Verdict};
use crate::frame::{Frame, ImageData};
use crate::sensor;

/// What the frames of one calibration say.
struct Evidence {
    rig: Arc<Rig>,
    cameras: Vec<Seen>,
    frames: usize,
}

/// What they say of one camera.
struct Seen {
    check: AlignmentCheck,
    share_in_view: f64,
    judged: usize,
    not_judged: Option<String>,
}

/// How often a frame without a picture may be passed over for one that has one.
const ROUNDS: usize = 16;

/// Checks some frames of a source, evenly chosen. Gives 1 when something looks wrong.
pub fn rig(args: &RigArgs) -> anyhow::Result<Exit> {
    let opened = source::open(&args.source, false)?;
    let source = opened.source();
    let limit = args.limit.clamp(1, source.len());
    let progress = Progress::new("rig", limit);
    let mut all: Vec<Evidence> = Vec::new();
    let mut frame = Frame::empty();
    let mut with_picture = 0;
    for (tried, index) in spread(source.len(), limit).into_iter().enumerate() {
        // Where many frames have no picture, others stand in for them.
        if with_picture == limit {
            break;
        }
        if let Err(error) = source.load_into(index, &mut frame) {
            progress.say(&format!("skipped {}: {error}", source.ids()[index]));
            continue;
        }
        let has_picture =
            frame.images.iter().any(|image| !matches!(image.data, ImageData::Missing(_)));
        with_picture += usize::from(has_picture);
        if tried >= limit && !has_picture {
            continue;
        }
        // Frames of one calibration share their rig.
        let at = match all.iter().position(|seen| Arc::ptr_eq(&seen.rig, &frame.rig)) {
            Some(at) => at,
            None => {
                all.push(Evidence::new(&frame.rig));
                all.len() - 1
            }
        };
        all[at].add(&frame);
        progress.at(with_picture);
    }
    progress.done();
    let mut wrong = all.is_empty();
    for evidence in &all {
        wrong |= evidence.tell();
    }
    wrong |= tell_together(&all);
    Ok(if wrong { Exit::Failed } else { Exit::Good })
}

/// Frames in the order in which they are tried: `limit` evenly chosen, then others between them.
fn spread(len: usize, limit: usize) -> Vec<usize> {
    let mut order = Vec::new();
    for round in 0..ROUNDS {
        for number in 0..limit {
            let index = (number * ROUNDS + round) * len / (limit * ROUNDS);
            if !order.contains(&index) {
                order.push(index);
            }
        }
    }
    order
}

/// What all calibrations say together of each camera, where there are several: a mistake that all
/// share shows although each has few frames. True when something looks wrong.
fn tell_together(all: &[Evidence]) -> bool {
    let mut cameras: Vec<(&str, AlignmentCheck, usize)> = Vec::new();
    for (camera, seen) in all.iter().flat_map(|e| e.rig.cameras.iter().zip(&e.cameras)) {
        if seen.check.result().is_none() {
            continue;
        }
        match cameras.iter_mut().find(|(name, ..)| *name == camera.name) {
            Some((_, check, rigs)) => {
                check.merge(&seen.check);
                *rigs += 1;
            }
            None => cameras.push((&camera.name, seen.check.clone(), 1)),
        }
    }
    let mut wrong = false;
    if cameras.iter().any(|(.., rigs)| *rigs > 1) {
        sayln!("all calibrations together");
        for (name, fit) in cameras.iter().filter_map(|(name, c, _)| Some((name, c.result()?))) {
            let (mark, words) = verdict(&fit);
            sayln!(" {mark} {name}: {words}");
            wrong |= mark == '!';
        }
    }
    if !cameras.is_empty() {
        sayln!(
            "normal for KITTI: 1.2 to 2.1 times chance over {} frames or more, and no turn by a degree or more that agrees \
             clearly better",
            Alignment::ENOUGH_FRAMES
        );
    }
    wrong
}

/// A mark (`!` wrong, `?` open) and the verdict in words.
fn verdict(fit: &Alignment) -> (char, String) {
    let (score, turned, best) = (fit.score, turn_words(fit.turn_deg), fit.turned_score);
    let frames = match fit.frames {
        1 => "1 frame".to_owned(),
        more => format!("{more} frames"),
    };
    match fit.verdict() {
        Verdict::Good => (
            ' ',
            format!(
                "good: edges agree {score:.2} times chance over {frames}; the best turn, {turned}, gives {best:.2}"
            ),
        ),
        Verdict::Turned => (
            '!',
            format!(
                "doubtful: edges agree {score:.2} times chance over {frames}, and turned by {turned} clearly better, \
                 {best:.2} times: look at the extrinsics"
            ),
        ),
        Verdict::Chance => (
            '!',
            format!(
                "doubtful: edges agree hardly better than chance, {score:.2} times over {frames}, whatever the turn \
                 ({turned}: {best:.2}): look at the extrinsics, and whether scans and pictures belong together"
            ),
        ),
        Verdict::TooFew => (
            '?',
            format!(
                "no verdict from {frames}, {} are needed: edges agree {score:.2} times chance; the best turn, {turned}, \
                 gives {best:.2}",
                Alignment::ENOUGH_FRAMES
            ),
        ),
    }
}

/// A turn about the axes that it has: `yaw -2.0 degrees`.
fn turn_words(turn_deg: [f64; 3]) -> String {
    let axes = ["yaw", "pitch", "roll"].into_iter().zip(turn_deg).filter(|(_, turn)| *turn != 0.0);
    let words: Vec<String> = axes.map(|(name, turn)| format!("{name} {turn:.1}")).collect();
    format!("{} degrees", words.join(", "))
}

impl Evidence {
    fn new(rig: &Arc<Rig>) -> Self {
        let seen = |camera| Seen {
            check: AlignmentCheck::new(camera, &rig.lidar),
            share_in_view: 0.0,
            judged: 0,
            not_judged: None,
        };
        Self { rig: Arc::clone(rig), cameras: rig.cameras.iter().map(seen).collect(), frames: 0 }
    }

    fn add(&mut self, frame: &Frame) {
        self.frames += 1;
        for image in &frame.images {
            let Some(seen) = self.cameras.get_mut(image.camera) else { continue };
            let gray = match sensor::image::decode(&image.data) {
                Ok(rgb) => image::imageops::grayscale(rgb.as_ref()),
                Err(error) => {
                    seen.not_judged = Some(error.to_string());
                    continue;
                }
            };
            if let Some(check) = self.rig.check_frame(image.camera, &frame.cloud, &gray) {
                seen.share_in_view += check.share_in_view;
                seen.judged += 1;
            }
            if let Err(error) = seen.check.add(&frame.cloud, &gray) {
                seen.not_judged = Some(error.to_string());
            }
        }
    }

    /// Prints; true when something looks wrong.
    fn tell(&self) -> bool {
        let frames = if self.frames == 1 { "frame" } else { "frames" };
        sayln!("rig {} ({} {frames})", self.rig.name, self.frames);
        let findings = self.rig.check();
        for finding in &findings {
            sayln!(" ! {}: {}", finding.place, finding.message);
        }
        let mut wrong = !findings.is_empty();
        for (camera, seen) in self.rig.cameras.iter().zip(&self.cameras) {
            if seen.judged > 0 {
                let share = 100.0 * seen.share_in_view / seen.judged as f64;
                sayln!("   {}: {share:.1} % of the points fall into the image", camera.name);
            }
            match seen.check.result() {
                Some(fit) => {
                    let (mark, words) = verdict(&fit);
                    wrong |= mark == '!';
                    sayln!(" {mark} {}: {words}", camera.name);
                }
                None => {
                    let cause = seen.not_judged.as_deref().unwrap_or("no frame with a picture");
                    sayln!("   {}: edges not judged: {cause}", camera.name);
                }
            }
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_tried_evenly_each_once() {
        assert_eq!(spread(100, 4)[..4], [0, 25, 50, 75]);
        let all = spread(10, 10);
        assert_eq!(all, (0..10).collect::<Vec<_>>());
        let some = spread(114, 10);
        assert!(some.len() > 100 && some.iter().all(|index| *index < 114), "{some:?}");
        assert_eq!(spread(1, 1), [0]);
    }

    #[test]
    fn a_verdict_says_good_doubtful_or_how_many_frames_are_needed() {
        let told = |frames, score, turned_score| {
            verdict(&Alignment { frames, score, turned_score, turn_deg: [-2.0, 0.0, 0.5] })
        };
        assert_eq!(
            told(8, 1.48, 1.38),
            (
                ' ',
                "good: edges agree 1.48 times chance over 8 frames; the best turn, yaw -2.0, roll 0.5 degrees, gives 1.38"
                    .to_owned()
            )
        );
        let (mark, words) = told(8, 1.19, 1.37);
        assert!(mark == '!' && words.contains("doubtful") && words.contains("yaw -2.0"), "{words}");
        assert!(words.ends_with("look at the extrinsics"), "{words}");
        let (mark, words) = told(8, 1.05, 1.06);
        assert!(mark == '!' && words.contains("hardly better than chance"), "{words}");
        let (mark, words) = told(1, 1.19, 1.37);
        assert!(
            mark == '?' && words.starts_with("no verdict from 1 frame, 5 are needed"),
            "{words}"
        );
    }
}
