//! Another order of the numbers of every image.

use super::kernel::{Array, Kernel, Real};
use crate::graph::{Size, ops};

pub struct Reread {
    map: Size,
    /// Of every number of the result, where it comes from.
    places: Vec<usize>,
}

impl Reread {
    /// For an input `[B, H, W, C]`.
    pub fn new(op: &ops::Reread, dims: &[usize]) -> Reread {
        let input = [dims[1] * dims[2], dims[3]];
        let pixels = op.map[0] * op.map[1];
        let places = op.places(input, [pixels, input[0] * input[1] / pixels]);
        Reread { map: op.map, places }
    }
}

impl Kernel for Reread {
    const NAME: &'static str = "reread";

    fn shape(&self, dims: &[&[usize]]) -> Vec<usize> {
        let pixels = self.map[0] * self.map[1];
        vec![dims[0][0], self.map[0], self.map[1], self.places.len() / pixels]
    }

    fn forward<T: Real>(&self, inputs: &[Array<T>], result: &mut [T]) {
        let n = self.places.len();
        for (x, to) in inputs[0].data.chunks_exact(n).zip(result.chunks_exact_mut(n)) {
            to.iter_mut().zip(&self.places).for_each(|(to, &place)| *to = x[place]);
        }
    }

    fn backward<T: Real>(&self, _: &[Array<T>], gradient: &[T], gradients: &mut [Vec<T>]) {
        let n = self.places.len();
        for (g, to) in gradient.chunks_exact(n).zip(gradients[0].chunks_exact_mut(n)) {
            self.places.iter().zip(g).for_each(|(&place, &g)| to[place] = g);
        }
    }
}
