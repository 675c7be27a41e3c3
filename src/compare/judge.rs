//! Boxes become figures: result files of each setting, judged by the very code behind
//! `emc2 run --eval`, so that the digits are the same.

use std::fs;
use std::path::Path;

use super::{Error, FrameRun, Setting};
use crate::eval::kitti::{
    self, AreaDraws, Evaluation, Folders, Frame, Missing, Options, evaluate_with_draws,
};

/// What one setting came to.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// Labels and detections.
    pub frames: Vec<Frame>,
    /// What was left out, in words.
    pub notes: Vec<String>,
    /// The figures.
    pub evaluation: Evaluation,
    /// The areas of each bootstrap draw.
    pub draws: Vec<AreaDraws>,
}

/// Writes `results/<setting>/<frame>.txt` below `out` (an earlier folder of that name goes) and judges
/// each setting against the label files, all frames listed in `ids`.
///
/// # Errors
/// The disk; what [`kitti::read`] refuses.
pub fn judge(
    settings: &[Setting],
    runs: &[Vec<FrameRun>],
    ids: &[String],
    labels: &Path,
    out: &Path,
    options: &Options,
) -> Result<Vec<Judgement>, Error> {
    let results = out.join("results");
    if results.is_dir() {
        fs::remove_dir_all(&results)
            .map_err(|source| Error::Write { path: results.clone(), source })?;
    }
    let mut all = Vec::with_capacity(settings.len());
    for (setting, runs) in settings.iter().zip(runs) {
        let folder = results.join(setting.folder());
        for (id, run) in ids.iter().zip(runs) {
            let path = folder.join(format!("{id}.txt"));
            let written = fs::create_dir_all(path.parent().unwrap_or(&folder))
                .and_then(|()| fs::write(&path, &run.text));
            written.map_err(|source| Error::Write { path, source })?;
        }
        let input = kitti::read(&Folders {
            labels: labels.to_owned(),
            results: folder,
            split: Some(ids.to_vec()),
            missing: Missing::Refuse,
        })?;
        let (evaluation, draws) = evaluate_with_draws(&input.frames, options);
        all.push(Judgement { frames: input.frames, notes: input.notes, evaluation, draws });
    }
    Ok(all)
}
