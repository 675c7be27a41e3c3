//! `emc2 compare`: settings of the router against each other, on the same frames, turn about; `emc2 report`.

use std::path::{Component, Path, absolute};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use super::args::{Dataset, SourceArgs};
use super::args_compare::{CompareArgs, ReportArgs};
use super::eval::write;
use super::exit::{Exit, UsageError, say};
use super::judge::Judge;
use super::progress::Progress;
use super::{interrupt, run, settings, source};
use crate::compare::{
    self, Baseline, Comparison, Error, Measured, Order, Requested, Setting, Sweep, TimeAxis, judge,
    measure, summarise,
};
use crate::config::Config;
use crate::eval::kitti::{Judged, Options};
use crate::expert::backend::{BareModel, Overrides};
use crate::pipeline::{Models, Pipeline};
use crate::report::{
    Machine, compare_differences, compare_left_out, compare_markdown, compare_page, compare_plot,
    compare_table,
};
use crate::sensor::Source;

/// Its file in the folder.
const FILE: &str = "compare.json";

/// `emc2 compare`.
pub fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let config = settings::load(&args.common)?;
    let chosen = chosen(args, &config)?;
    if args.repeats == 0 {
        return Err(UsageError("--repeats must be at least 1".to_owned()).into());
    }
    let file = args.out.join(FILE);
    if file.is_file() && !args.force {
        let message = format!(
            "{} is of an earlier comparison: --force replaces it, or give another --out",
            file.display()
        );
        return Err(UsageError(message).into());
    }
    let labels = labels(&args.source, &args.out)?;
    let opened = source::open(&args.source, true)?;
    let source = opened.source();
    each_has_a_label(source.ids(), &labels)?;

    let order = Order {
        repeats: args.repeats,
        warmup_frames: args.warmup,
        seed: args.seed,
        decoded: args.decoded,
    };
    let models = Models::load(&config, &Overrides::default())?;
    let mut known = about(args, &config, source, &models);
    for warning in &known.notes {
        eprintln!("warning: {warning}");
    }
    if args.decoded {
        known.notes.push(
            "pictures were decoded before the clock ran (--decoded), as a camera gives them"
                .to_owned(),
        );
    }
    let mut pipeline = Pipeline::new(&config, models)?;
    let mut baseline = match &args.baseline {
        Some(path) => Some(BareModel::load(path, &config.runtime)?),
        None => None,
    };
    known.baseline = baseline.as_ref().map(|model| Baseline {
        file: model.path().display().to_string(),
        sha256: model.sha256().to_owned(),
        ms: crate::report::Distribution::default(),
        over_reference: 0.0,
    });
    let measured = turns(source, &mut pipeline, &chosen, &config, baseline.as_mut(), order);
    let measured = match measured {
        Err(error @ Error::Interrupted { .. }) => {
            eprintln!("{error}");
            return Ok(Exit::Interrupted);
        }
        other => other?,
    };
    let options = Options { draws: args.draws, ..Options::default() };
    let judged = judge(&chosen, &measured.runs, source.ids(), &labels, &args.out, &options)?;
    let comparison = summarise(known, source, &config, &chosen, &measured, &judged)?;
    write(&file, &format!("{}\n", serde_json::to_string(&comparison).context("writing figures")?))?;
    say(&compare_table(&comparison));
    say(&format!("figures: {}\n", file.display()));
    let files = Files {
        html: Some(&args.out.join("compare.html")),
        pictures: Some(&args.out.join("pictures")),
        markdown: args.people.markdown.as_deref(),
        picture: args.people.picture.as_deref(),
    };
    files.write(&comparison)?;
    Ok(Exit::Good)
}

/// The settings that the words ask for.
fn chosen(args: &CompareArgs, config: &Config) -> anyhow::Result<Vec<Setting>> {
    let wrong = |error: Error| UsageError(error.to_string());
    let mut sweep = Sweep::default();
    for text in &args.sweep {
        sweep.add(text).map_err(wrong)?;
    }
    let requested = Requested {
        policies: args.policies.clone(),
        budgets_ms: args.budgets.clone(),
        sweep,
        skips: args.skip.clone(),
        skip_by: args.skip_by.iter().map(|by| by.order()).collect(),
    };
    Ok(compare::settings(&requested, &config.router).map_err(wrong)?)
}

/// The folder of label files.
fn labels(args: &SourceArgs, out: &Path) -> anyhow::Result<std::path::PathBuf> {
    if !matches!(args.dataset, Dataset::Kitti | Dataset::KittiRaw) {
        let message = "emc2 compare judges by the KITTI object benchmark: expected --dataset kitti or \
                       kitti-raw";
        return Err(UsageError(message.to_owned()).into());
    }
    match Judge::of(args, out)? {
        Judge::Kitti(labels) => Ok(labels),
        Judge::Nuscenes(_) => Err(UsageError("nuScenes has no KITTI labels".to_owned()).into()),
    }
}

/// Refuses before the long run what the evaluation would refuse after it.
fn each_has_a_label(ids: &[String], labels: &Path) -> anyhow::Result<()> {
    let absent: Vec<&str> = ids
        .iter()
        .filter(|id| !labels.join(format!("{id}.txt")).is_file())
        .map(String::as_str)
        .collect();
    if absent.is_empty() {
        return Ok(());
    }
    let some = absent.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    let more = if absent.len() > 3 { ", …" } else { "" };
    let message = format!(
        "{} of {} frames have no label file in {}: {some}{more}; list those that have one with --split",
        absent.len(),
        ids.len(),
        labels.display()
    );
    Err(UsageError(message).into())
}

fn turns(
    source: &dyn Source,
    pipeline: &mut Pipeline,
    settings: &[Setting],
    config: &Config,
    baseline: Option<&mut BareModel>,
    order: Order,
) -> Result<Measured, Error> {
    let mut routers = settings
        .iter()
        .map(|setting| setting.router(&config.router))
        .collect::<Result<Vec<_>, _>>()?;
    let all = order.warmup_frames.min(source.len()) + order.repeats * source.len();
    let progress = Progress::new("turns", all);
    let stop = interrupt::flag();
    let after = |done| progress.at(done);
    let measured = measure(source, pipeline, &mut routers, baseline, order, &stop, after);
    progress.done();
    measured
}

/// What is known before the first frame.
fn about(args: &CompareArgs, config: &Config, source: &dyn Source, models: &Models) -> Comparison {
    let mut notes = models.warnings();
    if let Some(lidar) = source.lidar() {
        notes.extend(models.mismatches(&lidar));
    }
    Comparison {
        schema: compare::SCHEMA,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: std::env::args().collect(),
        started_unix_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs()),
        source: source.name().to_owned(),
        machine: Machine::here(),
        models: run::in_use(models, config),
        config: serde_json::to_value(config).unwrap_or_default(),
        threads: config.runtime.threads,
        frames: source.len(),
        repeats: args.repeats,
        warmup_frames: args.warmup.min(source.len()),
        seed: args.seed,
        draws: args.draws,
        notes,
        reference: String::new(),
        settings: Vec::new(),
        baseline: None,
        ratio: None,
        fronts: Vec::new(),
        verdicts: Vec::new(),
        cells: None,
        sparsity: Vec::new(),
    }
}

/// `emc2 report`.
pub fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    let path = args.file.display();
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {path}"))?;
    let mut comparison: Comparison = serde_json::from_slice(&bytes)
        .with_context(|| format!("{path} is not a compare.json of this version"))?;
    if comparison.schema != compare::SCHEMA {
        let (expected, found) = (compare::SCHEMA, comparison.schema);
        anyhow::bail!("{path}: expected schema {expected}, found {found}; compare anew");
    }
    comparison.weigh_anew();
    say(&compare_table(&comparison));
    let files = Files {
        html: args.html.as_deref(),
        pictures: args.pictures.as_deref(),
        markdown: args.people.markdown.as_deref(),
        picture: args.people.picture.as_deref(),
    };
    files.write(&comparison)?;
    Ok(Exit::Good)
}

/// What is written for people.
struct Files<'a> {
    html: Option<&'a Path>,
    pictures: Option<&'a Path>,
    markdown: Option<&'a Path>,
    picture: Option<&'a Path>,
}

impl Files<'_> {
    fn write(&self, comparison: &Comparison) -> anyhow::Result<()> {
        if let Some(folder) = self.pictures {
            for class in comparison.drawn() {
                for (time, name) in [(TimeAxis::Whole, "whole"), (TimeAxis::BeyondBridge, "behind")]
                {
                    let picture = compare_plot(comparison, class, time)?;
                    write(&folder.join(format!("{}-{name}.svg", class.key())), &picture)?;
                }
                let picture = compare_differences(comparison, class)?;
                write(&folder.join(format!("{}-differences.svg", class.key())), &picture)?;
                if !comparison.sparsity.is_empty() {
                    let picture = compare_left_out(comparison, class)?;
                    write(&folder.join(format!("{}-left-out.svg", class.key())), &picture)?;
                }
            }
        }
        if let Some(path) = self.picture {
            if !comparison.drawn().any(|class| class == Judged::Car) {
                let (found, least) = (comparison.labels(Judged::Car), compare::LEAST_LABELS);
                anyhow::bail!(
                    "--picture draws cars: expected at least {least} labels of them, found {found}"
                );
            }
            write(path, &compare_plot(comparison, Judged::Car, TimeAxis::Whole)?)?;
            say(&format!("picture: {}\n", path.display()));
        }
        if let Some(path) = self.html {
            write(path, &compare_page(comparison)?)?;
            say(&format!("page:    {}\n", path.display()));
        }
        if let Some(path) = self.markdown {
            let address = self.picture.map(|picture| address(path, picture)).transpose()?;
            write(path, &compare_markdown(comparison, address.as_deref()))?;
            say(&format!("report:  {}\n", path.display()));
        }
        Ok(())
    }
}

/// The address of a file as seen from another, with `/` between its parts.
fn address(from: &Path, to: &Path) -> anyhow::Result<String> {
    let whole = |path: &Path| -> anyhow::Result<Vec<String>> {
        let path = absolute(path).with_context(|| format!("where is {}", path.display()))?;
        let mut parts = Vec::new();
        for part in path.components() {
            match part {
                Component::ParentDir => drop(parts.pop()),
                Component::RootDir | Component::CurDir => {}
                part => parts.push(part.as_os_str().to_string_lossy().into_owned()),
            }
        }
        Ok(parts)
    };
    let (from, to) = (whole(from)?, whole(to)?);
    let folder = &from[..from.len().saturating_sub(1)];
    let shared = folder.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", folder.len() - shared);
    let down = to[shared..].iter().map(String::as_str);
    Ok(up.chain(down).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_addressed_from_where_the_report_lies() {
        for (from, to, expected) in [
            ("models/REPORT.md", "docs/compare-car.svg", "../docs/compare-car.svg"),
            ("REPORT.md", "./compare.svg", "compare.svg"),
            ("/a/b/c/R.md", "/a/x.svg", "../../x.svg"),
            ("/a/R.md", "/a/b/../c/x y.svg", "c/x y.svg"),
        ] {
            assert_eq!(address(Path::new(from), Path::new(to)).unwrap(), expected);
        }
    }
}
