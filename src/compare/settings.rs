//! Which settings of the router are compared: policies, budgets, sweeps over D and C.

use serde::{Deserialize, Serialize};

use super::Error;
use crate::config::{PixelConfig, PixelOrder, RouterConfig, TreeConfig};
use crate::frame::ExpertKind;
use crate::router::{PolicyName, Router};

/// One setting of the router.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What it is called in tables: `region-table`, `region-table, 4 ms`, `scene-tree, D 30 m, C 0.5`.
    pub name: String,
    /// The policy's name, as in `router.policy`.
    pub policy: String,
    /// What the experts may take together on a frame, ms.
    pub budget_ms: Option<f64>,
    /// D (m) and C of a swept scene tree; else those of the configuration hold.
    pub tree: Option<[f32; 2]>,
    /// Share of the pictures that is left out, and whose turn it is first; else the configuration's hold.
    #[serde(default)]
    pub pixels: Option<PixelConfig>,
}

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Requested {
    /// Policies by name.
    pub policies: Vec<String>,
    /// Budgets of the region table, ms, beside the one without.
    pub budgets_ms: Vec<f64>,
    /// Values of D and C for the scene tree, beside those of the configuration.
    pub sweep: Sweep,
    /// Shares of the pictures that `always:ape` is to leave out, 0..=1...
    pub skips: Vec<f32>,
    /// ... in each of these orders.
    pub skip_by: Vec<PixelOrder>,
}

/// Values of the scene tree's D and C; every D goes with every C.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sweep {
    /// D, m; the configuration's where empty.
    pub distance_m: Vec<f32>,
    /// C, 0..=1; the configuration's where empty.
    pub confidence: Vec<f32>,
}

impl Sweep {
    /// Takes in words such as `d=20,30,40` or `c=0.3,0.5`.
    ///
    /// # Errors
    /// [`Error::Sweep`].
    pub fn add(&mut self, text: &str) -> Result<(), Error> {
        let refuse = |problem: String| Error::Sweep { found: text.to_owned(), problem };
        let (key, values) =
            text.split_once('=').ok_or_else(|| refuse("there is no = in it".to_owned()))?;
        let list = match key.trim().to_ascii_lowercase().as_str() {
            "d" => &mut self.distance_m,
            "c" => &mut self.confidence,
            other => return Err(refuse(format!("unknown parameter {other:?}"))),
        };
        for value in values.split(',') {
            let number = value.trim().parse::<f32>();
            list.push(number.map_err(|_| refuse(format!("{value:?} is no number")))?);
        }
        Ok(())
    }

    fn pairs(&self, tree: &TreeConfig) -> Vec<[f32; 2]> {
        if self.distance_m.is_empty() && self.confidence.is_empty() {
            return Vec::new();
        }
        let or = |values: &[f32], own: f32| match values {
            [] => vec![own],
            some => some.to_vec(),
        };
        let confidences = or(&self.confidence, tree.confidence);
        let distances = or(&self.distance_m, tree.distance_m);
        distances.iter().flat_map(|d| confidences.iter().map(move |c| [*d, *c])).collect()
    }
}

/// The settings in the order of tables, each once, every one checked.
///
/// Only the settings made here have a budget: one in the configuration is left aside.
///
/// # Errors
/// An unknown policy, a budget or sweep that the router refuses, fewer than two settings.
pub fn settings(requested: &Requested, config: &RouterConfig) -> Result<Vec<Setting>, Error> {
    let mut all: Vec<Setting> = Vec::new();
    let mut push = |name: String, policy: &str, budget_ms, tree, pixels| {
        if !all.iter().any(|setting| setting.name == name) {
            all.push(Setting { name, policy: policy.to_owned(), budget_ms, tree, pixels });
        }
    };
    for policy in requested.policies.iter().map(|policy| policy.trim()) {
        policy.parse::<PolicyName>()?;
        push(policy.to_owned(), policy, None, None, None);
    }
    for budget in &requested.budgets_ms {
        push(format!("region-table, {budget} ms"), "region-table", Some(*budget), None, None);
    }
    for [d, c] in requested.sweep.pairs(&config.tree) {
        push(format!("scene-tree, D {d} m, C {c}"), "scene-tree", None, Some([d, c]), None);
    }
    for by in &requested.skip_by {
        for &skip in &requested.skips {
            let name = format!("always:ape, {} % skipped, {}", percent(skip), by.word());
            push(name, "always:ape", None, None, Some(PixelConfig { skip, by: *by }));
        }
    }
    if all.len() < 2 {
        return Err(Error::TooFew { found: all.len() });
    }
    for setting in &all {
        setting.router(config)?;
    }
    Ok(all)
}

/// A share 0..=1 in percent, without the tail that a share such as 0.55 has in 32 bits.
pub(crate) fn percent(share: f32) -> f64 {
    (1e6 * f64::from(share)).round() / 1e4
}

impl Setting {
    /// The router of this setting.
    ///
    /// # Errors
    /// Values that the router refuses.
    pub fn router(&self, config: &RouterConfig) -> Result<Router, Error> {
        Ok(Router::new(&self.config(config))?)
    }

    /// The router's configuration under this setting.
    pub fn config(&self, config: &RouterConfig) -> RouterConfig {
        let mut config = config.clone();
        config.policy.clone_from(&self.policy);
        config.budget_ms = self.budget_ms;
        if let Some([distance_m, confidence]) = self.tree {
            config.tree = TreeConfig { distance_m, confidence };
        }
        if let Some(pixels) = self.pixels {
            config.pixels = pixels;
        }
        config
    }

    /// The expert that gets everything, where the policy is such a one and no pixels are skipped.
    pub fn always(&self) -> Option<ExpertKind> {
        match self.policy.parse() {
            Ok(PolicyName::Always(expert)) if self.pixels.is_none() => Some(expert),
            _ => None,
        }
    }

    /// Whether the router decides by region or scene: no `always:` policy, with or without a limit on
    /// the pixels.
    pub fn routed(&self) -> bool {
        !matches!(self.policy.parse(), Ok(PolicyName::Always(_)))
    }

    /// A folder name: `region-table-4-ms`.
    pub fn folder(&self) -> String {
        let mut name = String::new();
        for c in self.name.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '.' => name.push(c.to_ascii_lowercase()),
                _ if !name.ends_with('-') => name.push('-'),
                _ => {}
            }
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(policies: &[&str], budgets_ms: &[f64], sweep: &[&str]) -> Requested {
        let mut all = Sweep::default();
        sweep.iter().for_each(|text| all.add(text).unwrap());
        let policies = policies.iter().map(|policy| (*policy).to_owned()).collect();
        Requested { policies, budgets_ms: budgets_ms.to_vec(), sweep: all, ..Requested::default() }
    }

    #[test]
    fn every_d_goes_with_every_c_and_nothing_is_there_twice() {
        let words = requested(
            &["always:ape", "region-table", "always:ape"],
            &[4.0],
            &["d=20,30", "c=0.3,0.5"],
        );
        let made = settings(&words, &RouterConfig::default()).unwrap();
        let names: Vec<&str> = made.iter().map(|setting| setting.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "always:ape",
                "region-table",
                "region-table, 4 ms",
                "scene-tree, D 20 m, C 0.3",
                "scene-tree, D 20 m, C 0.5",
                "scene-tree, D 30 m, C 0.3",
                "scene-tree, D 30 m, C 0.5"
            ]
        );
        assert_eq!(made[2].folder(), "region-table-4-ms");
        assert_eq!(made[3].config(&RouterConfig::default()).tree.distance_m, 20.0);
    }

    #[test]
    fn every_share_of_pixels_goes_with_every_order() {
        let mut words = requested(&["always:ape"], &[], &[]);
        words.skips = vec![0.5, 0.9];
        words.skip_by = vec![PixelOrder::Draft, PixelOrder::Random];
        let made = settings(&words, &RouterConfig::default()).unwrap();
        assert_eq!(made.len(), 5);
        assert_eq!(made[4].name, "always:ape, 90 % skipped, random");
        assert_eq!(made[4].folder(), "always-ape-90-skipped-random");
        let pixels = made[4].config(&RouterConfig::default()).pixels;
        assert_eq!(pixels, PixelConfig { skip: 0.9, by: PixelOrder::Random });
        assert_eq!(made[0].always(), Some(ExpertKind::Ape));
        assert_eq!(made[4].always(), None);
        assert!(made.iter().all(|setting| !setting.routed()), "one expert, whatever is left out");
        words.skips = vec![1.5];
        assert!(
            settings(&words, &RouterConfig::default()).unwrap_err().to_string().contains("1.5")
        );
    }

    #[test]
    fn a_share_is_written_as_it_was_asked_for() {
        let shares: Vec<String> =
            [0.07, 0.55, 0.9, 0.975, 0.98765].map(|share| percent(share).to_string()).into();
        assert_eq!(shares, ["7", "55", "90", "97.5", "98.765"]);
    }

    #[test]
    fn a_swept_parameter_leaves_the_other_as_configured() {
        let config = RouterConfig::default();
        let made = settings(&requested(&[], &[], &["C=0.3,0.6"]), &config).unwrap();
        assert!(made.iter().all(|s| s.tree.is_some_and(|[d, _]| d == config.tree.distance_m)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_was_expected() {
        let config = RouterConfig::default();
        for (words, said) in [
            (requested(&["fastest", "region-table"], &[], &[]), "scene-tree"),
            (requested(&["region-table"], &[-1.0], &[]), "-1"),
            (requested(&["region-table"], &[], &["d=-3"]), "-3"),
            (requested(&["region-table"], &[], &["c=1.5"]), "1.5"),
            (requested(&["region-table"], &[], &[]), "at least two"),
        ] {
            let error = settings(&words, &config).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        for text in ["d20", "e=3", "d=far"] {
            let error = Sweep::default().add(text).unwrap_err().to_string();
            assert!(error.contains("d=M"), "{error}");
        }
    }
}
