//! Many vectors in one piece of memory.

use super::floats::{Floats, whole_lines};
use std::ops::{Index, IndexMut, Range};
use std::sync::Arc;

/// One vector per parameter of a graph, in graph order: parameters, their gradients, what an optimizer
/// keeps of them. They lie one behind the other, each from a cache line on, so that large pages hold
/// many and vectors of a kernel straddle no lines.
#[derive(Clone, Default)]
pub struct Parameters {
    numbers: Floats,
    ranges: Arc<[Range<usize>]>,
}

impl Parameters {
    /// Zeros, so many of each.
    pub fn new(lengths: impl IntoIterator<Item = usize>) -> Parameters {
        let mut end = 0;
        let place = |length| {
            let start = end;
            end += whole_lines(length);
            start..start + length
        };
        let ranges = lengths.into_iter().map(place).collect();
        Parameters { numbers: Floats::zeros(end), ranges }
    }

    /// As many zeros.
    pub fn zeros(&self) -> Parameters {
        Parameters { numbers: Floats::zeros(self.numbers.len()), ranges: self.ranges.clone() }
    }

    /// Bytes of vectors of so many numbers.
    pub fn bytes_of(lengths: impl IntoIterator<Item = usize>) -> u64 {
        lengths.into_iter().map(|length| 4 * whole_lines(length) as u64).sum()
    }

    /// Bytes of all.
    pub fn bytes(&self) -> u64 {
        size_of_val(&*self.numbers) as u64
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &[f32]> + ExactSizeIterator {
        self.ranges.iter().map(|range| &self.numbers[range.clone()])
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let mut rest = &mut self.numbers[..];
        self.ranges.iter().map(move |range| {
            let (first, behind) = std::mem::take(&mut rest).split_at_mut(whole_lines(range.len()));
            rest = behind;
            &mut first[..range.len()]
        })
    }

    /// Several at once; none if two are the same, or one is not there.
    pub fn several<const N: usize>(&mut self, indices: [usize; N]) -> Option<[&mut [f32]; N]> {
        if indices.iter().any(|&index| index >= self.len()) {
            return None;
        }
        self.numbers.get_disjoint_mut(indices.map(|index| self.ranges[index].clone())).ok()
    }

    /// All numbers one behind the other.
    pub fn concat(&self) -> Vec<f32> {
        self.iter().flatten().copied().collect()
    }
}

impl Index<usize> for Parameters {
    type Output = [f32];

    fn index(&self, index: usize) -> &[f32] {
        &self.numbers[self.ranges[index].clone()]
    }
}

impl IndexMut<usize> for Parameters {
    fn index_mut(&mut self, index: usize) -> &mut [f32] {
        &mut self.numbers[self.ranges[index].clone()]
    }
}

impl<V: AsRef<[f32]>> FromIterator<V> for Parameters {
    fn from_iter<I: IntoIterator<Item = V>>(vectors: I) -> Parameters {
        let vectors: Vec<V> = vectors.into_iter().collect();
        let mut all = Parameters::new(vectors.iter().map(|vector| vector.as_ref().len()));
        for (to, from) in all.iter_mut().zip(&vectors) {
            to.copy_from_slice(from.as_ref());
        }
        all
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Parameters) -> bool {
        self.iter().eq(other.iter())
    }
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
