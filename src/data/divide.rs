//! How an undivided data set is divided into what trains and what tests, class by class.

use super::dataset::Split;
use super::mersenne::Mersenne;
use crate::exec::random::{Random, Site};

/// Which part of each class trains, and how it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Division {
    /// From 0 to 1; at least one image of a class trains.
    pub part: f64,
    pub seed: u64,
    /// As pandas' `sample(frac=1, random_state=seed)` orders each class, of which the first ones
    /// train: so Mini-ImageNet was divided into 480 and 120 images a class.
    pub pandas: bool,
}

impl Division {
    /// Drawn by the seed and the class.
    pub fn keyed(part: f64, seed: u64) -> Division {
        Division { part, seed, pandas: false }
    }

    /// Which of the `n` images of class `label` belong to a part, in increasing order.
    pub fn draw(&self, n: usize, split: Split, label: u32) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        match self.pandas {
            true => Mersenne::new(self.seed as u32).shuffle(&mut order),
            false => Random::new(self.seed, 0, label.into(), Site::Split).permute(&mut order),
        }
        let train = ((self.part * n as f64).round() as usize).clamp(n.min(1), n);
        let mut chosen = match split {
            Split::Train => order[..train].to_vec(),
            Split::Test => order[train..].to_vec(),
        };
        chosen.sort_unstable();
        chosen
    }

    /// Those of `items` that belong to a part, in their order; `label` tells the class of one.
    pub fn take<T>(
        &self,
        items: Vec<T>,
        classes: usize,
        split: Split,
        label: impl Fn(&T) -> u32,
    ) -> Vec<T> {
        let mut members = vec![Vec::new(); classes];
        items.iter().enumerate().for_each(|(i, item)| members[label(item) as usize].push(i));
        let mut kept = vec![false; items.len()];
        for (class, members) in members.iter().enumerate() {
            for i in self.draw(members.len(), split, class as u32) {
                kept[members[i]] = true;
            }
        }
        items.into_iter().zip(kept).filter_map(|(item, kept)| kept.then_some(item)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_disjoint_and_complete() {
        for pandas in [false, true] {
            let division = Division { pandas, ..Division::keyed(0.8, 1) };
            for n in [1, 2, 5, 40] {
                let train = division.draw(n, Split::Train, 3);
                let test = division.draw(n, Split::Test, 3);
                assert_eq!(train.len(), ((0.8 * n as f64).round() as usize).max(1));
                let mut all = [train, test].concat();
                all.sort_unstable();
                assert!(all.into_iter().eq(0..n));
            }
        }
        let half = |seed| Division::keyed(0.5, seed).draw(40, Split::Train, 3);
        assert_ne!(half(1), half(2));
    }

    /// pandas 3.1 of `DataFrame({"x": range(600)}).sample(frac=1, random_state=1)`.
    #[test]
    fn the_published_division() {
        let published = Division { pandas: true, ..Division::keyed(0.8, 1) };
        let test = published.draw(600, Split::Test, 7);
        assert_eq!(test.len(), 120);
        assert_eq!(test[..8], [7, 10, 15, 22, 25, 26, 37, 43]);
        assert_eq!(test.iter().sum::<usize>(), 36_438);
    }
}
