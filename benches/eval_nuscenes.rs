//! nuScenes evaluation, tables and results read from JSON: mini_val, and the same drives many times over.
//!
//! `cargo bench --bench eval_nuscenes` prints, besides criterion's figures, a curve over the number of
//! samples with the most memory that the process has used; `EMC2_BENCH_COPIES=740` makes it as long as
//! wanted (74 copies are 5994 samples; 740 are ten times nuScenes' val, and 2.8 GB on disk). The data is
//! made in `EMC2_BENCH_FOLDER`, or a temporary folder, from the golden figures beside the checkout.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../tests/shared_data/mod.rs"]
mod shared_data;

use std::collections::HashSet;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use emc2::eval::nuscenes::{Request, evaluate};

/// Tables whose rows are the same for every copy of the drives.
const ONCE: [&str; 6] =
    ["attribute", "category", "visibility", "sensor", "calibrated_sensor", "log"];
/// Tables whose rows are written again for each copy.
const AGAIN: [&str; 6] =
    ["scene", "sample", "sample_data", "sample_annotation", "instance", "ego_pose"];
const VERSION: &str = "v1.0-mini";

/// The places of all tokens (32 hexadecimal digits in quotes) in a text, but for those of `shared`.
fn tokens(text: &[u8], shared: &HashSet<Vec<u8>>) -> Vec<usize> {
    let quoted = |at: usize| {
        text[at] == b'"'
            && text.get(at + 33) == Some(&b'"')
            && text[at + 1..at + 33].iter().all(u8::is_ascii_hexdigit)
            && !shared.contains(&text[at + 1..at + 33])
    };
    (0..text.len()).filter(|&at| quoted(at)).map(|at| at + 1).collect()
}

/// Writes the inside of an array or object `copies` times, each time with tokens of its own.
fn repeat(text: &[u8], shared: &HashSet<Vec<u8>>, copies: usize, ends: [&str; 2], path: &Path) {
    let mut text = text.to_vec();
    let places = tokens(&text, shared);
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(ends[0].as_bytes()).unwrap();
    for copy in 0..copies {
        // Three digits of each token become the number of the copy.
        for &place in &places {
            text[place..place + 3].copy_from_slice(format!("{copy:03x}").as_bytes());
        }
        if copy > 0 {
            out.write_all(b",\n").unwrap();
        }
        out.write_all(&text).unwrap();
    }
    out.write_all(ends[1].as_bytes()).unwrap();
    out.flush().unwrap();
}

fn inside(text: &[u8], from: usize, close: u8) -> &[u8] {
    let end = text.iter().rposition(|&byte| byte == close).unwrap();
    &text[from..end]
}

/// Drives and results, `copies` times over, in `folder`.
fn grow(golden: &Path, folder: &Path, copies: usize) -> Request {
    let results = folder.join("results.json");
    let request = Request::new(folder, VERSION, "mini_val", &results);
    if results.is_file() {
        return request;
    }
    fs::create_dir_all(folder.join(VERSION)).unwrap();
    let table =
        |name: &str| golden.join("tables_mini_val").join(VERSION).join(name).with_extension("json");
    let mut shared = HashSet::new();
    for name in ONCE {
        let text = fs::read(table(name)).unwrap();
        let own = tokens(&text, &HashSet::new());
        shared.extend(own.into_iter().map(|place| text[place..place + 32].to_vec()));
        fs::write(folder.join(VERSION).join(name).with_extension("json"), text).unwrap();
    }
    for name in AGAIN {
        let text = fs::read(table(name)).unwrap();
        let start = text.iter().position(|&byte| byte == b'[').unwrap() + 1;
        let path = folder.join(VERSION).join(name).with_extension("json");
        repeat(inside(&text, start, b']'), &shared, copies, ["[", "]"], &path);
    }
    let text = fs::read(golden.join("results/minival_ties.json")).unwrap();
    let key = b"\"results\":{";
    let start = text.windows(key.len()).position(|window| window == key).unwrap() + key.len();
    // The last list ends the inside of the results, whatever follows it.
    let lists = &text[start..=text.iter().rposition(|&byte| byte == b']').unwrap()];
    repeat(lists, &shared, copies, ["{\"meta\":{},\"results\":{", "}}"], &results);
    request
}

/// The most memory that this process has used so far, MiB.
fn most_memory_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

fn folders() -> Option<(PathBuf, PathBuf, Option<tempfile::TempDir>)> {
    let golden = shared_data::golden("nuscenes_eval")?;
    if let Some(folder) = std::env::var_os("EMC2_BENCH_FOLDER") {
        return Some((golden, folder.into(), None));
    }
    let made = tempfile::tempdir().unwrap();
    Some((golden, made.path().to_owned(), Some(made)))
}

fn speed(c: &mut Criterion) {
    let Some((golden, folder, _made)) = folders() else { return };
    let most = std::env::var("EMC2_BENCH_COPIES").ok().and_then(|text| text.parse().ok());
    let copies = [1, 7, 37, 74, 740].into_iter().filter(|&copies| copies <= most.unwrap_or(74));
    let requests: Vec<_> = copies
        .map(|copies| (copies, grow(&golden, &folder.join(copies.to_string()), copies)))
        .collect();
    println!("samples   boxes   best of 5, s   most memory, MiB");
    for (_, request) in &requests {
        let mut best = f64::INFINITY;
        let (mut samples, mut boxes) = (0, 0);
        for _ in 0..5 {
            let started = Instant::now();
            let evaluation = evaluate(request).unwrap();
            best = best.min(started.elapsed().as_secs_f64());
            samples = evaluation.samples;
            boxes =
                evaluation.figures.classes.iter().map(|one| one.detections.given).sum::<usize>();
        }
        println!("{samples:>7} {boxes:>7} {best:>14.4} {:>18.0}", most_memory_mib());
    }
    let mut group = c.benchmark_group("eval_nuscenes");
    group.sample_size(10);
    for (copies, request) in requests.iter().filter(|(copies, _)| *copies == 1 || *copies == 74) {
        group.bench_function(format!("{} samples", 81 * copies), |bencher| {
            bencher.iter(|| black_box(evaluate(request).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, speed);
criterion_main!(benches);
