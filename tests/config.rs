//! The commented default configuration is the default, and mistakes in one are named with their place.

use std::path::Path;

use emc2::config::{Config, Error};

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(text, Path::new("my.yaml"))
}

#[test]
fn the_commented_default_file_holds_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("emc2.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(parse(&text).unwrap(), Config::default());
}

#[test]
fn the_commented_default_file_names_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("emc2.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let all = serde_json::to_value(Config::default()).unwrap();
    let mut stack = vec![&all];
    while let Some(value) = stack.pop() {
        if let Some(map) = value.as_object() {
            for (key, inner) in map {
                assert!(text.contains(&format!("{key}:")), "emc2.yaml lacks {key}");
                stack.push(inner);
            }
        }
    }
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse("# nothing\n").unwrap(), Config::default());
}

#[test]
fn a_missing_key_keeps_its_default() {
    let config = parse("router:\n  policy: scene-tree\n").unwrap();
    assert_eq!(config.router.policy, "scene-tree");
    assert_eq!(config.bridge, Config::default().bridge);
}

#[test]
fn an_unknown_key_is_named_with_line_and_snippet() {
    let message = parse("bridge:\n  point_budgett: 5\n").unwrap_err().to_string();
    assert!(message.contains("my.yaml"), "{message}");
    assert!(message.contains("point_budgett"), "{message}");
    assert!(message.contains("line 2"), "{message}");
}

#[test]
fn broken_yaml_is_named_with_line_and_column() {
    let message = parse("bridge: {point_budget: 5\nrouter: [\n").unwrap_err().to_string();
    assert!(message.contains("line") && message.contains("column"), "{message}");
}

#[test]
fn a_value_outside_its_range_is_named_with_what_is_expected() {
    let message = parse("fusion:\n  overlap: 1.5\n").unwrap_err().to_string();
    assert!(message.contains("fusion.overlap") && message.contains("1.5"), "{message}");
    assert!(parse("runtime:\n  threads: 0\n").is_err());
    assert!(parse("runtime:\n  providers: []\n").is_err());
}

#[test]
fn every_setting_of_the_emergency_expert_is_checked() {
    let refused = [
        ("ground_margin_m", &["-0.1", "0", ".nan", ".inf", "2.5"][..], "above 0, at most 2"),
        ("cluster_radius_m", &["-1", "0", ".nan", ".inf", "11"], "above 0, at most 10"),
        ("min_points", &["0"], "at least 1"),
        ("max_distance_m", &["-5", "0", "4", "121", ".nan", ".inf"], "from 5 to 120"),
        ("score", &["5", "-0.3", "0", ".nan", "-.inf"], "above 0, at most 1"),
    ];
    for (key, values, expected) in refused {
        for value in values {
            let text = format!("emergency: {{{key}: {value}}}\n");
            let message = parse(&text).expect_err(&text).to_string();
            for part in ["my.yaml", &format!("emergency.{key} is "), expected] {
                assert!(message.contains(part), "{text}: {part:?} is not in {message:?}");
            }
        }
    }
    for text in [
        "ground_margin_m: 2",
        "cluster_radius_m: 0.1",
        "min_points: 1",
        "max_distance_m: 5",
        "max_distance_m: 120",
        "score: 1",
    ] {
        parse(&format!("emergency: {{{text}}}\n")).expect(text);
    }
}

#[test]
fn an_error_of_yaml_names_the_file_and_no_setting_of_the_parser() {
    let text = "fusion:\n  overlap: 0.1\n  overlap: 0.2\n";
    let message = parse(text).unwrap_err().to_string();
    for part in ["my.yaml:3:3", "line 3 column 3", "duplicate mapping key `overlap`"] {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
    for part in ["<input>", "Policy"] {
        assert!(!message.contains(part), "{part:?} is in {message:?}");
    }
}

#[test]
fn every_deployment_profile_can_be_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/profiles");
    let mut profiles = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        Config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        profiles += 1;
    }
    assert!(profiles >= 2);
}
