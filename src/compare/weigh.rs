//! The figures of the settings become fronts and verdicts, for each class with labels and each time.
//!
//! Settings with left-out pixels are no routed ones, nor one expert for everything: they take no part.

use super::comparison::{Comparison, Front, SettingFigures, TimeAxis, Verdict};
use super::verdict::{Place, above, front, sentence};
use crate::eval::kitti::{Judged, Metric, Strictness};

const METRIC: (Metric, Strictness) = (Metric::Box3d, Strictness::Official);

/// Fronts and verdicts. `interval` gives the paired interval of a class' area under the first setting
/// less that under the second, by their names.
pub(super) fn weigh(
    settings: &[SettingFigures],
    classes: &[Judged],
    interval: impl Fn(Judged, &str, &str) -> Option<[f64; 2]>,
) -> (Vec<Front>, Vec<Verdict>) {
    let (mut fronts, mut verdicts) = (Vec::new(), Vec::new());
    for &class in classes {
        let areas = settings.iter().filter_map(|f| f.area(class, METRIC.0, METRIC.1));
        let labels = areas.map(|area| area.labels).max().unwrap_or(0);
        if labels == 0 {
            continue;
        }
        for time in TimeAxis::ALL {
            let places = places(settings, class, time);
            let found = above(&places, |a, b| interval(class, a, b));
            let sentence = sentence(class, time, labels, &places, &found);
            fronts.push(Front { class, time, settings: front(&places) });
            verdicts.push(Verdict { class, time, labels, above: found, sentence });
        }
    }
    (fronts, verdicts)
}

/// Where the settings lie in the plane of time and accuracy.
fn places(settings: &[SettingFigures], class: Judged, time: TimeAxis) -> Vec<Place<'_>> {
    let whole = settings.iter().filter(|figures| figures.setting.pixels.is_none());
    let place = |figures: &SettingFigures| {
        Some((time.of(figures), figures.area(class, METRIC.0, METRIC.1)?.area?))
    };
    whole
        .filter_map(|figures| {
            let (ms, accuracy) = place(figures)?;
            Some(Place { name: &figures.setting.name, routed: figures.routed, ms, accuracy })
        })
        .collect()
}

impl Comparison {
    /// Makes fronts and verdicts anew from the figures of the settings, since older versions took settings
    /// with left-out pixels for routed ones. Of a file of this version nothing changes.
    ///
    /// Intervals are those of the file: of the verdicts in it, and of differences to the reference.
    pub fn weigh_anew(&mut self) {
        for figures in &mut self.settings {
            figures.routed = figures.setting.routed();
        }
        let classes: Vec<Judged> = self
            .settings
            .first()
            .map_or_else(Vec::new, |f| f.classes.iter().map(|c| c.class).collect());
        let known = |class: Judged, a: &str, b: &str| {
            let points = self.verdicts.iter().filter(|v| v.class == class).flat_map(|v| &v.above);
            let mut same = points.filter(|point| point.setting == a && point.against == b);
            if let Some(interval) = same.next().and_then(|point| point.interval) {
                return Some(interval);
            }
            let area = self.find(a)?.area(class, METRIC.0, METRIC.1)?;
            area.difference_interval.filter(|_| b == self.reference)
        };
        let (fronts, verdicts) = weigh(&self.settings, &classes, known);
        (self.fronts, self.verdicts) = (fronts, verdicts);
    }
}

#[cfg(test)]
mod tests {
    use super::super::comparison_for_tests::{comparison, setting, skipping};
    use crate::config::PixelOrder;

    #[test]
    fn left_out_pixels_make_no_routed_setting() {
        // As fast as always:vee and more accurate, but neither routed nor one expert for everything.
        let mut made = comparison(vec![
            setting("always:vee", 18.0, 0.9),
            setting("region-table", 20.0, 0.88),
            skipping(0.95, PixelOrder::Draft, 17.0, 0.95),
            skipping(0.95, PixelOrder::Random, 30.0, 0.97),
        ]);
        made.settings.iter_mut().for_each(|figures| figures.routed = true);
        made.weigh_anew();
        let routed: Vec<bool> = made.settings.iter().map(|figures| figures.routed).collect();
        assert_eq!(routed, [false, true, false, false]);
        for (front, verdict) in made.fronts.iter().zip(&made.verdicts) {
            assert_eq!(front.settings, ["always:vee"]);
            let above: Vec<&str> = verdict.above.iter().map(|p| p.setting.as_str()).collect();
            assert_eq!(above, ["always:vee"], "{}", verdict.sentence);
            assert_eq!(verdict.above[0].against, "region-table");
        }
    }

    #[test]
    fn with_left_out_pixels_alone_there_is_no_routed_curve() {
        let mut made = comparison(vec![
            setting("always:ape", 30.0, 0.9),
            skipping(0.5, PixelOrder::Near, 25.0, 0.9),
        ]);
        made.weigh_anew();
        assert!(made.verdicts.iter().all(|v| v.sentence.contains("nothing to say")));
    }

    #[test]
    fn weighing_anew_changes_nothing_twice() {
        let mut made =
            comparison(vec![setting("always:vee", 18.0, 0.9), setting("region-table", 20.0, 0.88)]);
        made.weigh_anew();
        made.verdicts[0].above[0].interval = Some([-0.01, 0.03]);
        let mut again = made.clone();
        again.weigh_anew();
        assert_eq!(again.verdicts[0].above, made.verdicts[0].above);
        assert!(again.verdicts[0].sentence.contains("within the noise"));
    }
}
