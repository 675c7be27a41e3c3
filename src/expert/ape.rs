//! APE, the accuracy-prioritised expert: returns and picture together.
//!
//! The dearest: it needs the image branch, and what the crop classifier says of people and cyclists
//! is added to its scores. Where the default table sends pedestrians that
//! are not weak, for which the picture tells most. Its inputs are `raster`, `points` (256 places), `pixels` (image features at each of these points), `window` (means of the
//! tight and the wide window) and `context`; the image branch must have run for its regions.

use super::{Error, Network, RegionExpert};
use crate::frame::ExpertKind;

/// APE on a loaded network.
pub fn expert(network: Box<dyn Network>) -> Result<RegionExpert, Error> {
    RegionExpert::new(ExpertKind::Ape, network)
}
