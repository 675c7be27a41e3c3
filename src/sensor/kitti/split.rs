//! Lists of frames (`ImageSets/*.txt`): one name a line.

use std::collections::HashMap;
use std::path::Path;

use crate::sensor::Error;

/// Reads a list of frames, see [`parse_split`].
///
/// # Errors
/// [`Error::Read`] where the file cannot be read, else as [`parse_split`].
pub fn read_split(path: &Path) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
        what: "list of frames (one name a line, such as ImageSets/val.txt)",
        path: path.to_owned(),
        source,
    })?;
    parse_split(&text, &path.display().to_string())
}

/// The names in a list, one a line; blank lines and what follows a `#` are passed over. `file`
/// names the list in errors.
///
/// # Errors
/// [`Error::Split`] for a name given twice, or one that could lead out of the data folder, or a
/// list without names.
pub fn parse_split(text: &str, file: &str) -> Result<Vec<String>, Error> {
    let names = text.lines().enumerate().filter_map(|(index, line)| {
        let name = line.split('#').next().unwrap_or_default().trim();
        (!name.is_empty()).then_some((index + 1, name))
    });
    check_names(names, file)
}

/// The rule for names wherever they come from; each with the line or position it stands at.
pub(super) fn check_names<'a>(
    names: impl Iterator<Item = (usize, &'a str)>,
    file: &str,
) -> Result<Vec<String>, Error> {
    let refuse = |line, cause| Err(Error::Split { file: file.to_owned(), line, cause });
    let mut first_seen = HashMap::new();
    let mut ids = Vec::new();
    for (line, name) in names {
        let harmless = name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        });
        if !harmless {
            return refuse(
                line,
                format!(
                    "expected one frame name (letters, digits, . _ - /), such as 000008; found {name:?}"
                ),
            );
        }
        if let Some(before) = first_seen.insert(name, line) {
            return refuse(line, format!("the frame {name} was given before, in line {before}"));
        }
        ids.push(name.to_owned());
    }
    if ids.is_empty() {
        return refuse(1, "the list names no frame".to_owned());
    }
    Ok(ids)
}
