//! No parser panics, whatever it is fed: the stored corpus of the fuzz targets, and a few thousand
//! random changes of it from a fixed seed. This is the short run; `fuzz/` is the long one.

use std::fs;
use std::path::Path;

use emc2::calib::{Camera, Rig, parse_kitti_calib, parse_kitti_raw_calib, parse_rig_yaml};
use emc2::config::Config;
use emc2::eval::nuscenes::read_results_from;
use emc2::expert::backend::Golden;
use emc2::expert::contract::Contract;
use emc2::frame::ImageData;
use emc2::sensor::image::{decode_bytes, decode_upper};
use emc2::sensor::kitti::row::{ObjectRow, parse_rows};
use emc2::sensor::kitti::{SequenceLabels, parse_split};
use emc2::sensor::nuscenes::scan::parse_sweep;
use emc2::sensor::nuscenes::tables::{Need, Tables, split_tables};
use emc2::sensor::scan::{ScanFormat, parse_scan};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Changed inputs for each stored one.
const CHANGES: usize = 400;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// A byte flipped, a piece cut out or doubled, a digit replaced: what damaged files look like.
fn change(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    const TOKENS: [&[u8]; 8] = [b"NaN", b"-", b"1e999", b" ", b"\n", b"\0", b"\xff", b":"];
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        let end = random.random_range(at..=bytes.len().min(at + 40));
        match random.random_range(0..4) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => drop(bytes.splice(at..at, TOKENS[random.random_range(0..8)].iter().copied())),
        }
    }
}

/// Feeds the corpus and its changes to a parser; `parse` says whether it was accepted.
fn run(target: &str, mut parse: impl FnMut(&[u8]) -> bool) {
    let mut random = ChaCha8Rng::seed_from_u64(20_110_926);
    let (mut accepted, mut refused) = (0, 0);
    for stored in corpus(target) {
        parse(&stored);
        for _ in 0..CHANGES {
            let mut bytes = stored.clone();
            change(&mut bytes, &mut random);
            if parse(&bytes) {
                accepted += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(accepted > 0 && refused > 0, "{target}: {accepted} accepted, {refused} refused");
}

#[test]
fn no_scan_makes_the_reader_panic() {
    let mut points = Vec::new();
    run("scan", |bytes| {
        let read = parse_scan(bytes, "scan", ScanFormat::default(), &mut points);
        if read.is_ok() {
            assert!(points.iter().flatten().all(|value| value.is_finite()));
            assert!(points.iter().all(|point| (0.0..=1.0).contains(&point[3])));
        }
        read.is_ok()
    });
}

#[test]
fn no_nuscenes_scan_makes_the_reader_panic() {
    let turned = nalgebra::Isometry3::rotation(nalgebra::Vector3::new(0.3, -0.2, 0.8));
    run("nuscenes_scan", |bytes| {
        let mut points = Vec::new();
        let read = parse_sweep(bytes, "scan", &turned, 1 << 20, &mut points);
        assert!(points.iter().flatten().all(|value| value.is_finite()));
        assert!(points.iter().all(|point| (0.0..=1.0).contains(&point[3])));
        read.is_ok()
    });
}

#[test]
fn no_label_line_makes_the_reader_panic_and_rows_come_back_the_same() {
    run("label_row", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = SequenceLabels::parse(&text, "labels").map(|labels| labels.rows(0).is_ok());
        let _ = parse_split(&text, "split");
        let rows = parse_rows(&text, "labels");
        for (_, row) in rows.iter().flatten() {
            assert_eq!(row.to_string().parse::<ObjectRow>().as_ref(), Ok(row));
        }
        rows.is_ok()
    });
}

#[test]
fn no_calibration_makes_the_reader_panic() {
    run("calib", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = parse_kitti_raw_calib((&text, "cameras"), (&text, "velodyne"));
        parse_kitti_calib(&text, "calib", [1242, 375]).is_ok()
    });
}

#[test]
fn no_image_makes_the_decoder_panic() {
    run("image", |bytes| {
        let Ok(whole) = decode_bytes(bytes, "image") else { return false };
        let camera = Camera { size: whole.dimensions().into(), ..Rig::kitti().cameras.remove(0) };
        let rows = 1 + whole.height() / 3;
        let upper = decode_upper(&ImageData::Encoded(bytes.into()), &camera, rows).unwrap();
        assert!(upper.as_raw()[..] == whole.as_raw()[..upper.as_raw().len()]);
        true
    });
}

#[test]
fn no_yaml_makes_configuration_contract_or_rig_panic() {
    run("yaml", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let config = Config::parse(&text, Path::new("config")).is_ok();
        let contract = Contract::parse(&text, Path::new("contract")).is_ok();
        let rig = parse_rig_yaml(&text, "rig").is_ok();
        config || contract || rig
    });
}

#[test]
fn no_golden_file_makes_the_reader_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/affine");
    let contract = Contract::load(&folder).unwrap();
    run("golden", |bytes| Golden::parse(bytes, &contract, Path::new("golden")).is_ok());
}

#[test]
fn no_frames_file_makes_resuming_panic() {
    run("frames", |bytes| emc2::report::parse(bytes, "frames.jsonl").is_ok());
}

#[test]
fn no_nuscenes_results_make_the_reader_panic() {
    run("nuscenes_results", |bytes| read_results_from(bytes, "results").is_ok());
}

#[test]
fn no_nuscenes_tables_make_the_reader_panic() {
    run("nuscenes_tables", |bytes| {
        split_tables(bytes).is_ok_and(|tables| Tables::load_from(&tables, Need::EVERYTHING).is_ok())
    });
}
