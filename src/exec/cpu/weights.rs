//! Parameters, and the matrices among them packed for products.

use super::kernels::narrow::narrow;
use super::kernels::product::{Matrix, Packed, pack, pack_transposed, packed_len};
use super::kernels::simd::in_precision;
use crate::exec::Parameters;
use crate::graph::{Graph, Param, ParamId, Precision};

pub struct Weights {
    pub values: Parameters,
    /// What nodes store, and what products read.
    pub precision: Precision,
    /// For every parameter.
    reads: Vec<Read>,
    /// Of every parameter that is the right side of a product, the matrix as products read it, and its
    /// transpose where there is a backward pass.
    packs: [Parameters; 2],
}

/// A parameter as kernels read it, where that is not as it is.
#[derive(Default)]
struct Read {
    /// Rounded, where products read it and are not in `f32`.
    narrow: Option<(Precision, Vec<f32>)>,
    /// A matrix `[k, n]`, if it is the right side of a product.
    matrix: Option<[usize; 2]>,
}

impl Read {
    /// Numbers of the matrix as products read it, and in training of its transpose.
    fn packed(&self, training: bool) -> [usize; 2] {
        let Some([k, n]) = self.matrix else { return [0; 2] };
        in_precision(self.precision(), || {
            [packed_len(k, n), if training { packed_len(n, k) } else { 0 }]
        })
    }

    /// Of what products read.
    fn precision(&self) -> Precision {
        self.narrow.as_ref().map_or(Precision::F32, |&(precision, _)| precision)
    }
}

/// A parameter, to be changed.
pub struct Part<'a> {
    pub value: &'a mut [f32],
    read: &'a mut Read,
    packs: [&'a mut [f32]; 2],
}

impl Part<'_> {
    /// Lets products read the value as it is now.
    pub fn fill(self) {
        let Part { value, read, packs: [forward, backward] } = self;
        let (mut values, precision) = (&*value, read.precision());
        if let Some((precision, rounded)) = &mut read.narrow {
            rounded.clear();
            rounded.extend_from_slice(values);
            narrow(*precision, rounded);
            values = rounded;
        }
        if let Some([k, n]) = read.matrix {
            let matrix = Matrix::new(values, k, n);
            in_precision(precision, || {
                pack(matrix, forward);
                if !backward.is_empty() {
                    pack_transposed(matrix, backward);
                }
            });
        }
    }
}

impl Weights {
    /// `graph` is what runs; training runs it backward too.
    pub fn new(graph: &Graph, values: Parameters, precision: Precision, training: bool) -> Weights {
        let reads = reads(graph, precision);
        let packs =
            [0, 1].map(|way| Parameters::new(reads.iter().map(|read| read.packed(training)[way])));
        let mut weights = Weights { values, precision, reads, packs };
        weights.parts().for_each(Part::fill);
        weights
    }

    /// Bytes of all that is held.
    pub fn held(&self) -> u64 {
        let narrow = self.reads.iter().filter_map(|read| read.narrow.as_ref());
        let narrow: u64 = narrow.map(|(_, rounded)| 4 * rounded.capacity() as u64).sum();
        self.values.bytes() + self.packs.iter().map(Parameters::bytes).sum::<u64>() + narrow
    }

    /// Takes other values.
    pub fn load(&mut self, values: &Parameters) {
        for (part, from) in self.parts().zip(values.iter()) {
            part.value.copy_from_slice(from);
            part.fill();
        }
    }

    pub fn value(&self, id: ParamId) -> &[f32] {
        match &self.reads[id.0 as usize].narrow {
            Some((_, rounded)) => rounded,
            None => &self.values[id.0 as usize],
        }
    }

    /// A matrix `[k, n]`; nothing if no product reads the parameter.
    pub fn packed(&self, id: ParamId) -> Option<Packed<'_>> {
        let [k, n] = self.reads[id.0 as usize].matrix?;
        Some(Packed::new(&self.packs[0][id.0 as usize], k, n))
    }

    /// Its transpose, `[n, k]`.
    pub fn transposed(&self, id: ParamId) -> Option<Packed<'_>> {
        let [k, n] = self.reads[id.0 as usize].matrix?;
        Some(Packed::new(&self.packs[1][id.0 as usize], n, k))
    }

    /// Every parameter with how it is read, to be changed one by one.
    pub fn parts(&mut self) -> impl Iterator<Item = Part<'_>> {
        let [forward, backward] = &mut self.packs;
        let packs = forward.iter_mut().zip(backward.iter_mut()).map(<[_; 2]>::from);
        let values = self.values.iter_mut().zip(&mut self.reads);
        values.zip(packs).map(|((value, read), packs)| Part { value, read, packs })
    }
}

/// What products read of the parameters of a graph.
fn reads(graph: &Graph, precision: Precision) -> Vec<Read> {
    let mut reads: Vec<Read> = graph.params.iter().map(|_| Read::default()).collect();
    for node in &graph.nodes {
        // A gradient that moves no parameters has none.
        let pair = |&at: &usize| node.params.get(at..at + 2);
        for pair in node.op.products().iter().filter_map(pair) {
            reads[pair[0].0 as usize].matrix = Some(sizes(graph, pair[0]));
            for id in pair.iter().filter(|_| precision != Precision::F32) {
                reads[id.0 as usize].narrow = Some((precision, Vec::new()));
            }
        }
    }
    reads
}

/// Bytes that [`Weights`] of a graph hold.
pub fn bytes(graph: &Graph, precision: Precision, training: bool) -> u64 {
    let reads = reads(graph, precision);
    let packs =
        [0, 1].map(|way| Parameters::bytes_of(reads.iter().map(|read| read.packed(training)[way])));
    let narrow = reads.iter().zip(graph.params.iter()).filter(|(read, _)| read.narrow.is_some());
    let narrow: u64 = narrow.map(|(_, param)| 4 * param.elements() as u64).sum();
    let values = Parameters::bytes_of(graph.params.iter().map(Param::elements));
    values + packs.iter().sum::<u64>() + narrow
}

/// A parameter as a matrix.
fn sizes(graph: &Graph, id: ParamId) -> [usize; 2] {
    let shape = &graph.param(id).shape;
    [shape.iter().rev().skip(1).product(), shape.last().copied().unwrap_or(1)]
}
