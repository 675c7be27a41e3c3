//! Finds the ONNX Runtime library and starts it, once per process.
//!
//! The library is loaded while the program runs, so that one program serves the pinned build, a
//! distribution's and a Jetson's own. Looked at, in this order: `runtime.library` of the
//! configuration (or the command line's flag), `ORT_DYLIB_PATH`, beside the program, the project's
//! `vendor/onnxruntime/<arch>` (in the folders above the program and above the current one),
//! `LD_LIBRARY_PATH`, the system's library folders. A name that was given and is wrong is an error,
//! never a reason to look further.

use std::ffi::{CStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;

use super::super::Error;
use super::log;

const STEM: &str = if cfg!(target_os = "macos") { "libonnxruntime" } else { "libonnxruntime.so" };

/// How many folders above the program (and above the current folder) may be the project's: a test
/// binary lies four deep.
const LEVELS: usize = 6;

/// How a library was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// `runtime.library` of the configuration, or a flag.
    Configuration,
    /// The variable `ORT_DYLIB_PATH`.
    Variable,
    /// In the program's folder, or in `lib` of it.
    BesideProgram,
    /// `vendor/onnxruntime/<arch>` of the project.
    Vendor,
    /// A folder of `LD_LIBRARY_PATH`.
    LibraryPath,
    /// A library folder of the system.
    System,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "runtime.library",
            Self::Variable => "ORT_DYLIB_PATH",
            Self::BesideProgram => "beside the program",
            Self::Vendor => "the project's vendor folder",
            Self::LibraryPath => "LD_LIBRARY_PATH",
            Self::System => "the system",
        })
    }
}

/// A library file that is there (not yet loaded).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Located {
    /// The file.
    pub path: PathBuf,
    /// How it was found.
    pub how: How,
}

/// Finds the library. `explicit` is the configuration's or the command line's word.
///
/// # Errors
/// [`Error::LibraryNotThere`] for a given name that is wrong, [`Error::LibraryNotFound`] with every
/// place that was looked at.
pub fn locate(explicit: Option<&Path>) -> Result<Located, Error> {
    let list = |name| {
        std::env::var_os(name).map(|value| std::env::split_paths(&value).collect::<Vec<_>>())
    };
    locate_in(&Surroundings {
        explicit: explicit.map(Path::to_owned),
        variable: std::env::var_os("ORT_DYLIB_PATH").filter(|value| !value.is_empty()),
        program: std::env::current_exe().ok().and_then(|path| path.canonicalize().ok()),
        current: std::env::current_dir().ok(),
        library_path: list("LD_LIBRARY_PATH").unwrap_or_default(),
        system: system_folders(),
    })
}

/// What [`locate`] depends on.
struct Surroundings {
    explicit: Option<PathBuf>,
    variable: Option<OsString>,
    program: Option<PathBuf>,
    current: Option<PathBuf>,
    library_path: Vec<PathBuf>,
    system: Vec<PathBuf>,
}

fn locate_in(around: &Surroundings) -> Result<Located, Error> {
    let given = [
        (around.explicit.clone(), How::Configuration, "runtime.library"),
        (around.variable.clone().map(PathBuf::from), How::Variable, "ORT_DYLIB_PATH"),
    ];
    for (path, how, named_by) in given {
        let Some(path) = path else { continue };
        // A folder is a fair way to name the library in it.
        let found =
            if path.is_dir() { newest_in(&path) } else { path.is_file().then(|| path.clone()) };
        return match found {
            Some(path) => Ok(Located { path, how }),
            None => Err(Error::LibraryNotThere { named_by, path }),
        };
    }

    let mut looked_at =
        vec!["runtime.library: not set".to_owned(), "ORT_DYLIB_PATH: not set".to_owned()];
    let mut seen = Vec::new();
    for (how, folder) in folders(around) {
        if seen.contains(&folder) {
            continue;
        }
        if let Some(path) = newest_in(&folder) {
            return Ok(Located { path, how });
        }
        looked_at.push(format!("{how}: {}", folder.display()));
        seen.push(folder);
    }
    Err(Error::LibraryNotFound { wanted: format!("{STEM}*"), looked_at })
}

fn folders(around: &Surroundings) -> Vec<(How, PathBuf)> {
    let mut folders = Vec::new();
    let program_folder = around.program.as_deref().and_then(Path::parent);
    if let Some(folder) = program_folder {
        folders.push((How::BesideProgram, folder.to_owned()));
        folders.push((How::BesideProgram, folder.join("lib")));
    }
    for start in [program_folder, around.current.as_deref()].into_iter().flatten() {
        for folder in start.ancestors().take(LEVELS) {
            let vendor = folder.join("vendor").join("onnxruntime").join(std::env::consts::ARCH);
            folders.push((How::Vendor, vendor));
        }
    }
    folders.extend(around.library_path.iter().map(|folder| (How::LibraryPath, folder.clone())));
    folders.extend(around.system.iter().map(|folder| (How::System, folder.clone())));
    folders
}

fn system_folders() -> Vec<PathBuf> {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    ["/usr/local/lib", "/usr/lib"]
        .into_iter()
        .flat_map(|folder| [PathBuf::from(folder), Path::new(folder).join(&triplet)])
        .chain(["/usr/lib64", "/opt/onnxruntime/lib"].map(PathBuf::from))
        .collect()
}

/// The library with the highest version in a folder.
fn newest_in(folder: &Path) -> Option<PathBuf> {
    let name_matches = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        name.is_some_and(|name| {
            let rest = name.strip_prefix(STEM);
            rest.is_some_and(|rest| {
                if cfg!(target_os = "macos") {
                    rest.ends_with(".dylib") && !rest.contains("providers")
                } else {
                    rest.is_empty() || rest.starts_with('.')
                }
            })
        })
    };
    let version = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let numbers = name.unwrap_or_default();
        numbers.split('.').filter_map(|part| part.parse::<u32>().ok()).collect::<Vec<_>>()
    };
    let entries = std::fs::read_dir(folder).ok()?;
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    files
        .filter(|path| name_matches(path) && path.is_file())
        .max_by_key(|path| (version(path), path.clone()))
}

/// A started ONNX Runtime.
pub struct Runtime {
    environment: Environment,
    library: Located,
    version: String,
}

impl Runtime {
    /// The library in use.
    pub fn library(&self) -> &Located {
        &self.library
    }

    /// Its version, such as `1.32.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its own description of how it was built.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("library", &self.library)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

// ONNX Runtime can be loaded only once: later calls get the first one's. Never dropped, since its
// library must outlive every session.
static STARTED: Mutex<Option<Arc<Runtime>>> = Mutex::new(None);

/// Starts ONNX Runtime, or gives the one that runs.
///
/// # Errors
/// As [`locate`]; [`Error::LibraryRefused`] for a file that is not a usable ONNX Runtime;
/// [`Error::LibraryFixed`] when `explicit` names another library than the running one.
pub fn start(explicit: Option<&Path>) -> Result<Arc<Runtime>, Error> {
    let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = &*started {
        if explicit.is_some() {
            let asked = locate(explicit)?.path;
            let same = asked == runtime.library.path
                || asked.canonicalize().ok() == runtime.library.path.canonicalize().ok();
            if !same {
                return Err(Error::LibraryFixed { loaded: runtime.library.path.clone(), asked });
            }
        }
        return Ok(Arc::clone(runtime));
    }
    let runtime = Arc::new(load(locate(explicit)?)?);
    tracing::debug!(
        library = %runtime.library.path.display(),
        found_by = %runtime.library.how,
        version = runtime.version,
        "ONNX Runtime started"
    );
    *started = Some(Arc::clone(&runtime));
    Ok(runtime)
}

fn load(mut library: Located) -> Result<Runtime, Error> {
    // A relative path would be looked up from the program's folder first, not from the current one.
    if let Ok(path) = std::path::absolute(&library.path) {
        library.path = path;
    }
    let refused = |message: String| Error::LibraryRefused {
        path: library.path.clone(),
        how: library.how.to_string(),
        message,
    };
    let builder = ort::init_from(&library.path).map_err(|error| refused(error.to_string()))?;
    let environment = builder
        .with_name("emc2")
        .with_telemetry(false)
        .with_logger(Arc::new(log::forward))
        .build()
        .map_err(|error| refused(error.to_string()))?;
    environment.set_log_level(log::level());
    let version = version_of(&library.path).unwrap_or_else(|| "unknown".to_owned());
    Ok(Runtime { environment, library, version })
}

/// The version that a loaded library states. ort keeps its own handle to itself, so the library is
/// opened a second time, which only raises its reference count.
#[allow(unsafe_code)]
fn version_of(path: &Path) -> Option<String> {
    // SAFETY: the same file has just been loaded by ort, so its initialisers have run without harm;
    // `OrtGetApiBase` has this signature in every version, returns a static table, and the string it
    // gives is static and ends with a zero byte.
    unsafe {
        let library = libloading::Library::new(path).ok()?;
        let base: libloading::Symbol<'_, unsafe extern "C" fn() -> *const ort::sys::OrtApiBase> =
            library.get(b"OrtGetApiBase").ok()?;
        let base = base().as_ref()?;
        let text = (base.GetVersionString)();
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere(folder: &Path) -> Surroundings {
        Surroundings {
            explicit: None,
            variable: None,
            program: Some(folder.join("target/debug/emc2")),
            current: Some(folder.join("elsewhere")),
            library_path: vec![folder.join("ld")],
            system: vec![folder.join("usr/lib")],
        }
    }

    fn put(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"").unwrap();
    }

    #[test]
    fn a_missing_library_is_told_with_every_place_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let text = locate_in(&nowhere(folder.path())).unwrap_err().to_string();
        for place in ["target/debug", "vendor/onnxruntime", "ld", "usr/lib", "ORT_DYLIB_PATH"] {
            assert!(text.contains(place), "{place} is not in: {text}");
        }
        assert!(text.contains("make setup") && text.contains("tools/onnxruntime.sh"), "{text}");
    }

    #[test]
    fn nearer_places_win_and_the_newest_version_of_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let around = nowhere(folder.path());
        let found = |how, name: &str| {
            let located = locate_in(&around).unwrap();
            assert_eq!((located.how, located.path), (how, folder.path().join(name)));
        };
        put(&folder.path().join("usr/lib/libonnxruntime.so.1"));
        put(&folder.path().join("usr/lib/libonnxruntime_providers_shared.so"));
        found(How::System, "usr/lib/libonnxruntime.so.1");
        let vendor = format!("vendor/onnxruntime/{}", std::env::consts::ARCH);
        put(&folder.path().join(&vendor).join("libonnxruntime.so.1.9.0"));
        put(&folder.path().join(&vendor).join("libonnxruntime.so.1.32.0"));
        found(How::Vendor, &format!("{vendor}/libonnxruntime.so.1.32.0"));
        put(&folder.path().join("target/debug/libonnxruntime.so"));
        found(How::BesideProgram, "target/debug/libonnxruntime.so");
    }

    #[test]
    fn a_given_name_that_is_wrong_is_an_error_and_nothing_else_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        put(&folder.path().join("usr/lib/libonnxruntime.so"));
        let mut around = nowhere(folder.path());
        around.variable = Some("/no/such/library.so".into());
        let text = locate_in(&around).unwrap_err().to_string();
        assert!(text.contains("ORT_DYLIB_PATH") && text.contains("/no/such/library.so"), "{text}");
        around.explicit = Some(folder.path().join("usr/lib"));
        assert_eq!(locate_in(&around).unwrap().how, How::Configuration);
    }
}
