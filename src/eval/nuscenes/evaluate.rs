//! The whole evaluation: read both sides, take out what does not count, match, sum up.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::class::DetectionClass;
use super::curve::Contest;
use super::error::Error;
use super::explain::{Explainer, pairs};
use super::figures::{Figures, class_figures, figures};
use super::filter::{Sieve, filter};
use super::join::read_results_of;
use super::outcome::BoxOutcome;
use super::results::{Results, read_results_from};
use super::selection::Selection;
use super::truth::truth;
use crate::eval::parallel::{in_turn, threads};
use crate::sensor;
use crate::sensor::nuscenes::splits;
use crate::sensor::nuscenes::tables::{Need, TableSource, Tables};

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct Request {
    /// The data set's root, which holds the version's folder.
    pub root: PathBuf,
    /// Which tables, such as `v1.0-mini`.
    pub version: String,
    /// An official split, such as `mini_val`, or a file that lists scene names. With a file, samples
    /// stand in the order of `sample.json` where equal scores are put in order, as in the devkit.
    pub split: String,
    /// The results file; several are taken as one, each behind the one before. Every sample may be in
    /// one of them only.
    pub results: Vec<PathBuf>,
    /// Evaluate only the samples that have results, instead of demanding all of the split.
    pub subset: bool,
    /// Tell what became of each box ([`Evaluation::outcomes`]); it costs about 500 bytes of memory for
    /// each, and nothing where it is not asked for.
    pub outcomes: bool,
    /// How many classes are evaluated beside one another; 0 for as many as the machine has cores.
    pub threads: usize,
}

impl Request {
    /// A request for a whole split on all cores.
    pub fn new(root: &Path, version: &str, split: &str, results: &Path) -> Self {
        Self {
            root: root.to_owned(),
            version: version.to_owned(),
            split: split.to_owned(),
            results: vec![results.to_owned()],
            subset: false,
            outcomes: false,
            threads: 0,
        }
    }
}

impl Request {
    /// The results files in words.
    fn results_label(&self) -> String {
        let names: Vec<_> = self.results.iter().map(|path| path.display().to_string()).collect();
        names.join(" and ")
    }
}

/// An evaluation's figures, and what they were made of.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// The figures.
    pub figures: Figures,
    /// The split that was asked for.
    pub split: String,
    /// Samples evaluated.
    pub samples: usize,
    /// Samples of the split; more than `samples` under `subset`.
    pub samples_of_split: usize,
    /// Annotations of categories that the benchmark does not evaluate.
    pub other_categories: usize,
    /// The results file's `meta`, as its text; empty where it has none.
    pub meta: String,
    /// What became of each annotation and detection, where the request asks for it: samples in the
    /// tables' order, each with its annotations (of all categories) and then its detections.
    pub outcomes: Option<Vec<BoxOutcome>>,
    /// How long reading and evaluating took, s.
    pub time_s: f64,
}

/// Evaluates a results file.
///
/// # Errors
/// See [`Error`].
pub fn evaluate(request: &Request) -> Result<Evaluation, Error> {
    let label = request.root.join(&request.version).display().to_string();
    let tables = || Tables::load(&request.root, &request.version, Need::EVALUATION);
    let results = || read_results_of(&request.results);
    run(request, &label, tables, results)
}

/// As [`evaluate`], with tables and results from anywhere; the request's paths only name them.
///
/// # Errors
/// See [`Error`].
pub fn evaluate_from(
    request: &Request,
    source: &dyn TableSource,
    results: impl Read + Send,
) -> Result<Evaluation, Error> {
    let label = request.results_label();
    let tables = || Tables::load_from(source, Need::EVALUATION);
    run(request, &request.version, tables, || read_results_from(results, &label))
}

fn run(
    request: &Request,
    tables_label: &str,
    tables: impl FnOnce() -> Result<Tables, sensor::Error>,
    results: impl FnOnce() -> Result<Results, Error> + Send,
) -> Result<Evaluation, Error> {
    let started = Instant::now();
    let (tables, results) = std::thread::scope(|scope| {
        let results = scope.spawn(results);
        let tables = tables();
        (tables, results.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let (tables, mut results) = (tables?, results?);
    let selection = Selection {
        tables: &tables,
        tables_label,
        split: &request.split,
        results_label: &request.results_label(),
    };
    let (samples, samples_of_split) = selection.samples(&results, request.subset)?;
    let mut truth = truth(&tables, &samples, tables_label, request.outcomes)?;
    if truth.boxes.is_empty() && truth.other_categories == 0 {
        return Err(Error::NoAnnotations {
            tables: tables_label.to_owned(),
            split: request.split.clone(),
            samples: samples.len(),
        });
    }
    // The file's numbers of samples become those of the evaluation.
    let mut number_of = vec![u32::MAX; tables.samples().len()];
    for (number, sample) in samples.iter().enumerate() {
        number_of[sample.place()] = number as u32;
    }
    let numbers: Vec<_> = results
        .samples
        .iter()
        .map(|&(token, _)| {
            tables.sample_of_token(token).map_or(u32::MAX, |id| number_of[id.place()])
        })
        .collect();
    for one in &mut results.boxes {
        one.sample = numbers[one.sample as usize];
    }
    // The order decides which of equal scores goes first. The devkit keeps the file's for the official
    // splits, and for any other list of scenes takes that of `sample.json`.
    if !splits::NAMES.contains(&request.split.as_str()) {
        results.boxes.sort_by_key(|one| one.sample);
    }
    let mut sieves = request.outcomes.then(<[Sieve; 2]>::default);
    let sample_tokens: Vec<String> = match request.outcomes {
        true => samples.iter().map(|&sample| tables.spell(tables[sample].token)).collect(),
        false => Vec::new(),
    };
    drop(tables);
    let [of_truth, of_detections] = match &mut sieves {
        Some([truth, detections]) => [Some(truth), Some(detections)],
        None => [None, None],
    };
    let truth_counts = filter(&mut truth.boxes, &truth.ego, &truth.racks, of_truth);
    let detection_counts = filter(&mut results.boxes, &truth.ego, &truth.racks, of_detections);
    let classes = in_turn(&DetectionClass::ALL, threads(request.threads), |&class| {
        let contest = Contest::new(class, &truth.boxes, &results.boxes, samples.len());
        let counts = [truth_counts[class as usize], detection_counts[class as usize]];
        let pairs = sieves.as_ref().map(|sieves| pairs(&contest, sieves.each_ref()));
        (class_figures(&contest, class, counts), pairs.unwrap_or_default())
    });
    let (classes, pairs): (Vec<_>, Vec<_>) = classes.into_iter().unzip();
    let outcomes = sieves.as_ref().map(|sieves| {
        let sieves = sieves.each_ref();
        Explainer::new(&sample_tokens, &truth, &results.boxes, sieves, &pairs.concat()).outcomes()
    });
    Ok(Evaluation {
        figures: figures(classes),
        split: request.split.clone(),
        samples: samples.len(),
        samples_of_split,
        other_categories: truth.other_categories,
        meta: results.meta,
        outcomes,
        time_s: started.elapsed().as_secs_f64(),
    })
}
