//! `emc2 eval diff`.

use std::path::Path;

use anyhow::Context as _;

use super::super::args_eval::DiffArgs;
use super::super::exit::{Exit, say};
use super::write;
use crate::eval::diff::diff as compare;
use crate::report::diff_table;

/// `emc2 eval diff`.
pub fn diff(args: &DiffArgs) -> anyhow::Result<Exit> {
    let difference = compare(&read(&args.before)?, &read(&args.after)?)?;
    say(&diff_table(&difference, args.limit));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&difference).context("writing the differences")?;
        write(path, &format!("{text}\n"))?;
    }
    Ok(Exit::Good)
}

fn read(path: &Path) -> anyhow::Result<serde_json::Value> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // The devkit writes figures that are not numbers as a bare NaN.
    let text = text.replace("NaN", "null");
    serde_json::from_str(&text).with_context(|| {
        format!("{}: expected the JSON that emc2 eval writes with --json", path.display())
    })
}
