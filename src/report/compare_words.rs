//! What a comparison says, in sentences for tables, page and Markdown: verdicts, the default against each
//! single expert, the Pareto fronts, and whether the draft chooses pixels better than its controls.
//!
//! Plain text: each report escapes it for its own markup.

use super::compare_table::with;
use crate::compare::{Comparison, LEAST_LABELS, SettingFigures, Sparsity, TimeAxis, percent};
use crate::config::PixelOrder;
use crate::eval::kitti::{Judged, Metric, Strictness};

/// Areas that differ by less are equal: sums in another order.
const EQUAL: f64 = 1e-9;

/// The sentences on the settings without left-out pixels.
pub(super) fn words(comparison: &Comparison) -> Vec<String> {
    let mut out = Vec::new();
    for class in comparison.drawn() {
        let verdicts = comparison.verdicts.iter().filter(|verdict| verdict.class == class);
        out.extend(verdicts.map(|verdict| verdict.sentence.clone()));
        out.extend(TimeAxis::ALL.into_iter().filter_map(|time| default(comparison, class, time)));
        out.extend(TimeAxis::ALL.into_iter().filter_map(|time| front(comparison, class, time)));
    }
    out.extend(comparison.scarce().map(|class| scarce(comparison, class)));
    out
}

/// What the masks are worth, a sentence a class; [`words_left_out`] says it share by share.
pub(super) fn left_out_in_short(comparison: &Comparison) -> Vec<String> {
    comparison.drawn().filter_map(|class| controls(comparison, class).into_iter().next()).collect()
}

/// Those on left-out pixels.
pub(super) fn words_left_out(comparison: &Comparison) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(comparison.drawn().flat_map(|class| controls(comparison, class)));
    out.extend(inside(comparison));
    out
}

/// That a class has too few labels for a table.
pub(super) fn scarce(comparison: &Comparison, class: Judged) -> String {
    format!(
        "{} (labels: {}): too few labels to say anything, at least {LEAST_LABELS} are needed; compare.json has the figures.",
        class.class().name(),
        comparison.labels(class)
    )
}

fn area(figures: &SettingFigures, class: Judged) -> Option<f64> {
    figures.area(class, Metric::Box3d, Strictness::Official)?.area
}

/// The default routed setting itself against each expert for everything.
fn default(comparison: &Comparison, class: Judged, time: TimeAxis) -> Option<String> {
    let own = comparison.find(&comparison.reference).filter(|figures| figures.routed)?;
    let (own_area, own_ms) = (area(own, class)?, time.of(own));
    let always: Vec<&SettingFigures> =
        comparison.general().filter(|figures| !figures.routed).collect();
    if always.is_empty() {
        return None;
    }
    let better = always.into_iter().filter_map(|figures| {
        let (found, ms) = (area(figures, class)?, time.of(figures));
        if ms > own_ms || found < own_area - EQUAL {
            return None;
        }
        let name = &figures.setting.name;
        if found - own_area <= EQUAL {
            return Some(format!("{name} has the same area in {ms:.2} ms"));
        }
        let figure = figures.area(class, Metric::Box3d, Strictness::Official)?;
        let by = with(Some(found - own_area), figure.difference_interval, true);
        Some(format!("{name} is more accurate ({found:.3}, {by}) in {ms:.2} ms"))
    });
    let better: Vec<String> = better.collect();
    let said = match better.as_slice() {
        [] => "no always: setting is as accurate in no more time".to_owned(),
        some => some.join("; "),
    };
    Some(format!(
        "{}, {}, against {} itself (3D {own_area:.3} in {own_ms:.2} ms): {said}.",
        class.class().name(),
        time.words(),
        comparison.reference
    ))
}

fn front(comparison: &Comparison, class: Judged, time: TimeAxis) -> Option<String> {
    let front =
        comparison.fronts.iter().find(|front| (front.class, front.time) == (class, time))?;
    let place = |name: &String| {
        let figures = comparison.find(name)?;
        let (ms, area) = (time.of(figures), area(figures, class)?);
        Some(format!("{name} ({area:.3} in {ms:.2} ms)"))
    };
    let places: Vec<String> = front.settings.iter().filter_map(place).collect();
    let all = if comparison.left_out().next().is_some() { ", left-out pixels aside" } else { "" };
    (!places.is_empty()).then(|| {
        format!(
            "{}, {}, Pareto front of 3D from fast to slow{all}: {}.",
            class.class().name(),
            time.words(),
            places.join("; ")
        )
    })
}

/// The rows that share a share: the draft's, and its controls.
fn shares(comparison: &Comparison) -> Vec<(f32, &Sparsity, Vec<&Sparsity>)> {
    let rows = || comparison.sparsity.iter().filter_map(|row| Some((row.pixels?, row)));
    let draft = rows().filter(|(pixels, _)| pixels.by == PixelOrder::Draft);
    let mut shares: Vec<_> = draft
        .map(|(pixels, draft)| {
            let same = rows().filter(|(p, _)| p.skip == pixels.skip && p.by != PixelOrder::Draft);
            (pixels.skip, draft, same.map(|(_, row)| row).collect::<Vec<_>>())
        })
        .filter(|(.., controls)| !controls.is_empty())
        .collect();
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    shares
}

/// How a control compares with the draft's order at the same share.
struct Control<'a> {
    row: &'a Sparsity,
    area: f64,
    /// Its area less the draft's.
    difference: f64,
}

impl Control<'_> {
    fn as_accurate(&self) -> bool {
        self.difference >= -EQUAL
    }

    /// `dense is as accurate (0.870) and faster (3.11 times)`.
    fn said(&self, class: Judged, draft: &Sparsity) -> String {
        let interval = self.row.less_draft.iter().find(|less| less.class == class);
        let interval = interval.and_then(|less| less.interval);
        let noise = match interval {
            Some([low, high]) if low <= 0.0 && high >= 0.0 => ", within the noise of these frames",
            _ => "",
        };
        let by = with(Some(self.difference), interval, true);
        let accuracy = if self.difference.abs() <= EQUAL {
            format!("as accurate ({:.3})", self.area)
        } else {
            let word = if self.difference > 0.0 { "more accurate" } else { "less accurate" };
            format!("{word} ({:.3}, {by}{noise})", self.area)
        };
        let speed = match (self.row.branch_faster, draft.branch_faster) {
            (Some(own), Some(other)) => {
                let word = if own > other { "faster" } else { "no faster" };
                let link = if self.as_accurate() == (own > other) { "and" } else { "but" };
                format!(" {link} {word} ({own:.2} times)")
            }
            _ => String::new(),
        };
        format!("{} is {accuracy}{speed}", self.row.by())
    }
}

/// One sentence over all shares, and one for each.
fn controls(comparison: &Comparison, class: Judged) -> Vec<String> {
    let area = |row: &Sparsity| area(comparison.find(&row.setting)?, class);
    let mut sentences = Vec::new();
    let mut counts: Vec<(&str, usize, usize)> = Vec::new();
    let (mut equalled, mut all) = (Vec::new(), 0);
    for (skip, draft, rows) in shares(comparison) {
        let Some(draft_area) = area(draft) else { continue };
        let control = |row| {
            let area = area(row)?;
            Some(Control { row, area, difference: area - draft_area })
        };
        let controls: Vec<Control<'_>> = rows.into_iter().filter_map(control).collect();
        if controls.is_empty() {
            continue;
        }
        all += 1;
        if controls.iter().any(Control::as_accurate) {
            equalled.push(format!("{} %", percent(skip)));
        }
        for control in &controls {
            let by = control.row.by();
            if !counts.iter().any(|(name, ..)| *name == by) {
                counts.push((by, 0, 0));
            }
            for (_, well, of) in counts.iter_mut().filter(|(name, ..)| *name == by) {
                *well += usize::from(control.as_accurate());
                *of += 1;
            }
        }
        let faster = draft.branch_faster.map_or(String::new(), |faster| {
            format!(", image branch and APE {faster:.2} times faster than without a limit")
        });
        let said: Vec<String> = controls.iter().map(|c| c.said(class, draft)).collect();
        sentences.push(format!(
            "{}, {} % left out: draft has 3D {draft_area:.3}{faster}; {}.",
            class.class().name(),
            percent(skip),
            said.join("; ")
        ));
    }
    if sentences.is_empty() {
        return sentences;
    }
    let counts: Vec<String> =
        counts.iter().map(|(name, well, of)| format!("{name} at {well} of {of} shares")).collect();
    let verdict = match equalled.as_slice() {
        [] => "no control is as accurate as the draft's order at any share".to_owned(),
        some => format!(
            "a control is at least as accurate as the draft's order at {} of {all} shares ({}): there its scores choose no better. \
             At least as accurate: {}",
            some.len(),
            some.join(", "),
            counts.join(", ")
        ),
    };
    sentences.insert(0, format!("Left-out pixels, {}: {verdict}.", class.class().name()));
    sentences
}

/// Labels wholly inside the draft's mask and inside that of chance.
fn inside(comparison: &Comparison) -> Option<String> {
    let mut more = 0;
    let mut pairs = Vec::new();
    let mut labels = 0;
    for (skip, draft, controls) in shares(comparison) {
        let chance = |row: &&&Sparsity| row.by() == PixelOrder::Random.word();
        let Some(random) = controls.iter().find(chance) else { continue };
        more += usize::from(draft.labels_inside > random.labels_inside);
        labels = draft.labels;
        let (own, other) = (draft.labels_inside, random.labels_inside);
        pairs.push(format!("{} %: {own} against {other}", percent(skip)));
    }
    (!pairs.is_empty()).then(|| {
        format!(
            "Left-out pixels: of {labels} labels, more lie wholly inside the mask by the draft's order than by chance at {more} of {} shares ({}).",
            pairs.len(),
            pairs.join("; ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::comparison_for_tests::{comparison, setting, skipping};

    fn said(comparison: &Comparison, part: &str) -> String {
        let all = [words(comparison), words_left_out(comparison)].concat();
        let mut found = all.iter().filter(|sentence| sentence.contains(part));
        found.next().unwrap_or_else(|| panic!("{part}: {all:#?}")).clone()
    }

    #[test]
    fn the_front_is_told_in_order_of_time_without_left_out_pixels() {
        let made = comparison(vec![
            setting("region-table", 20.0, 0.9),
            setting("always:bridge", 16.0, 0.8),
            setting("always:ape", 30.0, 0.85),
            skipping(0.9, PixelOrder::Draft, 15.5, 0.99),
        ]);
        assert_eq!(
            said(&made, "the whole frame, Pareto front"),
            "Car, the whole frame, Pareto front of 3D from fast to slow, left-out pixels aside: always:bridge (0.800 in 16.00 ms); region-table \
             (0.900 in 20.00 ms)."
        );
        assert!(said(&made, "bridge, Pareto front").contains("region-table (0.900 in 5.00 ms)"));
    }

    #[test]
    fn an_expert_that_equals_or_beats_the_default_is_named() {
        let made = |vee: f64, ms: f64| {
            comparison(vec![
                setting("always:vee", ms, vee),
                setting("always:ape", 30.0, 0.95),
                setting("region-table", 20.0, 0.9),
                setting("region-table, 2 ms", 17.0, 0.9),
            ])
        };
        let told = |vee, ms| said(&made(vee, ms), "the whole frame, against");
        let own = "Car, the whole frame, against region-table itself (3D 0.900 in 20.00 ms): ";
        let none = format!("{own}no always: setting is as accurate in no more time.");
        assert_eq!(told(0.9, 18.0), format!("{own}always:vee has the same area in 18.00 ms."));
        assert_eq!(
            told(0.93, 20.0),
            format!("{own}always:vee is more accurate (0.930, +0.030) in 20.00 ms.")
        );
        assert_eq!(told(0.89, 18.0), none, "less accurate");
        assert_eq!(told(0.9, 20.1), none, "slower");
    }

    #[test]
    fn without_a_routed_default_nothing_is_said_of_it() {
        let made =
            comparison(vec![setting("always:vee", 18.0, 0.9), setting("always:ape", 30.0, 0.9)]);
        assert!(!words(&made).iter().any(|sentence| sentence.contains("itself")));
    }

    #[test]
    fn a_control_that_does_as_well_as_the_draft_is_told() {
        let made = comparison(vec![
            setting("always:ape", 36.0, 0.9),
            skipping(0.5, PixelOrder::Draft, 26.0, 0.9),
            skipping(0.95, PixelOrder::Draft, 21.0, 0.87),
            skipping(0.5, PixelOrder::Random, 26.0, 0.89),
            skipping(0.95, PixelOrder::Random, 21.5, 0.8),
            skipping(0.5, PixelOrder::Dense, 25.0, 0.91),
            skipping(0.95, PixelOrder::Dense, 20.0, 0.87),
        ]);
        assert_eq!(
            said(&made, "Left-out pixels, Car"),
            "Left-out pixels, Car: a control is at least as accurate as the draft's order at 2 of 2 shares (50 %, 95 %): there its scores choose no \
             better. At least as accurate: random at 0 of 2 shares, dense at 2 of 2 shares."
        );
        assert_eq!(
            said(&made, "95 % left out"),
            "Car, 95 % left out: draft has 3D 0.870, image branch and APE 4.00 times faster than without a limit; random is less accurate (0.800, \
             -0.070 [-0.090, -0.050]) and no faster (3.64 times); dense is as accurate (0.870) and faster (5.00 times)."
        );
        assert!(said(&made, "50 % left out").contains(
            "random is less accurate (0.890, -0.010 [-0.030, +0.010], within the noise of these frames) and no faster (2.00 times)"
        ));
        assert_eq!(
            said(&made, "by chance"),
            "Left-out pixels: of 31 labels, more lie wholly inside the mask by the draft's order than by chance at 2 of 2 shares (50 %: 16 against \
             8; 95 %: 2 against 1)."
        );
    }

    #[test]
    fn a_draft_that_beats_every_control_is_told() {
        let made = comparison(vec![
            setting("always:ape", 36.0, 0.9),
            skipping(0.9, PixelOrder::Draft, 21.0, 0.88),
            skipping(0.9, PixelOrder::Near, 20.0, 0.85),
        ]);
        assert!(said(&made, "Left-out pixels, Car").contains("no control is as accurate"));
        assert!(said(&made, "90 % left out").contains("but faster"));
        assert!(!words_left_out(&made).iter().any(|sentence| sentence.contains("by chance")));
    }

    #[test]
    fn without_controls_or_without_the_draft_nothing_is_said_of_pixels() {
        for by in [PixelOrder::Draft, PixelOrder::Random] {
            let made =
                comparison(vec![setting("always:ape", 36.0, 0.9), skipping(0.9, by, 21.0, 0.88)]);
            assert!(words_left_out(&made).is_empty(), "{by:?}");
        }
    }

    #[test]
    fn a_class_with_few_labels_gets_one_sentence() {
        let made =
            comparison(vec![setting("always:ape", 36.0, 0.9), setting("region-table", 20.0, 0.9)]);
        let all = words(&made);
        let few: Vec<&String> = all.iter().filter(|s| s.contains("Pedestrian")).collect();
        assert_eq!(few.len(), 1, "{few:?}");
        assert!(few[0].contains("labels: 1") && few[0].contains("too few"), "{few:?}");
    }
}
