//! The emergency expert: ground, clusters, score.

use serde::{Deserialize, Serialize};

/// Emergency expert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmergencyConfig {
    /// Returns less than this above the estimated ground are ground, m.
    pub ground_margin_m: f32,
    /// Two returns nearer than this belong together (grows with distance), m.
    pub cluster_radius_m: f32,
    /// Fewest returns of a cluster.
    pub min_points: usize,
    /// Clusters farther than this are not reported, m.
    pub max_distance_m: f32,
    /// Score of every emergency box.
    pub score: f32,
    /// After the experts, add the clusters that no box covers, marked as emergency boxes.
    pub add_uncovered: bool,
}

impl Default for EmergencyConfig {
    fn default() -> Self {
        Self {
            ground_margin_m: 0.3,
            cluster_radius_m: 0.6,
            min_points: 8,
            max_distance_m: 50.0,
            score: 0.3,
            add_uncovered: false,
        }
    }
}
