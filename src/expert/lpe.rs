//! LPE, the latency-prioritised expert: each region seen from above, 2D convolution.
//!
//! For near, well seen objects, where a small picture of the returns holds all there is to know.
//! Its inputs are `raster` (8 channels, 32 cells along the box, 16 across) and `context`.

use super::{Error, Network, RegionExpert};
use crate::frame::ExpertKind;

/// LPE on a loaded network.
pub fn expert(network: Box<dyn Network>) -> Result<RegionExpert, Error> {
    RegionExpert::new(ExpertKind::Lpe, network)
}
