//! The CPU provider. It needs no options here: threads belong to the session.

use ort::ep::{CPU, ExecutionProviderDispatch};

pub(super) fn dispatch() -> ExecutionProviderDispatch {
    CPU::default().with_arena_allocator(true).build()
}
