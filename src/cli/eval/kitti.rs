//! `emc2 eval kitti`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::args_eval::{DifficultyWord, KittiArgs, MetricWord, MissingWord};
use super::super::exit::{Exit, UsageError, say};
use super::write;
use crate::eval::kitti::{self, Difficulty, Folders, Judged, Metric, Missing, Options, Outcomes};
use crate::report::{
    ExpertRow, KittiPage, expert_rows, kitti_brief, kitti_page, kitti_table, parse,
};
use crate::sensor::kitti::read_split;

/// `emc2 eval kitti`.
pub fn kitti(args: &KittiArgs) -> anyhow::Result<Exit> {
    let mut classes: Vec<Judged> = Vec::new();
    for name in &args.classes {
        let class = name.parse().map_err(UsageError)?;
        // One that is named twice is judged once.
        if !classes.contains(&class) {
            classes.push(class);
        }
    }
    let split = match &args.split {
        Some(path) => Some(read_split(path).map_err(|error| UsageError(error.to_string()))?),
        None => None,
    };
    let folders = Folders {
        labels: args.labels.clone(),
        results: args.results.clone(),
        split,
        missing: match args.missing {
            MissingWord::Refuse => Missing::Refuse,
            MissingWord::Empty => Missing::Empty,
            MissingWord::Skip => Missing::Skip,
        },
    };
    let metric = match args.explain_metric {
        MetricWord::Image => Metric::Image,
        MetricWord::Bev => Metric::Bev,
        MetricWord::Box3d => Metric::Box3d,
    };
    let difficulty = match args.explain_difficulty {
        DifficultyWord::Easy => Difficulty::Easy,
        DifficultyWord::Moderate => Difficulty::Moderate,
        DifficultyWord::Hard => Difficulty::Hard,
    };
    let threshold = args.explain_score.unwrap_or(f64::NEG_INFINITY);
    if threshold.is_nan() {
        let message = "--explain-score: expected a number, such as 0.3, found NaN, which no score reaches; \
                       leave it out to have all detections take part";
        return Err(UsageError(message.to_owned()).into());
    }
    let options = Options { classes, draws: args.draws, ..Options::default() };
    let wanted = Wanted {
        json: args.json.clone(),
        html: args.html.clone(),
        explain: args.explain.clone(),
        metric,
        difficulty,
        threshold,
        brief: false,
    };
    tell(&folders, &options, &wanted)?;
    Ok(Exit::Good)
}

/// Which files are written besides the table, and what their box by box part compares.
pub struct Wanted {
    /// Figures, curves, outcomes.
    pub json: Option<PathBuf>,
    /// The page.
    pub html: Option<PathBuf>,
    /// A line for each label and detection.
    pub explain: Option<PathBuf>,
    /// What is compared box by box.
    pub metric: Metric,
    /// Which labels count box by box.
    pub difficulty: Difficulty,
    /// Detections with a lower score are left out box by box.
    pub threshold: f64,
    /// Whether a line a class is printed instead of the tables.
    pub brief: bool,
}

/// Judges, prints the table, writes what is wanted.
pub fn tell(folders: &Folders, options: &Options, wanted: &Wanted) -> anyhow::Result<()> {
    let input = kitti::read(folders)?;
    for note in &input.notes {
        eprintln!("note: {note}");
    }
    let evaluation = kitti::evaluate(&input.frames, options);
    let run = run_beside(&folders.results);
    let needed = wanted.json.is_some() || wanted.html.is_some() || run.is_some();
    let outcomes: Vec<Outcomes> = if needed {
        let of = |class: &Judged| {
            let (metric, difficulty) = (wanted.metric, wanted.difficulty);
            kitti::outcomes(&input.frames, *class, metric, difficulty, wanted.threshold)
        };
        options.classes.iter().map(of).collect()
    } else {
        Vec::new()
    };
    let experts: Vec<ExpertRow> = match &run {
        None => Vec::new(),
        Some(path) => {
            let bytes =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let run = parse(&bytes, &path.display().to_string())?;
            expert_rows(&run, &input.frames, &outcomes)
        }
    };
    let table = match wanted.brief {
        true => kitti_brief(&evaluation),
        false => kitti_table(&evaluation, &experts),
    };
    say(&table);
    if let Some(path) = &wanted.explain {
        let (metric, difficulty) = (wanted.metric, wanted.difficulty);
        let lines =
            kitti::explain(&input.frames, &options.classes, metric, difficulty, wanted.threshold);
        let mut text = String::new();
        for line in &lines {
            text.push_str(&serde_json::to_string(line).context("writing an outcome")?);
            text.push('\n');
        }
        write(path, &text)?;
    }
    if let Some(path) = &wanted.json {
        let mut value = kitti::to_json(&evaluation, &input.notes, &outcomes);
        value["emc2"]["experts"] = serde_json::to_value(&experts).context("writing the experts")?;
        write(path, &format!("{}\n", serde_json::to_string(&value).context("writing figures")?))?;
    }
    if let Some(path) = &wanted.html {
        let page = KittiPage {
            labels: &folders.labels,
            results: &folders.results,
            pictures: run.as_deref().and_then(Path::parent).map(|run| run.join("overlay")),
            notes: &input.notes,
            evaluation: &evaluation,
            outcomes: &outcomes,
            experts: &experts,
        };
        write(path, &kitti_page(&page)?)?;
        say(&format!("page:    {}\n", path.display()));
    }
    Ok(())
}

/// The `frames.jsonl` of the run that the results come from.
fn run_beside(results: &Path) -> Option<PathBuf> {
    let beside = [results.join("frames.jsonl"), results.join("../frames.jsonl")];
    beside.into_iter().find(|path| path.is_file())
}
