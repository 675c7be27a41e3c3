//! Where the tables' bytes come from: a folder, or memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::sensor::Error;
use crate::sensor::nuscenes::json::{self, JsonReader};

/// Something that has tables by name.
pub trait TableSource: Sync {
    /// Opens the table of that name, such as `sample_annotation`.
    ///
    /// # Errors
    /// Where there is no such table, or it cannot be opened.
    fn open(&self, table: &str) -> io::Result<Box<dyn Read + Send + '_>>;

    /// What the table is called in errors.
    fn label(&self, table: &str) -> PathBuf;
}

/// The tables of one version in nuScenes' own layout: `ROOT/v1.0-mini/scene.json` and so on.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The version `version` below `root`.
    ///
    /// # Errors
    /// [`Error::Layout`] where there is no such folder, naming the versions that are there.
    pub fn find(root: &Path, version: &str) -> Result<Self, Error> {
        let folder = root.join(version);
        if folder.join("scene.json").is_file() {
            return Ok(Self(folder));
        }
        let refuse = |found| {
            Err(Error::Layout {
                layout: "nuScenes",
                root: root.to_owned(),
                expected: "the folder that holds v1.0-mini/scene.json, v1.0-trainval/scene.json or the like, \
                           and the version to read",
                found,
            })
        };
        let Ok(entries) = std::fs::read_dir(root) else {
            return refuse("it cannot be listed".to_owned());
        };
        let mut versions: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.join("scene.json").is_file())
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect();
        versions.sort();
        if versions.is_empty() {
            refuse("no folder in it holds a scene.json".to_owned())
        } else {
            refuse(format!("no version {version:?}, but {}", versions.join(", ")))
        }
    }
}

impl TableSource for Folder {
    fn open(&self, table: &str) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(File::open(self.label(table))?))
    }

    fn label(&self, table: &str) -> PathBuf {
        self.0.join(table).with_extension("json")
    }
}

impl TableSource for HashMap<String, Vec<u8>> {
    fn open(&self, table: &str) -> io::Result<Box<dyn Read + Send + '_>> {
        let bytes = self.get(table).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(bytes.as_slice()))
    }

    fn label(&self, table: &str) -> PathBuf {
        format!("{table}.json").into()
    }
}

/// Takes one JSON object that holds each table under its name apart, for tests of the readers.
///
/// # Errors
/// Where it is no such object; the tables themselves are not looked at.
pub fn split_tables(bytes: &[u8]) -> json::Result<HashMap<String, Vec<u8>>> {
    let mut reader = JsonReader::new(bytes);
    let (mut tables, mut first) = (HashMap::new(), true);
    reader.begin_object()?;
    while let Some(name) = reader.key(&mut first)? {
        let name = String::from_utf8_lossy(name).into_owned();
        tables.insert(name, reader.raw()?.into_bytes());
    }
    reader.finish()?;
    Ok(tables)
}
