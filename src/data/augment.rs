//! From an image to the numbers a network takes.
//!
//! A step draws from the stream of its own site, so adding one moves no other's numbers. The
//! distributions are those of torchvision's transforms of the same purpose.

use super::image::{Filter, Image, shorter};
use super::jitter;
use super::policy::rand_augment;
use crate::exec::random::{Random, Site};
use crate::graph::Size;

/// What keys the randomness: seed of the run, epoch, index of the image in its data set.
pub type Key = (u64, u64, u64);

/// Mean and standard deviation of red, green and blue, colors from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

/// Of the training images of CIFAR-100.
pub const CIFAR100: Statistics = Statistics {
    mean: [0.507_075_16, 0.486_548_9, 0.440_917_84],
    std: [0.267_334_29, 0.256_438_46, 0.276_150_47],
};

/// Of ImageNet, as torchvision's models use them.
pub const IMAGENET: Statistics =
    Statistics { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/// One change of an image. Sizes are rows x columns; a range of areas is of the image's area.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A window at a random place of the image with `pad` black pixels on each side.
    CropPadded { size: [usize; 2], pad: usize },
    /// A window of random area and aspect (width by height), resized; ten tries, then the middle.
    CropResized { size: [usize; 2], area: (f64, f64), aspect: (f64, f64), lanczos: bool },
    /// Left and right exchanged.
    Flip { probability: f64 },
    /// Changes drawn from a list, of a strength from 0 to 1.
    RandAugment { operations: usize, strength: f64 },
    /// Brightness, contrast and saturation by a factor within 1 +- the number, hue by an angle
    /// within +- the number of turns; in random order.
    Jitter { brightness: f64, contrast: f64, saturation: f64, hue: f64 },
    /// A black rectangle of random area and aspect (height by width); ten tries, then none.
    Erase { probability: f64, area: (f64, f64), aspect: (f64, f64) },
    /// The shorter side at this length, the aspect kept.
    ResizeShorter { size: usize, lanczos: bool },
    /// This size, whatever the aspect.
    ResizeTo { size: [usize; 2], lanczos: bool },
    /// The middle, with black around where the image is smaller.
    CropCenter { size: [usize; 2] },
}

/// Steps in order, then normalization.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    pub steps: Vec<Step>,
    pub mean: [f32; 3],
    pub std: [f32; 3],
}

impl Pipeline {
    pub fn new(steps: Vec<Step>, Statistics { mean, std }: Statistics) -> Pipeline {
        Pipeline { steps, mean, std }
    }

    /// All steps, then `(color / 255 - mean) / std`: `[height, width, 3]`.
    pub fn apply(&self, image: Image, key: Key) -> Vec<f32> {
        let image = self.transform(image, key);
        let mut out = Vec::with_capacity(image.pixels.len());
        self.normalize(&image, &mut out);
        out
    }

    /// Rows and columns of what the steps make of an image of this size: nothing random changes them.
    pub fn size(&self, stored: Size) -> Size {
        self.steps.iter().fold(stored, |size, step| step.size(size))
    }

    /// The steps without the normalization.
    pub fn transform(&self, image: Image, key: Key) -> Image {
        self.steps.iter().fold(image, |image, step| step.apply(image, key))
    }

    /// Appends the normalized colors of an image, `[height, width, 3]`.
    pub fn normalize(&self, image: &Image, out: &mut Vec<f32>) {
        let (start, colors) = (out.len(), self.colors());
        out.resize(start + image.pixels.len(), 0.0);
        let (to, _) = out[start..].as_chunks_mut::<3>();
        let (from, _) = image.pixels.as_chunks::<3>();
        for (to, pixel) in to.iter_mut().zip(from) {
            *to = [0, 1, 2].map(|channel| colors[channel][usize::from(pixel[channel])]);
        }
    }

    fn color(&self, channel: usize, color: u8) -> f32 {
        (f32::from(color) / 255.0 - self.mean[channel]) / self.std[channel]
    }

    /// The number that every color becomes, of red, green and blue.
    pub fn colors(&self) -> [[f32; 256]; 3] {
        std::array::from_fn(|channel| std::array::from_fn(|color| self.color(channel, color as u8)))
    }
}

/// The filter of a step that resizes.
pub(super) fn filter(lanczos: bool) -> Filter {
    if lanczos { Filter::Lanczos } else { Filter::Bilinear }
}

impl Step {
    fn size(&self, stored: Size) -> Size {
        match *self {
            Step::CropPadded { size, .. }
            | Step::CropResized { size, .. }
            | Step::ResizeTo { size, .. }
            | Step::CropCenter { size } => size,
            Step::ResizeShorter { size, .. } => shorter(stored, size),
            Step::Flip { .. }
            | Step::RandAugment { .. }
            | Step::Jitter { .. }
            | Step::Erase { .. } => stored,
        }
    }

    fn apply(&self, mut image: Image, (seed, epoch, sample): Key) -> Image {
        let random = |site| Random::new(seed, epoch, sample, site);
        match *self {
            Step::CropPadded { size: [height, width], pad } => {
                let stored = [image.height, image.width];
                let [top, left] = corner(stored, [height, width], pad, random(Site::Crop));
                image.window(top, left, height, width)
            }
            Step::CropResized { size: [height, width], area, aspect, lanczos } => {
                let part = crop_random(&image, area, aspect, random(Site::Crop));
                part.resize(height, width, filter(lanczos))
            }
            Step::Flip { probability } => {
                if random(Site::Flip).uniform() < probability {
                    image.flip();
                }
                image
            }
            Step::RandAugment { operations, strength } => {
                rand_augment(&mut image, operations, strength, random(Site::Policy));
                image
            }
            Step::Jitter { brightness, contrast, saturation, hue } => {
                let strengths = [brightness, contrast, saturation, hue];
                jitter::jitter(&mut image, strengths, random(Site::Jitter));
                image
            }
            Step::Erase { probability, area, aspect } => {
                let size = [image.height, image.width];
                if let Some(hole) = hole(size, probability, area, aspect, random(Site::Erase)) {
                    let [top, left, h, w] = hole;
                    image.erase(top, left, h, w);
                }
                image
            }
            Step::ResizeShorter { size, lanczos } => image.resize_shorter(size, filter(lanczos)),
            Step::ResizeTo { size: [height, width], lanczos } => {
                image.resize(height, width, filter(lanczos))
            }
            Step::CropCenter { size: [height, width] } => image.center(height, width),
        }
    }
}

/// Where the image with its pad is smaller than the window, the window is centered on it.
pub(super) fn corner(image: Size, window: Size, pad: usize, mut random: Random) -> [isize; 2] {
    [0, 1].map(|axis| match (image[axis] + 2 * pad).checked_sub(window[axis]) {
        Some(rest) => random.below(rest as u64 + 1) as isize - pad as isize,
        None => (image[axis] as isize - window[axis] as isize) / 2,
    })
}

/// A side ratio drawn so that its logarithm is uniform.
fn draw_aspect((low, high): (f64, f64), random: &mut Random) -> f64 {
    random.range(low.ln(), high.ln()).exp()
}

fn crop_random(image: &Image, area: (f64, f64), aspect: (f64, f64), mut random: Random) -> Image {
    let (height, width) = (image.height, image.width);
    for _ in 0..10 {
        let target = (height * width) as f64 * random.range(area.0, area.1);
        let ratio = draw_aspect(aspect, &mut random);
        let w = (target * ratio).sqrt().round_ties_even() as usize;
        let h = (target / ratio).sqrt().round_ties_even() as usize;
        if (1..=width).contains(&w) && (1..=height).contains(&h) {
            let top = random.below((height - h + 1) as u64) as isize;
            let left = random.below((width - w + 1) as u64) as isize;
            return image.window(top, left, h, w);
        }
    }
    let whole = width as f64 / height.max(1) as f64;
    let (h, w) = if whole < aspect.0 {
        ((width as f64 / aspect.0).round_ties_even() as usize, width)
    } else if whole > aspect.1 {
        (height, (height as f64 * aspect.1).round_ties_even() as usize)
    } else {
        (height, width)
    };
    let (h, w) = (h.clamp(1, height.max(1)), w.clamp(1, width.max(1)));
    image.window(((height - h) / 2) as isize, ((width - w) / 2) as isize, h, w)
}

/// Top, left, rows and columns of what is erased of an image, if anything is.
pub(super) fn hole(
    [height, width]: Size,
    probability: f64,
    area: (f64, f64),
    aspect: (f64, f64),
    mut random: Random,
) -> Option<[usize; 4]> {
    if random.uniform() >= probability {
        return None;
    }
    (0..10).find_map(|_| {
        let target = (height * width) as f64 * random.range(area.0, area.1);
        let ratio = draw_aspect(aspect, &mut random);
        let h = (target * ratio).sqrt().round_ties_even() as usize;
        let w = (target / ratio).sqrt().round_ties_even() as usize;
        (h < height && w < width).then(|| {
            let top = random.below((height - h + 1) as u64) as usize;
            let left = random.below((width - w + 1) as u64) as usize;
            [top, left, h, w]
        })
    })
}
