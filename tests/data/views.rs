//! Batches of images that a trainer holds: what they show is what a loader makes.

use super::counted;
use cluec::data::{
    Broken, DataError, Dataset, Image, Loader, Pipeline, Plan, Shapes, Split, Statistics, Step,
    Views,
};
use cluec::exec::{Held, View};
use cluec::graph::Size;
use std::sync::Arc;

const COLORS: Statistics = Statistics { mean: [0.5, 0.4, 0.3], std: [0.2, 0.3, 0.4] };
const CROP: Step = Step::CropPadded { size: [13, 15], pad: 4 };
const FLIP: Step = Step::Flip { probability: 0.5 };
const ERASE: Step = Step::Erase { probability: 0.7, area: (0.1, 0.5), aspect: (0.3, 3.0) };

/// The numbers of what a view shows.
pub fn look(held: &Held, view: &View, [rows, columns]: Size) -> Vec<f32> {
    let [height, width] = held.size.map(|side| side as i32);
    let [top, left, down, across] = view.hole;
    let mut numbers = Vec::new();
    for row in 0..rows as i32 {
        for column in 0..columns as i32 {
            let erased =
                (top..top + down).contains(&row) && (left..left + across).contains(&column);
            let mirrored = if view.flip { columns as i32 - 1 - column } else { column };
            let (r, c) = (view.top + row, view.left + mirrored);
            let inside = (0..height).contains(&r) && (0..width).contains(&c);
            for channel in 0..3 {
                let at = ((view.image as i32 * height + r) * width + c) * 3 + channel;
                let black = erased || !inside;
                let color = if black { 0 } else { held.pixels[at as usize] };
                numbers.push(held.colors[channel as usize][color as usize]);
            }
        }
    }
    numbers
}

fn shapes() -> Arc<dyn Dataset> {
    Arc::new(Shapes::new([16, 16], 10, 130, 5, Split::Train).unwrap())
}

fn views(steps: &[Step], shown: Size, most: u64) -> Option<(Views, Held)> {
    Views::of(&shapes(), &Arc::new(Pipeline::new(steps.to_vec(), COLORS)), shown, most)
}

#[test]
fn views_show_what_a_loader_makes() {
    let ways: [&[Step]; 7] = [
        &[],
        &[FLIP],
        &[CROP],
        &[CROP, FLIP],
        &[FLIP, CROP],
        &[CROP, FLIP, ERASE],
        &[ERASE, FLIP, FLIP],
    ];
    for steps in ways {
        let shown = if steps.contains(&CROP) { [13, 15] } else { [16, 16] };
        let (views, held) = views(steps, shown, 1 << 20).unwrap();
        for first_batch in [0, 2, 4] {
            let plan =
                Plan { batch: 40, workers: 2, seed: 3, epoch: 1, shuffle: true, first_batch };
            let pipeline = Arc::new(Pipeline::new(steps.to_vec(), COLORS));
            let none_broken = Arc::new(Broken::up_to(0.0, 0));
            let loaded: Vec<_> =
                Loader::new(shapes(), pipeline, none_broken, plan).map(Result::unwrap).collect();
            let seen: Vec<_> = views.epoch(plan).collect();
            assert_eq!(seen.len(), loaded.len());
            for (seen, loaded) in seen.iter().zip(loaded) {
                assert_eq!(seen.labels, loaded.batch.labels);
                let numbers = seen.views.iter().flat_map(|view| look(&held, view, shown));
                assert!(numbers.eq(loaded.batch.images), "{steps:?} from batch {first_batch}");
            }
        }
    }
}

#[test]
fn what_computes_new_pixels_or_does_not_fit_is_not_held() {
    let held = |steps: &[Step], shown, most| views(steps, shown, most).is_some();
    let bytes = 130 * 16 * 16 * 3;
    assert!(held(&[CROP], [13, 15], bytes));
    assert!(!held(&[CROP], [13, 15], bytes - 1));
    assert!(!held(&[CROP], [16, 16], bytes), "the model sees another size");
    assert!(!held(&[CROP, CROP], [13, 15], bytes), "one window cuts the other");
    // Whatever is drawn.
    let never = Step::Erase { probability: 0.0, area: (0.1, 0.5), aspect: (0.3, 3.0) };
    for erase in [ERASE, never] {
        assert!(!held(&[erase.clone(), CROP], [13, 15], bytes));
        assert!(!held(&[erase, ERASE], [16, 16], bytes));
    }
    assert!(!held(&[Step::RandAugment { operations: 2, strength: 0.5 }], [16, 16], bytes));
}

/// The last image is of another size, or broken.
struct Odd(Option<Image>);

impl Dataset for Odd {
    fn name(&self) -> &str {
        "odd"
    }
    fn len(&self) -> usize {
        30
    }
    fn classes(&self) -> &[String] {
        &[]
    }
    fn label(&self, _: usize) -> u32 {
        0
    }
    fn image(&self, i: usize) -> Result<Image, DataError> {
        let other = self.0.clone().ok_or_else(|| DataError::new("cannot decode an image"));
        if i == 29 { other } else { Ok(counted(2, 3)) }
    }
}

#[test]
fn images_of_several_sizes_or_broken_ones_are_not_held() {
    let held = |last: Option<Image>| {
        let set: Arc<dyn Dataset> = Arc::new(Odd(last));
        let pipeline = Arc::new(Pipeline::new(Vec::new(), COLORS));
        Views::of(&set, &pipeline, [2, 3], 1 << 20).is_some()
    };
    assert!(held(Some(counted(2, 3))));
    assert!(!held(Some(counted(3, 2))));
    assert!(!held(None));
}
