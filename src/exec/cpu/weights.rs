//! Parameters, and the matrices among them packed for products.

use super::kernels::floats::Floats;
use super::kernels::product::{Matrix, Packed, pack, pack_transposed, packed_len};
use crate::exec::Parameters;
use crate::graph::{Graph, Op, ParamId};

pub struct Weights {
    pub values: Parameters,
    /// For every parameter that is the right side of a product.
    packs: Vec<Option<Packs>>,
}

/// A `[k, n]` matrix as products read it, and its transpose where there is a backward pass.
pub struct Packs {
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

    /// Packs new values.
    pub fn fill(&mut self, values: &[f32]) {
        let matrix = Matrix::new(values, self.k, self.n);
        pack(matrix, &mut self.forward);
        if !self.backward.is_empty() {
            pack_transposed(matrix, &mut self.backward);
        }
    }
}

impl Weights {
    /// `graph` is what runs; training runs it backward too.
    pub fn new(graph: &Graph, values: Parameters, training: bool) -> Weights {
        let mut packs: Vec<Option<Packs>> = graph.params.iter().map(|_| None).collect();
        for node in &graph.nodes {
            for id in matrices(&node.op, &node.params) {
                let shape = &graph.param(id).shape;
                let n = shape.last().copied().unwrap_or(1);
                let k = shape.iter().rev().skip(1).product();
                packs[id.0 as usize] = Some(Packs::new(k, n, training));
            }
        }
        let mut weights = Weights { values, packs };
        for (packs, values) in weights.packs.iter_mut().zip(&weights.values.0) {
            if let Some(packs) = packs {
                packs.fill(values);
            }
        }
        weights
    }

    /// Takes other values.
    pub fn load(&mut self, values: &Parameters) {
        for ((to, from), packs) in self.values.0.iter_mut().zip(&values.0).zip(&mut self.packs) {
            to.copy_from_slice(from);
            if let Some(packs) = packs {
                packs.fill(from);
            }
        }
    }

    pub fn value(&self, id: ParamId) -> &[f32] {
        &self.values.0[id.0 as usize]
    }

    /// A matrix `[k, n]`; nothing if no product reads the parameter.
    pub fn packed(&self, id: ParamId) -> Option<Packed<'_>> {
        let packs = self.packs[id.0 as usize].as_ref()?;
        Some(Packed::new(&packs.forward, packs.k, packs.n))
    }

    /// Its transpose, `[n, k]`.
    pub fn transposed(&self, id: ParamId) -> Option<Packed<'_>> {
        let packs = self.packs[id.0 as usize].as_ref()?;
        Some(Packed::new(&packs.backward, packs.n, packs.k))
    }

    /// Every parameter with its packed forms, to be changed one by one.
    pub fn parts(&mut self) -> impl Iterator<Item = (&mut Vec<f32>, &mut Option<Packs>)> {
        self.values.0.iter_mut().zip(&mut self.packs)
    }
}

/// Which parameters of an op stand on the right side of products.
fn matrices(op: &Op, params: &[ParamId]) -> Vec<ParamId> {
    match op {
        Op::Linear(_) | Op::DispatchLinear(_) | Op::Conv(_) | Op::CoordConv(_) => vec![params[0]],
        Op::Ffn(op) => vec![params[0], params[if op.kernel.is_some() { 4 } else { 2 }]],
        _ => Vec::new(),
    }
}
