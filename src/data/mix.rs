//! The images of a batch mixed in pairs: mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019).
//!
//! Image `i` of `n` is mixed with image `n - 1 - i`, each as it was before; a batch is in random order,
//! so these are random pairs, and the middle one of an odd number stays as it is. What is drawn is
//! keyed by seed and step (and, where every image draws for itself, by its place), so that neither an
//! interruption nor the number of workers changes it.

use crate::exec::random::{Random, Site};
use crate::exec::{Batch, Other, StepKey};
use crate::graph::{Size, area};
use crate::spec::{Per, Recipe};
use std::ops::Range;

/// How images are mixed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    /// Of the images.
    pub size: Size,
    /// The shares of blended images follow Beta(this, this); none: they are not blended.
    pub mixup: Option<f64>,
    /// Likewise the areas of pasted rectangles.
    pub cutmix: Option<f64>,
    /// How often anything is mixed.
    pub probability: f64,
    /// How often it is a rectangle, where it may be either.
    pub switch: f64,
    /// Every image draws for itself, not one draw for the whole batch.
    pub per_image: bool,
}

/// What one draw says.
#[derive(Debug, Clone, PartialEq)]
enum Draw {
    Nothing,
    /// This much of the image stays.
    Blend(f64),
    /// These rows and columns come from the other image.
    Paste(Range<usize>, Range<usize>),
}

impl Mix {
    /// What a recipe asks for, if it asks for any.
    pub fn of(recipe: &Recipe, size: Size) -> Option<Mix> {
        let mix = recipe.mix.value.as_ref()?;
        Some(Mix {
            size,
            mixup: mix.mixup.value.map(|alpha| alpha.0),
            cutmix: mix.cutmix.value.map(|alpha| alpha.0),
            probability: mix.probability.value.0,
            switch: mix.switch.value.0,
            per_image: *mix.per == Per::Image,
        })
    }

    /// Mixes the images of a batch and its labels.
    pub fn apply(&self, batch: &mut Batch, key: StepKey) {
        let (n, size) = (batch.labels.len(), self.size);
        let draw = |image| self.draw(key, image);
        let draws: Vec<Draw> = match self.per_image {
            true => (0..n as u64).map(draw).collect(),
            false => vec![draw(0); n],
        };
        if draws.iter().all(|draw| *draw == Draw::Nothing) {
            return;
        }
        let labels = batch.labels.clone();
        batch.others = labels.iter().map(|&label| Other { label, share: 0.0 }).collect();
        for i in (0..n).filter(|i| *i != n - 1 - i) {
            let share = draws[i].share(size);
            let (own, other) = (labels[i], labels[n - 1 - i]);
            // The larger part is what the image is counted as.
            let (label, other, share) = match share > 0.5 {
                true => (other, own, 1.0 - share),
                false => (own, other, share),
            };
            batch.labels[i] = label;
            batch.others[i] = Other { label: other, share: share as f32 };
        }
        let image = area(size) as usize * 3;
        let (first, second) = batch.images.split_at_mut(n.div_ceil(2) * image);
        let pairs = first.chunks_exact_mut(image).zip(second.chunks_exact_mut(image).rev());
        for (i, (a, b)) in pairs.enumerate() {
            exchange([a, b], [&draws[i], &draws[n - 1 - i]], size);
        }
    }

    fn draw(&self, key: StepKey, image: u64) -> Draw {
        let mut random = Random::new(key.seed, key.step, image, Site::Mix);
        if random.uniform() >= self.probability {
            return Draw::Nothing;
        }
        let (alpha, pastes) = match (self.mixup, self.cutmix) {
            (Some(_), Some(alpha)) if random.uniform() < self.switch => (alpha, true),
            (Some(alpha), _) => (alpha, false),
            (None, Some(alpha)) => (alpha, true),
            (None, None) => return Draw::Nothing,
        };
        let kept = random.beta(alpha);
        if !pastes {
            return Draw::Blend(kept);
        }
        // Of the image's aspect, around any pixel; what lies outside is cut off.
        let [rows, columns] = self.size.map(|side| {
            let half = (0.5 * side as f64 * (1.0 - kept).sqrt()) as usize;
            let middle = random.below(side as u64) as usize;
            middle.saturating_sub(half)..(middle + half).min(side)
        });
        Draw::Paste(rows, columns)
    }
}

impl Draw {
    /// How much of the image is the other's: of a rectangle, the area that is left of it.
    fn share(&self, size: Size) -> f64 {
        match self {
            Draw::Nothing => 0.0,
            Draw::Blend(kept) => 1.0 - kept,
            Draw::Paste(rows, columns) => {
                (rows.len() * columns.len()) as f64 / area(size).max(1) as f64
            }
        }
    }

    /// How much of a pixel stays.
    fn kept(&self, row: usize, column: usize) -> f32 {
        match self {
            Draw::Nothing => 1.0,
            Draw::Blend(kept) => *kept as f32,
            Draw::Paste(rows, columns) => {
                let pasted = rows.contains(&row) && columns.contains(&column);
                f32::from(u8::from(!pasted))
            }
        }
    }
}

/// Mixes two images with each other, `[height, width, 3]`.
fn exchange([a, b]: [&mut [f32]; 2], draws: [&Draw; 2], [_, width]: Size) {
    let pixels = a.chunks_exact_mut(3).zip(b.chunks_exact_mut(3));
    for (place, (a, b)) in pixels.enumerate() {
        let kept = draws.map(|draw| draw.kept(place / width, place % width));
        for (a, b) in a.iter_mut().zip(b) {
            let before = [*a, *b];
            *a = kept[0] * before[0] + (1.0 - kept[0]) * before[1];
            *b = kept[1] * before[1] + (1.0 - kept[1]) * before[0];
        }
    }
}
