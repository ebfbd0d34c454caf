//! What a worker does to a photograph before a training step, on 8-bit colors.

use super::Table;
use cluec::data::{IMAGENET, Image, Pipeline, Step};
use cluec::exec::random::{Random, Site};
use std::hint::black_box;

pub fn run(table: &mut Table) {
    let mut random = Random::named(0, "images", Site::Other);
    let mut image = |height: usize, width: usize| {
        let pixels = (0..3 * height * width).map(|_| random.below(256) as u8).collect();
        Image { height, width, pixels }
    };
    let (stored, shown) = (image(375, 500), image(224, 224));
    let (area, aspect) = ((0.08, 1.0), (0.75, 4.0 / 3.0));
    let crop = Step::CropResized { size: [224, 224], area, aspect, lanczos: false };
    let jitter = |[brightness, contrast, saturation, hue]: [f64; 4]| Step::Jitter {
        brightness,
        contrast,
        saturation,
        hue,
    };
    let flip = Step::Flip { probability: 0.5 };
    let erase = Step::Erase { probability: 0.1, area: (0.02, 0.2), aspect: (0.3, 3.3) };
    let policy = Step::RandAugment { operations: 2, strength: 0.9 };
    let all = [0.2, 0.2, 0.2, 0.05];
    for (name, steps, image) in [
        ("normalize", vec![], &shown),
        ("flip", vec![flip.clone()], &shown),
        ("brightness", vec![jitter([0.2, 0.0, 0.0, 0.0])], &shown),
        ("contrast", vec![jitter([0.0, 0.2, 0.0, 0.0])], &shown),
        ("saturation", vec![jitter([0.0, 0.0, 0.2, 0.0])], &shown),
        ("hue", vec![jitter([0.0, 0.0, 0.0, 0.05])], &shown),
        ("rand_augment", vec![policy], &shown),
        ("crop_resized", vec![crop.clone()], &stored),
        ("as cluenet_tiny", vec![crop, flip, jitter(all), erase], &stored),
    ] {
        let pipeline = Pipeline::new(steps, IMAGENET);
        let Image { height, width, .. } = image;
        // A mean over what is drawn, each time another.
        let mut sample = 0;
        table.line(&format!("image {name}"), &format!("{height}x{width} to 224x224"), 0, || {
            for _ in 0..8 {
                sample += 1;
                black_box(pipeline.apply(image.clone(), (0, 0, sample)));
            }
        });
    }
}
