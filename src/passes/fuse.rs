//! Makes one op of several that need not put their results down in between:
//! - linear, depth-wise (if there is one), GELU, linear → `ffn`;
//! - hard dispatch and linear → `dispatch_linear`, where pixels are many more than centers;
//! - drop path and the sum it ends in → `residual`.

use super::Keep;
use crate::graph::ops::{DispatchLinear, Ffn, Residual};
use crate::graph::{Edit, Few, Graph, Op, ParamId, Value};
use smallvec::smallvec;

pub fn fuse(graph: &Graph, keep: Keep) -> Graph {
    let users = users(graph, keep);
    let patterns = Patterns { graph, users };
    let mut inside = vec![false; graph.nodes.len()];
    let mut found: Vec<Option<Fusion>> = vec![None; graph.nodes.len()];
    for value in graph.values() {
        let fusion = patterns.ffn(value).or_else(|| patterns.dispatch_linear(value));
        let Some(fusion) = fusion.or_else(|| patterns.residual(value)) else { continue };
        // The last layer of one perceptron is not the first of the next.
        if fusion.inside.iter().any(|v| found[v.0 as usize].is_some()) {
            continue;
        }
        fusion.inside.iter().for_each(|v| inside[v.0 as usize] = true);
        found[value.0 as usize] = Some(fusion);
    }
    let mut edit = Edit::new(graph);
    for value in graph.values().filter(|value| !inside[value.0 as usize]) {
        match found[value.0 as usize].take() {
            None => {
                edit.copy(value);
            }
            Some(Fusion { op, inputs, params, .. }) => {
                let inputs = inputs.into_iter().map(|input| edit.now(input)).collect();
                let scope = graph.node(value).scope.clone();
                let fused = edit.push(op, inputs, params, scope, graph.span(value));
                edit.replace(value, fused);
            }
        }
    }
    edit.finish()
}

/// How often each value is read; a value that is kept is read once more.
fn users(graph: &Graph, keep: Keep) -> Vec<usize> {
    let mut users = vec![0; graph.nodes.len()];
    let inputs = graph.nodes.iter().flat_map(|node| &node.inputs);
    for value in inputs.copied().chain(keep.values(graph)) {
        users[value.0 as usize] += 1;
    }
    users
}

/// An op that stands for its last node and those inside.
#[derive(Clone)]
struct Fusion {
    op: Op,
    inputs: Few<Value>,
    params: Few<ParamId>,
    inside: Vec<Value>,
}

struct Patterns<'a> {
    graph: &'a Graph,
    users: Vec<usize>,
}

impl Patterns<'_> {
    /// The node that gives input `i`, if nothing else reads it.
    fn only(&self, value: Value, i: usize) -> Option<Value> {
        let input = *self.graph.node(value).inputs.get(i)?;
        (self.users[input.0 as usize] == 1).then_some(input)
    }

    fn ffn(&self, last: Value) -> Option<Fusion> {
        let Op::Linear(contract) = &self.graph.node(last).op else { return None };
        let gelu = self.only(last, 0)?;
        let Op::Gelu(_) = self.graph.node(gelu).op else { return None };
        let mut inside = vec![gelu];
        let mut before = self.only(gelu, 0)?;
        let mut kernel = None;
        if let Op::Depthwise(op) = &self.graph.node(before).op {
            kernel = Some(op.kernel);
            inside.push(before);
            before = self.only(before, 0)?;
        }
        let Op::Linear(expand) = &self.graph.node(before).op else { return None };
        inside.push(before);
        let params = inside.iter().rev().chain([&last]);
        Some(Fusion {
            op: Ffn { hidden: expand.out, out: contract.out, kernel, keeps: false }.into(),
            inputs: self.graph.node(before).inputs.clone(),
            params: params.flat_map(|&v| self.graph.node(v).params.clone()).collect(),
            inside,
        })
    }

    fn dispatch_linear(&self, last: Value) -> Option<Fusion> {
        let Op::Linear(linear) = &self.graph.node(last).op else { return None };
        let dispatch = self.only(last, 0)?;
        let Op::Dispatch(_) = self.graph.node(dispatch).op else { return None };
        let inputs = &self.graph.node(dispatch).inputs;
        let [assignment, centers] = [0, 1].map(|i| &self.graph.node(inputs[i]).ty);
        DispatchLinear::pays(assignment, centers).then(|| Fusion {
            op: DispatchLinear { out: linear.out }.into(),
            inputs: inputs.clone(),
            params: self.graph.node(last).params.clone(),
            inside: vec![dispatch],
        })
    }

    fn residual(&self, sum: Value) -> Option<Fusion> {
        let Op::Add(_) = self.graph.node(sum).op else { return None };
        let drop = self.only(sum, 1)?;
        let Op::DropPath(op) = &self.graph.node(drop).op else { return None };
        Some(Fusion {
            op: Residual { rate: op.rate, site: op.site }.into(),
            inputs: smallvec![self.graph.node(sum).inputs[0], self.graph.node(drop).inputs[0]],
            params: Few::new(),
            inside: vec![drop],
        })
    }
}
