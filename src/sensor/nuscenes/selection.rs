//! Which key frames: a split, a list or names in, samples in the order of the table out.

use std::collections::HashSet;

use super::splits;
use super::tables::{Id, Sample, Tables, Token};
use crate::sensor::Error;

/// Which key frames are wanted. They always come in the order of `sample.json`, as the benchmark
/// takes them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Selection {
    /// All of the version.
    #[default]
    All,
    /// Those of a split (`train`, `val`, `test`, `mini_train`, `mini_val`), or those that a file of
    /// that name lists: scene names or sample tokens, one a line.
    Split(String),
    /// These: scene names or sample tokens.
    Named(Vec<String>),
}

impl Selection {
    /// In words, for a source's name.
    pub(super) fn words(&self) -> String {
        match self {
            Self::All => "all samples".to_owned(),
            Self::Split(split) => format!("split {split}"),
            Self::Named(names) => format!("{} named samples or scenes", names.len()),
        }
    }

    /// The samples.
    ///
    /// # Errors
    /// [`Error::Other`] where a name is no scene and no sample of the tables, with what is there;
    /// [`Error::Split`] for a list that is not one.
    pub(super) fn samples(&self, tables: &Tables, version: &str) -> Result<Vec<Id<Sample>>, Error> {
        let all = (0..tables.samples().len()).map(Id::<Sample>::new);
        let names = match self {
            Self::All => return Ok(all.collect()),
            Self::Split(split) => splits::scenes_of(split)?,
            Self::Named(names) => names.clone(),
        };
        let (mut scenes, mut samples) = (HashSet::new(), HashSet::new());
        let mut unknown = Vec::new();
        for name in &names {
            if let Some(scene) = tables.scene_named(name) {
                scenes.insert(scene.place());
            } else if let Some(sample) = tables.sample_of_token(Token::of(name)) {
                samples.insert(sample.place());
            } else {
                unknown.push(name.as_str());
            }
        }
        if unknown.is_empty() {
            return Ok(all
                .filter(|&sample| {
                    samples.contains(&sample.place())
                        || scenes.contains(&tables[sample].scene.place())
                })
                .collect());
        }
        Err(Error::Other {
            name: format!("nuScenes {version}, {}", self.words()),
            cause: format!(
                "{} of {} names are no scene and no sample of these tables, such as {}; they hold {}",
                unknown.len(),
                names.len(),
                unknown.iter().take(3).copied().collect::<Vec<_>>().join(", "),
                there(tables)
            ),
        })
    }
}

/// What the tables hold, for messages.
fn there(tables: &Tables) -> String {
    let scenes = tables.scenes();
    let names: Vec<_> = scenes.iter().take(4).map(|scene| scene.name.as_str()).collect();
    let more = scenes.len().saturating_sub(names.len());
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    let fitting = splits::NAMES.into_iter().filter(|split| {
        splits::scenes(split).is_some_and(|all| all.iter().all(|s| tables.scene_named(s).is_some()))
    });
    let fitting: Vec<_> = fitting.collect();
    let fitting = if fitting.is_empty() { "none".to_owned() } else { fitting.join(", ") };
    format!(
        "{} scenes ({}{tail}); splits that lie wholly in them: {fitting}",
        scenes.len(),
        names.join(", ")
    )
}
