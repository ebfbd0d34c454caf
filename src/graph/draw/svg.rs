//! A picture that needs no other program: a column for every stage with a folded box for every block,
//! or, of one stage, a column for every block with a box for every node. Boxes are the darker the more
//! they compute; what jumps over a box, such as an assignment that later blocks share, is drawn beside
//! the way of the map.

use super::Drawing;
use crate::diag::number;
use crate::diag::svg::escaped;
use crate::graph::cost::Cost;
use crate::graph::{Node, Value};
use std::collections::BTreeMap;
use std::fmt::Write;

const WIDE: usize = 196;
const HIGH: usize = 46;
const DOWN: usize = 22;
const ACROSS: usize = 84;
const MARGIN: usize = 24;
/// Above the boxes: the name of a column and what it gives.
const HEAD: usize = 44;
/// How far a shared value swings beside a column, at most.
const SWING: usize = 56;

/// Nodes that are drawn as one.
struct Folded<'a> {
    name: &'a str,
    column: usize,
    row: usize,
    nodes: Vec<Value>,
    cost: Cost,
    params: u64,
}

/// A value on its way from one box to another.
struct Edge {
    from: usize,
    to: usize,
    value: Value,
}

impl Drawing<'_> {
    pub fn svg(&self) -> String {
        let depth = self.depth();
        let mut columns: Vec<&str> = Vec::new();
        let mut boxes: Vec<Folded<'_>> = Vec::new();
        let mut inside: BTreeMap<Value, usize> = BTreeMap::new();
        for (value, node) in self.nodes() {
            let column = first(&node.scope, depth);
            let at = columns.iter().position(|name| *name == column).unwrap_or_else(|| {
                columns.push(column);
                columns.len() - 1
            });
            let name = first(&node.scope, depth + 1);
            let found = boxes.iter().position(|folded| folded.name == name);
            let index = found.unwrap_or_else(|| {
                let row = boxes.iter().filter(|folded| folded.column == at).count();
                let (cost, nodes) = (Cost::default(), Vec::new());
                boxes.push(Folded { name, column: at, row, nodes, cost, params: 0 });
                boxes.len() - 1
            });
            let folded = &mut boxes[index];
            folded.cost = folded.cost + self.graph.node_cost(value.0 as usize);
            let params = node.params.iter().map(|&id| self.graph.param(id).elements() as u64);
            folded.params += params.sum::<u64>();
            folded.nodes.push(value);
            inside.insert(value, index);
        }
        let rows = boxes.iter().map(|folded| folded.row + 1).max().unwrap_or(0);
        let width = 2 * MARGIN + columns.len() * (WIDE + ACROSS) - ACROSS + SWING;
        let height = 2 * MARGIN + HEAD + rows * (HIGH + DOWN) + 20;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"{}\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
             markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0 0 8 4 0 8z\" \
             fill=\"context-stroke\"/></marker></defs>\n",
            escaped(&format!("{} as a graph", self.graph.name))
        );
        for (at, name) in columns.iter().enumerate() {
            let last = boxes.iter().rev().find(|folded| folded.column == at);
            let gives = last.and_then(|folded| folded.nodes.last());
            let gives = gives.map_or(String::new(), |&value| self.graph.node(value).ty.to_string());
            let x = MARGIN + at * (WIDE + ACROSS);
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{}\" font-weight=\"bold\" font-size=\"14\">{}</text>\
                 <text x=\"{x}\" y=\"{}\" fill=\"#555\">{}</text>",
                MARGIN + 12,
                escaped(name),
                MARGIN + 30,
                escaped(&gives)
            );
        }
        for edge in self.edges(&inside) {
            self.draw_edge(&mut out, &edge, &boxes);
        }
        let most = boxes.iter().map(|folded| folded.cost.macs).max().unwrap_or(0).max(1);
        for folded in &boxes {
            self.draw_box(&mut out, folded, most);
        }
        let _ = writeln!(
            out,
            "<text x=\"{MARGIN}\" y=\"{}\" fill=\"#555\">the darker, the more is computed: {} MACs at \
             most; dashed: values that blocks share</text>\n</svg>",
            height - MARGIN,
            number::short(most)
        );
        out
    }

    /// How many names make a column: of a part, the names it stands under and one more.
    fn depth(&self) -> usize {
        let mut scopes = self.nodes().map(|(_, node)| first(&node.scope, 1));
        let Some(name) = scopes.next() else { return 1 };
        let blocks = self.nodes().any(|(_, node)| node.scope.matches('.').count() > 1);
        if blocks && scopes.all(|other| other == name) { 2 } else { 1 }
    }

    /// Between boxes, each value once per pair.
    fn edges(&self, inside: &BTreeMap<Value, usize>) -> Vec<Edge> {
        let mut edges: BTreeMap<(usize, usize, Value), ()> = BTreeMap::new();
        for (value, node) in self.nodes() {
            let to = inside[&value];
            for input in &node.inputs {
                if let Some(&from) = inside.get(input).filter(|&&from| from != to) {
                    edges.insert((from, to, *input), ());
                }
            }
        }
        edges.into_keys().map(|(from, to, value)| Edge { from, to, value }).collect()
    }

    fn draw_box(&self, out: &mut String, folded: &Folded<'_>, most: u64) {
        let [x, y] = place(folded);
        let node = folded.nodes.first().map(|&value| self.graph.node(value));
        let name = folded.name.rsplit('.').next().unwrap_or(folded.name);
        let said = match (&folded.nodes[..], node) {
            ([_], Some(node)) => op(node),
            _ => format!("{} nodes", folded.nodes.len()),
        };
        let counted = match (folded.cost.macs, folded.params) {
            (0, 0) => String::new(),
            (macs, 0) => format!("{} MACs", number::short(macs)),
            (macs, params) => {
                format!("{} MACs, {} params", number::short(macs), number::short(params))
            }
        };
        let shade = (folded.cost.macs as f64 / most as f64).sqrt();
        let _ = writeln!(
            out,
            "<g><title>{}: {said}; {counted}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDE}\" \
             height=\"{HIGH}\" rx=\"6\" fill=\"#4477aa\" fill-opacity=\"{:.3}\" stroke=\"#335577\"/>\
             <text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\
             <text x=\"{}\" y=\"{}\" font-size=\"11\">{}</text></g>",
            escaped(folded.name),
            0.06 + 0.54 * shade,
            x + 10,
            y + 19,
            escaped(name),
            x + 10,
            y + 36,
            escaped(if counted.is_empty() { &said } else { &counted })
        );
    }

    /// The way of the map goes down a column and over to the next; all else swings around it.
    fn draw_edge(&self, out: &mut String, edge: &Edge, boxes: &[Folded<'_>]) {
        let (from, to) = (&boxes[edge.from], &boxes[edge.to]);
        let ([x, y], [u, v]) = (place(from), place(to));
        let node = self.graph.node(edge.value);
        let is_last = from.nodes.last() == Some(&edge.value);
        let (near, below) = (to.column == from.column, to.row == from.row + 1);
        let middle = y + HIGH / 2;
        let path = if near && below && is_last {
            format!("M{} {} V{}", x + WIDE / 2, y + HIGH, v - 1)
        } else if near {
            // As wide as it is long, up to where the next column begins.
            let out = x + WIDE;
            let swing = (16 + 12 * to.row.abs_diff(from.row)).min(SWING);
            let (from, to) = (y + HIGH - 12, v + 12);
            format!("M{out} {from} C{s} {from} {s} {to} {} {to}", out + 1, s = out + swing)
        } else {
            let (start, end, goal) = (x + WIDE, u, v + HIGH / 2);
            let bend = end.saturating_sub(start) / 2;
            let (a, b) = (start + bend, end.saturating_sub(bend));
            format!("M{start} {middle} C{a} {middle} {b} {goal} {} {goal}", end - 1)
        };
        let shared = !is_last;
        let (color, dash) =
            if shared { ("#cc6677", " stroke-dasharray=\"5 3\"") } else { ("#777", "") };
        let _ = writeln!(
            out,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\"{dash} \
             marker-end=\"url(#tip)\"><title>{} : {}</title></path>",
            escaped(&node.scope),
            escaped(&node.ty.to_string())
        );
    }
}

/// The first `depth` names of a scope.
fn first(scope: &str, depth: usize) -> &str {
    let end = scope.match_indices('.').nth(depth - 1).map_or(scope.len(), |(at, _)| at);
    &scope[..end]
}

fn place(folded: &Folded<'_>) -> [usize; 2] {
    [MARGIN + folded.column * (WIDE + ACROSS), MARGIN + HEAD + folded.row * (HIGH + DOWN)]
}

/// An op and its settings.
fn op(node: &Node) -> String {
    super::lines(node).join(", ")
}
