//! After a run over nuScenes: the file to be submitted, and what is to be said about it.

use std::path::Path;

use anyhow::Context as _;

use crate::report::{NuscenesSample, write_nuscenes_results};
use crate::sensor::Source as _;
use crate::sensor::nuscenes::Nuscenes;

/// Writes the file from what the run left in its folder, and says what is in it.
pub fn write(source: &Nuscenes, out: &Path) -> anyhow::Result<()> {
    let samples: Vec<_> = source
        .ids()
        .iter()
        .enumerate()
        .map(|(index, id)| NuscenesSample {
            token: id.clone(),
            lidar_to_global: source.lidar_to_global(index).ok(),
        })
        .collect();
    let summary = write_nuscenes_results(out, &samples).context("writing the results")?;
    sayln!(
        "nuScenes: {} ({} samples, {} boxes; velocity is not measured and written as 0, attributes are \
         the most frequent ones)",
        summary.path.display(),
        summary.samples,
        summary.boxes
    );
    let missing = &summary.without_result;
    if !missing.is_empty() {
        let some: Vec<_> = missing.iter().take(3).map(String::as_str).collect();
        let more = if missing.len() > some.len() { ", …" } else { "" };
        sayln!(
            "  {} samples could not be read and have an empty list: {}{more}",
            missing.len(),
            some.join(", ")
        );
    }
    for (count, cause) in [
        (summary.over_limit, "over the limit of 500 a sample"),
        (summary.without_name, "of a class that nuScenes has no name for"),
        (summary.not_finite, "with a value that is no number, or no size"),
    ] {
        if count > 0 {
            sayln!("  left out: {count} boxes {cause}");
        }
    }
    let all = source.tables().samples().len();
    if summary.samples < all {
        sayln!("  {} of the version's {all} samples were asked for", summary.samples);
    }
    Ok(())
}
