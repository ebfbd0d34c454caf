//! Parameters, and the matrices among them packed for products.

use super::kernels::floats::Floats;
use super::kernels::narrow::narrow;
use super::kernels::product::{Matrix, Packed, pack, pack_transposed, packed_len};
use crate::exec::Parameters;
use crate::graph::{Graph, Op, ParamId, Precision};

pub struct Weights {
    pub values: Parameters,
    /// What nodes store, and what products read.
    pub precision: Precision,
    /// For every parameter.
    reads: Vec<Read>,
}

/// A parameter as kernels read it, where that is not as it is.
#[derive(Default)]
pub struct Read {
    /// Rounded, where products read it and are not in `f32`.
    narrow: Option<(Precision, Vec<f32>)>,
    /// If it is the right side of a product.
    packs: Option<Packs>,
}

/// A `[k, n]` matrix as products read it, and its transpose where there is a backward pass.
struct Packs {
    k: usize,
    n: usize,
    forward: Floats,
    backward: Floats,
}

impl Packs {
    fn new(k: usize, n: usize, training: bool) -> Packs {
        let backward = if training { packed_len(n, k) } else { 0 };
        Packs { k, n, forward: Floats::zeros(packed_len(k, n)), backward: Floats::zeros(backward) }
    }

    fn fill(&mut self, values: &[f32]) {
        let matrix = Matrix::new(values, self.k, self.n);
        pack(matrix, &mut self.forward);
        if !self.backward.is_empty() {
            pack_transposed(matrix, &mut self.backward);
        }
    }
}

impl Read {
    /// Takes new values.
    pub fn fill(&mut self, values: &[f32]) {
        let values = match &mut self.narrow {
            None => values,
            Some((precision, rounded)) => {
                rounded.clear();
                rounded.extend_from_slice(values);
                narrow(*precision, rounded);
                rounded
            }
        };
        if let Some(packs) = &mut self.packs {
            packs.fill(values);
        }
    }
}

impl Weights {
    /// `graph` is what runs; training runs it backward too.
    pub fn new(graph: &Graph, values: Parameters, precision: Precision, training: bool) -> Weights {
        let mut reads: Vec<Read> = graph.params.iter().map(|_| Read::default()).collect();
        for node in &graph.nodes {
            for [matrix, bias] in products(&node.op, &node.params) {
                let shape = &graph.param(matrix).shape;
                let n = shape.last().copied().unwrap_or(1);
                let k = shape.iter().rev().skip(1).product();
                reads[matrix.0 as usize].packs = Some(Packs::new(k, n, training));
                for id in [matrix, bias].iter().filter(|_| precision != Precision::F32) {
                    reads[id.0 as usize].narrow = Some((precision, Vec::new()));
                }
            }
        }
        let mut weights = Weights { values, precision, reads };
        for (values, read) in weights.parts() {
            read.fill(values);
        }
        weights
    }

    /// Takes other values.
    pub fn load(&mut self, values: &Parameters) {
        for ((to, read), from) in self.parts().zip(&values.0) {
            to.copy_from_slice(from);
            read.fill(from);
        }
    }

    pub fn value(&self, id: ParamId) -> &[f32] {
        match &self.reads[id.0 as usize].narrow {
            Some((_, rounded)) => rounded,
            None => &self.values.0[id.0 as usize],
        }
    }

    /// A matrix `[k, n]`; nothing if no product reads the parameter.
    pub fn packed(&self, id: ParamId) -> Option<Packed<'_>> {
        let packs = self.reads[id.0 as usize].packs.as_ref()?;
        Some(Packed::new(&packs.forward, packs.k, packs.n))
    }

    /// Its transpose, `[n, k]`.
    pub fn transposed(&self, id: ParamId) -> Option<Packed<'_>> {
        let packs = self.reads[id.0 as usize].packs.as_ref()?;
        Some(Packed::new(&packs.backward, packs.n, packs.k))
    }

    /// Every parameter with how it is read, to be changed one by one.
    pub fn parts(&mut self) -> impl Iterator<Item = (&mut Vec<f32>, &mut Read)> {
        self.values.0.iter_mut().zip(&mut self.reads)
    }
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
