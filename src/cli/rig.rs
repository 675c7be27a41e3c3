//! `emc2 rig`: whether a rig can be meant, and whether its cameras and LiDAR agree on real frames.

use std::sync::Arc;

use super::args::RigArgs;
use super::exit::Exit;
use super::progress::Progress;
use super::source;
use crate::calib::{AlignmentCheck, Rig};
use crate::frame::Frame;
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

/// Checks some frames of a source, evenly chosen. Gives 1 when something looks wrong.
pub fn rig(args: &RigArgs) -> anyhow::Result<Exit> {
    let opened = source::open(&args.source, false)?;
    let source = opened.source();
    let limit = args.limit.clamp(1, source.len());
    let progress = Progress::new("rig", limit);
    let mut all: Vec<Evidence> = Vec::new();
    let mut frame = Frame::empty();
    for number in 0..limit {
        let index = number * source.len() / limit;
        if let Err(error) = source.load_into(index, &mut frame) {
            progress.say(&format!("skipped {}: {error}", source.ids()[index]));
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
        progress.at(number + 1);
    }
    progress.done();
    let mut wrong = all.is_empty();
    for evidence in &all {
        wrong |= evidence.tell();
    }
    Ok(if wrong { Exit::Failed } else { Exit::Good })
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
        println!("rig {} ({} frames)", self.rig.name, self.frames);
        let findings = self.rig.check();
        for finding in &findings {
            println!(" ! {}: {}", finding.place, finding.message);
        }
        let mut wrong = !findings.is_empty();
        for (camera, seen) in self.rig.cameras.iter().zip(&self.cameras) {
            if seen.judged > 0 {
                let share = 100.0 * seen.share_in_view / seen.judged as f64;
                println!("   {}: {share:.1} % of the points fall into the image", camera.name);
            }
            match seen.check.result() {
                Some(fit) => {
                    let [yaw, pitch, roll] = fit.turn_deg;
                    let off = fit.looks_off();
                    wrong |= off;
                    println!(
                        " {} {}: edges agree {:.2} times chance over {} frames; turned by yaw {yaw:.1}, pitch \
                         {pitch:.1}, roll {roll:.1} degrees {:.2} times{}",
                        if off { "!" } else { " " },
                        camera.name,
                        fit.score,
                        fit.frames,
                        fit.turned_score,
                        if off { ": the extrinsic looks off" } else { "" }
                    );
                }
                None => {
                    let cause = seen.not_judged.as_deref().unwrap_or("no frame with a picture");
                    println!("   {}: edges not judged: {cause}", camera.name);
                }
            }
        }
        wrong
    }
}
