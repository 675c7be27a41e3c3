//! `emc2 demo`: the whole job on a drive made on the spot.

use super::args::DemoArgs;
use super::exit::Exit;
use super::run::{RunPlan, over};
use super::{judge, settings, synth};
use crate::report::{Existing, ReportOptions};
use crate::sensor::kitti;

/// Makes the drive (once), runs over it with pictures, says what to do next.
pub fn demo(args: &DemoArgs) -> anyhow::Result<Exit> {
    let config = settings::load(&args.common)?;
    let drive = args.out.join("drive");
    sayln!("making a drive of {} frames (seed {})", args.frames, args.seed);
    synth::write(&drive, args.frames, args.seed)?;
    let source = kitti::open(kitti::Layout::Object, &drive, kitti::Options::default())?;
    let plan = RunPlan {
        jobs: 1,
        existing: Existing::Replace,
        strict: true,
        reading: String::new(),
        options: ReportOptions { pictures: true, ..ReportOptions::default() },
    };
    let run = args.out.join("run");
    let (exit, _) = over(source.as_ref(), &config, &run, &plan)?;
    if exit == Exit::Good {
        judge::kitti(&drive.join("training/label_2"), &run, source.ids(), true)?;
        sayln!();
        sayln!(
            "Open {} in a browser: boxes, and why each came from which expert.",
            run.join("report.html").display()
        );
        sayln!(
            "Open {} as well: how good they are, and the misses.",
            run.join("eval.html").display()
        );
        sayln!("Your own drive, in KITTI layout (datasets/README.md):");
        sayln!("  emc2 run --dataset kitti --root DIR --out out/mine --pictures");
        sayln!("Your own model: README.md, \"Bring your own model\".");
    }
    Ok(exit)
}
