//! Which model folders are used, and where they are looked for.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Model folders. A relative folder is looked up from the configuration file's folder, then from
/// the program's. `null` switches that model off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// BEV proposal model.
    pub bev: Option<PathBuf>,
    /// Latency-prioritised expert.
    pub lpe: Option<PathBuf>,
    /// Versatile-efficiency expert.
    pub vee: Option<PathBuf>,
    /// Accuracy-prioritised expert.
    pub ape: Option<PathBuf>,
    /// Image branch that feeds the accuracy-prioritised expert.
    pub image: Option<PathBuf>,
    /// Crop classifier that tells people and cyclists from what is none; needs `image` beside it.
    pub classifier: Option<PathBuf>,
    /// Compare each model with its golden output before the first frame.
    pub check_at_start: bool,
}

impl ModelsConfig {
    /// The folders that are set, with their keys.
    pub fn folders(&self) -> [(&'static str, Option<&Path>); 6] {
        [
            ("bev", self.bev.as_deref()),
            ("lpe", self.lpe.as_deref()),
            ("vee", self.vee.as_deref()),
            ("ape", self.ape.as_deref()),
            ("image", self.image.as_deref()),
            ("classifier", self.classifier.as_deref()),
        ]
    }

    /// Makes relative folders absolute where they exist below `base`; others stay as they are, so
    /// that several places can be tried in turn.
    pub fn resolve_from(&mut self, base: &Path) {
        let Self { bev, lpe, vee, ape, image, classifier, check_at_start: _ } = self;
        for folder in [bev, lpe, vee, ape, image, classifier].into_iter().flatten() {
            if folder.is_relative() && base.join(&*folder).is_dir() {
                *folder = base.join(&*folder);
            }
        }
    }
}

impl Default for ModelsConfig {
    fn default() -> Self {
        let folder = |name: &str| Some(PathBuf::from("models").join(name));
        Self {
            bev: folder("bev-u8"),
            lpe: folder("lpe"),
            vee: folder("vee"),
            ape: folder("ape"),
            image: folder("image"),
            classifier: folder("classifier"),
            check_at_start: true,
        }
    }
}
