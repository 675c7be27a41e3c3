//! What can go wrong in the bridge.

/// An error of the bridge room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model's contract does not describe what the bridge can feed or read.
    #[error(
        "model {model}: contract, {line}: expected {expected}, found {found}; mend contract.yaml or use a model made for this version"
    )]
    Contract {
        /// Model name.
        model: String,
        /// Which line of the contract.
        line: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The network failed. The scene then holds no proposals, and injection still works.
    #[error(transparent)]
    Model(#[from] crate::expert::Error),
}
