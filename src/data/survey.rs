//! What a data set is made of: sizes, classes, colors, twins and what is broken.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::augment::Statistics;
use super::dataset::{DataError, Dataset};
use super::image::Image;

/// All images of a part, looked at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// Images of every class, broken ones included.
    pub classes: Vec<usize>,
    /// How often each size (rows, columns) occurs.
    pub sizes: BTreeMap<(usize, usize), usize>,
    /// Of all pixels of all images as stored; none where there are no pixels.
    pub statistics: Option<Statistics>,
    /// Groups of images with equal pixels, by place in the data set; each group and the list of
    /// them in order.
    pub twins: Vec<Vec<usize>>,
    /// Images that can not be read, by place, and why.
    pub broken: Vec<(usize, DataError)>,
    hashes: Vec<Option<blake3::Hash>>,
}

/// What one image adds.
struct Seen {
    size: (usize, usize),
    hash: blake3::Hash,
    sums: Sums,
}

/// Of red, green and blue: whole numbers, so that their order does not matter.
#[derive(Default)]
struct Sums {
    pixels: u64,
    colors: [u64; 3],
    squares: [u64; 3],
}

impl Survey {
    /// Reads every image.
    pub fn of(set: &dyn Dataset) -> Survey {
        let seen: Vec<Result<Seen, DataError>> = (0..set.len())
            .into_par_iter()
            .map(|i| set.image(i).map(|image| look(&image)))
            .collect();
        let mut classes = vec![0; set.classes().len()];
        let (mut sizes, mut sums) = (BTreeMap::new(), Sums::default());
        let (mut hashes, mut broken) = (Vec::new(), Vec::new());
        for (i, seen) in seen.into_iter().enumerate() {
            if let Some(count) = classes.get_mut(set.label(i) as usize) {
                *count += 1;
            }
            match seen {
                Ok(seen) => {
                    *sizes.entry(seen.size).or_insert(0) += 1;
                    sums.add(&seen.sums);
                    hashes.push(Some(seen.hash));
                }
                Err(error) => {
                    broken.push((i, error));
                    hashes.push(None);
                }
            }
        }
        let mut same: HashMap<blake3::Hash, Vec<usize>> = HashMap::new();
        for (i, hash) in hashes.iter().enumerate() {
            hash.iter().for_each(|hash| same.entry(*hash).or_default().push(i));
        }
        let mut twins: Vec<Vec<usize>> =
            same.into_values().filter(|group| group.len() > 1).collect();
        twins.sort();
        Survey { classes, sizes, statistics: sums.statistics(), twins, broken, hashes }
    }

    /// Images of this part that another one holds as well: their place here, the first one there.
    pub fn shared(&self, other: &Survey) -> Vec<(usize, usize)> {
        let mut there = HashMap::new();
        for (i, hash) in other.hashes.iter().enumerate() {
            hash.iter().for_each(|hash| {
                there.entry(hash).or_insert(i);
            });
        }
        let here = self.hashes.iter().enumerate();
        here.filter_map(|(i, hash)| Some((i, *there.get(hash.as_ref()?)?))).collect()
    }

    /// The least, the median and the greatest of a measure of the sizes, such as their rows.
    pub fn spread(&self, measure: impl Fn((usize, usize)) -> usize) -> [usize; 3] {
        let all = self.sizes.iter().flat_map(|(&size, &n)| std::iter::repeat_n(measure(size), n));
        spread(all.collect())
    }
}

/// The least, the (lower) median and the greatest; zeros of nothing.
pub fn spread(mut all: Vec<usize>) -> [usize; 3] {
    all.sort_unstable();
    match all[..] {
        [] => [0; 3],
        [first, ..] => [first, all[(all.len() - 1) / 2], all[all.len() - 1]],
    }
}

fn look(image: &Image) -> Seen {
    let mut hasher = blake3::Hasher::new();
    for side in [image.height, image.width] {
        hasher.update(&(side as u64).to_le_bytes());
    }
    hasher.update(&image.pixels);
    let mut sums = Sums::default();
    for pixel in image.pixels.as_chunks::<3>().0 {
        sums.pixels += 1;
        for (c, &x) in pixel.iter().enumerate() {
            sums.colors[c] += u64::from(x);
            sums.squares[c] += u64::from(x) * u64::from(x);
        }
    }
    Seen { size: (image.height, image.width), hash: hasher.finalize(), sums }
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.pixels += other.pixels;
        for c in 0..3 {
            self.colors[c] += other.colors[c];
            self.squares[c] += other.squares[c];
        }
    }

    /// Mean and standard deviation, colors from 0 to 1.
    fn statistics(&self) -> Option<Statistics> {
        let n = self.pixels as f64 * 255.0;
        let mean = self.colors.map(|sum| sum as f64 / n);
        let square = self.squares.map(|sum| sum as f64 / (n * 255.0));
        let std = [0, 1, 2].map(|c| (square[c] - mean[c] * mean[c]).max(0.0).sqrt() as f32);
        (self.pixels > 0).then(|| Statistics { mean: mean.map(|x| x as f32), std })
    }
}
