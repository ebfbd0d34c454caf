//! Which parameters can never receive a gradient, and what keeps it from them: known before the
//! first step, as every op says where gradients end.

use super::reached;
use crate::diag::number::many;
use crate::diag::{Diagnostic, Span, list};
use crate::graph::ops::Flow;
use crate::graph::{Graph, ParamId, Value};

/// Parameters that are kept from learning by the same thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Unreached {
    pub params: Vec<ParamId>,
    /// The text that asked for the nodes they belong to.
    pub span: Option<Span>,
    pub ends: Vec<End>,
}

/// Where what a parameter has a part in ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// This node gives no gradient to what it reads, for the reason.
    Blocked(Value, &'static str),
    /// Nothing reads this.
    Unread(Value),
}

/// Groups of parameters without a gradient, in the order of the graph: one for every text that asked
/// for them and cause.
pub fn unreached(graph: &Graph) -> Vec<Unreached> {
    let reached = reached(graph);
    let learns = |value: &Value| graph.node(*value).params.is_empty() || reached[value.0 as usize];
    let frozen: Vec<Value> = graph.values().filter(|value| !learns(value)).collect();
    if frozen.is_empty() {
        return Vec::new();
    }
    let mut readers: Vec<Vec<(Value, usize)>> = vec![Vec::new(); graph.nodes.len()];
    for value in graph.values() {
        for (i, input) in graph.node(value).inputs.iter().enumerate() {
            readers[input.0 as usize].push((value, i));
        }
    }
    let mut groups: Vec<Unreached> = Vec::new();
    for value in frozen {
        let node = graph.node(value);
        let ends = ends(graph, &readers, value);
        let span = graph.span(value);
        let same = |group: &&mut Unreached| {
            group.span == span && alike(graph, &group.ends) == alike(graph, &ends)
        };
        match groups.iter_mut().find(same) {
            Some(group) => {
                group.params.extend(&node.params);
                group.ends.extend(ends);
            }
            None => groups.push(Unreached { params: node.params.to_vec(), span, ends }),
        }
    }
    groups
}

/// Every place where what follows from a value ends.
fn ends(graph: &Graph, readers: &[Vec<(Value, usize)>], start: Value) -> Vec<End> {
    let mut ends = Vec::new();
    let mut seen = vec![start];
    let mut next = 0;
    while let Some(&value) = seen.get(next) {
        next += 1;
        if readers[value.0 as usize].is_empty() && value != graph.output {
            ends.push(End::Unread(value));
        }
        for &(reader, i) in &readers[value.0 as usize] {
            match graph.node(reader).op.flow(i) {
                Flow::Blocked(reason) => ends.push(End::Blocked(reader, reason)),
                _ if seen.contains(&reader) => {}
                _ => seen.push(reader),
            }
        }
    }
    ends
}

/// What makes two causes the same for a reader: the op and its reason, not which of its nodes.
fn alike(graph: &Graph, ends: &[End]) -> Vec<(&'static str, &'static str)> {
    let mut words: Vec<_> = ends
        .iter()
        .map(|end| match *end {
            End::Blocked(value, reason) => (graph.node(value).op.name(), reason),
            End::Unread(_) => ("", ""),
        })
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Parameters named in a report; of more it says how many there are.
const NAMED: usize = 3;

/// A warning for every group.
pub fn warnings(graph: &Graph) -> Vec<Diagnostic> {
    unreached(graph).iter().map(|group| warning(graph, group)).collect()
}

fn warning(graph: &Graph, group: &Unreached) -> Diagnostic {
    let params: Vec<_> = group.params.iter().map(|&id| graph.param(id)).collect();
    let scalars: u64 = params.iter().map(|param| param.elements() as u64).sum();
    let causes: Vec<String> = alike(graph, &group.ends)
        .into_iter()
        .map(|end| match end {
            ("", "") => "nothing reads what they give".to_string(),
            (op, reason) => format!("`{op}` gives none to what it reads ({reason})"),
        })
        .collect();
    let size = format!("({})", many(scalars, "number"));
    let message = match params.len() {
        1 => format!("a parameter of `{}` {size} never receives a gradient", graph.name),
        count => {
            format!("{count} parameters of `{}` {size} never receive a gradient", graph.name)
        }
    };
    let mut diagnostic =
        Diagnostic::warning("W0502", format!("{message}: {}", causes.join(", and ")));
    let mut places: Vec<Span> = Vec::new();
    let mut at = |diagnostic: Diagnostic, span: Option<Span>, message: String| match span {
        Some(span) if !places.contains(&span) => {
            places.push(span);
            diagnostic.at(span, message)
        }
        _ => diagnostic,
    };
    diagnostic = at(diagnostic, group.span, "asks for them".to_string());
    for end in &group.ends {
        if let End::Blocked(value, _) = *end {
            let message = format!("`{}` stands here", graph.node(value).op.name());
            diagnostic = at(diagnostic, graph.span(value), message);
        }
    }
    let mut names: Vec<&str> = params.iter().take(NAMED).map(|param| param.name.as_str()).collect();
    let more = format!("{} more", params.len().saturating_sub(NAMED));
    if params.len() > NAMED {
        names.push(&more);
    }
    diagnostic.help(format!("they stay as they begin: {}", list(&names, "and")))
}
