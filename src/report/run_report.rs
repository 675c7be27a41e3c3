//! One run's outputs together: the writer's end. A single thread adds frames in order; at the end
//! the page is written and the summary handed back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::frame::ExpertKind;
use crate::pipeline::PlanSummary;

use super::html::{self, Page};
use super::page_frame::{PageFrame, words};
use super::{
    Error, FrameOutput, FrameRecord, Header, LatencyCollector, LatencySummary, ReportOptions,
    RunFolder, SkippedFrame,
};

/// Frames on which a step down was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSummary {
    /// How many.
    pub frames: usize,
    /// The cause on the first of them, in words; the others are in `frames.jsonl`.
    pub first_cause: String,
}

/// What a whole run came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Finished frames, those of an earlier part included.
    pub frames: usize,
    /// Of those, frames that an earlier, interrupted part had finished.
    pub frames_earlier: usize,
    /// Boxes.
    pub boxes: usize,
    /// Boxes by class and expert.
    pub boxes_by: BTreeMap<String, BTreeMap<ExpertKind, usize>>,
    /// Boxes that are not in `results/`, because they lie outside the image.
    pub boxes_outside_image: usize,
    /// Regions sent to each expert.
    pub plan: PlanSummary,
    /// Everything dropped, by cause, summed over the frames (keys of `dropped` in `frames.jsonl`).
    pub dropped: BTreeMap<String, u64>,
    /// Steps down, by name: causes often name a file or a count, so that each frame has its own.
    pub degraded: BTreeMap<String, StepSummary>,
    /// Frames with at least one step down.
    pub frames_degraded: usize,
    /// Boxes with at least one step down.
    pub boxes_degraded: usize,
    /// Frames that could not be processed.
    pub skipped: Vec<SkippedFrame>,
    /// Stage times.
    pub latency: LatencySummary,
}

/// Groups of stages in the page's chart, ms: ours, BEV model, image, expert models, emergency.
pub(super) struct ChartFrame {
    pub frame: String,
    pub groups: [f32; 5],
    pub total: f32,
}

/// Writes a run's files as its frames come in.
pub struct RunReport {
    folder: RunFolder,
    header: Header,
    options: ReportOptions,
    summary: RunSummary,
    latency: LatencyCollector,
    chart: Vec<ChartFrame>,
    pages: Vec<PageFrame>,
}

impl RunReport {
    /// Begins, or goes on with what the folder already holds.
    pub fn new(folder: RunFolder, header: Header, options: ReportOptions) -> Self {
        let mut report = Self {
            folder,
            header,
            options,
            summary: RunSummary::default(),
            latency: LatencyCollector::default(),
            chart: Vec::new(),
            pages: Vec::new(),
        };
        let earlier = report.folder.earlier().clone();
        for record in &earlier.frames {
            report.count(record);
            if options.pictures && report.pages.len() < options.list_frames {
                let has = ["overlay", "bev"].map(|folder| {
                    let file = format!("{}.png", record.result.frame);
                    report.folder.path().join(folder).join(file).is_file()
                });
                report.pages.push(PageFrame::from_record(record, has));
            }
        }
        report.summary.frames_earlier = earlier.frames.len();
        report.summary.skipped = earlier.skipped;
        report
    }

    /// The folder, to ask what is finished.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Writes a frame: result file and pictures first, its line in `frames.jsonl` last. After an
    /// error the frame does not count as finished; all before it do.
    ///
    /// # Errors
    /// The disk, or a frame name that cannot be a file name.
    pub fn add(&mut self, output: FrameOutput) -> Result<(), Error> {
        let FrameOutput { record, kitti, bev_png, overlay_png, page } = output;
        let frame = &record.result.frame;
        self.folder.write_frame_file("results", frame, "txt", kitti.text.as_bytes())?;
        for (folder, png) in [("bev", bev_png), ("overlay", overlay_png)] {
            if let Some(png) = png {
                self.folder.write_frame_file(folder, frame, "png", &png)?;
            }
        }
        self.count(&record);
        self.summary.skipped.retain(|s| s.frame != record.result.frame);
        if let Some(page) = page
            && self.pages.len() < self.options.list_frames
        {
            self.pages.push(page);
        }
        self.folder.finish_frame(record)
    }

    /// Writes that a frame could not be processed.
    ///
    /// # Errors
    /// The disk.
    pub fn skip(&mut self, frame: &str, cause: &str) -> Result<(), Error> {
        let skipped = SkippedFrame { frame: frame.to_owned(), cause: cause.to_owned() };
        self.folder.skip_frame(&skipped)?;
        self.summary.skipped.retain(|s| s.frame != frame);
        self.summary.skipped.push(skipped);
        Ok(())
    }

    /// What the run came to so far.
    pub fn summary(&self) -> RunSummary {
        RunSummary { latency: self.latency.summary(), ..self.summary.clone() }
    }

    /// Ends the run: writes `report.html` where pictures were asked for. Also right after Ctrl-C; the
    /// page then holds what was finished.
    ///
    /// # Errors
    /// The disk.
    pub fn finish(self) -> Result<RunSummary, Error> {
        let summary = self.summary();
        if self.options.pictures {
            let page = Page {
                header: &self.header,
                summary: &summary,
                chart: &self.chart,
                frames: &self.pages,
            };
            self.folder.write_file("report.html", html::write(&page).as_bytes())?;
        }
        Ok(summary)
    }

    fn count(&mut self, record: &FrameRecord) {
        let result = &record.result;
        let s = &mut self.summary;
        s.frames += 1;
        s.boxes += result.detections.len();
        s.boxes_outside_image += record.kitti_outside_image as usize;
        for detection in &result.detections {
            let class = s.boxes_by.entry(detection.class.name().to_owned()).or_default();
            *class.entry(detection.expert).or_default() += 1;
            s.boxes_degraded += usize::from(!detection.degraded.is_empty());
        }
        let (sum, plan) = (&mut s.plan, &result.plan);
        sum.bridge += plan.bridge;
        sum.lpe += plan.lpe;
        sum.vee += plan.vee;
        sum.ape += plan.ape;
        sum.emergency += plan.emergency;
        // Through the names that the file uses, so that a new cause cannot be forgotten here.
        if let Ok(serde_json::Value::Object(causes)) = serde_json::to_value(&result.dropped) {
            for (cause, count) in causes {
                *s.dropped.entry(cause).or_default() += count.as_u64().unwrap_or(0);
            }
        }
        s.frames_degraded += usize::from(!result.degraded.is_empty());
        let mut steps = BTreeMap::new();
        for step in &result.degraded {
            steps.entry(words(&step.step)).or_insert(&step.cause);
        }
        for (step, cause) in steps {
            let first = || StepSummary { frames: 0, first_cause: cause.clone() };
            s.degraded.entry(step).or_insert_with(first).frames += 1;
        }
        self.latency.add(&result.times, record.cold);
        let t = &result.times;
        let image = t.image_decode_ms + t.image_windows_ms + t.image_model_ms + t.classifier_ms;
        let groups = [t.bev_model_ms, t.expert_model_ms, image, t.emergency_ms];
        let ours = (t.total_ms - groups.iter().sum::<f64>()).max(0.0);
        self.chart.push(ChartFrame {
            frame: result.frame.clone(),
            groups: [ours, groups[0], groups[1], groups[2], groups[3]].map(|ms| ms as f32),
            total: t.total_ms as f32,
        });
    }
}
