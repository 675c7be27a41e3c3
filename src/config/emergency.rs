//! The emergency expert: ground, clusters, score.

use serde::{Deserialize, Serialize};

/// How far the emergency expert can be made to look, m.
pub(crate) const REACH_M: std::ops::RangeInclusive<f32> = 5.0..=120.0;

/// Emergency expert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmergencyConfig {
    /// Returns less than this above the estimated ground are ground, m (above 0, at most 2).
    pub ground_margin_m: f32,
    /// Two returns nearer than this belong together (grows with distance), m (above 0, at most 10).
    pub cluster_radius_m: f32,
    /// Fewest returns of a cluster, at least 1.
    pub min_points: usize,
    /// Clusters farther than this are not reported, m (5 to 120).
    pub max_distance_m: f32,
    /// Score of every emergency box (above 0, at most 1).
    pub score: f32,
    /// After the experts, add the clusters that no box covers, marked as emergency boxes.
    pub add_uncovered: bool,
}

/// A setting outside what makes sense: its key, what it is, what it may be.
pub(super) type Fault = (&'static str, String, &'static str);

impl EmergencyConfig {
    /// The first setting that makes no sense, if there is one.
    pub(super) fn fault(&self) -> Option<Fault> {
        // Values that are not numbers lie in no range.
        let ranges = [
            (
                "emergency.ground_margin_m",
                self.ground_margin_m,
                self.ground_margin_m > 0.0 && self.ground_margin_m <= 2.0,
                "a number above 0, at most 2 (metres)",
            ),
            (
                "emergency.cluster_radius_m",
                self.cluster_radius_m,
                self.cluster_radius_m > 0.0 && self.cluster_radius_m <= 10.0,
                "a number above 0, at most 10 (metres)",
            ),
            (
                "emergency.max_distance_m",
                self.max_distance_m,
                REACH_M.contains(&self.max_distance_m),
                "a number from 5 to 120 (metres)",
            ),
            (
                "emergency.score",
                self.score,
                self.score > 0.0 && self.score <= 1.0,
                "a number above 0, at most 1",
            ),
        ];
        let out = ranges.into_iter().find(|(_, _, inside, _)| !inside);
        let out = out.map(|(key, value, _, expected)| (key, value.to_string(), expected));
        out.or_else(|| {
            let expected = "a whole number of at least 1";
            (self.min_points == 0)
                .then(|| ("emergency.min_points", self.min_points.to_string(), expected))
        })
    }
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
