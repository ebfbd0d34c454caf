//! What kernels read of a node beside its maps.

use super::kernels::assign;
use super::kernels::attend;
use super::kernels::cluster_mean::Belonging;
use super::kernels::ffn::FfnWeights;
use super::kernels::gate;
use super::kernels::meeting::Chosen;
use super::run::Node;
use crate::exec::drop_path;
use crate::graph::{Choice, Type, Value, ops};

pub fn ffn_weights<'a>(node: &Node<'a>, op: &ops::Ffn) -> Option<FfnWeights<'a>> {
    let params = node.params();
    let weights = node.run.weights;
    let (convolution, last) = match op.kernel {
        Some(_) => (Some([node.param(2), node.param(3)]), 4),
        None => (None, 2),
    };
    Some(FfnWeights {
        expand: weights.packed(params[0])?,
        expand_bias: node.param(1),
        depthwise: convolution,
        contract: weights.packed(params[last])?,
        contract_bias: node.param(last + 1),
    })
}

pub fn attend_inputs<'a>(
    node: &Node<'a>,
    [centers, keys, values]: [&'a [f32]; 3],
) -> attend::Inputs<'a> {
    // Not every score has one.
    let temperature = if node.params().is_empty() { &[] } else { node.param(0) };
    attend::Inputs { centers, keys, values, temperature }
}

pub fn gate_params<'a>(node: &Node<'a>) -> gate::Params<'a> {
    gate::Params {
        weight1: node.param(0),
        bias1: node.param(1),
        weight2: node.param(2),
        bias2: node.param(3),
    }
}

pub fn assign_inputs<'a>(
    node: &Node<'a>,
    queries: &'a [f32],
    keys: &'a [f32],
) -> assign::Inputs<'a> {
    assign::Inputs { queries, keys, alpha: node.param(0)[0], beta: node.param(1)[0] }
}

/// What the pixels of a hard assignment chose.
pub fn chosen<'a>(node: &Node<'a>, assignment: Value) -> Chosen<'a> {
    Chosen { index: node.read_index(assignment), weight: node.read_at(assignment, 1) }
}

pub fn belonging<'a>(node: &Node<'a>, value: Value, ty: &Type) -> Belonging<'a> {
    match ty {
        Type::Assignment { choice: Choice::Soft, .. } => Belonging::Soft(node.read(value)),
        Type::Assignment { .. } => Belonging::Hard(node.read_index(value), node.read_at(value, 1)),
        _ => Belonging::Hard(node.read_index(value), &[]),
    }
}

/// What drop path multiplies each image's branch by.
pub fn factors(node: &Node<'_>, rate: f64, site: u64) -> Vec<f32> {
    let first = node.first() as u64;
    let images = first..first + node.count() as u64;
    images.map(|image| drop_path::factor(rate, site, image, node.run.key) as f32).collect()
}
