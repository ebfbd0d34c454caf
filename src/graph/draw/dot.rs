//! For Graphviz: a cluster per name, a box per node, an edge per value with its type.

use super::{Box, Drawing, Part, lines};
use std::fmt::Write;

impl Drawing<'_> {
    pub fn dot(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "digraph {} {{", quoted(&self.graph.name));
        out.push_str("    node [shape=box, fontname=\"monospace\", fontsize=10]\n");
        out.push_str("    edge [fontname=\"monospace\", fontsize=9]\n");
        out.push_str("    graph [fontname=\"monospace\", fontsize=11, style=rounded]\n");
        for value in self.entering() {
            let label = quoted(&self.graph.node(value).scope);
            let _ = writeln!(out, "    n{} [label={label}, style=dashed]", value.0);
        }
        self.dot_box(&mut out, &self.boxes(), "", 1);
        for (value, node) in self.nodes() {
            for input in &node.inputs {
                let ty = quoted(&self.graph.node(*input).ty.to_string());
                let _ = writeln!(out, "    n{} -> n{} [label={ty}]", input.0, value.0);
            }
        }
        out.push_str("}\n");
        out
    }

    fn dot_box(&self, out: &mut String, inside: &Box<'_>, around: &str, depth: usize) {
        let indent = "    ".repeat(depth);
        for part in &inside.parts {
            match part {
                Part::Node(value) => {
                    let label = quoted(&lines(self.graph.node(*value)).join("\n"));
                    let _ = writeln!(out, "{indent}n{} [label={label}]", value.0);
                }
                Part::Box(name, inner) => {
                    let scope = if around.is_empty() {
                        name.to_string()
                    } else {
                        format!("{around}.{name}")
                    };
                    let _ = writeln!(
                        out,
                        "{indent}subgraph {} {{",
                        quoted(&format!("cluster_{scope}"))
                    );
                    let _ = writeln!(out, "{indent}    label={}", quoted(name));
                    self.dot_box(out, inner, &scope, depth + 1);
                    let _ = writeln!(out, "{indent}}}");
                }
            }
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
