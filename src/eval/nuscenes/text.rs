//! The evaluation as a table that a person reads, with what was left out and why.

use std::fmt;

use super::class::TpError;
use super::evaluate::Evaluation;
use super::figures::DISTANCES_M;

impl fmt::Display for Evaluation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = &self.figures;
        write!(out, "nuScenes detection, {}: {} samples", self.split, self.samples)?;
        if self.samples < self.samples_of_split {
            write!(
                out,
                " of {} (a subset: these are not the split's figures)",
                self.samples_of_split
            )?;
        }
        writeln!(out, "\n")?;
        write!(out, "{:<21}{:>7}", "class", "AP %")?;
        for distance in DISTANCES_M {
            write!(out, "{:>8}", format!("@{distance} m"))?;
        }
        writeln!(out, "{:>8}{:>7}{:>7}{:>7}{:>7}", "ATE m", "ASE", "AOE", "AVE", "AAE")?;
        let percent = |value: f64| format!("{:.2}", 100.0 * value);
        let error = |value: f64| {
            if value.is_nan() { "-".to_owned() } else { format!("{value:.3}") }
        };
        for class in &figures.classes {
            write!(out, "{:<21}{:>7}", class.class.name(), percent(class.mean_ap))?;
            for value in class.average_precisions {
                write!(out, "{:>8}", percent(value))?;
            }
            for (place, value) in class.errors.iter().enumerate() {
                write!(out, "{:>1$}", error(*value), if place == 0 { 8 } else { 7 })?;
            }
            writeln!(out)?;
        }
        write!(out, "{:<21}{:>7}{:>32}", "mean", percent(figures.mean_ap), "")?;
        for kind in TpError::ALL {
            let width = if kind == TpError::Translation { 8 } else { 7 };
            write!(out, "{:>1$}", error(figures.errors[kind as usize]), width)?;
        }
        writeln!(out, "\n\nmAP {:.4}   NDS {:.4}\n", figures.mean_ap, figures.nd_score)?;
        self.write_counts(out)
    }
}

impl Evaluation {
    fn write_counts(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:<21}{:>26}{:>30}", "what counts", "annotations", "detections")?;
        writeln!(
            out,
            "{:<21}{:>7}{:>7}{:>7}{:>6}{:>8}{:>8}{:>7}{:>7}",
            "", "kept", "far", "empty", "rack", "kept", "far", "empty", "rack"
        )?;
        for class in &self.figures.classes {
            let (truth, found) = (class.truth, class.detections);
            writeln!(
                out,
                "{:<21}{:>7}{:>7}{:>7}{:>6}{:>8}{:>8}{:>7}{:>7}",
                class.class.name(),
                truth.kept,
                truth.too_far,
                truth.without_points,
                truth.in_rack,
                found.kept,
                found.too_far,
                found.without_points,
                found.in_rack
            )?;
        }
        write!(
            out,
            "far: at or beyond the class's range; empty: no LiDAR or radar point; rack: in a bicycle rack.\n\
             {} annotations are of categories that are not evaluated.",
            self.other_categories
        )
    }
}
