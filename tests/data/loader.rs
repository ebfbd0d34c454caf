//! Batches: the same whoever makes them, in order, ahead of who takes them.

use super::counted;
use cluec::data::{
    Broken, DataError, Dataset, Image, Loaded, Loader, Pipeline, Plan, Shapes, Split, Statistics,
    Step, shuffle,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PLAIN: Statistics = Statistics { mean: [0.0; 3], std: [1.0; 3] };
const PLAN: Plan = Plan { batch: 40, workers: 1, seed: 3, epoch: 1, shuffle: true, first_batch: 0 };

type Bits = (Vec<u32>, Vec<u32>, Vec<usize>);

fn batches(plan: Plan) -> Vec<Bits> {
    let set = Arc::new(Shapes::new([16, 16], 10, 130, 5, Split::Train).unwrap());
    let steps = vec![Step::CropPadded { size: [16, 16], pad: 2 }, Step::Flip { probability: 0.5 }];
    Loader::new(set, Arc::new(Pipeline::new(steps, PLAIN)), none_broken(), plan)
        .map(|loaded| {
            let Loaded { batch, indices, .. } = loaded.unwrap();
            (batch.images.iter().map(|x| x.to_bits()).collect(), batch.labels, indices)
        })
        .collect()
}

#[test]
fn the_number_of_workers_changes_no_bit() {
    let one = batches(PLAN);
    for workers in [0, 2, 3, 7, 40] {
        assert!(one == batches(Plan { workers, ..PLAN }), "{workers} workers");
    }
    assert!(one != batches(Plan { epoch: 2, ..PLAN }), "another epoch");
}

#[test]
fn an_epoch_gives_every_image_once_and_the_rest_as_a_small_batch() {
    let all = batches(PLAN);
    let sizes: Vec<usize> = all.iter().map(|b| b.2.len()).collect();
    assert_eq!(sizes, [40, 40, 40, 10]);
    let order: Vec<usize> = all.iter().flat_map(|b| b.2.clone()).collect();
    assert_eq!(order, shuffle(3, 1, 130));
    assert!(all.iter().all(|b| b.2.iter().zip(&b.1).all(|(i, l)| *l as usize == i % 10)));
    let straight = batches(Plan { shuffle: false, ..PLAN });
    assert!(straight.iter().flat_map(|b| b.2.clone()).eq(0..130));
}

#[test]
fn an_order_is_a_permutation_of_its_own_epoch() {
    let order = shuffle(1, 2, 1000);
    assert_ne!(order, shuffle(1, 3, 1000));
    assert_ne!(order, shuffle(2, 2, 1000));
    let mut sorted = order;
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..1000));
    assert!(shuffle(1, 2, 0).is_empty());
}

#[test]
fn an_epoch_goes_on_in_its_middle() {
    let whole = batches(PLAN);
    for first_batch in [0, 1, 3, 4, 9] {
        let rest = batches(Plan { first_batch, workers: 2, ..PLAN });
        assert!(rest == whole[first_batch.min(4)..], "from batch {first_batch}");
    }
}

fn none_broken() -> Arc<Broken> {
    Arc::new(Broken::up_to(0.0, 0))
}

/// Counts what was read; image 50 is broken, image 90 of another size.
struct Watched(Arc<AtomicUsize>, usize);

impl Dataset for Watched {
    fn name(&self) -> &str {
        "watched"
    }
    fn len(&self) -> usize {
        self.1
    }
    fn classes(&self) -> &[String] {
        &[]
    }
    fn label(&self, _: usize) -> u32 {
        0
    }
    fn image(&self, i: usize) -> Result<Image, DataError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        match i {
            50 if self.1 == 100 => Err(DataError::new("cannot decode an image").at("50.jpg")),
            90 if self.1 == 91 => Ok(counted(2, 2)),
            _ => Ok(counted(1, 1)),
        }
    }
}

fn watched(images: usize, workers: usize) -> (Loader, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let set = Arc::new(Watched(read.clone(), images));
    let plan = Plan { batch: 32, workers, shuffle: false, ..PLAN };
    (Loader::new(set, Arc::new(Pipeline::new(Vec::new(), PLAIN)), none_broken(), plan), read)
}

#[test]
fn images_are_read_ahead_but_not_without_bound() {
    for workers in [1, 3] {
        let (mut loader, read) = watched(10_000, workers);
        loader.next().unwrap().unwrap();
        // Two more batches get ready while nobody asks for them ...
        let start = Instant::now();
        while read.load(Ordering::SeqCst) < 3 * 32 {
            assert!(start.elapsed() < Duration::from_secs(60), "nothing was read ahead");
            std::thread::sleep(Duration::from_millis(1));
        }
        // ... and the workers stop there: each holds at most one run of 16 more than fits.
        std::thread::sleep(Duration::from_millis(30));
        let most = 3 * 32 + workers * 2 * 16;
        assert!(read.load(Ordering::SeqCst) <= most, "{}", read.load(Ordering::SeqCst));
        // Whoever has enough just goes.
        drop(loader);
    }
}

#[test]
fn a_broken_image_ends_the_epoch_after_the_batches_before_it() {
    for workers in [1, 2, 5] {
        let (mut loader, _) = watched(100, workers);
        assert_eq!(loader.next().unwrap().unwrap().indices.len(), 32);
        let error = loader.next().unwrap().unwrap_err().to_string();
        assert_eq!(error, "cannot decode an image: 50.jpg");
        assert!(loader.next().is_none());
    }
}

#[test]
fn images_of_two_sizes_are_an_error_with_both() {
    let (loader, _) = watched(91, 2);
    let error = loader.last().unwrap().unwrap_err().to_string();
    assert!(
        error.starts_with("image 90 is 2x2 (rows x columns) after augmentation, others are 1x1"),
        "{error}"
    );
}

/// Every seventh image is broken.
struct Holes;

impl Dataset for Holes {
    fn name(&self) -> &str {
        "holes"
    }
    fn len(&self) -> usize {
        100
    }
    fn classes(&self) -> &[String] {
        &[]
    }
    fn label(&self, i: usize) -> u32 {
        i as u32
    }
    fn image(&self, i: usize) -> Result<Image, DataError> {
        let mut image = counted(1, 1);
        image.pixels[0] = i as u8;
        match i % 7 {
            0 => Err(DataError::new("cannot decode an image").at(format!("{i}.jpg"))),
            _ => Ok(image),
        }
    }
}

fn holes(part: f64, plan: Plan) -> (Loader, Arc<Broken>) {
    let broken = Arc::new(Broken::up_to(part, 100));
    let pipeline = Arc::new(Pipeline::new(Vec::new(), PLAIN));
    (Loader::new(Arc::new(Holes), pipeline, broken.clone(), plan), broken)
}

#[test]
fn broken_images_are_replaced_alike_by_any_number_of_workers() {
    let all = |workers, epoch| {
        let (loader, broken) = holes(0.15, Plan { workers, epoch, ..PLAN });
        let seen: Vec<_> = loader
            .map(|loaded| {
                let loaded = loaded.unwrap();
                (loaded.batch.labels, loaded.indices, loaded.broken)
            })
            .collect();
        assert_eq!(broken.count(), 15);
        seen
    };
    let one = all(1, 1);
    assert_eq!(one.iter().map(|(labels, ..)| labels.len()).collect::<Vec<_>>(), [40, 40, 20]);
    assert_eq!(one.iter().map(|(.., broken)| broken).sum::<usize>(), 15);
    for (labels, indices, _) in &one {
        for (&label, &i) in labels.iter().zip(indices) {
            // The label is that of the image shown, and a good one is not replaced.
            assert!(label % 7 != 0 && (i % 7 == 0 || label as usize == i));
        }
    }
    assert_eq!(one, all(3, 1));
    let other = |batches: &[(Vec<u32>, Vec<usize>, usize)]| {
        let mut stand_ins: Vec<_> = batches
            .iter()
            .flat_map(|(labels, indices, _)| indices.iter().copied().zip(labels.clone()))
            .filter(|(i, _)| i % 7 == 0)
            .collect();
        stand_ins.sort_unstable();
        stand_ins
    };
    assert_ne!(other(&one), other(&all(1, 2)), "another epoch, other images");
}

#[test]
fn broken_images_are_left_out_where_images_are_measured() {
    let (loader, broken) = holes(0.15, Plan { batch: 7, shuffle: false, workers: 2, ..PLAN });
    let loaded: Vec<_> = loader.map(|loaded| loaded.unwrap()).collect();
    assert_eq!(loaded.len(), 15);
    assert_eq!(loaded[0].batch.labels, [1, 2, 3, 4, 5, 6]);
    assert_eq!(loaded[0].batch.images.len(), 6 * 3);
    // The last batch has but two images, one of them broken.
    assert_eq!((loaded[14].indices.len(), &loaded[14].batch.labels[..]), (2, &[99][..]));
    assert_eq!(broken.count(), 15);
}

#[test]
fn too_many_broken_images_are_an_error_that_names_them() {
    for workers in [1, 4] {
        let plan = Plan { batch: 50, shuffle: false, workers, ..PLAN };
        let (mut loader, broken) = holes(0.1, plan);
        assert_eq!(loader.next().unwrap().unwrap().broken, 8);
        let error = loader.next().unwrap().unwrap_err().to_string();
        assert!(error.starts_with("more than 10 of 100 images are broken:\n"), "{error}");
        assert!(error.contains("  cannot decode an image: 0.jpg\n"), "{error}");
        assert!(error.contains("  and 1 more\n"), "{error}");
        assert!(error.contains("`data.broken`"), "{error}");
        assert!(loader.next().is_none());
        assert_eq!(broken.count(), 11);
    }
}

/// 0.29 times 100 is less than 29.
#[test]
fn as_many_may_be_broken_as_is_said() {
    for (part, images) in [(0.29, 100), (0.07, 100), (0.57, 100), (0.01, 300)] {
        let broken = Broken::up_to(part, images);
        let most = (part * images as f64).round() as usize;
        for i in 0..most {
            broken.note(i, DataError::new("broken")).unwrap();
        }
        assert!(broken.note(most, DataError::new("broken")).is_err(), "{part} of {images}");
    }
}
