//! Real and generated images, decoded and augmented ahead of training.

pub mod augment;
pub mod cifar;
pub mod color;
pub mod dataset;
pub mod folder;
pub mod image;
pub mod jitter;
pub mod loader;
pub mod open;
mod outline;
pub mod shapes;

pub use augment::{CIFAR100, IMAGENET, Key, Pipeline, Statistics, Step};
pub use cifar::Cifar;
pub use dataset::{DataError, Dataset, Split};
pub use folder::{ImageFolder, decode};
pub use image::{Filter, Image};
pub use loader::{Loader, Plan, shuffle};
pub use open::{Opened, open, test_pipeline};
pub use shapes::Shapes;
