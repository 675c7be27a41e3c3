//! The configuration file (`emc2.yaml`): YAML in, typed settings out.
//!
//! Every key has a default, unknown keys are errors. The commented default file at the top of the
//! repository holds the same values; a test keeps the two equal.

mod bridge;
mod emergency;
mod fusion;
mod models;
mod router;
mod runtime;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::yaml;

pub use bridge::BridgeConfig;
pub use emergency::EmergencyConfig;
pub(crate) use emergency::REACH_M as EMERGENCY_REACH_M;
pub use fusion::{Calibration, FusionConfig, FusionMethod};
pub use models::ModelsConfig;
pub use router::{GainConfig, PixelConfig, PixelOrder, RouterConfig, TableRow, TreeConfig};
pub use runtime::{CudaConfig, Provider, RuntimeConfig, TensorRtConfig};

/// More than a scene has room for.
const MOST_PROPOSALS: usize = 4096;

/// What can be wrong with a configuration file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error(
        "cannot read the configuration {path}: {source}; give the path of one, or none for the defaults (`emc2 config` prints them)"
    )]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text is not a configuration; the message holds line, column and a snippet.
    #[error("configuration {path}: {message}")]
    Yaml {
        /// Which.
        path: PathBuf,
        /// What is wrong, where.
        message: String,
    },
    /// A value is outside what makes sense.
    #[error("configuration {path}: {key} is {found}, expected {expected}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl Config {
    /// Reads a configuration file. Relative model folders and the library's path are taken from the
    /// file's folder where they exist there.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::File { path: path.to_owned(), source })?;
        let mut config = Self::parse(&text, path)?;
        if let Some(base) = path.parent() {
            config.models.resolve_from(base);
            if let Some(library) = &mut config.runtime.library
                && library.is_relative()
                && base.join(&*library).is_file()
            {
                *library = base.join(&*library);
            }
        }
        Ok(config)
    }

    /// Parses and checks a configuration; `source` only names it in errors.
    pub fn parse(text: &str, source: &Path) -> Result<Self, Error> {
        // An empty file, or one of comments only, is a configuration with every key at its default.
        let empty = text.lines().all(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with('#') || line == "---"
        });
        if empty {
            return Ok(Self::default());
        }
        let config: Self = serde_saphyr::from_str(text).map_err(|error| Error::Yaml {
            path: source.to_owned(),
            message: yaml::explain(&error, &source.display().to_string()),
        })?;
        config.check(source)?;
        Ok(config)
    }

    fn check(&self, source: &Path) -> Result<(), Error> {
        let share = |key, value: f64| {
            if (0.0..=1.0).contains(&value) {
                return Ok(());
            }
            let found = value.to_string();
            Err(Error::Value {
                path: source.to_owned(),
                key,
                found,
                expected: "a number from 0 to 1",
            })
        };
        share("bridge.nms_overlap", self.bridge.nms_overlap)?;
        share("fusion.overlap", self.fusion.overlap)?;
        share("fusion.across_classes", self.fusion.across_classes)?;
        share("fusion.min_score", f64::from(self.fusion.min_score))?;
        for value in self.bridge.min_confidence {
            share("bridge.min_confidence", f64::from(value))?;
        }
        let at_least_one = |key, value: usize| {
            if value > 0 {
                return Ok(());
            }
            let expected = "a whole number of at least 1";
            Err(Error::Value { path: source.to_owned(), key, found: value.to_string(), expected })
        };
        at_least_one("bridge.point_budget", self.bridge.point_budget)?;
        at_least_one("bridge.max_proposals", self.bridge.max_proposals)?;
        if self.bridge.max_proposals > MOST_PROPOSALS {
            let found = self.bridge.max_proposals.to_string();
            let (key, expected) = ("bridge.max_proposals", "a whole number of at most 4096");
            return Err(Error::Value { path: source.to_owned(), key, found, expected });
        }
        if let Some(ms) = self.bridge.max_picture_age_ms
            && (ms.is_nan() || ms < 0.0)
        {
            let found = ms.to_string();
            let (key, expected) = ("bridge.max_picture_age_ms", "a number from 0 up, or null");
            return Err(Error::Value { path: source.to_owned(), key, found, expected });
        }
        at_least_one("runtime.threads", self.runtime.threads)?;
        at_least_one("runtime.providers (count)", self.runtime.providers.len())?;
        match self.emergency.fault() {
            None => Ok(()),
            Some((key, found, expected)) => {
                Err(Error::Value { path: source.to_owned(), key, found, expected })
            }
        }
    }
}

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which models, and where they run.
    pub models: ModelsConfig,
    /// ONNX Runtime.
    pub runtime: RuntimeConfig,
    /// Adaptive data bridge.
    pub bridge: BridgeConfig,
    /// Scenario router.
    pub router: RouterConfig,
    /// Emergency expert.
    pub emergency: EmergencyConfig,
    /// Fusion.
    pub fusion: FusionConfig,
}
