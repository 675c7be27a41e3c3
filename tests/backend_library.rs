//! A wrong ONNX Runtime library is an error that says what to do. In a program of its own, since a
//! process can load the library only once.

use std::path::Path;

use emc2::config::RuntimeConfig;
use emc2::expert::backend::{OrtModel, Overrides};

#[test]
fn a_missing_or_broken_library_is_told_with_its_path_and_a_right_one_still_loads() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models/affine");
    let load = |library: Option<&Path>| {
        let config =
            RuntimeConfig { library: library.map(Path::to_owned), ..RuntimeConfig::default() };
        OrtModel::load(&model, &config, &Overrides::default())
    };
    let text = load(Some(Path::new("/no/such/libonnxruntime.so"))).err().unwrap().to_string();
    assert!(text.contains("runtime.library") && text.contains("/no/such"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("libonnxruntime.so.1.32.0");
    std::fs::write(&broken, b"not a library").unwrap();
    for named in [broken.as_path(), folder.path()] {
        let text = load(Some(named)).err().unwrap().to_string();
        assert!(text.contains("libonnxruntime.so.1.32.0"), "{text}");
        assert!(text.contains("tools/onnxruntime.sh"), "{text}");
    }

    if emc2::expert::backend::locate(None).is_ok() {
        load(None).unwrap();
        let text = load(Some(&broken)).err().unwrap().to_string();
        assert!(text.contains("already runs"), "{text}");
    }
}
