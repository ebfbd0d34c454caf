//! Plays a tape without a GPU: kernels compiled by a C++ compiler against `emulate.h`, products
//! plainly. What was compiled is kept in the target directory.

use super::bench::{narrow, widen};
use cluec::exec::cuda::kernels::PRELUDE;
use cluec::exec::cuda::product::{Operand, Product};
use cluec::exec::cuda::tape::{Arg, Command, Launch, Pointer, Precision, Tape, Unit};
use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

const HEADER: &str = include_str!("emulate.h");

type Play = unsafe extern "C" fn(*const c_char, *const u32, u32, *const *const c_void) -> c_int;

/// A library runs one launch at a time: its shared memory is static.
static LIBRARIES: Mutex<Option<HashMap<Unit, libloading::Library>>> = Mutex::new(None);

/// Whether there is a C++ compiler; said once if not.
pub fn available() -> bool {
    let found = std::process::Command::new(compiler()).arg("--version").output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        println!("no C++ compiler (`{}`): skipped", compiler());
    }
    found
}

fn compiler() -> String {
    std::env::var("CXX").unwrap_or_else(|_| "g++".into())
}

/// Plays everything in order. Addresses on the tape are addresses of this process.
pub fn play(tape: &Tape) {
    for command in &tape.commands {
        match command {
            Command::Launch(launch) => run(launch),
            Command::Product(product) => multiply(product, tape.precision),
        }
    }
}

fn run(launch: &Launch) {
    // What CUDA allows.
    assert!(launch.grid[0] < 1 << 31 && launch.grid[1] < 1 << 16, "{}", launch.entry);
    let mut libraries = LIBRARIES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let libraries = libraries.get_or_insert_default();
    let library = libraries.entry(launch.unit.clone()).or_insert_with(|| {
        let path = compile(&launch.unit);
        // SAFETY: the library is our own source and runs nothing when it is loaded.
        unsafe { libloading::Library::new(&path) }.unwrap()
    });
    let entry = CString::new(launch.entry).unwrap();
    let args: Vec<*const c_void> = launch.args.iter().map(Arg::address).collect();
    // SAFETY: `play` is defined below with this signature; the test's buffers are what the
    // launcher says they are, or this is the test that finds out.
    let result = unsafe {
        let play: libloading::Symbol<Play> = library.get(b"play\0").unwrap();
        play(entry.as_ptr(), launch.grid.as_ptr(), launch.block, args.as_ptr())
    };
    assert_eq!(result, 0, "`{}`: threads wait for some that never come", launch.entry);
}

/// The names of the kernels of a source, in order.
pub fn entries(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for part in text.split("__global__ void").skip(1) {
        let part = match part.trim_start().strip_prefix("__launch_bounds__(") {
            Some(rest) => rest.split_once(')').unwrap().1,
            None => part,
        };
        names.push(part.split('(').next().unwrap().trim());
    }
    names
}

fn compile(unit: &Unit) -> PathBuf {
    let mut text = String::from(HEADER);
    for (name, value) in &unit.constants {
        text.push_str(&format!("#define {name} {value}\n"));
    }
    text.push_str(PRELUDE);
    text.push_str(unit.source.text);
    text.push_str(
        "extern \"C\" int play(const char* entry, const unsigned* grid, unsigned block, void** args) {\n",
    );
    for name in entries(unit.source.text) {
        text.push_str(&format!(
            "if (!strcmp(entry, \"{name}\")) return emulated::run<{name}>({name}, grid, block, args);\n"
        ));
    }
    text.push_str("return 3;\n}\n");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulated");
    std::fs::create_dir_all(&folder).unwrap();
    let key = blake3::hash(text.as_bytes()).to_hex();
    let library = folder.join(format!("{}-{}.so", unit.source.name, &key[..16]));
    if !library.is_file() {
        let source = library.with_extension("cpp");
        let fresh = library.with_extension(format!("{}.tmp", std::process::id()));
        std::fs::write(&source, text).unwrap();
        let output = std::process::Command::new(compiler())
            .args(["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off", "-o"])
            .args([&fresh, &source])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::rename(&fresh, &library).unwrap();
    }
    library
}

/// Numbers of one stored kind.
struct Numbers {
    at: u64,
    stored: Precision,
}

impl Numbers {
    fn get(&self, i: usize) -> f32 {
        // SAFETY: as in `run`.
        unsafe {
            match self.stored {
                Precision::F32 => *(self.at as *const f32).add(i),
                stored => widen(stored, *(self.at as *const u16).add(i)),
            }
        }
    }

    fn set(&self, i: usize, value: f32) {
        // SAFETY: as in `run`.
        unsafe {
            match self.stored {
                Precision::F32 => *(self.at as *mut f32).add(i) = value,
                stored => *(self.at as *mut u16).add(i) = narrow(stored, value),
            }
        }
    }
}

fn multiply(product: &Product, precision: Precision) {
    let Product { m, n, k, a, b, d, bias, wide, accumulate, parts } = *product;
    if parts > 1 {
        // As the launchers promise: parts of both lie one behind the other.
        assert!(a.turned && !b.turned && k.is_multiple_of(parts) && !accumulate && bias.is_none());
        let (k, stored) = (k / parts, precision.bytes());
        let result = m * n * if wide { 4 } else { stored };
        for part in 0..parts {
            let behind = |at: Pointer, bytes: usize| at.plus(part * bytes);
            let a = Operand { at: behind(a.at, k * m * stored), ..a };
            let b = Operand { at: behind(b.at, k * n * stored), ..b };
            let d = behind(d, result);
            multiply(&Product { k, a, b, d, parts: 1, ..*product }, precision);
        }
        return;
    }
    let numbers = |at: u64| Numbers { at, stored: precision };
    let (left, right) = (numbers(a.at.0), numbers(b.at.0));
    let to = Numbers { at: d.0, stored: if wide { Precision::F32 } else { precision } };
    for i in 0..m {
        for j in 0..n {
            let mut sum = bias.map_or(0.0, |bias| numbers(bias.0).get(j));
            for l in 0..k {
                let x = left.get(if a.turned { l * m + i } else { i * k + l });
                let y = right.get(if b.turned { j * k + l } else { l * n + j });
                sum += x * y;
            }
            to.set(i * n + j, if accumulate { to.get(i * n + j) + sum } else { sum });
        }
    }
}
