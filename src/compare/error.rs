//! What can stop a comparison.

/// An error of the compare room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A policy that is none, or settings that it refuses.
    #[error(transparent)]
    Router(#[from] crate::router::Error),
    /// A sweep that is not `d=20,30` or `c=0.3,0.5`.
    #[error(
        "--sweep {found}: {problem}; expected d=M,… (metres) or c=SHARE,… (0 to 1), such as d=20,30,40"
    )]
    Sweep {
        /// As written.
        found: String,
        /// What is wrong.
        problem: String,
    },
    /// There is nothing to compare.
    #[error(
        "a comparison needs at least two settings of the router, found {found}: name more with --policies, --budgets or --sweep"
    )]
    TooFew {
        /// How many there are.
        found: usize,
    },
    /// A frame cannot be read: a comparison in which settings saw different frames is none.
    #[error("frame {frame}: {source}; take it off the list of frames")]
    Frame {
        /// Which.
        frame: String,
        /// Why.
        source: crate::sensor::Error,
    },
    /// The network beside the pipeline failed.
    #[error(transparent)]
    Baseline(#[from] crate::expert::Error),
    /// The bridge refused its settings.
    #[error(transparent)]
    Bridge(#[from] crate::bridge::Error),
    /// The evaluation refused.
    #[error(transparent)]
    Evaluation(#[from] crate::eval::kitti::Error),
    /// The disk said no.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which file or folder.
        path: std::path::PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// Somebody asked to stop.
    #[error(
        "interrupted after {turns} of {of} turns; a comparison of part of the turns is not written"
    )]
    Interrupted {
        /// Turns done.
        turns: usize,
        /// All of them.
        of: usize,
    },
}
