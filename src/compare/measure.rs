//! The interleaved run: for each frame every setting in turn, in an order that a seed shuffles, so
//! that whatever the machine does beside it touches all settings alike.

use std::sync::atomic::{AtomicBool, Ordering};

use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::Error;
use crate::expert::backend::BareModel;
use crate::frame::{Degradation, Frame, ImageData};
use crate::pipeline::{Pipeline, PlanSummary, StageTimes};
use crate::report::kitti_text;
use crate::router::{Router, TileMask};
use crate::sensor::{Source, image};

/// How often, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// How often every frame is run under every setting.
    pub repeats: usize,
    /// The first so many frames are run under every setting before anything counts.
    pub warmup_frames: usize,
    /// Seed of the shuffles: one for each repeat and frame.
    pub seed: u64,
    /// Whether pictures are decoded before the clock runs, as a camera gives them.
    pub decoded: bool,
}

/// One frame under one setting.
#[derive(Debug, Clone, Default)]
pub struct FrameRun {
    /// Boxes of the first repeat in KITTI result format.
    pub text: String,
    /// Repeats whose boxes were others (a budget is spent by the clock).
    pub varied: usize,
    /// Regions sent to each expert, first repeat.
    pub plan: PlanSummary,
    /// What was looked at in the rig's first camera, first repeat; none without a camera.
    pub picture: Option<LookedAt>,
    /// Steps down of the first repeat, with their causes.
    pub steps: Vec<(Degradation, String)>,
    /// One a repeat.
    pub times: Vec<StageTimes>,
}

/// What of a frame's first picture the image branch was let look at.
#[derive(Debug, Clone, Copy)]
pub struct LookedAt {
    /// The picture's size, pixels: width, height.
    pub size: [u32; 2],
    /// The tiles.
    pub looked_at: TileMask,
}

/// What the run gave.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// By setting, then frame of the source.
    pub runs: Vec<Vec<FrameRun>>,
    /// Milliseconds of the network beside the pipeline, one a frame and repeat; none without one.
    pub baseline_ms: Vec<f64>,
}

/// Time that a frame took behind the bridge: router, image branch, experts, fusion and what lies
/// between. The bridge is crop, grids, its network, proposals, regions, and the emergency expert.
pub fn beyond_bridge_ms(times: &StageTimes) -> f64 {
    let bridge = times.grid_ms
        + times.bev_model_ms
        + times.proposals_ms
        + times.regions_ms
        + times.emergency_ms;
    (times.total_ms - bridge).max(0.0)
}

/// The time behind the bridge less the wait for pictures' decoder ([`StageTimes::image_decode_ms`]): what
/// is left where a camera gives pixels, and nothing needs decoding.
pub fn work_behind_bridge_ms(times: &StageTimes) -> f64 {
    (beyond_bridge_ms(times) - times.image_decode_ms).max(0.0)
}

/// Runs every frame of the source under every router, `order.repeats` times; gives `after` each frame
/// that has had all its turns (for a progress display; warm-up frames too).
///
/// The pipeline is one, so networks, threads and memory are the same for all. Its measurement of what
/// the experts cost, on which budgets are decided, is fed by all settings.
///
/// # Errors
/// A frame that cannot be read, a baseline that fails, `stop` turning true.
pub fn measure(
    source: &dyn Source,
    pipeline: &mut Pipeline,
    routers: &mut [Router],
    mut baseline: Option<&mut BareModel>,
    order: Order,
    stop: &AtomicBool,
    mut after: impl FnMut(usize),
) -> Result<Measured, Error> {
    let frames = source.len();
    let warmup = order.warmup_frames.min(frames);
    let turns = warmup + order.repeats * frames;
    let mut measured = Measured {
        runs: routers.iter().map(|_| vec![FrameRun::default(); frames]).collect(),
        baseline_ms: Vec::new(),
    };
    let mut random = ChaCha8Rng::seed_from_u64(order.seed);
    // The place behind the last router is the baseline's.
    let mut sequence: Vec<usize> = (0..routers.len() + usize::from(baseline.is_some())).collect();
    let mut frame = Frame::empty();
    for turn in 0..turns {
        if stop.load(Ordering::SeqCst) {
            return Err(Error::Interrupted { turns: turn, of: turns });
        }
        let counts = turn >= warmup;
        let index = if counts { (turn - warmup) % frames } else { turn };
        source.load_into(index, &mut frame).map_err(|source_error| Error::Frame {
            frame: source.ids()[index].clone(),
            source: source_error,
        })?;
        if order.decoded {
            decode_pictures(&mut frame);
        }
        sequence.shuffle(&mut random);
        for &place in &sequence {
            let Some(router) = routers.get_mut(place) else {
                let Some(model) = &mut baseline else { continue };
                let ms = model.run()?;
                if counts {
                    measured.baseline_ms.push(ms);
                }
                continue;
            };
            pipeline.swap_router(router);
            pipeline.process(&frame);
            let looked_at = pipeline.mask(0);
            let result = pipeline.last();
            if counts {
                let run = &mut measured.runs[place][index];
                let text = kitti_text(result, &frame.rig).text;
                if run.times.is_empty() {
                    run.text = text;
                    run.plan = result.plan;
                    let camera = frame.rig.cameras.first();
                    run.picture = camera.map(|camera| LookedAt { size: camera.size, looked_at });
                    let steps = result.degraded.iter();
                    run.steps = steps.map(|step| (step.step, step.cause.clone())).collect();
                } else if run.text != text {
                    run.varied += 1;
                }
                run.times.push(result.times);
            }
            pipeline.swap_router(router);
        }
        after(turn + 1);
    }
    Ok(measured)
}

/// A picture that cannot be decoded stays as it is: the pipeline says so in its own words.
fn decode_pictures(frame: &mut Frame) {
    for picture in &mut frame.images {
        if let Ok(pixels) = image::decode(&picture.data) {
            picture.data = ImageData::Rgb(pixels);
        }
    }
}
