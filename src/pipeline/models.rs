//! The configured model folders become loaded networks, each found, verified and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Error;
use crate::calib::LidarSpec;
use crate::config::{Config, ModelsConfig};
use crate::expert::Network;
use crate::expert::backend::{OrtModel, Overrides};
use crate::expert::contract::{Contract, Role};

/// A loaded network and where it came from.
pub struct Loaded {
    /// Key below `models` in the configuration.
    pub key: &'static str,
    /// Its folder.
    pub folder: PathBuf,
    /// The network.
    pub model: OrtModel,
}

/// Threads of an operator in experts, image branch and classifier, unless an override says otherwise. Their operators are so small that
/// waking a second thread costs more than it brings (the image branch took 0.33 ms a run with one and 0.51 with two), and the
/// other core is busy with pictures.
const SMALL_NETWORK_THREADS: usize = 1;

/// The networks of one pipeline.
#[derive(Default)]
pub struct Models {
    /// In the order bev, lpe, vee, ape, image, classifier; models that are switched off are absent.
    pub loaded: Vec<Loaded>,
}

impl Models {
    /// Loads every configured model. With `check_at_start`, each is compared with its golden output.
    ///
    /// # Errors
    /// A folder that is not there, a model that is not what its contract says, a provider that
    /// cannot be had, a departure from the golden output.
    pub fn load(config: &Config, overrides: &Overrides) -> Result<Self, Error> {
        let mut loaded = Vec::new();
        for (key, folder) in config.models.folders() {
            let Some(folder) = folder else { continue };
            // For APE alone, and the classifier beside the image branch alone.
            let idle = match key {
                "image" => config.models.ape.is_none(),
                "classifier" => config.models.ape.is_none() || config.models.image.is_none(),
                _ => false,
            };
            if idle {
                continue;
            }
            let folder = find_folder(key, folder)?;
            let mut overrides = overrides.clone();
            if key != "bev" {
                overrides.threads.get_or_insert(SMALL_NETWORK_THREADS);
            }
            let failed = |source| Error::Model { key, folder: folder.clone(), source };
            let mut model = OrtModel::load(&folder, &config.runtime, &overrides).map_err(failed)?;
            check_role(key, &folder, model.contract())?;
            if config.models.check_at_start {
                model.prove().map_err(failed)?;
            }
            tracing::info!(key, folder = %folder.display(), "model ready");
            loaded.push(Loaded { key, folder, model });
        }
        Ok(Self { loaded })
    }

    /// What could not be had, in words, where `strict` is off.
    pub fn warnings(&self) -> Vec<String> {
        let refused = self.loaded.iter().flat_map(|loaded| {
            let outcomes = loaded.model.outcomes().iter();
            outcomes.filter_map(|outcome| {
                let cause = outcome.refused.as_ref()?;
                Some((loaded.key, format!("{} could not be had: {cause}", outcome.provider)))
            })
        });
        each_cause_once(refused)
    }
}

impl Models {
    /// In which respects a LiDAR is not what the models were trained on or made for, in words for the
    /// person who judges the boxes: fewer beams, and directions in which nothing is looked for.
    ///
    /// The sensor's height is no such thing: what the models see are heights above ground.
    pub fn mismatches(&self, lidar: &LidarSpec) -> Vec<String> {
        let contracts = self.loaded.iter().map(|loaded| (loaded.key, loaded.model.contract()));
        let mut found = mismatches(contracts, lidar);
        if self.loaded.iter().all(|loaded| loaded.key != "bev") {
            let blind = "without a bridge model (models.bev) only the emergency expert looks, and only ahead: nothing \
                         behind the sensor is found";
            found.push(blind.to_owned());
        }
        found
    }
}

/// Refuses a model of another role than belongs there.
fn check_role(key: &'static str, folder: &Path, contract: &Contract) -> Result<(), Error> {
    let expected = match key {
        "bev" => Role::Bridge,
        "image" => Role::Image,
        "classifier" => Role::Classifier,
        _ => Role::Expert,
    };
    let found = contract.role;
    if found == expected {
        return Ok(());
    }
    Err(Error::Role { key, folder: folder.to_owned(), found, expected })
}

/// One line for each thing that is the matter, with the models that it is the matter with.
fn each_cause_once(refused: impl Iterator<Item = (&'static str, String)>) -> Vec<String> {
    let mut causes: Vec<(String, Vec<&str>)> = Vec::new();
    for (key, cause) in refused {
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, keys)) => keys.push(key),
            None => causes.push((cause, vec![key])),
        }
    }
    causes.into_iter().map(|(cause, keys)| format!("{}: {cause}", keys.join(", "))).collect()
}

fn mismatches<'a>(
    contracts: impl Iterator<Item = (&'a str, &'a Contract)>,
    lidar: &LidarSpec,
) -> Vec<String> {
    let (mut beams, mut range) = (Vec::new(), Vec::new());
    let mut by_beams = BTreeMap::<u32, Vec<&str>>::new();
    for (key, contract) in contracts {
        if let Some(sensor) = &contract.sensor
            && sensor.beams != lidar.beams
        {
            by_beams.entry(sensor.beams).or_default().push(key);
        }
        if let Some(grid) = &contract.grid
            && grid.x[0] >= 0.0
        {
            let ([x0, x1], [_, y1]) = (grid.x, grid.y);
            range.push(format!(
                "{key} looks for objects from {x0} to {x1} m ahead and up to {y1} m to each side: nothing \
                 behind the sensor is found"
            ));
        }
    }
    for (trained, keys) in by_beams {
        beams.push(format!(
            "{} were trained on a LiDAR with {trained} beams (contract.yaml: sensor.beams), this source's \
             has {}: expect fewer and weaker boxes, above all far away",
            keys.join(", "),
            lidar.beams
        ));
    }
    beams.extend(range);
    beams
}

/// The networks that a pipeline runs; an absent one is done without.
#[derive(Default)]
pub struct Networks {
    /// Proposes boxes.
    pub bev: Option<Box<dyn Network>>,
    /// Latency-prioritised expert.
    pub lpe: Option<Box<dyn Network>>,
    /// Versatile-efficiency expert.
    pub vee: Option<Box<dyn Network>>,
    /// Accuracy-prioritised expert.
    pub ape: Option<Box<dyn Network>>,
    /// Image branch.
    pub image: Option<Box<dyn Network>>,
    /// Crop classifier.
    pub classifier: Option<Box<dyn Network>>,
}

impl From<Models> for Networks {
    fn from(models: Models) -> Self {
        let mut networks = Self::default();
        for Loaded { key, model, .. } in models.loaded {
            let slot = match key {
                "bev" => &mut networks.bev,
                "lpe" => &mut networks.lpe,
                "vee" => &mut networks.vee,
                "ape" => &mut networks.ape,
                "image" => &mut networks.image,
                _ => &mut networks.classifier,
            };
            *slot = Some(Box::new(model));
        }
        networks
    }
}

/// Where a configured folder is: as given, else below the current folder, the program's folder, or
/// one of their parents (an installed program keeps `models/` beside or above its `bin/`).
///
/// # Errors
/// [`Error::ModelFolder`] with every place that was looked at.
pub fn find_folder(key: &'static str, folder: &Path) -> Result<PathBuf, Error> {
    let mut looked_at = Vec::new();
    let mut bases = Vec::new();
    if folder.is_absolute() {
        bases.push(PathBuf::new());
    } else {
        if let Ok(current) = std::env::current_dir() {
            bases.extend(current.ancestors().take(3).map(Path::to_path_buf));
        }
        if let Ok(program) = std::env::current_exe() {
            bases.extend(program.ancestors().skip(1).take(4).map(Path::to_path_buf));
        }
    }
    for base in bases {
        let candidate = base.join(folder);
        if candidate.join("contract.yaml").is_file() {
            return Ok(candidate);
        }
        if !looked_at.contains(&candidate) {
            looked_at.push(candidate);
        }
    }
    Err(Error::ModelFolder { key, folder: folder.to_owned(), looked_at })
}

impl ModelsConfig {
    /// No model at all: emergency boxes only.
    pub fn none() -> Self {
        Self {
            bev: None,
            lpe: None,
            vee: None,
            ape: None,
            image: None,
            classifier: None,
            check_at_start: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calib::Rig;
    use crate::sensor::nuscenes::lidar_spec;

    #[test]
    fn a_model_in_the_place_of_another_is_named_with_its_role() {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let check = |key, name: &str| {
            let contract = Contract::load(&models.join(name)).unwrap();
            check_role(key, Path::new("folder"), &contract).map_err(|error| error.to_string())
        };
        assert_eq!(
            check("classifier", "image").unwrap_err(),
            "models.classifier (folder): contract.yaml says role: image, expected classifier; name a folder with \
             such a model"
        );
        assert!(check("bev", "lpe").is_err() && check("vee", "classifier").is_err());
        for (key, name) in [("bev", "bev-u8"), ("vee", "lpe"), ("ape", "ape"), ("image", "image")] {
            check(key, name).unwrap();
        }
    }

    #[test]
    fn what_is_the_matter_with_many_models_is_said_once() {
        let refused = [("bev", "cuda: no"), ("bev", "tensorrt: no"), ("lpe", "cuda: no")];
        let said = each_cause_once(refused.into_iter().map(|(key, cause)| (key, cause.to_owned())));
        assert_eq!(said, ["bev, lpe: cuda: no", "bev: tensorrt: no"]);
    }

    #[test]
    fn a_lidar_with_fewer_beams_is_said_and_another_height_is_not() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        let contracts = ["bev", "lpe"].map(|name| Contract::load(&folder.join(name)).unwrap());
        let said =
            |lidar: &LidarSpec| mismatches(["bev", "lpe"].into_iter().zip(&contracts), lidar);
        let nuscenes = said(&lidar_spec(1.84, 1));
        assert!(
            nuscenes[0].contains("bev, lpe") && nuscenes[0].contains("64 beams"),
            "{nuscenes:?}"
        );
        assert!(nuscenes[0].contains("32"), "{nuscenes:?}");
        assert!(nuscenes[1].contains("70.4 m ahead"), "{nuscenes:?}");
        let kitti = LidarSpec { origin_height_m: 2.2, ..Rig::kitti().lidar };
        assert_eq!(said(&kitti), nuscenes[1..], "only where it looks, nothing of beams or height");
    }
}
