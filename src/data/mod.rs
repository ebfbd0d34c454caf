//! Real and generated images, decoded and augmented ahead of training.

pub mod augment;
mod broken;
pub mod cifar;
pub mod color;
pub mod dataset;
pub mod decode;
mod divide;
mod enlarge;
mod files;
mod fingerprint;
pub mod folder;
pub mod image;
pub mod jitter;
pub mod letters;
pub mod lists;
pub mod loader;
mod mersenne;
mod mix;
pub mod open;
mod outline;
pub mod parquet;
mod place;
mod policy;
pub mod shapes;
mod sheet;
mod survey;
mod views;

pub use augment::{CIFAR100, IMAGENET, Key, Pipeline, Statistics, Step};
pub use broken::Broken;
pub use cifar::Cifar;
pub use dataset::{DataError, Dataset, Split};
pub use decode::{decode, decode_bytes};
pub use divide::Division;
pub use files::ImageFiles;
pub use fingerprint::fingerprint;
pub use image::{Filter, Image};
pub use loader::{Loaded, Loader, Plan, shuffle};
pub use mix::Mix;
pub use open::{Opened, open, test_pipeline};
pub use parquet::Parquet;
pub use shapes::Shapes;
pub use sheet::sheet;
pub use survey::{Survey, spread};
pub use views::Views;

use place::read_at;
