//! One HTML file that tells all of a run: it opens without a network and asks nothing of a server.
//!
//! ```text
//! Report ─page→ HTML    charts as SVG, maps as small pictures laid over the images
//! ```

mod eyes;
mod page;

pub use eyes::{Eyes, Layer};

use crate::diag::table::Table;
use crate::see::{Sight, Statistics};
use crate::train::Mistakes;

/// What a report is made of. Whatever is not there is left out of the page.
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub title: String,
    /// One sentence below the title.
    pub subtitle: String,
    /// What there is to know in a few words, by name.
    pub facts: Vec<(String, String)>,
    /// What has to be said first: what could not be shown, or what is suspicious.
    pub remarks: Vec<String>,
    /// What every stage gives and costs.
    pub parts: Option<Table>,
    /// Loss, accuracy and learning rate, as SVG.
    pub curves: Option<String>,
    /// What is taken for what, as SVG.
    pub confusion: Option<String>,
    /// What is taken for what most often.
    pub mistakes: Option<Mistakes>,
    pub eyes: Option<Eyes>,
    /// How clusters are used over test images.
    pub statistics: Option<Statistics>,
    /// How that changed while the model was trained, as SVG.
    pub history: Option<String>,
    /// The text of the model.
    pub source: String,
}

/// An image that is shown: as the model took it, what it is and what is seen in it.
#[derive(Debug, Clone)]
pub struct Shown {
    pub name: String,
    /// PNG.
    pub image: Vec<u8>,
    pub sight: Sight,
}

impl Report {
    /// The page, whole.
    pub fn html(&self) -> String {
        page::page(self).into_string()
    }
}
