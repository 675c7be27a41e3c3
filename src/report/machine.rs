//! The machine a run was made on, for the header: figures mean little without it.

use serde::{Deserialize, Serialize};

/// What `/proc` and `/sys` tell about this machine. Unknown parts are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Processor model.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Architecture, such as `x86_64`.
    pub arch: String,
    /// Operating system.
    pub os: String,
    /// Frequency governor of core 0, such as `performance`.
    pub governor: String,
    /// Jetson model, where there is one.
    pub board: String,
}

impl Machine {
    /// Looks at the machine. Never fails: what cannot be read stays empty.
    pub fn here() -> Self {
        let read = |path: &str| {
            std::fs::read_to_string(path)
                .map(|text| text.trim_matches(['\0', '\n', ' ']).to_owned())
                .unwrap_or_default()
        };
        Self {
            cpu: cpu_model(&read("/proc/cpuinfo")),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            arch: std::env::consts::ARCH.to_owned(),
            os: std::env::consts::OS.to_owned(),
            governor: read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            board: read("/proc/device-tree/model"),
        }
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let mut parts = Vec::new();
        for part in [&self.board, &self.cpu] {
            if !part.is_empty() {
                parts.push(part.clone());
            }
        }
        parts.push(format!("{} cores", self.cores));
        parts.push(format!("{} {}", self.os, self.arch));
        if !self.governor.is_empty() {
            parts.push(format!("governor {}", self.governor));
        }
        parts.join(", ")
    }
}

/// The first `model name` (x86) or `Model` (some ARM kernels) of `/proc/cpuinfo`.
fn cpu_model(cpuinfo: &str) -> String {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| matches!(key.trim(), "model name" | "Model" | "Hardware"))
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_read_from_cpuinfo() {
        assert_eq!(
            cpu_model("processor\t: 0\nmodel name\t: Fast 9000\nflags\t: a b\n"),
            "Fast 9000"
        );
        assert_eq!(cpu_model("nonsense"), "");
        assert!(Machine::here().line().contains("cores"));
    }
}
