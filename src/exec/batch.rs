//! What executors are fed: images, and what they show.

use super::ExecError;
use crate::graph::{Graph, Size};
use std::ops::Range;

/// Images in NHWC, normalized, and their labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// `[B, H, W, 3]`; empty where `views` say what is seen.
    pub images: Vec<f32>,
    /// `[B]`: of images that the executor holds; empty where their numbers are given.
    pub views: Vec<View>,
    /// `[B]`: the class of an image; of one that is mixed of two, that of the larger part.
    pub labels: Vec<u32>,
    /// `[B]`: the smaller parts; empty where no image of the batch is mixed.
    pub others: Vec<Other>,
}

/// What images are held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Use {
    Training,
    Evaluation,
}

/// All images of a data set, for an executor that holds them where it looks at them.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    pub size: Size,
    /// `[images, rows, columns, 3]`
    pub pixels: Vec<u8>,
    /// The number that a color becomes, for red, green and blue.
    pub colors: [[f32; 256]; 3],
}

impl Held {
    pub fn images(&self) -> usize {
        self.pixels.len() / (3 * self.size[0] * self.size[1]).max(1)
    }

    pub fn bytes(&self) -> u64 {
        (self.pixels.len() + size_of_val(&self.colors)) as u64
    }
}

/// An image as a window of one that an executor holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Which one.
    pub image: u32,
    /// Its corner within the stored image. It may lie outside, where all is black.
    pub top: i32,
    pub left: i32,
    /// Left and right exchanged.
    pub flip: bool,
    /// What is black of the window as it is seen: top, left, rows, columns.
    pub hole: [i32; 4],
}

impl View {
    /// Numbers a kernel reads a view as.
    pub const WORDS: usize = 8;

    pub fn words(&self) -> [i32; View::WORDS] {
        let [top, left, rows, columns] = self.hole;
        let (image, flip) = (self.image as i32, i32::from(self.flip));
        [image, self.top, self.left, flip, top, left, rows, columns]
    }
}

/// What an image shows besides its label.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Other {
    pub label: u32,
    /// How much of the image it is, from 0 to 1/2.
    pub share: f32,
}

/// What some images are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Targets<'a> {
    pub labels: &'a [u32],
    /// Empty, or one for every label.
    pub others: &'a [Other],
}

impl<'a> Targets<'a> {
    /// Those of some of the images.
    pub fn part(self, images: Range<usize>) -> Targets<'a> {
        let others = match self.others {
            [] => &[],
            others => &others[images.clone()],
        };
        Targets { labels: &self.labels[images], others }
    }

    /// The label of every image, and what else it shows: a share of nothing where it is not mixed.
    pub fn each(self) -> impl Iterator<Item = (u32, Other)> {
        let other = move |image| self.others.get(image).copied().unwrap_or_default();
        self.labels.iter().enumerate().map(move |(image, &label)| (label, other(image)))
    }
}

/// How many images for this model there are, if they are whole.
pub fn whole_images(graph: &Graph, images: &[f32]) -> Result<usize, ExecError> {
    let size = graph.image_numbers();
    if images.is_empty() || !images.len().is_multiple_of(size) {
        return Err(ExecError(format!("{} numbers are not whole images", images.len())));
    }
    Ok(images.len() / size)
}

impl Batch {
    /// How many images of so many numbers it has.
    pub fn len(&self, size: usize) -> usize {
        if self.views.is_empty() { self.images.len() / size } else { self.views.len() }
    }

    pub fn targets(&self) -> Targets<'_> {
        Targets { labels: &self.labels, others: &self.others }
    }

    /// Whether every one of `images` has a label below `classes`; `mixed` is whether the loss takes
    /// images that show something else as well.
    pub fn check(&self, images: usize, classes: usize, mixed: bool) -> Result<(), ExecError> {
        if self.labels.len() != images {
            return Err(ExecError(format!("{} labels for {images} images", self.labels.len())));
        }
        if !self.others.is_empty() && (!mixed || self.others.len() != images) {
            let others = self.others.len();
            return Err(ExecError(format!("{others} second labels for {images} images")));
        }
        let all = self.labels.iter().copied().chain(self.others.iter().map(|other| other.label));
        match all.into_iter().find(|label| *label as usize >= classes) {
            Some(label) => Err(ExecError(format!("label {label} of {classes} classes"))),
            None => Ok(()),
        }
    }
}
