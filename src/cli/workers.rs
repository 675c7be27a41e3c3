//! Offline evaluation's concurrency: N pipelines over the frames of one source.
//!
//! Each worker reads, processes and draws whole frames; what they made comes back in order to the
//! caller's thread, which alone touches the disk. Memory is bounded by tickets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};

use crate::frame::Frame;
use crate::pipeline::Pipeline;
use crate::report::{FrameOutput, InOrder, ReportOptions};
use crate::sensor::{self, Source};

/// What became of a frame.
pub enum Outcome {
    /// Done.
    Finished(Box<FrameOutput>),
    /// It could not be read.
    Unreadable(sensor::Error),
    /// A picture could not be made.
    Undrawable(crate::report::Error),
}

/// Runs the pipelines over the frames `todo` (indices of the source) and hands every outcome to
/// `sink`, in order. Stops early when `stop` turns true or the sink says no (`false`); frames at
/// hand are then still finished and handed over in order as far as they are without a gap.
pub fn run(
    source: &dyn Source,
    todo: &[usize],
    pipelines: &mut [Pipeline],
    options: &ReportOptions,
    first_position: usize,
    stop: &AtomicBool,
    mut sink: impl FnMut(usize, Outcome) -> bool,
) {
    let (tickets, mut in_order) = InOrder::new(pipelines.len() * 4);
    let (work, jobs) = bounded::<usize>(0);
    let (give, outcomes) = unbounded();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for pipeline in pipelines {
            let (jobs, give) = (jobs.clone(), give.clone());
            scope.spawn(move || {
                worker(source, todo, pipeline, options, first_position, &jobs, &give);
            });
        }
        drop((jobs, give));
        let over = &over;
        scope.spawn(move || {
            for position in 0..todo.len() {
                let ended = || stop.load(Ordering::SeqCst) || over.load(Ordering::SeqCst);
                if ended() || !tickets.take() || ended() || work.send(position).is_err() {
                    break;
                }
            }
        });
        let mut next = 0;
        for (position, outcome) in outcomes {
            in_order.push(position, outcome);
            while let Some(outcome) = in_order.pop() {
                if !over.load(Ordering::SeqCst) && !sink(todo[next], outcome) {
                    over.store(true, Ordering::SeqCst);
                }
                next += 1;
            }
        }
    });
}

fn worker(
    source: &dyn Source,
    todo: &[usize],
    pipeline: &mut Pipeline,
    options: &ReportOptions,
    first_position: usize,
    jobs: &Receiver<usize>,
    give: &Sender<(usize, Outcome)>,
) {
    let mut frame = Frame::empty();
    let mut cold = true;
    for position in jobs {
        let since = Instant::now();
        let outcome = match source.load_into(todo[position], &mut frame) {
            Err(error) => Outcome::Unreadable(error),
            Ok(()) => {
                let read_ms = since.elapsed().as_secs_f64() * 1e3;
                let result = pipeline.process(&frame);
                let image = options
                    .pictures
                    .then(|| frame.images.iter().find(|image| image.camera == 0))
                    .flatten()
                    .and_then(|image| sensor::image::decode(&image.data).ok());
                let place = first_position + position;
                match FrameOutput::make(&frame, result, image.as_deref(), place, cold, options) {
                    Ok(mut output) => {
                        output.record.result.times.read_ms = read_ms;
                        Outcome::Finished(Box::new(output))
                    }
                    Err(error) => Outcome::Undrawable(error),
                }
            }
        };
        cold = false;
        if give.send((position, outcome)).is_err() {
            break;
        }
    }
}
