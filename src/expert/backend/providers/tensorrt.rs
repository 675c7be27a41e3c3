//! The TensorRT provider. Written against its documented options; not run on hardware.
//!
//! A built engine is kept per model **content**: TensorRT's own key is made of node names, so two
//! trainings of one network would otherwise share an engine.

use std::path::Path;

use ort::ep::{ExecutionProviderDispatch, TensorRT};

use super::ModelIdentity;
use super::cuda::{bytes, device};
use crate::config::TensorRtConfig;

pub(super) fn dispatch(
    config: &TensorRtConfig,
    model: &ModelIdentity,
) -> Result<ExecutionProviderDispatch, String> {
    if config.optimization_level > 5 {
        let level = config.optimization_level;
        return Err(format!("runtime.tensorrt.optimization_level is {level}, beyond 0..5"));
    }
    let mut provider = TensorRT::default()
        .with_device_id(device(config.device))
        .with_fp16(config.fp16)
        .with_int8(config.int8)
        .with_max_workspace_size(bytes(config.workspace_mib))
        .with_builder_optimization_level(config.optimization_level);
    if let Some(folder) = &config.engine_cache {
        create(folder)?;
        provider = provider
            .with_engine_cache(true)
            .with_engine_cache_path(folder.display())
            .with_engine_cache_prefix(prefix(model));
    }
    if let Some(folder) = &config.timing_cache {
        create(folder)?;
        provider = provider.with_timing_cache(true).with_timing_cache_path(folder.display());
    }
    if let Some(table) = &config.int8_calibration_table {
        if !config.int8 {
            return Err(
                "runtime.tensorrt.int8_calibration_table is set, but int8 is off".to_owned()
            );
        }
        // The provider reads the table from the engine cache folder, and goes on without it when it
        // is not there: with default ranges, that is, with wrong results.
        let place = config.engine_cache.as_deref().unwrap_or(Path::new(".")).join(table);
        if !place.is_file() {
            return Err(format!("the INT8 calibration table {} is not there", place.display()));
        }
        provider = provider.with_int8_calibration_table_name(table);
    }
    if let Some(core) = config.dla_core {
        provider = provider.with_dla(true).with_dla_core(core);
    }
    let shapes =
        [&config.profile_min_shapes, &config.profile_opt_shapes, &config.profile_max_shapes];
    match shapes {
        [None, None, None] => {}
        [Some(min), Some(opt), Some(max)] => {
            provider = provider
                .with_profile_min_shapes(min)
                .with_profile_opt_shapes(opt)
                .with_profile_max_shapes(max);
        }
        _ => {
            return Err(
                "set all of profile_min_shapes, _opt_shapes and _max_shapes, or none".to_owned()
            );
        }
    }
    Ok(provider.build())
}

/// Whether an engine of this model lies in the cache already (so loading will be quick).
pub(in super::super) fn cached_engine(config: &TensorRtConfig, model: &ModelIdentity) -> bool {
    let prefix = prefix(model);
    let entries = config.engine_cache.as_deref().and_then(|folder| std::fs::read_dir(folder).ok());
    entries.into_iter().flatten().flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(&prefix) && name.contains(".engine")
    })
}

fn prefix(model: &ModelIdentity) -> String {
    format!("{}-{}", model.name, model.sha256.get(..12).unwrap_or(&model.sha256))
}

fn create(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("cannot create the folder {}: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut TensorRtConfig)) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut config = TensorRtConfig {
            engine_cache: Some(folder.path().join("engines")),
            timing_cache: None,
            ..TensorRtConfig::default()
        };
        change(&mut config);
        let model = ModelIdentity { name: "vee".into(), sha256: "0123456789abcdef".into() };
        assert!(!cached_engine(&config, &model));
        dispatch(&config, &model).err()
    }

    #[test]
    fn settings_that_tensorrt_would_pass_over_in_silence_are_refused() {
        assert_eq!(refusal(|_| ()), None);
        let text = refusal(|config| config.int8_calibration_table = Some("t".into())).unwrap();
        assert!(text.contains("int8 is off"), "{text}");
        let text = refusal(|config| {
            config.int8 = true;
            config.int8_calibration_table = Some("missing.flatbuffers".into());
        });
        assert!(text.unwrap().contains("missing.flatbuffers"));
        let text = refusal(|config| config.profile_min_shapes = Some("points:1x128x8".into()));
        assert!(text.unwrap().contains("profile"));
        assert!(refusal(|config| config.optimization_level = 9).unwrap().contains("0..5"));
    }

    #[test]
    fn engines_are_kept_apart_by_the_content_of_the_model() {
        let folder = tempfile::tempdir().unwrap();
        let config = TensorRtConfig {
            engine_cache: Some(folder.path().to_owned()),
            ..TensorRtConfig::default()
        };
        std::fs::write(folder.path().join("vee-0123456789ab_fp16_sm87.engine"), b"").unwrap();
        let model = |sha256: &str| ModelIdentity { name: "vee".into(), sha256: sha256.into() };
        assert!(cached_engine(&config, &model("0123456789abcdef")));
        assert!(!cached_engine(&config, &model("fedcba9876543210")));
    }
}
