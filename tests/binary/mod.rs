//! The real binary, and what several of its tests start from.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// The binary, with a clean environment for finding ONNX Runtime.
pub fn emc2() -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("emc2"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("EMC2_LOG");
    command
}

/// A synthetic drive, made anew in the tests' folder.
pub fn synthetic_drive(name: &str, frames: u32, seed: u32) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    let words = ["--frames", &frames.to_string(), "--seed", &seed.to_string()];
    emc2().args(["synth", "--out"]).arg(&folder).args(words).assert().success();
    folder
}

/// A configuration without any model: emergency boxes only, no ONNX Runtime needed.
pub fn no_models(folder: &Path) -> PathBuf {
    let path = folder.join("emergency.yaml");
    let text = "models: {bev: null, lpe: null, vee: null, ape: null, image: null}\n";
    fs::write(&path, text).unwrap();
    path
}
