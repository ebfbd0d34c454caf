//! Parameters, and the matrices among them packed for products.

use super::kernels::narrow::narrow;
use super::kernels::product::{Matrix, Packed, pack, pack_transposed, packed_len};
use crate::exec::Parameters;
use crate::graph::{Graph, Op, ParamId, Precision};
use std::collections::BTreeSet;

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
        let mut values = &*value;
        if let Some((precision, rounded)) = &mut read.narrow {
            rounded.clear();
            rounded.extend_from_slice(values);
            narrow(*precision, rounded);
            values = rounded;
        }
        if let Some([k, n]) = read.matrix {
            let matrix = Matrix::new(values, k, n);
            pack(matrix, forward);
            if !backward.is_empty() {
                pack_transposed(matrix, backward);
            }
        }
    }
}

impl Weights {
    /// `graph` is what runs; training runs it backward too.
    pub fn new(graph: &Graph, values: Parameters, precision: Precision, training: bool) -> Weights {
        let mut reads: Vec<Read> = graph.params.iter().map(|_| Read::default()).collect();
        for node in &graph.nodes {
            for [matrix, bias] in products(&node.op, &node.params) {
                reads[matrix.0 as usize].matrix = Some(sizes(graph, matrix));
                for id in [matrix, bias].iter().filter(|_| precision != Precision::F32) {
                    reads[id.0 as usize].narrow = Some((precision, Vec::new()));
                }
            }
        }
        let lengths = reads.iter().map(|read| match read.matrix {
            Some([k, n]) => [packed_len(k, n), if training { packed_len(n, k) } else { 0 }],
            None => [0; 2],
        });
        let packs = [0, 1].map(|way| Parameters::new(lengths.clone().map(|both| both[way])));
        let mut weights = Weights { values, precision, reads, packs };
        weights.parts().for_each(Part::fill);
        weights
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

/// Bytes of packed matrices: as the forward pass reads them, and in training their transposes.
pub fn packing(graph: &Graph, training: bool) -> [u64; 2] {
    let ops = graph.nodes.iter().flat_map(|node| products(&node.op, &node.params));
    let matrices: BTreeSet<ParamId> = ops.map(|[matrix, _]| matrix).collect();
    matrices.into_iter().fold([0; 2], |[forward, backward], id| {
        let [k, n] = sizes(graph, id);
        let transposed = if training { packed_len(n, k) } else { 0 };
        [forward + 4 * packed_len(k, n) as u64, backward + 4 * transposed as u64]
    })
}

/// A parameter as a matrix.
fn sizes(graph: &Graph, id: ParamId) -> [usize; 2] {
    let shape = &graph.param(id).shape;
    [shape.iter().rev().skip(1).product(), shape.last().copied().unwrap_or(1)]
}

/// Which parameters of an op stand on the right side of products, each with its bias.
fn products(op: &Op, params: &[ParamId]) -> Vec<[ParamId; 2]> {
    let at = |i: usize| [params[i], params[i + 1]];
    match op {
        Op::Linear(_) | Op::DispatchLinear(_) | Op::Conv(_) | Op::CoordConv(_) => vec![at(0)],
        Op::Ffn(op) => vec![at(0), at(if op.kernel.is_some() { 4 } else { 2 })],
        _ => Vec::new(),
    }
}
