//! The CUDA provider. Written against its documented options; not run on hardware.

use ort::ep::{CUDA, ExecutionProviderDispatch};

use crate::config::CudaConfig;

pub(super) fn dispatch(config: &CudaConfig) -> ExecutionProviderDispatch {
    let mut provider = CUDA::default().with_device_id(device(config.device));
    if let Some(limit) = config.memory_limit_mib {
        provider = provider.with_memory_limit(bytes(limit));
    }
    provider.build()
}

/// Device numbers are `i32` on the other side.
pub(super) fn device(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

pub(super) fn bytes(mib: u64) -> usize {
    usize::try_from(mib.saturating_mul(1 << 20)).unwrap_or(usize::MAX)
}
