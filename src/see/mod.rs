//! What a network sees, as pictures and numbers.
//!
//! ```text
//! graph, parameters, images ─look→ Record ─Regions→ clusters in pixels ─Sight→ colors, contributions
//!                                    │                                    ├─Picture→ PNG, SVG
//!                                    └─Statistics                         └─Sheet→ PNG, SVG
//! ```
//! A [`Record`] is one forward pass of one image; everything else is made of it.

pub mod anatomy;
mod blur;
pub mod contribution;
mod kmeans;
mod outline;
pub mod overlap;
pub mod palette;
pub mod picture;
mod raster;
pub mod record;
pub mod regions;
mod sheet;
mod sight;
pub mod statistics;
mod vector;
mod watch;

pub use anatomy::Anatomy;
pub use contribution::{Contribution, contributions, probabilities};
pub use kmeans::{Partition, kmeans};
pub use overlap::{Overlap, overlap};
pub use palette::{Color, Palette, matched};
pub use picture::{Look, Picture, Style};
pub use raster::png;
pub use record::{Record, SeeError, look};
pub use regions::{Cluster, Regions, positions};
pub use sheet::{Sheet, Words};
pub use sight::{Global, Guess, Show, Sight, View};
pub use statistics::{Statistics, Tally};
pub use watch::Watcher;
