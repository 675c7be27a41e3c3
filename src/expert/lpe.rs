//! LPE, the latency-prioritised expert: each region seen from above, 2D convolution.
//!
//! The fastest: a small picture of the returns is all it looks at. Where the default table sends
//! weak proposals and cars in doubt. Its inputs are `raster` (8 channels, 32 cells along the box, 16 across) and `context`.

use super::{Error, Network, RegionExpert};
use crate::frame::ExpertKind;

/// LPE on a loaded network.
pub fn expert(network: Box<dyn Network>) -> Result<RegionExpert, Error> {
    RegionExpert::new(ExpertKind::Lpe, network)
}
