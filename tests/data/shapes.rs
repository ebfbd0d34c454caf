//! The generated data set.

use super::refused;
use cluec::data::color::to_hsv;
use cluec::data::{Dataset, Shapes, Split};
use cluec::graph::Size;
use std::collections::HashSet;

fn shapes(size: Size, classes: usize, seed: u64, split: Split) -> Shapes {
    Shapes::new(size, classes, 300, seed, split).unwrap()
}

#[test]
fn an_image_follows_from_seed_part_and_index() {
    let image = |seed, split, i| shapes([24, 24], 10, seed, split).image(i).unwrap();
    let base = image(1, Split::Train, 7);
    assert_eq!(base, image(1, Split::Train, 7));
    assert_ne!(base, image(2, Split::Train, 7));
    assert_ne!(base, image(1, Split::Test, 7));
    // Of the same class.
    assert_ne!(base, image(1, Split::Train, 17));
    // Neither the number of images nor what was asked for before changes one.
    let other = Shapes::new([24, 24], 10, 8, 1, Split::Train).unwrap();
    other.image(3).unwrap();
    assert_eq!(base, other.image(7).unwrap());
}

#[test]
fn sizes_and_classes() {
    for size in [[8, 8], [17, 40], [96, 33], [224, 224]] {
        let set = shapes(size, 3, 0, Split::Test);
        let image = set.image(5).unwrap();
        assert_eq!([image.height, image.width], size);
        assert_eq!(set.mask(5).len(), size[0] * size[1]);
    }
    for classes in [1, 10, 100] {
        let set = shapes([8, 8], classes, 0, Split::Train);
        let names: HashSet<_> = set.classes().iter().collect();
        assert_eq!((set.classes().len(), names.len()), (classes, classes));
        // As equal as 300 images allow.
        let mut counts = vec![0; classes];
        (0..set.len()).for_each(|i| counts[set.label(i) as usize] += 1);
        assert_eq!(counts, vec![300 / classes; classes]);
    }
    assert_eq!(shapes([8, 8], 11, 0, Split::Train).classes()[..2], ["red disk", "cyan bar"]);
    let new = |size, classes| refused(Shapes::new(size, classes, 5, 0, Split::Train));
    assert_eq!(new([8, 8], 0), "shapes: 0 classes, expected 1 to 100");
    assert_eq!(new([8, 8], 101), "shapes: 101 classes, expected 1 to 100");
    assert_eq!(new([7, 32], 5), "shapes: size 7x32, expected at least 8x8");
}

/// The hue of the class is where the mask says, and hardly anywhere else.
#[test]
fn masks_agree_with_images() {
    // Class 0 is red (hue 0), class 1 cyan (half a turn).
    let set = shapes([48, 48], 2, 3, Split::Train);
    let (mut inside, mut outside) = ((0, 0), (0, 0));
    for i in 0..60 {
        let (image, mask) = (set.image(i).unwrap(), set.mask(i));
        let hue = 0.5 * set.label(i) as f32;
        let covered = mask.iter().filter(|&&m| m == 1).count();
        assert!((48 * 48 / 25..48 * 48 * 3 / 4).contains(&covered), "{i}: {covered}");
        for (pixel, m) in image.pixels.chunks_exact(3).zip(mask) {
            let [h, s, _] = to_hsv([0, 1, 2].map(|c| f32::from(pixel[c]) / 255.0));
            let turn = (h - hue).rem_euclid(1.0);
            let is_class = turn.min(1.0 - turn) < 0.1 && s > 0.3;
            let count = if m == 1 { &mut inside } else { &mut outside };
            count.0 += usize::from(is_class);
            count.1 += 1;
        }
    }
    let part = |(n, of): (usize, usize)| n as f64 / of as f64;
    assert!(part(inside) > 0.95, "{}", part(inside));
    assert!(part(outside) < 0.1, "{}", part(outside));
}
