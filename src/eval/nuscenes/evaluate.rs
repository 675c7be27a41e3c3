//! The whole evaluation: read both sides, take out what does not count, match, sum up.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::class::DetectionClass;
use super::curve::Contest;
use super::error::Error;
use super::figures::{Figures, class_figures, figures};
use super::filter::filter;
use super::results::{Results, read_results, read_results_from};
use super::selection::Selection;
use super::truth::truth;
use crate::eval::parallel::{in_turn, threads};
use crate::sensor;
use crate::sensor::nuscenes::tables::{Need, TableSource, Tables};

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct Request {
    /// The data set's root, which holds the version's folder.
    pub root: PathBuf,
    /// Which tables, such as `v1.0-mini`.
    pub version: String,
    /// An official split, such as `mini_val`, or a file that lists scene names.
    pub split: String,
    /// The results file.
    pub results: PathBuf,
    /// Evaluate only the samples that have results, instead of demanding all of the split.
    pub subset: bool,
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
            results: results.to_owned(),
            subset: false,
            threads: 0,
        }
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
    let results = || read_results(&request.results);
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
    let label = request.results.display().to_string();
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
        results_label: &request.results.display().to_string(),
    };
    let (samples, samples_of_split) = selection.samples(&results, request.subset)?;
    let mut truth = truth(&tables, &samples, tables_label)?;
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
    drop(tables);
    let truth_counts = filter(&mut truth.boxes, &truth.ego, &truth.racks);
    let detection_counts = filter(&mut results.boxes, &truth.ego, &truth.racks);
    let classes = in_turn(&DetectionClass::ALL, threads(request.threads), |&class| {
        let contest = Contest::new(class, &truth.boxes, &results.boxes, samples.len());
        class_figures(
            &contest,
            class,
            [truth_counts[class as usize], detection_counts[class as usize]],
        )
    });
    Ok(Evaluation {
        figures: figures(classes),
        split: request.split.clone(),
        samples: samples.len(),
        samples_of_split,
        other_categories: truth.other_categories,
        meta: results.meta,
        time_s: started.elapsed().as_secs_f64(),
    })
}
