//! VEE, the versatile-efficiency expert: the region's returns themselves, LiDAR only.
//!
//! For objects that are farther or partly hidden, where cells would be mostly empty and the exact
//! place of each return counts. Its inputs are `points` (128 places) and `context`. It also takes
//! over APE's regions where there is no picture.

use super::{Error, Network, RegionExpert};
use crate::frame::ExpertKind;

/// VEE on a loaded network.
pub fn expert(network: Box<dyn Network>) -> Result<RegionExpert, Error> {
    RegionExpert::new(ExpertKind::Vee, network)
}
