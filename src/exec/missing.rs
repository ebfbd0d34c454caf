//! What compiled executors do not run yet.

use super::ExecError;
use crate::graph::ops::Windows;
use crate::graph::{Graph, Op, Type};

/// An error that names the first op without a kernel of its own; the reference executor runs them
/// all.
pub fn compiled(graph: &Graph) -> Result<(), ExecError> {
    let without = |op: &Op, belonging: Option<&Type>| match op {
        Op::GroupNorm(_) | Op::Scale(_) | Op::Reread(_) => true,
        Op::Attend(op) => op.windows != Windows::WHOLE,
        Op::Assign(op) => op.windows != Windows::WHOLE,
        Op::Nearest(op) => op.windows != Windows::WHOLE,
        Op::ClusterMean(_) => matches!(belonging, Some(Type::Assignment { .. })),
        _ => false,
    };
    let found = graph.nodes.iter().find(|node| {
        let first = node.inputs.first().map(|&input| &graph.node(input).ty);
        without(&node.op, first)
    });
    match found {
        None => Ok(()),
        Some(node) => Err(ExecError(format!(
            "the compiled executor has no kernel for {} at `{}` yet: --executor reference runs it",
            node.op.name(),
            node.scope
        ))),
    }
}
