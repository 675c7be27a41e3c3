//! The official splits: which scenes belong to `train`, `val`, `test`, `mini_train`, `mini_val`.
//!
//! A list of scene names in a file works as a split too. The lists are facts of the data set; they
//! lie in `datasets/nuscenes/splits.txt`.

use std::path::Path;

use crate::sensor::Error;
use crate::sensor::kitti::read_split;

const SPLITS: &str = include_str!("../../../datasets/nuscenes/splits.txt");

/// The names of the official splits.
pub const NAMES: [&str; 5] = ["train", "val", "test", "mini_train", "mini_val"];

/// The scenes of an official split, in order of their numbers; none for another name.
///
/// ```
/// use emc2::sensor::nuscenes::splits::scenes;
/// assert_eq!(scenes("mini_val").unwrap(), ["scene-0103", "scene-0916"]);
/// assert!(scenes("everything").is_none());
/// ```
pub fn scenes(split: &str) -> Option<Vec<String>> {
    let mut lines = SPLITS.lines().skip_while(|line| {
        line.split_once(':').is_none_or(|(name, _)| name != split || name.starts_with('#'))
    });
    let first = lines.next()?.split_once(':')?.1;
    let more = lines.take_while(|line| line.starts_with(' '));
    let numbers = std::iter::once(first).chain(more).flat_map(str::split_whitespace);
    let ranges = numbers.filter_map(|word| {
        let (from, to) = word.split_once('-').unwrap_or((word, word));
        Some(from.parse::<u32>().ok()?..=to.parse().ok()?)
    });
    Some(ranges.flatten().map(|number| format!("scene-{number:04}")).collect())
}

/// The scenes of an official split, or those that the file of that name lists, one a line.
///
/// # Errors
/// [`Error::Other`] for neither a split nor a file; [`Error::Split`] for a list that is not one.
pub fn scenes_of(split_or_file: &str) -> Result<Vec<String>, Error> {
    if let Some(scenes) = scenes(split_or_file) {
        return Ok(scenes);
    }
    let path = Path::new(split_or_file);
    if path.is_file() {
        return read_split(path);
    }
    Err(Error::Other {
        name: "nuScenes split".to_owned(),
        cause: format!(
            "expected one of {}, or a file that lists scene names; found {split_or_file:?}, which is neither",
            NAMES.join(", ")
        ),
    })
}

/// The official splits in which a scene is, such as `val` and `mini_val` for scene-0103.
pub fn splits_with(scene: &str) -> Vec<&'static str> {
    NAMES
        .into_iter()
        .filter(|name| scenes(name).is_some_and(|all| all.iter().any(|s| s == scene)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_official_splits_have_their_official_sizes_and_share_no_scene() {
        let sizes = NAMES.map(|name| scenes(name).unwrap().len());
        assert_eq!(sizes, [700, 150, 150, 8, 2]);
        let all: HashSet<_> =
            ["train", "val", "test"].iter().flat_map(|name| scenes(name).unwrap()).collect();
        assert_eq!(all.len(), 1000);
    }

    #[test]
    fn the_mini_splits_are_scenes_of_the_large_ones() {
        assert_eq!(splits_with("scene-0916"), ["val", "mini_val"]);
        assert_eq!(splits_with("scene-0061"), ["train", "mini_train"]);
        assert_eq!(splits_with("scene-9999"), [""; 0]);
    }

    #[test]
    fn a_word_that_is_neither_split_nor_file_is_refused_with_the_choices() {
        let error = scenes_of("vla").unwrap_err().to_string();
        assert!(error.contains("mini_val") && error.contains("\"vla\""), "{error}");
    }
}
