//! An emulated GPU, below everything of ours: libraries that stand in for NVIDIA's driver, its compiler of
//! kernels and its matrix products. A C++ compiler makes them, and it makes machine code of this machine out
//! of kernels.
//!
//! It sees arithmetic, indices, missing barriers, races, accesses outside of all memory and at addresses that
//! are no multiple of what is read there, and calls that a driver refuses. It does not see speed, nor what
//! only NVIDIA's compiler and its library do.

use std::ffi::{c_int, c_uint};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

macro_rules! files {
    ($($name:literal),* $(,)?) => { [$(($name, include_str!($name))),*] };
}
const FILES: [(&str, &str); 9] = files![
    "block.cpp",
    "checks.cpp",
    "compiler.cpp",
    "driver.cpp",
    "entry.h",
    "kernel.h",
    "numbers.h",
    "platform.h",
    "products.cpp",
];
/// How folders are called, and a file of each that whoever uses it has locked.
const NAME: &str = "platform-";
const USED: &str = "platform.h";
/// Libraries by their names, what they are made of, and what they stand upon.
const LIBRARIES: [(&str, &[&str], &[&str]); 3] = [
    ("libcuda.so", &["block.cpp", "checks.cpp", "driver.cpp"], &[]),
    ("libnvrtc.so", &["compiler.cpp"], &[]),
    ("libcublasLt.so", &["products.cpp"], &["-L.", "-lcuda"]),
];

/// What GPU there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Real,
    Emulated,
}

/// Makes sure that there is a GPU: a real one, or from now on an emulated one. To be called before anything
/// asks for a GPU. With `CLUEC_REQUIRE_GPU` set nothing is emulated.
pub fn open() -> Result<Kind, String> {
    static OPEN: OnceLock<Result<Kind, String>> = OnceLock::new();
    let open = || {
        if std::env::var_os("CLUEC_REQUIRE_GPU").is_some() || real() {
            return Ok(Kind::Real);
        }
        let folder = folder()?;
        for (library, ..) in LIBRARIES {
            // SAFETY: these are our own libraries, which do nothing when they are loaded.
            let library = unsafe { libloading::Library::new(folder.join(library)) };
            // From now on its name leads to it.
            std::mem::forget(library.map_err(|error| error.to_string())?);
        }
        Ok(Kind::Emulated)
    };
    OPEN.get_or_init(open).clone()
}

/// Whether there is a GPU that NVIDIA's driver knows.
fn real() -> bool {
    type Init = unsafe extern "C" fn(c_uint) -> c_int;
    type Count = unsafe extern "C" fn(*mut c_int) -> c_int;
    let mut count = 0;
    // SAFETY: the driver's initializers do nothing unsafe; the functions have these types.
    unsafe {
        let Ok(library) = libloading::Library::new("libcuda.so.1") else { return false };
        let (Ok(init), Ok(counted)) =
            (library.get::<Init>(b"cuInit"), library.get::<Count>(b"cuDeviceGetCount"))
        else {
            return false;
        };
        let found = init(0) == 0 && counted(&mut count) == 0 && count > 0;
        std::mem::forget(library);
        found
    }
}

/// The folder of the libraries, made when it is not there, with the kernels that were compiled for them. It
/// stays as long as anyone uses it; those of other times go.
pub fn folder() -> Result<PathBuf, String> {
    static FOLDER: OnceLock<Result<(PathBuf, File), String>> = OnceLock::new();
    FOLDER.get_or_init(in_use).as_ref().map(|(folder, _)| folder.clone()).map_err(String::clone)
}

/// Where a program keeps compiled kernels whose user's cache is the folder.
pub fn kernels() -> Result<PathBuf, String> {
    Ok(folder()?.join("cluec").join("cuda"))
}

/// The folder, with what keeps others from removing it.
fn in_use() -> Result<(PathBuf, File), String> {
    let said = |error: std::io::Error| error.to_string();
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Until the folder is in use, one process alone makes and removes any.
    let alone = File::create(parent.join("platforms.lock")).map_err(said)?;
    alone.lock().map_err(said)?;
    let folder = build(parent)?;
    let used = File::open(folder.join(USED)).map_err(said)?;
    used.lock_shared().map_err(said)?;
    for entry in std::fs::read_dir(parent).map_err(said)?.flatten() {
        let other = entry.path();
        if other != folder
            && entry.file_name().to_string_lossy().starts_with(NAME)
            && File::open(other.join(USED)).is_ok_and(|used| used.try_lock().is_ok())
            && let Ok(away) = tempfile::tempdir_in(parent)
        {
            // Gone at once, with the folder it is moved to.
            let _ = std::fs::rename(&other, away.path().join("old"));
        }
    }
    Ok((folder, used))
}

fn build(parent: &Path) -> Result<PathBuf, String> {
    if !cfg!(target_os = "linux") {
        return Err("one is emulated on Linux only".into());
    }
    let compiler = compiler();
    let [program, arguments @ ..] = &compiler.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err("CXX names no compiler".into());
    };
    let call = || {
        let mut command = Command::new(program);
        command.args(arguments);
        command
    };
    let version = call().arg("--version").output();
    let version = version.map_err(|error| format!("no C++ compiler (`{compiler}`): {error}"))?;
    let mut hasher = blake3::Hasher::new();
    for (name, text) in FILES {
        hasher.update(name.as_bytes()).update(text.as_bytes());
    }
    // With what, and how.
    hasher.update(compiler.as_bytes()).update(&version.stdout).update(include_bytes!("mod.rs"));
    let hash = hasher.finalize();
    let key = &hash.to_hex()[..16];
    let folder = parent.join(format!("{NAME}{key}"));
    if folder.is_dir() {
        return Ok(folder);
    }
    let said = |error: std::io::Error| error.to_string();
    let fresh = tempfile::tempdir_in(parent).map_err(said)?;
    for (name, text) in FILES {
        std::fs::write(fresh.path().join(name), text).map_err(said)?;
    }
    let version = u32::from_le_bytes(hash.as_bytes()[..4].try_into().unwrap()) >> 1;
    for (library, sources, others) in LIBRARIES {
        // Jumps between stacks are no mistake here.
        let output = call()
            .current_dir(fresh.path())
            .args(["-std=c++17", "-O2", "-U_FORTIFY_SOURCE", "-shared", "-fPIC"])
            .args([&format!("-Wl,-soname,{library}"), "-o", library])
            .args([format!("-DVERSION={version}"), format!("-DCXX=\"{compiler}\"")])
            .args(sources)
            .args(others)
            .output()
            .map_err(said)?;
        let errors = String::from_utf8_lossy(&output.stderr);
        // A compiler that is there has to manage.
        assert!(output.status.success(), "{errors}");
    }
    std::fs::rename(fresh.path(), &folder).map_err(said)?;
    Ok(folder)
}

fn compiler() -> String {
    let told = std::env::var("CXX").ok().filter(|told| !told.trim().is_empty());
    told.unwrap_or_else(|| "g++".into())
}
