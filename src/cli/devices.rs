//! `cluec devices`: what there is to run on, and where CUDA's libraries were found.

use super::{Exit, Format};
use crate::exec::cpu::kernels::simd;
use serde_json::{Value, json};
use std::io::{self, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let report = report();
    match args.format {
        Format::Json => writeln!(out, "{report:#}")?,
        Format::Human => write!(out, "{}", human(&report))?,
    }
    Ok(Exit::Fine)
}

/// The contract of `--format json`: `cpu` has `cores` and `vectors`; `cuda` has `libraries` (`place`
/// and `version`, or `missing` with where was looked) and `devices`, and is null if this cluec was
/// built without it.
pub fn report() -> Value {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    json!({ "cpu": { "cores": cores, "vectors": vectors() }, "cuda": cuda() })
}

/// What the CPU's kernels can make use of.
fn vectors() -> Vec<&'static str> {
    let spelled = |name| match name {
        "neon" => Some("NEON"),
        "avx2" => Some("AVX2"),
        "avx512" => Some("AVX-512"),
        "avx512-bf16" => Some("AVX512-BF16"),
        "amx" => Some("AMX"),
        _ => None,
    };
    simd::instructions().into_iter().filter_map(|(name, _)| spelled(name)).collect()
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Value {
    Value::Null
}

#[cfg(feature = "cuda")]
fn cuda() -> Value {
    use crate::exec::cuda::{compile, cublaslt, device, library};
    let version = |library| match library {
        library::Library::Driver => {
            library::driver_version().map(|v| format!("{}.{}", v / 1000, v % 1000 / 10))
        }
        library::Library::Nvrtc => compile::nvrtc_version().map(|(a, b)| format!("{a}.{b}")),
        library::Library::CublasLt => cublaslt::version(),
    };
    let libraries: Vec<Value> = library::Library::ALL
        .into_iter()
        .map(|library| {
            let name = format!("lib{}", library.name());
            match library.find() {
                Ok(place) => json!({
                    "name": name, "place": place.to_string(), "version": version(library),
                }),
                Err(error) => json!({ "name": name, "missing": error.to_string() }),
            }
        })
        .collect();
    let devices: Vec<Value> = (0..device::count().unwrap_or(0))
        .map(|ordinal| match device::facts(ordinal) {
            Ok(facts) => json!({
                "name": facts.name,
                "capability": format!("{}.{}", facts.capability.0, facts.capability.1),
                "memory": facts.memory,
                "free": facts.free,
            }),
            Err(error) => json!({ "error": error.to_string() }),
        })
        .collect();
    json!({ "libraries": libraries, "devices": devices })
}

fn human(report: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("?").to_string();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let cpu = &report["cpu"];
    let mut text = format!("CPU    {} cores", cpu["cores"]);
    for vector in list(&cpu["vectors"]) {
        text.push_str(&format!(", {}", word(&vector)));
    }
    text.push('\n');
    let cuda = &report["cuda"];
    if cuda.is_null() {
        text.push_str("CUDA   this cluec was built without it\n");
        return text;
    }
    let devices = list(&cuda["devices"]);
    if devices.is_empty() {
        text.push_str("GPU    none\n");
    }
    for (ordinal, device) in devices.iter().enumerate() {
        let gib = |key: &str| device[key].as_f64().unwrap_or(0.0) / f64::from(1 << 30);
        let line = match device["error"].as_str() {
            Some(error) => error.to_string(),
            None => format!(
                "{}, compute capability {}, {:.1} GiB, {:.1} GiB free",
                word(&device["name"]),
                word(&device["capability"]),
                gib("memory"),
                gib("free")
            ),
        };
        text.push_str(&format!("GPU {ordinal}  {line}\n"));
    }
    for library in list(&cuda["libraries"]) {
        let line = match library["missing"].as_str() {
            Some(missing) => missing.to_string(),
            None => format!(
                "{} {}, {}",
                word(&library["name"]),
                word(&library["version"]),
                word(&library["place"])
            ),
        };
        text.push_str(&format!("CUDA   {line}\n"));
    }
    text
}
