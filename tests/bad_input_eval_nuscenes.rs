//! What is wrong in results or tables is told: where, what was expected, what was found, what to do.

mod nuscenes_world;

use std::collections::HashMap;

use emc2::eval::nuscenes::evaluate_from;
use nuscenes_world::{Tables, at, invented, judge, request, results, unpack, world};

const CAR: &str = "vehicle.car";

/// Two samples with a car each.
fn tables() -> Tables {
    let second = nuscenes_world::Box { sample: 1, ..at(CAR, 12.0, 0.0) };
    world(&[0, 500_000], &[at(CAR, 10.0, 0.0), second], &[])
}

fn good() -> String {
    results(2, &[at("car", 10.0, 0.0)])
}

/// What is said of the good results with one piece replaced, which must hold all of `parts`.
#[track_caller]
fn refused(from: &str, to: &str, parts: &[&str]) {
    let text = good();
    assert!(text.contains(from), "{from} is not in {text}");
    told(&text.replacen(from, to, 1), parts);
}

#[track_caller]
fn told(text: &str, parts: &[&str]) {
    let message = judge(&tables(), text).expect_err("these results are wrong").to_string();
    for part in parts.iter().chain(&["results.json"]) {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn what_is_good_is_taken() {
    assert_eq!(judge(&tables(), &good()).unwrap().samples, 2);
}

#[test]
fn missing_samples_are_counted_and_the_first_are_named() {
    refused(",\"m1\":[]", "", &["1 of the 2 samples of mini_val", "m1", "empty list", "--subset"]);
    let text = String::from_utf8(unpack("results")).unwrap();
    let start = text.find("\"results\":{").unwrap();
    let message = judge(&invented(), &format!("{}\"results\":{{}}}}", &text[..start]))
        .unwrap_err()
        .to_string();
    assert!(message.contains("28 of the 28 samples") && message.contains("empty"), "{message}");
    assert!(message.matches(", ").count() >= 3, "three are named: {message}");
}

#[test]
fn a_subset_is_evaluated_where_it_is_asked_for_and_says_so() {
    let text = good().replace(",\"m1\":[]", "");
    let mut wanted = request();
    wanted.subset = true;
    let evaluation = evaluate_from(&wanted, &tables(), text.as_bytes()).unwrap();
    assert_eq!((evaluation.samples, evaluation.samples_of_split), (1, 2));
    assert_eq!(evaluation.figures.classes[0].truth.given, 1);
    assert!(evaluation.to_string().contains("1 samples of 2 (a subset"), "{evaluation}");
    // Nothing at all is no subset.
    assert!(evaluate_from(&wanted, &tables(), &b"{\"results\":{}}"[..]).is_err());
}

#[test]
fn samples_that_no_table_knows_are_named() {
    refused(
        "\"m1\":[]",
        "\"m1\":[],\"zz\":[]",
        &["1 of the 3 samples", "zz", "know none of these tokens"],
    );
}

/// The same tables, but their second sample is of a scene of mini_train.
fn two_scenes() -> Tables {
    let mut tables = tables();
    let scenes = String::from_utf8(tables["scene"].clone()).unwrap();
    let more = scenes.replace("scene-0103", "scene-0061").replace("\"e\"", "\"f\"");
    let both = format!("{},{}", scenes.trim_end_matches(']'), more.trim_start_matches('['));
    tables.insert("scene".to_owned(), both.into_bytes());
    let sample = String::from_utf8(tables["sample"].clone()).unwrap();
    let sample = sample.replacen(
        "\"prev\":\"m0\",\"next\":\"\",\"scene_token\":\"e\"",
        "\"prev\":\"m0\",\"next\":\"\",\"scene_token\":\"f\"",
        1,
    );
    tables.insert("sample".to_owned(), sample.into_bytes());
    tables
}

#[test]
fn samples_outside_of_a_list_of_scenes_are_refused() {
    let list = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(list.path(), "scene-0103\n").unwrap();
    let mut wanted = request();
    wanted.split = list.path().display().to_string();
    let judge = |text: &str| evaluate_from(&wanted, &two_scenes(), text.as_bytes());
    assert_eq!(judge(&good().replace(",\"m1\":[]", "")).unwrap().samples, 1);
    let message = judge(&good()).unwrap_err().to_string();
    for part in ["1 of the 2 samples", &wanted.split, "first m1", "leave them out"] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn the_results_of_another_split_are_recognised() {
    let tables = two_scenes();
    let text = "{\"meta\":{},\"results\":{\"m1\":[]}}";
    let message = judge(&tables, text).unwrap_err().to_string();
    assert!(message.contains("samples of train") || message.contains("mini_train"), "{message}");
    assert!(message.contains("give --split"), "{message}");
}

#[test]
fn tables_without_the_split_say_which_scenes_they_hold() {
    let mut wanted = request();
    wanted.split = "test".to_owned();
    let message = evaluate_from(&wanted, &tables(), good().as_bytes()).unwrap_err().to_string();
    for part in ["no sample of test", "150 scenes", "scene-0103", "val"] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    wanted.split = "valid".to_owned();
    let message = evaluate_from(&wanted, &tables(), good().as_bytes()).unwrap_err().to_string();
    assert!(message.contains("mini_val") && message.contains("\"valid\""), "{message}");
}

#[test]
fn more_boxes_than_allowed_are_counted() {
    let many = |count| results(2, &vec![at("car", 10.0, 0.0); count]);
    assert!(judge(&tables(), &many(500)).is_ok());
    told(&many(517), &["sample m0", "at most 500 boxes", "found 517", "highest scores"]);
}

#[test]
fn a_sample_given_twice_is_refused_with_its_byte() {
    refused("\"m1\":[]", "\"m1\":[],\"m1\":[]", &["byte ", "m1", "second time"]);
}

#[test]
fn nan_is_legal_for_velocity_alone() {
    let with_nan = good().replace("\"velocity\":[0.0, 0.0]", "\"velocity\":[NaN, NaN]");
    assert!(with_nan.contains("NaN"));
    assert!(judge(&tables(), &with_nan).unwrap().figures.classes[0].mean_ap > 0.0);
    for (from, to, field) in [
        ("\"translation\":[10.0", "\"translation\":[NaN", "translation"),
        ("\"size\":[2.0", "\"size\":[NaN", "size"),
        ("\"rotation\":[1.0", "\"rotation\":[NaN", "rotation"),
        ("\"detection_score\":0.5", "\"detection_score\":NaN", "detection_score"),
    ] {
        refused(
            from,
            to,
            &["sample m0, box 1", field, "a number", "found NaN", "Only velocities may be NaN"],
        );
    }
    refused("\"velocity\":[0.0", "\"velocity\":[Infinity", &["a number or NaN", "Infinity"]);
}

#[test]
fn wrong_types_and_values_are_told_with_sample_box_and_field() {
    for (from, to, parts) in [
        (
            "\"translation\":[10.0,0.0,1.0]",
            "\"translation\":[10.0,0.0]",
            ["translation", "3 values", "after 2"],
        ),
        (
            "\"translation\":[10.0,0.0,1.0]",
            "\"translation\":\"here\"",
            ["translation", "3 values", "\"here\""],
        ),
        ("\"size\":[2.0", "\"size\":[-2.0", ["size", "above 0 m", "-2.0"]),
        (
            "\"rotation\":[1.0,0,0,0.0]",
            "\"rotation\":[0,0,0,0]",
            ["rotation", "quaternion", "length zero"],
        ),
        (
            "\"detection_score\":0.5",
            "\"detection_score\":\"0.5\"",
            ["detection_score", "a number", "\"0.5\""],
        ),
        (
            "\"detection_score\":0.5",
            "\"detection_score\":null",
            ["detection_score", "a number", "null"],
        ),
        (
            "\"detection_name\":\"car\"",
            "\"detection_name\":\"Car\"",
            ["detection_name", "construction_vehicle", "\"Car\""],
        ),
        (
            "\"attribute_name\":\"\"",
            "\"attribute_name\":\"parked\"",
            ["attribute_name", "vehicle.parked", "\"parked\""],
        ),
        ("\"detection_score\":0.5,", "", ["detection_score", "a field", "without it"]),
        (
            "\"sample_token\":\"m0\"",
            "\"sample_token\":\"m1\"",
            ["sample_token", "stands under", "\"m1\""],
        ),
        ("\"num_pts\":1", "\"num_pts\":\"1\"", ["num_pts", "a number", "\"1\""]),
    ] {
        refused(from, to, &[&["sample m0, box 1", "byte "], parts.as_slice()].concat());
    }
    refused("\"m1\":[]", "\"m1\":{}", &["sample m1", "an array", "an object"]);
    told("[]", &["an object", "an array", "whole nuScenes results file"]);
    told("{\"meta\":{}}", &["a field \"results\""]);
    told("", &["byte 0", "the end of the file"]);
}

#[test]
fn a_score_below_nought_is_refused_and_one_above_1_is_not() {
    for (score, found) in [("-0.5", "-0.5"), ("-1", "-1.0"), ("-1e-300", "-1e-300")] {
        let to = format!("\"detection_score\":{score}");
        let parts = ["sample m0, box 1, detection_score", "a score from 0 up", "sigmoid"];
        let found = format!("found {found}");
        refused("\"detection_score\":0.5", &to, &[parts.as_slice(), &[&found]].concat());
    }
    for score in ["0", "-0.0", "1.5", "70"] {
        let text =
            good().replace("\"detection_score\":0.5", &format!("\"detection_score\":{score}"));
        assert!(judge(&tables(), &text).is_ok(), "{score}");
    }
}

#[test]
fn results_that_are_cut_off_are_told_with_the_byte_where_they_end() {
    let text = good();
    for length in 1..text.len() {
        told(
            &text[..length],
            &[&format!("byte {length} "), "the file is cut off", "make it again"],
        );
    }
    told("", &["byte 0 ", "the file is empty"]);
    told(&(text + "{}"), &["nothing more", "an object"]);
}

#[test]
fn keys_that_nobody_knows_are_passed_over() {
    let text = good()
        .replace(
            "\"num_pts\":1",
            "\"num_pts\":1,\"track\":{\"id\":[1,null,\"x\"]},\"ego_translation\":[0,0,0]",
        )
        .replace("{\"meta\":{}", "{\"made_by\":[true],\"meta\":{\"note\":\"ä\"}");
    let evaluation = judge(&tables(), &text).unwrap();
    assert_eq!(evaluation.meta, "{\"note\":\"ä\"}");
    assert!(evaluation.summary_json().contains("\"meta\": {\"note\":\"ä\"}"));
    // Without meta, and with the results first, it works as well.
    assert!(judge(&tables(), &text.replacen("\"meta\":{\"note\":\"ä\"},", "", 1)).is_ok());
}

#[test]
fn annotations_that_the_rules_cannot_use_are_named() {
    let changed = |table: &str, from: &str, to: &str| {
        let mut changed: HashMap<_, _> = tables();
        let text = String::from_utf8(changed[table].clone()).unwrap();
        assert!(text.contains(from), "{table} has no {from}");
        changed.insert(table.to_owned(), text.replacen(from, to, 1).into_bytes());
        judge(&changed, &good()).expect_err("these tables are wrong").to_string()
    };
    let two = "\"attribute_tokens\":[\"vehicle.moving\",\"vehicle.parked\"]";
    let message = changed("sample_annotation", "\"attribute_tokens\":[]", two);
    assert!(message.contains("annotation n0") && message.contains("2 of them"), "{message}");
    let message = changed("sample_data", "\"is_key_frame\":true", "\"is_key_frame\":false");
    assert!(message.contains("sample m0") && message.contains("LIDAR_TOP"), "{message}");
    let message =
        changed("sample_annotation", "\"sample_token\":\"m1\"", "\"sample_token\":\"zz\"");
    for part in ["sample_annotation.json, row 2, column sample_token", "\"zz\"", "dangling"] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    let mut none = tables();
    none.insert("sample_annotation".to_owned(), b"[]".to_vec());
    let message = judge(&none, &good()).unwrap_err().to_string();
    assert!(message.contains("not one annotation"), "{message}");
}
