//! Images: where they come from, what is done to them, and in which order they arrive.

mod augment;
pub mod cifar;
mod decode;
mod folder;
mod lists;
mod loader;
mod mix;
mod mutations;
mod parquet;
mod shapes;
mod survey;
pub mod views;

use cluec::data::{DataError, Image};
use std::path::{Path, PathBuf};

/// A folder of real images for development, if there is one.
pub fn real(name: &str) -> Option<PathBuf> {
    let root = match std::env::var_os("CLUEC_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("no real images at {}: skipped", folder.display());
    None
}

/// An image whose pixels all differ: red counts them, green and blue follow.
fn counted(height: usize, width: usize) -> Image {
    let pixels = (0..height * width).flat_map(|i| [i as u8, (2 * i) as u8, 7]).collect();
    Image { height, width, pixels }
}

/// The first channel.
fn reds(image: &Image) -> Vec<u8> {
    image.pixels.iter().step_by(3).copied().collect()
}

/// An error as a reader sees it.
fn refused<T>(result: Result<T, DataError>) -> String {
    result.err().expect("an error").to_string()
}
