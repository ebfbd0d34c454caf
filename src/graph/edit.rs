//! Making a graph of another one: what passes are written with.

use super::{Few, Graph, Node, Op, ParamId, Tap, Type, Value};
use crate::diag::Span;
use std::sync::Arc;

/// A graph that grows while another one is read.
pub struct Edit<'a> {
    old: &'a Graph,
    new: Graph,
    /// What became of every old value.
    map: Vec<Option<Value>>,
}

impl<'a> Edit<'a> {
    /// An empty graph with the parameters of `old`.
    pub fn new(old: &'a Graph) -> Edit<'a> {
        let new = Graph {
            name: old.name.clone(),
            nodes: Vec::with_capacity(old.nodes.len()),
            params: old.params.clone(),
            taps: Vec::new(),
            output: Value(0),
            loss: None,
            spans: Vec::with_capacity(old.nodes.len()),
        };
        Edit { old, new, map: vec![None; old.nodes.len()] }
    }

    /// A copy to which nodes are added.
    pub fn extend(old: &'a Graph) -> Edit<'a> {
        let mut edit = Edit::new(old);
        old.values().for_each(|value| {
            edit.copy(value);
        });
        edit
    }

    /// Adds a node to the new graph; inputs are new values.
    pub fn push(
        &mut self,
        op: impl Into<Op>,
        inputs: Few<Value>,
        params: Few<ParamId>,
        scope: Arc<str>,
        span: Option<Span>,
    ) -> Value {
        let op = op.into();
        // A pass that builds nonsense is found by `Graph::verify`.
        let ty = op.infer(&self.new.types(&inputs)).unwrap_or(Type::Unknown);
        self.add(Node { op, inputs, params, ty, scope }, span)
    }

    fn add(&mut self, node: Node, span: Option<Span>) -> Value {
        self.new.nodes.push(node);
        self.new.spans.push(span);
        Value(self.new.nodes.len() as u32 - 1)
    }

    /// Copies an old node, its inputs being what became of the old ones.
    pub fn copy(&mut self, value: Value) -> Value {
        self.copy_reading(value, self.inputs(value))
    }

    /// Copies an old node, its inputs being other new values of the same types.
    pub fn copy_reading(&mut self, value: Value, inputs: Few<Value>) -> Value {
        let node = self.old.node(value);
        let copy = Node {
            op: node.op.clone(),
            inputs,
            params: node.params.clone(),
            ty: node.ty.clone(),
            scope: node.scope.clone(),
        };
        let copy = self.add(copy, self.old.span(value));
        self.map[value.0 as usize] = Some(copy);
        copy
    }

    /// An old value is this new one from now on.
    pub fn replace(&mut self, old: Value, new: Value) {
        self.map[old.0 as usize] = Some(new);
    }

    /// What became of an old value. An old value that was passed over is a mistake of the pass,
    /// which `Graph::verify` finds.
    pub fn now(&self, old: Value) -> Value {
        self.map[old.0 as usize].unwrap_or(Value(u32::MAX))
    }

    /// What became of the inputs of an old node.
    pub fn inputs(&self, value: Value) -> Few<Value> {
        self.old.node(value).inputs.iter().map(|&input| self.now(input)).collect()
    }

    /// The graph as grown so far.
    pub fn graph(&self) -> &Graph {
        &self.new
    }

    pub fn set_loss(&mut self, loss: Value) {
        self.new.loss = Some(loss);
    }

    /// The new graph; taps of values that were passed over are gone.
    pub fn finish(mut self) -> Graph {
        self.new.output = self.now(self.old.output);
        self.new.loss = self.new.loss.or(self.old.loss.map(|loss| self.now(loss)));
        let kept = |tap: &Tap| {
            let value = self.map[tap.value.0 as usize]?;
            Some(Tap { published: tap.published.clone(), value })
        };
        self.new.taps = self.old.taps.iter().filter_map(kept).collect();
        self.new
    }
}
