//! VEE, the versatile-efficiency expert: what LPE sees and the returns themselves, LiDAR only.
//!
//! The exact place of each return counts as well as the picture of them. Where the default table
//! sends sure cars. Its inputs are `raster`, `points` (128 places) and `context`. It also takes over
//! APE's regions where there is no picture.

use super::{Error, Network, RegionExpert};
use crate::frame::ExpertKind;

/// VEE on a loaded network.
pub fn expert(network: Box<dyn Network>) -> Result<RegionExpert, Error> {
    RegionExpert::new(ExpertKind::Vee, network)
}
