//! Kernels from text to machine code: by NVRTC, which needs no GPU, kept on disk between runs.

use super::super::ExecError;
use super::kernels::PRELUDE;
use super::library::Library;
use super::tape::Unit;
use cudarc::nvrtc::{result, sys};
use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where compiled kernels are kept, and who hears of it.
#[derive(Debug, Clone)]
pub struct Compiling {
    /// A folder for what was compiled, made when it is needed.
    pub cache: Option<PathBuf>,
    /// Told how many units are about to be compiled, as that may take a minute.
    pub tell: fn(usize),
}

impl Default for Compiling {
    /// The user's cache, and nobody.
    fn default() -> Compiling {
        Compiling { cache: cache_folder(), tell: |_| {} }
    }
}

/// Compiles units for one architecture.
pub struct Compiler {
    /// Of NVRTC.
    pub version: (i32, i32),
    /// Compute capability, `10 major + minor`.
    pub architecture: u32,
    compiling: Compiling,
}

impl Compiler {
    pub fn new(architecture: u32, compiling: Compiling) -> Result<Compiler, ExecError> {
        Library::Nvrtc.find()?;
        let version = version().ok_or_else(|| ExecError("libnvrtc names no version".into()))?;
        Ok(Compiler { version, architecture, compiling })
    }

    /// Machine code of every unit, in order.
    pub fn compile_all(&self, units: &[Unit]) -> Result<Vec<Vec<u8>>, ExecError> {
        let kept = |unit: &&Unit| self.entry(unit).is_some_and(|entry| entry.exists());
        let fresh = units.len() - units.iter().filter(kept).count();
        if fresh > 0 {
            (self.compiling.tell)(fresh);
        }
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get()).min(units.len());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(unit) = units.get(index) else { break done };
                done.push((index, self.compile(unit)));
            }
        };
        let mut all: Vec<(usize, Result<Vec<u8>, ExecError>)> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        });
        all.sort_by_key(|(index, _)| *index);
        if all.len() < units.len() {
            return Err(ExecError("a compiling thread stopped".into()));
        }
        all.into_iter().map(|(_, code)| code).collect()
    }

    /// What a unit is compiled from.
    fn text(unit: &Unit) -> String {
        format!("{PRELUDE}{}", unit.source.text)
    }

    /// And by.
    fn options(&self, unit: &Unit) -> Vec<String> {
        let mut options =
            vec![format!("--gpu-architecture=sm_{}", self.architecture), "--std=c++17".to_string()];
        options.extend(unit.constants.iter().map(|(name, value)| format!("-D{name}={value}")));
        options
    }

    /// Where a unit is kept.
    fn entry(&self, unit: &Unit) -> Option<PathBuf> {
        let mut hasher = blake3::Hasher::new();
        let version = format!("{:?}", self.version);
        for part in [Compiler::text(unit), self.options(unit).join("\0"), version] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        let key = hasher.finalize().to_hex();
        let name = format!("{}-{}.cubin", unit.source.name, &key[..32]);
        Some(self.compiling.cache.as_ref()?.join(name))
    }

    /// Machine code (a cubin) of one unit, from the cache or fresh.
    pub fn compile(&self, unit: &Unit) -> Result<Vec<u8>, ExecError> {
        let entry = self.entry(unit);
        if let Some(code) = entry.as_deref().and_then(read) {
            return Ok(code);
        }
        let code = build(&Compiler::text(unit), unit.source.name, &self.options(unit))
            .map_err(|error| ExecError(format!("{}.cu: {error}", unit.source.name)))?;
        // A cache that can not be written is none.
        if let Some(entry) = entry {
            let _ = write(&entry, &code);
        }
        Ok(code)
    }
}

/// NVRTC's version; it must have been found.
fn version() -> Option<(i32, i32)> {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the library is there; it fills two integers.
    let result = unsafe { sys::nvrtcVersion(&mut major, &mut minor) };
    result.result().ok().map(|()| (major, minor))
}

/// Version of an NVRTC that is there.
pub fn nvrtc_version() -> Option<(i32, i32)> {
    Library::Nvrtc.find().ok()?;
    version()
}

/// The user's cache of compiled kernels.
fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = set("XDG_CACHE_HOME").or_else(|| set("LOCALAPPDATA")).map(PathBuf::from);
    let folder = folder.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")));
    folder.map(|folder| folder.join("cluec").join("cuda"))
}

/// An entry of the cache, if it is whole: it begins with the hash of the rest.
fn read(entry: &std::path::Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(entry).ok()?;
    let (hash, code) = bytes.split_at_checked(blake3::OUT_LEN)?;
    (blake3::hash(code).as_bytes() == hash).then(|| code.to_vec())
}

/// Writes an entry so that it is there whole or not at all.
fn write(entry: &std::path::Path, code: &[u8]) -> std::io::Result<()> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    if let Some(folder) = entry.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let fresh = entry.with_extension(format!("{}-{count}.tmp", std::process::id()));
    let bytes = [blake3::hash(code).as_bytes().as_slice(), code].concat();
    std::fs::write(&fresh, bytes)?;
    std::fs::rename(&fresh, entry).inspect_err(|_| {
        let _ = std::fs::remove_file(&fresh);
    })
}

/// One program, destroyed when it is no longer needed.
struct Program(sys::nvrtcProgram);

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: the program is alive, and dies here.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

fn build(text: &str, name: &str, options: &[String]) -> Result<Vec<u8>, String> {
    let text = CString::new(text).map_err(|error| error.to_string())?;
    let name = CString::new(format!("{name}.cu")).map_err(|error| error.to_string())?;
    let said = |error: result::NvrtcError| error.to_string();
    let program = Program(result::create_program(&text, Some(&name)).map_err(said)?);
    // SAFETY: the program lives until the end of this function, its text and name longer.
    unsafe {
        if let Err(error) = result::compile_program(program.0, options) {
            let log = result::get_program_log(program.0).unwrap_or_default();
            let bytes: Vec<u8> = log.iter().map(|c| c.to_ne_bytes()[0]).collect();
            let log = CStr::from_bytes_until_nul(&bytes).map(CStr::to_string_lossy);
            return Err(format!("{error}\n{}", log.unwrap_or_default().trim_end()));
        }
        let mut size = 0;
        sys::nvrtcGetCUBINSize(program.0, &mut size).result().map_err(said)?;
        let mut code = vec![0u8; size];
        sys::nvrtcGetCUBIN(program.0, code.as_mut_ptr().cast()).result().map_err(said)?;
        Ok(code)
    }
}
