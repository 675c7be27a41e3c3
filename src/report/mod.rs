//! Results become files: what one run leaves in its output folder.
//!
//! | file | what | written by |
//! |---|---|---|
//! | `results/<frame>.txt` | KITTI result format | [`kitti_text`] |
//! | `results.json` | nuScenes detection results | [`write_nuscenes_results`] |
//! | `frames.jsonl` | one line a frame: times, counts, plan, boxes with reasons (`docs/frames.jsonl.md`) | [`RunFolder`] |
//! | `bev/<frame>.png` | points and boxes from above | [`draw_bev`] |
//! | `overlay/<frame>.png` | boxes in the camera image | [`draw_overlay`] |
//! | `compare.html` | settings of the router against each other | [`compare_page`] |
//! | `report.html` | one self-contained page for people | [`RunReport::finish`] |
//!
//! Two halves, so that drawing can use every core while one thread owns the disk:
//! [`FrameOutput::make`] is pure and may run on any worker; [`RunReport::add`] writes, in frame
//! order ([`InOrder`] restores that order behind several workers). Nothing here knows how a box was
//! found; everything is taken from the [`FrameResult`](crate::pipeline::FrameResult).

mod bev_picture;
mod canvas;
mod chart;
mod compare_markdown;
mod compare_page;
mod compare_plot;
mod compare_table;
mod compare_words;
mod error;
mod eval_experts;
mod eval_kitti_page;
mod eval_misses;
mod eval_nuscenes_page;
mod eval_table;
mod frame_output;
mod frames_jsonl;
mod html;
mod in_order;
mod kitti_results;
mod latency;
mod machine;
mod nuscenes_results;
mod overlay_picture;
mod page_frame;
mod palette;
mod plot;
mod run_folder;
#[cfg(test)]
mod run_folder_tests;
mod run_report;
#[cfg(test)]
mod scene_for_tests;
mod wireframe;

pub use bev_picture::{BevView, draw_bev, draw_bev_points};
pub use compare_markdown::compare_markdown;
pub use compare_page::compare_page;
pub use compare_plot::{compare_differences, compare_left_out, compare_plot};
pub use compare_table::compare_table;
pub use error::Error;
pub use eval_experts::{ExpertRow, expert_rows};
pub use eval_kitti_page::{KittiPage, kitti_page};
pub use eval_nuscenes_page::{NuscenesPage, nuscenes_page};
pub use eval_table::{diff_table, kitti_brief, kitti_table};
pub use frame_output::{FrameOutput, ReportOptions};
pub use frames_jsonl::{
    FrameRecord, Header, Line, ModelInUse, ParsedRun, SCHEMA, SkippedFrame, parse,
};
pub use in_order::{InOrder, Tickets};
pub use kitti_results::{KittiText, kitti_text};
pub use latency::{Distribution, LatencyCollector, LatencySummary, STAGES, StageSummary};
pub use machine::Machine;
pub use nuscenes_results::{
    NUSCENES_RESULTS, NuscenesSample, NuscenesSummary, attribute, detection_name,
    write_nuscenes_results,
};
pub use overlay_picture::draw_overlay;
pub use palette::{expert_color, expert_meaning, expert_name};
pub use run_folder::{Existing, RunFolder};
pub use run_report::{RunReport, RunSummary, StepSummary};
