//! Where CUDA's libraries are: found when a GPU is asked for, never needed to start.

use super::super::ExecError;
use std::env::{consts::DLL_PREFIX, var_os};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A library of CUDA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// The driver, `libcuda`.
    Driver,
    /// The compiler of kernels, `libnvrtc`.
    Nvrtc,
    /// Matrix products, `libcublasLt`.
    CublasLt,
}

/// How a library was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On the loader's own path.
    Loader,
    /// Brought in from here.
    File(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Loader => f.write_str("on the loader's path"),
            Place::File(path) => path.display().fmt(f),
        }
    }
}

impl Library {
    pub const ALL: [Library; 3] = [Library::Driver, Library::Nvrtc, Library::CublasLt];

    /// Its name without `lib` and `.so`.
    pub fn name(self) -> &'static str {
        match self {
            Library::Driver => "cuda",
            Library::Nvrtc => "nvrtc",
            Library::CublasLt => "cublasLt",
        }
    }

    /// Whether its functions can be called.
    fn present(self) -> bool {
        // SAFETY: these load NVIDIA's libraries, whose initializers do nothing unsafe.
        unsafe {
            match self {
                Library::Driver => cudarc::driver::sys::is_culib_present(),
                Library::Nvrtc => cudarc::nvrtc::sys::is_culib_present(),
                Library::CublasLt => cudarc::cublaslt::sys::is_culib_present(),
            }
        }
    }

    /// Finds the library, the first time it is asked for. Until this succeeded, calling any of its
    /// functions panics.
    pub fn find(self) -> Result<&'static Place, ExecError> {
        static FOUND: [OnceLock<Result<Place, ExecError>>; 3] = [const { OnceLock::new() }; 3];
        FOUND[self as usize].get_or_init(|| self.search()).as_ref().map_err(ExecError::clone)
    }

    fn search(self) -> Result<Place, ExecError> {
        if self.present() {
            return Ok(Place::Loader);
        }
        let folders = folders();
        for file in self.candidates(&folders) {
            // What it opens itself, by name, while it works.
            if self == Library::Nvrtc {
                for helper in files(file.parent().unwrap_or(Path::new(".")), "nvrtc-builtins") {
                    keep(&helper);
                }
            }
            if keep(&file) && self.present() {
                return Ok(Place::File(file));
            }
        }
        let looked: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
        Err(ExecError(format!(
            "lib{} was not found on the loader's path{}{}; {}",
            self.name(),
            if looked.is_empty() { "" } else { " nor in " },
            looked.join(", "),
            match self {
                Library::Driver => "it comes with NVIDIA's driver",
                Library::Nvrtc =>
                    "it comes with the CUDA toolkit and with `pip install nvidia-cuda-nvrtc`",
                Library::CublasLt =>
                    "it comes with the CUDA toolkit and with `pip install nvidia-cublas`",
            }
        )))
    }

    /// Files that may be it, the newest version first that the driver can work with.
    fn candidates(self, folders: &[PathBuf]) -> Vec<PathBuf> {
        let newest = match self {
            Library::Driver => None,
            _ => driver_version().map(|version| version / 1000),
        };
        let mut found: Vec<(i32, PathBuf)> = folders
            .iter()
            .flat_map(|folder| files(folder, self.name()))
            .map(|file| (major(&file), file))
            .filter(|(major, _)| newest.is_none_or(|newest| *major <= newest))
            .collect();
        found.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
        found.into_iter().map(|(_, file)| file).collect()
    }
}

/// The CUDA version the driver supports, `1000 major + 10 minor`.
pub fn driver_version() -> Option<i32> {
    Library::Driver.find().ok()?;
    let mut version = 0;
    // SAFETY: the driver is there; it fills one integer.
    let result = unsafe { cudarc::driver::sys::cuDriverGetVersion(&mut version) };
    result.result().ok().map(|()| version)
}

/// Opens a library for as long as the program runs; its name then leads to it.
fn keep(file: &Path) -> bool {
    // SAFETY: as in `present`.
    match unsafe { libloading::Library::new(file) } {
        Ok(library) => {
            std::mem::forget(library);
            true
        }
        Err(_) => false,
    }
}

/// The files `libNAME.so*` of a folder, in order.
fn files(folder: &Path, name: &str) -> Vec<PathBuf> {
    let start = format!("{DLL_PREFIX}{name}.so");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

/// The first number behind `.so.`; 0 if there is none.
fn major(file: &Path) -> i32 {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let version = name.split_once(".so.").map_or("", |(_, version)| version);
    version.split('.').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Folders that exist where toolkits, containers and Python packages put libraries.
fn folders() -> Vec<PathBuf> {
    let mut list = Vec::new();
    for root in ["CUDA_HOME", "CUDA_PATH"].iter().filter_map(var_os).map(PathBuf::from) {
        list.extend(["lib64", "lib", "targets/x86_64-linux/lib"].map(|folder| root.join(folder)));
    }
    for root in below(Path::new("/usr/local"), "cuda") {
        list.extend([root.join("lib64"), root.join("targets/x86_64-linux/lib")]);
    }
    list.extend(
        ["/usr/local/nvidia/lib64", "/usr/local/nvidia/lib", "/usr/lib/wsl/lib"].map(Into::into),
    );
    list.extend(var_os("CONDA_PREFIX").map(|root| PathBuf::from(root).join("lib")));
    let mut roots: Vec<PathBuf> =
        ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().filter_map(var_os).map(PathBuf::from).collect();
    roots.extend(var_os("HOME").map(|home| PathBuf::from(home).join(".local")));
    roots.extend(["/usr/local", "/usr", "/opt/conda"].map(PathBuf::from));
    for python in roots.iter().flat_map(|root| below(&root.join("lib"), "python3")) {
        for packages in ["site-packages", "dist-packages"] {
            let nvidia = below(&python.join(packages).join("nvidia"), "");
            list.extend(nvidia.into_iter().map(|package| package.join("lib")));
        }
    }
    list.retain(|folder| folder.is_dir());
    list
}

/// Folders directly below one whose names begin so, in order.
fn below(folder: &Path, start: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(start))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
