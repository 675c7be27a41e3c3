//! What can stop a pipeline from being built. Processing a frame degrades instead of failing.

use std::path::PathBuf;

/// An error of the pipeline room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configured model folder is nowhere.
    #[error(
        "model folder {folder} (models.{key} in the configuration) is not there; looked at:\n{}\n\
         name another folder, or set models.{key} to null to do without it",
        looked_at.iter().map(|place| format!("  {}", place.display())).collect::<Vec<_>>().join("\n")
    )]
    ModelFolder {
        /// Key below `models`.
        key: &'static str,
        /// As configured.
        folder: PathBuf,
        /// Every place, in the order of looking.
        looked_at: Vec<PathBuf>,
    },
    /// A model is for something else.
    #[error(
        "models.{key} ({folder}): contract.yaml says role: {found}, expected {expected}; name a folder with such a model"
    )]
    Role {
        /// Key below `models`.
        key: &'static str,
        /// Its folder.
        folder: PathBuf,
        /// What its contract says.
        found: crate::expert::contract::Role,
        /// What belongs there.
        expected: crate::expert::contract::Role,
    },
    /// A model cannot be used.
    #[error("model {key} ({folder}): {source}")]
    Model {
        /// Key below `models`.
        key: &'static str,
        /// Its folder.
        folder: PathBuf,
        /// Why.
        source: crate::expert::Error,
    },
    /// An expert does not fit its model.
    #[error(transparent)]
    Expert(#[from] crate::expert::Error),
    /// The bridge does not fit its model.
    #[error(transparent)]
    Bridge(#[from] crate::bridge::Error),
    /// The router's settings.
    #[error(transparent)]
    Router(#[from] crate::router::Error),
    /// Fusion's settings.
    #[error(transparent)]
    Fusion(#[from] crate::fusion::Error),
}
