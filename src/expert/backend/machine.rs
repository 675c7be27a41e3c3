//! What this machine is and how it is set at the moment, for `emc2 doctor` and beside every figure:
//! a time without its power mode says little.
//!
//! Read from `/proc` and `/sys`; what a system does not tell is `None`. The Jetson files are read as
//! their vendor documents them; not run on hardware.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// Instruction sets that ONNX Runtime's kernels gain from, as `/proc/cpuinfo` names them.
const FEATURES: [&str; 15] = [
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_tile",
    "amx_int8",
    "asimd",
    "asimdhp",
    "asimddp",
    "i8mm",
    "bf16",
    "sve",
    "sve2",
];

/// A machine, as it is now.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Machine {
    /// Such as `x86_64`.
    pub architecture: String,
    /// The processor's name.
    pub processor: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Instruction sets worth knowing.
    pub features: Vec<String>,
    /// Frequency governor, such as `performance` or `powersave`.
    pub governor: Option<String>,
    /// Present frequency of the first core, MHz.
    pub frequency_mhz: Option<u32>,
    /// Highest frequency of the first core, MHz.
    pub max_frequency_mhz: Option<u32>,
    /// Memory, MiB.
    pub memory_mib: Option<u64>,
    /// Memory free for a new program, MiB.
    pub memory_available_mib: Option<u64>,
    /// Processes waiting for a core, mean over the last minute.
    pub load: Option<f64>,
    /// Hottest thermal zone, degrees Celsius.
    pub temperature_c: Option<f64>,
    /// A Jetson board.
    pub jetson: Option<Jetson>,
}

/// A Jetson board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jetson {
    /// First line of `/etc/nv_tegra_release`.
    pub release: String,
    /// The board's name.
    pub model: Option<String>,
    /// Power mode, as nvpmodel keeps it (`pmode:0002`).
    pub power_mode: Option<String>,
}

/// Looks at this machine.
pub fn machine() -> Machine {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Machine { architecture: std::env::consts::ARCH.to_owned(), cores, ..machine_at(Path::new("/")) }
}

/// Reads the files of a machine under `root`.
fn machine_at(root: &Path) -> Machine {
    let text = |path: &str| {
        let text = fs::read_to_string(root.join(path)).ok()?;
        Some(text.trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned())
    };
    let mhz = |path: &str| text(path)?.parse::<u32>().ok().map(|khz| khz / 1000);
    let info = text("proc/cpuinfo").unwrap_or_default();
    let memory = text("proc/meminfo").unwrap_or_default();
    let core = "sys/devices/system/cpu/cpu0/cpufreq";
    Machine {
        architecture: String::new(),
        processor: field(&info, &["model name", "Model"])
            .or_else(|| text("proc/device-tree/model")),
        cores: 0,
        features: features(&info),
        governor: text(&format!("{core}/scaling_governor")),
        frequency_mhz: mhz(&format!("{core}/scaling_cur_freq")).or_else(|| {
            let text = field(&info, &["cpu MHz"])?;
            text.split('.').next()?.parse().ok()
        }),
        max_frequency_mhz: mhz(&format!("{core}/cpuinfo_max_freq")),
        memory_mib: kib(&memory, "MemTotal").map(|kib| kib / 1024),
        memory_available_mib: kib(&memory, "MemAvailable").map(|kib| kib / 1024),
        load: text("proc/loadavg").and_then(|text| text.split(' ').next()?.parse().ok()),
        temperature_c: temperature(root),
        jetson: text("etc/nv_tegra_release").map(|release| Jetson {
            release: release.lines().next().unwrap_or_default().to_owned(),
            model: text("proc/device-tree/model"),
            power_mode: text("var/lib/nvpmodel/status"),
        }),
    }
}

/// The first `name : value` line.
fn field(text: &str, names: &[&str]) -> Option<String> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    let mut values = pairs.filter(|(name, _)| names.contains(&name.trim()));
    values.next().map(|(_, value)| value.trim().to_owned())
}

fn features(info: &str) -> Vec<String> {
    // x86 calls them flags, ARM features.
    let all = field(info, &["flags", "Features"]).unwrap_or_default();
    let all: Vec<&str> = all.split_whitespace().collect();
    FEATURES.iter().filter(|name| all.contains(name)).map(|&name| name.to_owned()).collect()
}

fn kib(memory: &str, name: &str) -> Option<u64> {
    field(memory, &[name])?.split(' ').next()?.parse().ok()
}

fn temperature(root: &Path) -> Option<f64> {
    let zones = fs::read_dir(root.join("sys/class/thermal")).ok()?;
    let degrees = zones.flatten().filter_map(|zone| {
        let text = fs::read_to_string(zone.path().join("temp")).ok()?;
        // Zones that are off tell nonsense such as -256 degrees.
        text.trim().parse::<f64>().ok().map(|milli| milli / 1000.0).filter(|&d| d > -40.0)
    });
    degrees.max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jetson_tells_its_board_power_mode_and_temperature() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd asimdhp asimddp\n");
        put("proc/meminfo", "MemTotal:        7802332 kB\nMemAvailable:    5000000 kB\n");
        put("proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit\0");
        put("etc/nv_tegra_release", "# R36 (release), REVISION: 4.0\n# KERNEL_VARIANT: oot\n");
        put("var/lib/nvpmodel/status", "pmode:0001\n");
        put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil\n");
        put("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1510400\n");
        put("sys/class/thermal/thermal_zone0/temp", "48250\n");
        put("sys/class/thermal/thermal_zone1/temp", "-256000\n");
        let machine = machine_at(root.path());
        let jetson = machine.jetson.unwrap();
        assert_eq!(jetson.model.as_deref(), Some("NVIDIA Jetson Orin Nano Developer Kit"));
        assert_eq!(jetson.power_mode.as_deref(), Some("pmode:0001"));
        assert_eq!(machine.features, ["asimd", "asimdhp", "asimddp"]);
        assert_eq!(machine.frequency_mhz, Some(1510));
        assert_eq!(machine.memory_mib, Some(7619));
        assert_eq!(
            (machine.governor.as_deref(), machine.temperature_c),
            (Some("schedutil"), Some(48.25))
        );
    }

    #[test]
    fn a_machine_that_tells_nothing_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(machine_at(root.path()), Machine::default());
    }
}
