//! The `emc2` command.

fn main() {}
