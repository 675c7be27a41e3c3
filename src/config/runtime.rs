//! ONNX Runtime: library, providers and their settings, threads.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// ONNX Runtime: library, providers, threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// The ONNX Runtime library; `null` looks in the usual places.
    pub library: Option<PathBuf>,
    /// Providers in order of preference.
    pub providers: Vec<Provider>,
    /// A provider that cannot be had is an error (true) or is passed over with a warning (false).
    pub strict: bool,
    /// Threads inside one operator of the bridge (all other models run on one).
    pub threads: usize,
    /// Worker threads busy-wait between operators: faster alone, harmful on a shared machine.
    pub spinning: bool,
    /// TensorRT provider.
    pub tensorrt: TensorRtConfig,
    /// CUDA provider.
    pub cuda: CudaConfig,
}

/// Execution providers that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Provider {
    TensorRt,
    Cuda,
    Cpu,
}

impl std::fmt::Display for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TensorRt => "tensorrt",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        })
    }
}

/// TensorRT's settings, handed through to the provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TensorRtConfig {
    /// Device number.
    pub device: u32,
    /// 16-bit floats.
    pub fp16: bool,
    /// 8-bit integers (needs QDQ models or a calibration table).
    pub int8: bool,
    /// INT8 calibration table file name, in the engine cache folder.
    pub int8_calibration_table: Option<String>,
    /// Deep-learning accelerator core; `null` for the GPU.
    pub dla_core: Option<u32>,
    /// Workspace limit, MiB.
    pub workspace_mib: u64,
    /// Folder for built engines; `null` for none.
    pub engine_cache: Option<PathBuf>,
    /// Folder for the timing cache; `null` for none.
    pub timing_cache: Option<PathBuf>,
    /// Builder effort, 0..5.
    pub optimization_level: u8,
    /// Profile shapes for dynamic inputs: `input:1x3x64x64,...`; `null` for fixed-shape models.
    pub profile_min_shapes: Option<String>,
    /// See `profile_min_shapes`.
    pub profile_opt_shapes: Option<String>,
    /// See `profile_min_shapes`.
    pub profile_max_shapes: Option<String>,
}

/// CUDA provider.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CudaConfig {
    /// Device number.
    pub device: u32,
    /// Memory limit, MiB; `null` for none.
    pub memory_limit_mib: Option<u64>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            library: None,
            providers: vec![Provider::Cpu],
            strict: true,
            threads: 2,
            spinning: false,
            tensorrt: TensorRtConfig::default(),
            cuda: CudaConfig::default(),
        }
    }
}

impl Default for TensorRtConfig {
    fn default() -> Self {
        Self {
            device: 0,
            fp16: true,
            int8: false,
            int8_calibration_table: None,
            dla_core: None,
            workspace_mib: 1024,
            engine_cache: Some(PathBuf::from("engines")),
            timing_cache: Some(PathBuf::from("engines")),
            optimization_level: 3,
            profile_min_shapes: None,
            profile_opt_shapes: None,
            profile_max_shapes: None,
        }
    }
}
