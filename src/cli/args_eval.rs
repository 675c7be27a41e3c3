//! The words of `emc2 eval`. No logic.

use clap::Subcommand;

use super::eval::NuscenesArgs;

#[derive(Debug, Clone, Subcommand)]
pub enum EvalCommand {
    /// Judge results by the rules of the nuScenes detection benchmark: AP, errors, NDS, exact to the digit.
    Nuscenes(NuscenesArgs),
}
