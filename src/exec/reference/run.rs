//! Walks a graph: one candle value per node.

use super::adaptive_pool::AdaptivePool;
use super::assign::{Assignment, assign, dispatch};
use super::attend::attend;
use super::clusters::{cluster_mean, nearest, of_index};
use super::conv::conv;
use super::depthwise::Depthwise;
use super::gate::gate;
use super::gelu::Gelu;
use super::group_norm::GroupNorm;
use super::kernel::apply;
use super::layer_norm::LayerNorm;
use super::linear::linear;
use super::reread::Reread;
use super::simple::{coordinates, drop_path, mean};
use crate::exec::{ExecError, StepKey};
use crate::graph::{Graph, Node, Op, Type, Value};
use candle_core::{Result, Tensor, bail};

/// What a node yields.
#[derive(Debug, Clone)]
pub enum Output {
    Tensor(Tensor),
    Assignment(Assignment),
    /// A center for every pixel, `[B, N]`, `u32`.
    Index(Tensor),
    /// Of what is never computed.
    Nothing,
}

impl Output {
    /// The value as the ops after it see it.
    pub fn tensor(&self) -> Result<&Tensor> {
        match self {
            Output::Tensor(tensor) => Ok(tensor),
            _ => bail!("something else stands where a tensor is needed"),
        }
    }

    fn assignment(&self) -> Result<&Assignment> {
        match self {
            Output::Assignment(assignment) => Ok(assignment),
            _ => bail!("something else stands where an assignment is needed"),
        }
    }
}

/// Whether random ops act.
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    Evaluation,
    /// `image` is the position of the first image within the whole batch.
    Training {
        key: StepKey,
        image: usize,
    },
}

/// Every node's value, in order. Nodes named in `given` take those values and are not computed;
/// the input is given so. With `keep` false, values go as soon as nothing needs them, and only the
/// graph's output is sure to be there.
pub fn evaluate(
    graph: &Graph,
    parameters: &[Tensor],
    given: &[(Value, Tensor)],
    mode: Mode,
    keep: bool,
) -> std::result::Result<Vec<Option<Output>>, ExecError> {
    evaluate_while(graph, parameters, given, mode, keep, |_, _| Ok(true))
}

/// The same up to the first value of which `go_on` says no; it sees each with the index of its node.
pub fn evaluate_while(
    graph: &Graph,
    parameters: &[Tensor],
    given: &[(Value, Tensor)],
    mode: Mode,
    keep: bool,
    mut go_on: impl FnMut(usize, &Output) -> Result<bool>,
) -> std::result::Result<Vec<Option<Output>>, ExecError> {
    let mut last_use = vec![0; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| last_use[input.0 as usize] = index);
    }
    let mut outputs: Vec<Option<Output>> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let output = match given.iter().find(|(value, _)| value.0 as usize == index) {
            Some((_, tensor)) => Output::Tensor(tensor.clone()),
            None => compute(graph, index, parameters, &outputs, mode).map_err(|error| {
                ExecError(format!("{} at `{}`: {error}", node.op.name(), node.scope))
            })?,
        };
        let goes_on = go_on(index, &output)?;
        outputs.push(Some(output));
        if !goes_on {
            break;
        }
        for input in node.inputs.iter().filter(|_| !keep) {
            if last_use[input.0 as usize] == index && *input != graph.output {
                outputs[input.0 as usize] = None;
            }
        }
    }
    Ok(outputs)
}

fn compute(
    graph: &Graph,
    index: usize,
    parameters: &[Tensor],
    outputs: &[Option<Output>],
    mode: Mode,
) -> Result<Output> {
    let node: &Node = &graph.nodes[index];
    let input = |i: usize| match node.inputs.get(i).and_then(|v| outputs[v.0 as usize].as_ref()) {
        Some(output) => Ok(output),
        None => bail!("input {i} is missing"),
    };
    let x = |i: usize| input(i)?.tensor();
    let p: Vec<Tensor> = node.params.iter().map(|id| parameters[id.0 as usize].clone()).collect();
    let output = match &node.op {
        Op::Input(_) => bail!("the input was not given"),
        Op::Coordinates(_) => coordinates(x(0)?)?,
        Op::Conv(op) => conv(op, x(0)?, &p[0], &p[1])?,
        Op::Depthwise(_) => apply(Depthwise, &[x(0)?, &p[0], &p[1]])?,
        Op::Linear(_) => linear(x(0)?, &p[0], &p[1])?,
        Op::LayerNorm(_) => apply(LayerNorm, &[x(0)?, &p[0], &p[1]])?,
        Op::GroupNorm(_) => apply(GroupNorm, &[x(0)?, &p[0], &p[1]])?,
        Op::Scale(_) => x(0)?.broadcast_mul(&p[0])?,
        Op::Reread(op) => apply(Reread::new(op, x(0)?.dims()), &[x(0)?])?,
        Op::Gelu(_) => apply(Gelu, &[x(0)?])?,
        Op::Add(_) => (x(0)? + x(1)?)?,
        Op::AdaptivePool(op) => apply(AdaptivePool { grid: op.grid }, &[x(0)?])?,
        Op::Attend(op) => attend(op, x(0)?, x(1)?, x(2)?, p.first())?,
        Op::Gate(op) => gate(op.heads, x(0)?, x(1)?, &p)?,
        Op::Blend(_) => ((x(0)? + x(1)?)? * 0.5)?,
        Op::Assign(op) => {
            return Ok(Output::Assignment(assign(op, x(0)?, x(1)?, &p[0], &p[1])?));
        }
        Op::Dispatch(_) => {
            let Type::Assignment { map, heads, .. } = graph.node(node.inputs[0]).ty else {
                bail!("its first input is no assignment")
            };
            dispatch(input(0)?.assignment()?, x(1)?, heads, map)?
        }
        Op::Nearest(op) => return Ok(Output::Index(nearest(op, x(0)?)?)),
        Op::ClusterMean(op) => {
            let Some((grid, _)) = node.ty.as_map() else { bail!("it gives no map") };
            let pooled = x(1)?;
            let centers = match node.inputs.len() {
                2 => apply(AdaptivePool { grid }, &[pooled])?,
                _ => x(2)?.clone(),
            };
            let (belonging, heads) = match (input(0)?, &graph.node(node.inputs[0]).ty) {
                (Output::Index(index), _) => (of_index(index, pooled.dtype())?, 1),
                (Output::Assignment(assignment), Type::Assignment { heads, .. }) => {
                    (assignment.clone(), *heads)
                }
                _ => bail!("its first input is no assignment"),
            };
            cluster_mean(op.weighing, &belonging, heads, pooled, &centers)?
        }
        Op::Spare(_) => return Ok(Output::Nothing),
        Op::Mean(_) => mean(x(0)?)?,
        Op::DropPath(op) => match mode {
            Mode::Training { key, image } if op.rate > 0.0 => drop_path(x(0)?, op, image, key)?,
            _ => x(0)?.clone(),
        },
        _ => bail!("the reference executor runs models as they are lowered"),
    };
    Ok(Output::Tensor(output))
}
