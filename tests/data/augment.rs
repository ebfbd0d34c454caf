//! What is done to an image, on images small enough to do it by hand.

use super::{counted, reds};
use cluec::data::{Image, Pipeline, Statistics, Step};
use std::collections::BTreeSet;

const PLAIN: Statistics = Statistics { mean: [0.0; 3], std: [1.0; 3] };

/// What a step makes of an image as sample `i`.
fn step(step: &Step, image: &Image, i: u64) -> Image {
    Pipeline::new(vec![step.clone()], PLAIN).transform(image.clone(), (1, 2, i))
}

/// Everything a step makes of an image in many samples.
fn outcomes(of: Step, image: &Image) -> BTreeSet<Vec<u8>> {
    (0..400).map(|i| reds(&step(&of, image, i))).collect()
}

#[test]
fn padded_crops_are_the_windows_of_the_padded_image() {
    let image = counted(2, 2);
    let all = outcomes(Step::CropPadded { size: [2, 2], pad: 1 }, &image);
    // 0 1
    // 2 3, black around.
    let expected: BTreeSet<Vec<u8>> = [
        [0, 0, 0, 0],
        [0, 0, 0, 1],
        [0, 0, 1, 0],
        [0, 0, 0, 2],
        [0, 1, 2, 3],
        [1, 0, 3, 0],
        [0, 2, 0, 0],
        [2, 3, 0, 0],
        [3, 0, 0, 0],
    ]
    .map(Vec::from)
    .into();
    assert_eq!(all, expected);
}

#[test]
fn a_crop_larger_than_the_image_is_centered() {
    let all = outcomes(Step::CropPadded { size: [3, 3], pad: 0 }, &counted(1, 1));
    assert_eq!(all.len(), 1);
    let mut white = counted(1, 1);
    white.pixels = vec![255; 3];
    let out = step(&Step::CropPadded { size: [3, 3], pad: 0 }, &white, 0);
    assert_eq!(reds(&out), [0, 0, 0, 0, 255, 0, 0, 0, 0]);
}

#[test]
fn resized_crops_have_their_area_and_lie_inside() {
    let crop = |size, area, aspect| Step::CropResized { size, area, aspect, lanczos: false };
    // A quarter of the area, square: nine windows of 2x2, none resized.
    let quarter = outcomes(crop([2, 2], (0.25, 0.25), (1.0, 1.0)), &counted(4, 4));
    let window = |row: u8, column: u8| {
        let at = 4 * row + column;
        vec![at, at + 1, at + 4, at + 5]
    };
    let expected = (0..9).map(|i| window(i / 3, i % 3)).collect();
    assert_eq!(quarter, expected);
    // A half of the area, twice as wide as high: 2x4 of 4x4.
    let half = outcomes(crop([2, 4], (0.5, 0.5), (2.0, 2.0)), &counted(4, 4));
    assert_eq!(half.len(), 3);
    assert!(half.contains(&(0..8).collect::<Vec<u8>>()));
    // Resized to what is asked for.
    let out = step(&crop([5, 7], (0.08, 1.0), (0.75, 1.333)), &counted(9, 4), 1);
    assert_eq!((out.height, out.width), (5, 7));
}

#[test]
fn where_no_crop_fits_the_middle_is_taken() {
    let crop = |aspect| Step::CropResized { size: [1, 1], area: (1.0, 1.0), aspect, lanczos: true };
    // One row of nine: a square is the middle pixel. One column likewise.
    assert_eq!(outcomes(crop((1.0, 1.0)), &counted(1, 9)), [vec![4]].into());
    assert_eq!(outcomes(crop((1.0, 1.0)), &counted(9, 1)), [vec![4]].into());
}

#[test]
fn flips_happen_as_often_as_they_should() {
    let image = counted(1, 3);
    let flipped = |probability| {
        let images = (0..400).map(|i| reds(&step(&Step::Flip { probability }, &image, i)));
        images.filter(|row| row == &[2, 1, 0]).count()
    };
    assert_eq!((flipped(0.0), flipped(1.0)), (0, 400));
    // Within four deviations.
    assert!((160..240).contains(&flipped(0.5)), "{}", flipped(0.5));
}

#[test]
fn erasing_blackens_a_rectangle_of_the_area() {
    let mut white = counted(4, 4);
    white.pixels.fill(255);
    let erase = |probability| Step::Erase { probability, area: (0.25, 0.25), aspect: (1.0, 1.0) };
    assert_eq!(outcomes(erase(0.0), &white), [vec![255; 16]].into());
    let all = outcomes(erase(1.0), &white);
    assert_eq!(all.len(), 9);
    for row in all {
        let black: Vec<usize> = (0..16).filter(|&i| row[i] == 0).collect();
        let at = black[0];
        assert_eq!(black, [at, at + 1, at + 4, at + 5]);
    }
    // High and narrow: aspect is height by width.
    let tall = Step::Erase { probability: 1.0, area: (0.1875, 0.1875), aspect: (3.0, 3.0) };
    for row in outcomes(tall, &white) {
        let black: Vec<usize> = (0..16).filter(|&i| row[i] == 0).collect();
        assert_eq!(black, [black[0], black[0] + 4, black[0] + 8]);
    }
}

#[test]
fn jitter_of_brightness_scales_within_its_strength() {
    let image = Image { height: 1, width: 2, pixels: vec![100, 50, 10, 0, 200, 80] };
    let jitter = |brightness, contrast, saturation, hue| Step::Jitter {
        brightness,
        contrast,
        saturation,
        hue,
    };
    assert_eq!(step(&jitter(0.0, 0.0, 0.0, 0.0), &image, 3), image);
    let firsts: BTreeSet<u8> =
        (0..400).map(|i| step(&jitter(0.2, 0.0, 0.0, 0.0), &image, i).pixels[0]).collect();
    let (low, high) = (*firsts.first().unwrap(), *firsts.last().unwrap());
    assert!(low >= 80 && high <= 120 && low < 83 && high > 117, "{low} {high}");
    let out = step(&jitter(0.2, 0.0, 0.0, 0.0), &image, 0);
    let factor = f32::from(out.pixels[0]) / 100.0;
    for (&x, &y) in image.pixels.iter().zip(&out.pixels) {
        assert!((f32::from(x) * factor - f32::from(y)).abs() < 3.0);
    }
    // Gray has no saturation and no hue to change.
    let gray = Image { height: 1, width: 1, pixels: vec![77; 3] };
    assert_eq!(step(&jitter(0.0, 0.0, 0.4, 0.5), &gray, 1), gray);
    // The hue turns, the value stays.
    let turned = step(&jitter(0.0, 0.0, 0.0, 0.5), &image, 5);
    assert_ne!(turned, image);
    assert_eq!(turned.pixels[..3].iter().max(), image.pixels[..3].iter().max());
}

#[test]
fn evaluation_resizes_the_shorter_side_and_takes_the_middle() {
    let resize = Step::ResizeShorter { size: 2, lanczos: true };
    let wide = step(&resize, &counted(4, 10), 0);
    assert_eq!((wide.height, wide.width), (2, 5));
    let high = step(&resize, &counted(10, 4), 0);
    assert_eq!((high.height, high.width), (5, 2));
    assert_eq!(reds(&step(&Step::CropCenter { size: [1, 2] }, &counted(3, 4), 0)), [5, 6]);
    let any = step(&Step::ResizeTo { size: [3, 8], lanczos: false }, &counted(4, 4), 0);
    assert_eq!((any.height, any.width), (3, 8));
    // Halving averages: columns 0 1 | 2 3 of one row.
    let image =
        Image { height: 1, width: 4, pixels: [[10; 3], [10; 3], [50; 3], [50; 3]].concat() };
    let half = step(&Step::ResizeTo { size: [1, 2], lanczos: false }, &image, 0);
    assert!(half.pixel(0, 0)[0] < 20 && half.pixel(0, 1)[0] > 40, "{half:?}");
}

/// Squares of the enlarged image have the colors that the model takes, whatever gives the size: the
/// image itself, or a step before or behind the crop.
#[test]
fn what_is_enlarged_is_what_the_model_takes() {
    let colors = |row: usize, column: usize| [2 * row as u8, 2 * column as u8, 0];
    let pixels = (0..91 * 125).flat_map(|at| colors(at / 125, at % 125)).collect();
    let image = Image { height: 91, width: 125, pixels };
    let shorter = Step::ResizeShorter { size: 30, lanczos: false };
    let crop = |size| Step::CropCenter { size };
    let to = |size| Step::ResizeTo { size, lanczos: false };
    for steps in [
        vec![to([20, 24])],
        vec![crop([20, 24]), to([20, 24])],
        vec![crop([60, 72]), to([20, 24])],
        // An odd rest: the middle is no middle.
        vec![shorter.clone(), crop([20, 20]), to([20, 20])],
        vec![shorter, crop([40, 40]), to([40, 40])],
    ] {
        let pipeline = Pipeline::new(steps, PLAIN);
        let taken = pipeline.transform(image.clone(), (0, 0, 0));
        let large = pipeline.enlarged(image.clone(), 4);
        assert_eq!([large.height, large.width], [4 * taken.height, 4 * taken.width]);
        for at in 0..taken.height * taken.width {
            let (row, column) = (at / taken.width, at % taken.width);
            let square = (0..16).map(|i| large.pixel(4 * row + i / 4, 4 * column + i % 4));
            let mean = square.fold([0.0; 3], |sum: [f64; 3], pixel| {
                std::array::from_fn(|color| sum[color] + f64::from(pixel[color]) / 16.0)
            });
            let color = taken.pixel(row, column);
            let near = |color: u8, mean: f64| (f64::from(color) - mean).abs() < 1.5;
            let same = color.iter().zip(mean).all(|(&color, mean)| near(color, mean));
            assert!(same, "{:?}: {row} {column}: {color:?} {mean:?}", pipeline.steps);
        }
    }
}

#[test]
fn colors_become_numbers() {
    let image = Image { height: 1, width: 1, pixels: vec![255, 0, 51] };
    let statistics = Statistics { mean: [0.5, 0.25, 0.2], std: [0.5, 0.25, 0.1] };
    let out = Pipeline::new(Vec::new(), statistics).apply(image, (0, 0, 0));
    let expected = [1.0, -1.0, 0.0];
    assert!(out.iter().zip(expected).all(|(x, y): (&f32, f32)| (x - y).abs() < 1e-6), "{out:?}");
}

#[test]
fn seed_epoch_and_sample_each_give_another_image_and_sites_do_not_mix() {
    let crop = Step::CropPadded { size: [8, 8], pad: 8 };
    let pipeline = Pipeline::new(vec![crop.clone()], PLAIN);
    let image = |key| pipeline.transform(counted(8, 8), key);
    assert_eq!(image((1, 2, 3)), image((1, 2, 3)));
    for other in [(2, 2, 3), (1, 3, 3), (1, 2, 4)] {
        assert_ne!(image((1, 2, 3)), image(other));
    }
    // A step more in front draws from its own site: the window stays where it was.
    let more = Pipeline::new(vec![Step::Flip { probability: 0.0 }, crop], PLAIN);
    assert_eq!(image((1, 2, 3)), more.transform(counted(8, 8), (1, 2, 3)));
}
