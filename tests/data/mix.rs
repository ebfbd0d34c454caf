//! Images mixed in pairs, and what they count as.

use cluec::data::Mix;
use cluec::exec::{Batch, StepKey};

const PLAIN: Mix = Mix {
    size: [6, 5],
    mixup: None,
    cutmix: None,
    probability: 1.0,
    switch: 0.5,
    per_image: false,
};
const KEY: StepKey = StepKey { seed: 3, step: 8 };

/// Every number of image `i` is `i`, its label too.
fn batch(images: usize) -> Batch {
    let pixels = (0..images).flat_map(|i| [i as f32; 6 * 5 * 3]).collect();
    Batch { images: pixels, labels: (0..images as u32).collect(), ..Batch::default() }
}

fn mixed(mix: Mix, images: usize, step: u64) -> Batch {
    let mut batch = batch(images);
    mix.apply(&mut batch, StepKey { step, ..KEY });
    batch
}

/// How much of image `i` shows the image it is mixed with, by its labels.
fn share(batch: &Batch, i: usize) -> f64 {
    let other = batch.others[i];
    let share = f64::from(other.share);
    assert!(share <= 0.5, "the larger part is the label");
    if batch.labels[i] == i as u32 { share } else { 1.0 - share }
}

/// The numbers of an image are as mixed as its labels say.
fn holds_together(batch: &Batch) {
    let n = batch.labels.len();
    for (i, image) in batch.images.chunks(6 * 5 * 3).enumerate() {
        let mean = image.iter().map(|&x| f64::from(x)).sum::<f64>() / image.len() as f64;
        let share = share(batch, i);
        let expected = (1.0 - share) * i as f64 + share * (n - 1 - i) as f64;
        assert!((mean - expected).abs() < 1e-5, "image {i}: {mean} for {expected}");
        let pair = [i, n - 1 - i].map(|i| i as u32);
        assert!(pair.contains(&batch.labels[i]) && pair.contains(&batch.others[i].label));
    }
}

#[test]
fn blended_images_have_their_parts_as_labels() {
    let mix = Mix { mixup: Some(0.8), ..PLAIN };
    let batch = mixed(mix, 7, 0);
    holds_together(&batch);
    // One draw for all; the middle image has no partner.
    assert_eq!(share(&batch, 3), 0.0);
    assert!((share(&batch, 0) - share(&batch, 5)).abs() < 1e-6);
    let flat = |image: &[f32]| image.iter().all(|x| *x == image[0]);
    assert!(batch.images.chunks(90).all(flat));
}

#[test]
fn pasted_rectangles_count_by_the_area_that_is_left_of_them() {
    let mix = Mix { cutmix: Some(1.0), ..PLAIN };
    let mut areas = Vec::new();
    for step in 0..40 {
        let batch = mixed(mix, 4, step);
        holds_together(&batch);
        let pasted: Vec<bool> = batch.images[..90].iter().map(|x| *x == 3.0).collect();
        assert!(batch.images[..90].iter().all(|x| *x == 0.0 || *x == 3.0));
        // A rectangle: as many pixels as rows times columns that have any.
        let at = |row: usize, column: usize| pasted[(row * 5 + column) * 3];
        let rows = (0..6).filter(|&r| (0..5).any(|c| at(r, c))).count();
        let columns = (0..5).filter(|&c| (0..6).any(|r| at(r, c))).count();
        assert_eq!(rows * columns * 3, pasted.iter().filter(|p| **p).count());
        areas.push(rows * columns);
    }
    areas.sort_unstable();
    areas.dedup();
    assert!(areas.len() > 5, "{areas:?}");
}

#[test]
fn every_image_may_draw_for_itself() {
    let mix = Mix { mixup: Some(1.0), cutmix: Some(1.0), per_image: true, ..PLAIN };
    let batch = mixed(mix, 8, 1);
    holds_together(&batch);
    let mut shares: Vec<u64> = (0..8).map(|i| share(&batch, i).to_bits()).collect();
    shares.sort_unstable();
    shares.dedup();
    assert!(shares.len() > 4);
}

#[test]
fn how_often_and_which() {
    let both = Mix { mixup: Some(1.0), cutmix: Some(1.0), ..PLAIN };
    let steps = 400;
    let count = |mix: Mix, is: &dyn Fn(&Batch) -> bool| {
        (0..steps).filter(|&step| is(&mixed(mix, 2, step))).count() as f64 / steps as f64
    };
    let untouched = |batch: &Batch| batch.others.is_empty();
    let blended = |batch: &Batch| batch.images[..90].iter().any(|x| x.fract() != 0.0);
    assert_eq!(count(Mix { probability: 0.0, ..both }, &untouched), 1.0);
    assert_eq!(count(both, &untouched), 0.0);
    let half = count(Mix { probability: 0.5, ..both }, &untouched);
    assert!((half - 0.5).abs() < 0.08, "{half}");
    let some = count(Mix { switch: 0.25, ..both }, &blended);
    assert!((some - 0.75).abs() < 0.08, "{some}");
    assert_eq!(count(Mix { switch: 1.0, ..both }, &blended), 0.0);
}

#[test]
fn the_step_decides_and_nothing_else() {
    let mix = Mix { mixup: Some(0.2), cutmix: Some(1.0), per_image: true, ..PLAIN };
    assert_eq!(mixed(mix, 5, 4), mixed(mix, 5, 4));
    assert_ne!(mixed(mix, 5, 4), mixed(mix, 5, 5));
    let mut other = batch(5);
    mix.apply(&mut other, StepKey { seed: 4, step: 4 });
    assert_ne!(mixed(mix, 5, 4), other);
    // Nobody to be mixed with.
    assert_eq!(mixed(mix, 1, 4).images, batch(1).images);
}
