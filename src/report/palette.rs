//! One colour and one name for each expert, the same in pictures, page and legend.
//!
//! The colours are Okabe and Ito's set for colour-blind readers ("Color Universal Design", 2008),
//! in the order that keeps the experts that appear together farthest apart; the name always stands
//! beside the colour, so nothing depends on colour alone.

use crate::frame::ExpertKind;

/// Every expert, in the order of legends and tables.
pub(super) const EXPERTS: [ExpertKind; 5] =
    [ExpertKind::Lpe, ExpertKind::Vee, ExpertKind::Ape, ExpertKind::Bridge, ExpertKind::Emergency];

/// Labels (what is really there): dashed, white.
pub(super) const LABEL: [u8; 3] = [255, 255, 255];

/// Behind the points.
pub(super) const NIGHT: [u8; 3] = [13, 17, 23];

/// The expert's colour, sRGB.
pub fn expert_color(expert: ExpertKind) -> [u8; 3] {
    match expert {
        ExpertKind::Lpe => [86, 180, 233],
        ExpertKind::Vee => [240, 228, 66],
        ExpertKind::Ape => [230, 130, 190],
        ExpertKind::Bridge => [0, 190, 140],
        ExpertKind::Emergency => [235, 105, 20],
    }
}

/// The expert's name in pictures and tables.
pub fn expert_name(expert: ExpertKind) -> &'static str {
    match expert {
        ExpertKind::Lpe => "LPE",
        ExpertKind::Vee => "VEE",
        ExpertKind::Ape => "APE",
        ExpertKind::Bridge => "bridge",
        ExpertKind::Emergency => "emergency",
    }
}

/// Score below which pictures draw a box thin, without filling and caption: such boxes are kept for the recall of a
/// benchmark, and few of them are objects.
pub const FAINT_BELOW: f32 = 0.1;

/// What the expert is, in a sentence for a newcomer; what goes to it is the router's table to say.
pub fn expert_meaning(expert: ExpertKind) -> &'static str {
    match expert {
        ExpertKind::Lpe => {
            "Latency-prioritised: the region from above alone. The fastest. By default: what is weak, and cars in doubt."
        }
        ExpertKind::Vee => {
            "Versatile-efficiency: the region from above and its LiDAR points. By default: sure cars, and cyclists that are not weak."
        }
        ExpertKind::Ape => {
            "Accuracy-prioritised: the region from above, its LiDAR points and the picture. The dearest. By default: pedestrians that are not weak (of a LiDAR with few beams: all). \"picture +1.2\" behind the reason: what their picture alone says for them (+) or against (-)."
        }
        ExpertKind::Bridge => "The bridge's own proposal, left as it is.",
        ExpertKind::Emergency => "No model at all: ground removal and clustering.",
    }
}

/// Colour of a point by its height above the nominal ground, m: dark blue on the ground, warm
/// above a car's roof, and never as bright as a box.
pub(super) fn height_color(height_m: f32) -> [u8; 3] {
    // Stops follow the lightness order of cividis, so they stay in order without colour.
    const STOPS: [(f32, [f32; 3]); 5] = [
        (-0.5, [38.0, 58.0, 96.0]),
        (0.2, [58.0, 82.0, 128.0]),
        (1.0, [104.0, 116.0, 134.0]),
        (2.0, [156.0, 146.0, 116.0]),
        (3.5, [196.0, 178.0, 96.0]),
    ];
    let mut low = STOPS[0];
    for high in STOPS {
        if height_m < high.0 {
            let span = high.0 - low.0;
            let t = if span > 0.0 { ((height_m - low.0) / span).clamp(0.0, 1.0) } else { 0.0 };
            return [0, 1, 2].map(|i| (low.1[i] + t * (high.1[i] - low.1[i])) as u8);
        }
        low = high;
    }
    low.1.map(|c| c as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expert_has_its_own_colour() {
        for a in EXPERTS {
            for b in EXPERTS {
                let apart: i32 = (0..3)
                    .map(|i| (i32::from(expert_color(a)[i]) - i32::from(expert_color(b)[i])).abs())
                    .sum();
                assert!(a == b || apart > 100, "{a:?} and {b:?}");
            }
        }
    }

    /// The legend says which row of the shipped table leads to which expert: a changed table changes it.
    #[test]
    fn the_legend_says_what_the_shipped_table_does() {
        use ExpertKind::{Ape, Lpe, Vee};
        let table = crate::config::Config::default().router.table;
        let rows: Vec<_> = table.iter().map(|row| (row.name.as_str(), row.expert)).collect();
        assert_eq!(
            rows,
            [
                ("pedestrian, few beams", Ape),
                ("pedestrian, not weak", Ape),
                ("cyclist, not weak", Vee),
                ("sure car", Vee),
                ("weak, or a car in doubt", Lpe)
            ]
        );
        for (expert, words) in [
            (Ape, "By default: pedestrians that are not weak (of a LiDAR with few beams: all)."),
            (Vee, "By default: sure cars, and cyclists that are not weak."),
            (Lpe, "By default: what is weak, and cars in doubt."),
        ] {
            assert!(expert_meaning(expert).contains(words), "{expert:?}");
        }
    }

    #[test]
    fn higher_points_are_lighter() {
        let light = |h| height_color(h).iter().map(|&c| u32::from(c)).sum::<u32>();
        let heights = [-3.0, -0.2, 0.5, 1.5, 3.0, 9.0];
        assert!(heights.windows(2).all(|w| light(w[0]) <= light(w[1])));
    }
}
