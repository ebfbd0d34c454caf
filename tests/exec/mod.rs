mod bits;
mod compiled;
mod components;
mod difference;
mod draw;
mod drawn;
mod drop_path;
mod exact;
mod families;
mod footprint;
mod given;
mod half;
mod model;
mod parameters;
mod profile;
mod ties;
mod whole;

use cluec::exec::published::{Plain, Plains};
use std::path::PathBuf;

/// The folder of reference tensors, if there is one.
pub fn fixtures() -> Option<PathBuf> {
    let folder = match std::env::var_os("CLUEC_FIXTURES") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures"),
    };
    if folder.join("cluenet/manifest.json").is_file() {
        return Some(folder);
    }
    println!("no reference tensors at {}: skipped", folder.display());
    None
}

pub fn json(path: PathBuf) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn get<'a>(tensors: &'a Plains, name: &str) -> &'a Plain {
    tensors.get(name).unwrap_or_else(|| panic!("no {name}"))
}
