//! For Markdown that draws Mermaid: a subgraph per name, a box per node, an edge per value.

use super::{Box, Drawing, Part, lines};
use std::fmt::Write;

impl Drawing<'_> {
    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart TD\n");
        for value in self.entering() {
            let _ = writeln!(out, "    n{}([{}])", value.0, quoted(&self.graph.node(value).scope));
        }
        self.mermaid_box(&mut out, &self.boxes(), "", 1);
        for (value, node) in self.nodes() {
            for input in &node.inputs {
                let ty = quoted(&self.graph.node(*input).ty.to_string());
                let _ = writeln!(out, "    n{} -->|{ty}| n{}", input.0, value.0);
            }
        }
        out
    }

    fn mermaid_box(&self, out: &mut String, inside: &Box<'_>, around: &str, depth: usize) {
        let indent = "    ".repeat(depth);
        for part in &inside.parts {
            match part {
                Part::Node(value) => {
                    let label = quoted(&lines(self.graph.node(*value)).join("<br>"));
                    let _ = writeln!(out, "{indent}n{}[{label}]", value.0);
                }
                Part::Box(name, inner) => {
                    let scope = if around.is_empty() {
                        name.to_string()
                    } else {
                        format!("{around}_{name}")
                    };
                    let _ = writeln!(out, "{indent}subgraph {scope}[{}]", quoted(name));
                    self.mermaid_box(out, inner, &scope, depth + 1);
                    let _ = writeln!(out, "{indent}end");
                }
            }
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "#quot;"))
}
