//! What is taken for what: images counted by their class and the predicted class.

use crate::diag::number::grouped;
use crate::diag::table::{Side, Table};

/// `[class, predicted class]`, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    counts: Vec<u64>,
}

/// Images of one class that were taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mistake {
    pub class: usize,
    pub predicted: usize,
    pub images: u64,
    /// Of the class, all together.
    pub of: u64,
}

/// What is taken for what most often.
#[derive(Debug, Clone)]
pub struct Mistakes {
    /// A row for every pair of classes, as many as are shown.
    pub table: Table,
    /// Pairs that are not.
    pub more: usize,
}

/// Pairs of classes that are shown.
const SHOWN: usize = 10;

impl Confusion {
    pub fn new(classes: usize) -> Confusion {
        Confusion { classes, counts: vec![0; classes * classes] }
    }

    /// Takes in an image of class `label`; the largest logit names a class, the first of equal ones.
    pub fn add(&mut self, logits: &[f32], label: u32) {
        let mut predicted = None;
        for (class, &logit) in logits.iter().enumerate().take(self.classes) {
            if !logit.is_nan() && predicted.is_none_or(|best: usize| logit > logits[best]) {
                predicted = Some(class);
            }
        }
        let place = predicted.map(|predicted| label as usize * self.classes + predicted);
        if let Some(count) = place.and_then(|place| self.counts.get_mut(place)) {
            *count += 1;
        }
    }

    /// One row for every class.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks(self.classes.max(1))
    }

    /// All pairs that were confused, the most frequent first.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        for (class, row) in self.rows().enumerate() {
            let of = row.iter().sum();
            let others = row
                .iter()
                .enumerate()
                .filter(|&(predicted, &images)| predicted != class && images > 0);
            mistakes.extend(others.map(|(predicted, &images)| Mistake {
                class,
                predicted,
                images,
                of,
            }));
        }
        mistakes.sort_by_key(|mistake| std::cmp::Reverse(mistake.images));
        mistakes
    }

    /// The most frequent ones, under the names of their classes; none where all images were
    /// recognized.
    pub fn worst(&self, name: impl Fn(usize) -> String) -> Option<Mistakes> {
        let all = self.mistakes();
        let mut table = Table::new(&[
            ("class", Side::Left),
            ("taken for", Side::Left),
            ("images", Side::Right),
            ("of", Side::Right),
        ]);
        for mistake in all.iter().take(SHOWN) {
            let names = [mistake.class, mistake.predicted].map(&name);
            table.row(names.into_iter().chain([mistake.images, mistake.of].map(grouped)));
        }
        let more = all.len().saturating_sub(SHOWN);
        (!all.is_empty()).then_some(Mistakes { table, more })
    }
}
