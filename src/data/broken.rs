//! Images that can not be read: counted and named, and an error beyond a limit.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::dataset::DataError;

/// Named in a message at most.
const NAMED: usize = 10;

/// The broken images of a data set met so far, each once.
#[derive(Debug)]
pub struct Broken {
    /// The part of them that may be, as said.
    part: f64,
    /// How many there may be.
    limit: usize,
    /// Of the whole data set.
    images: usize,
    met: Mutex<BTreeMap<usize, String>>,
}

impl Broken {
    /// `part` of `images`, rounded down, may be broken.
    pub fn up_to(part: f64, images: usize) -> Broken {
        // A percentage is no binary number: 29 % of 100 are 28.999999999999996.
        let limit = (part * images as f64 * (1.0 + f64::EPSILON)) as usize;
        Broken { part, limit, images, met: Mutex::default() }
    }

    /// Takes note of image `i`; an error if there are more than there may be.
    pub fn note(&self, i: usize, error: DataError) -> Result<(), DataError> {
        let mut met = self.met();
        if self.limit == 0 {
            return Err(self.none_may_be(error));
        }
        met.entry(i).or_insert_with(|| DataError { help: None, ..error }.to_string());
        if met.len() <= self.limit {
            return Ok(());
        }
        let message = format!(
            "more than {} of {} images are broken:{}",
            self.limit,
            self.images,
            named(met.values())
        );
        Err(DataError::new(message).help("mend or remove them; `data.broken` says how many may be"))
    }

    /// An image is broken where none may be: of few images the part that may be is none.
    fn none_may_be(&self, error: DataError) -> DataError {
        if self.part == 0.0 {
            return error;
        }
        let (part, images) = ((1e4 * self.part).round() / 1e2, self.images);
        let limit =
            format!("`data.broken` lets {part} % of {images} images be broken, which is none");
        let help = error.help.as_ref().map_or(limit.clone(), |help| format!("{help}; {limit}"));
        error.help(help)
    }

    pub fn count(&self) -> usize {
        self.met().len()
    }

    /// Those met, one a line, in the order of the data set; none if there are none, or more than there
    /// may be: then the error has named them.
    pub fn report(&self) -> Option<String> {
        let met = self.met();
        (1..=self.limit).contains(&met.len()).then(|| named(met.values()))
    }

    fn met(&self) -> MutexGuard<'_, BTreeMap<usize, String>> {
        // What a thread that panicked had noted is whole.
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn named<'a>(all: impl ExactSizeIterator<Item = &'a String>) -> String {
    let rest = all.len().saturating_sub(NAMED);
    let mut lines: String = all.take(NAMED).map(|line| format!("\n  {line}")).collect();
    if rest > 0 {
        lines.push_str(&format!("\n  and {rest} more"));
    }
    lines
}
