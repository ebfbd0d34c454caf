//! Graphs, or parts of them, as text, pictures (SVG, DOT, Mermaid) and data (JSON).

mod dot;
mod json;
mod mermaid;
mod svg;

use super::{Graph, Node, Value};
use std::collections::BTreeSet;

/// What of a graph is shown: all of it, or the nodes of one part and what flows into it.
#[derive(Debug, Clone)]
pub struct Drawing<'a> {
    graph: &'a Graph,
    shown: Vec<Value>,
}

impl<'a> Drawing<'a> {
    pub fn whole(graph: &'a Graph) -> Drawing<'a> {
        Drawing { graph, shown: (0..graph.nodes.len() as u32).map(Value).collect() }
    }

    /// The nodes under one name, such as `stage2`; none if nothing is called so.
    pub fn part(graph: &'a Graph, name: &str) -> Option<Drawing<'a>> {
        let whole = Drawing::whole(graph);
        let inside = |value: &Value| {
            let rest = graph.node(*value).scope.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let shown: Vec<Value> = whole.shown.into_iter().filter(inside).collect();
        (!shown.is_empty()).then_some(Drawing { graph, shown })
    }

    /// The text form of what is shown.
    pub fn text(&self) -> String {
        if self.shown.len() == self.graph.nodes.len() {
            return self.graph.to_string();
        }
        self.graph.nodes_text(self.nodes().map(|(value, node)| (value.0 as usize, node)))
    }

    fn nodes(&self) -> impl Iterator<Item = (Value, &'a Node)> {
        self.shown.iter().map(|&value| (value, self.graph.node(value)))
    }

    /// Values that shown nodes read and that are not shown themselves.
    fn entering(&self) -> Vec<Value> {
        let shown: BTreeSet<Value> = self.shown.iter().copied().collect();
        let read: BTreeSet<Value> =
            self.nodes().flat_map(|(_, node)| node.inputs.iter().copied()).collect();
        read.difference(&shown).copied().collect()
    }

    /// The shown nodes in nested boxes, by the names around them.
    fn boxes(&self) -> Box<'a> {
        let mut outer = Box::default();
        for (value, node) in self.nodes() {
            let names: Vec<&str> = node.scope.split('.').collect();
            let mut inside = &mut outer;
            for name in &names[..names.len() - 1] {
                inside = inside.enter(name);
            }
            inside.parts.push(Part::Node(value));
        }
        outer
    }
}

/// What stands under one name.
#[derive(Debug, Default)]
struct Box<'a> {
    parts: Vec<Part<'a>>,
}

#[derive(Debug)]
enum Part<'a> {
    Node(Value),
    Box(&'a str, Box<'a>),
}

impl<'a> Box<'a> {
    /// The box called `name` inside this one, opened if there is none.
    fn enter(&mut self, name: &'a str) -> &mut Box<'a> {
        let named = |part: &Part<'_>| matches!(part, Part::Box(other, _) if *other == name);
        let at = self.parts.iter().position(named).unwrap_or_else(|| {
            self.parts.push(Part::Box(name, Box::default()));
            self.parts.len() - 1
        });
        match &mut self.parts[at] {
            Part::Box(_, inside) => inside,
            Part::Node(_) => unreachable!("found or pushed as a box"),
        }
    }
}

/// The op of a node and its settings, one a line: `conv`, `kernel 3x3`.
fn lines(node: &Node) -> Vec<String> {
    let attributes = node.op.attributes();
    let settings = attributes.iter().map(|(key, value)| format!("{key} {value}"));
    std::iter::once(node.op.name().to_string()).chain(settings).collect()
}
