//! The stable text form of a graph: one node per line, its parameters below it.

use super::{Graph, Init, Node};
use std::fmt::{self, Write};

impl Graph {
    /// Some nodes and their parameters.
    pub(super) fn nodes_text<'a>(&self, nodes: impl Iterator<Item = (usize, &'a Node)>) -> String {
        let mut out = String::new();
        let mut declared = vec![false; self.params.len()];
        for (index, node) in nodes {
            let inputs: Vec<String> = node.inputs.iter().map(|v| format!("%{}", v.0)).collect();
            let mut line = format!("%{index} = {}", node.op.name());
            if !inputs.is_empty() {
                let _ = write!(line, " {}", inputs.join(", "));
            }
            let attributes = node.op.attributes();
            if !attributes.is_empty() {
                let words: Vec<String> =
                    attributes.iter().map(|(key, value)| format!("{key} {value}")).collect();
                let _ = write!(line, " {{ {} }}", words.join("; "));
            }
            let _ = writeln!(out, "{line} : {}  // {}", node.ty, node.scope);
            for &id in &node.params {
                // Gradients, and nodes computed again, name parameters that stand elsewhere.
                if std::mem::replace(&mut declared[id.0 as usize], true) {
                    continue;
                }
                let param = self.param(id);
                let leaf = param.name.rsplit('.').next().unwrap_or(&param.name);
                let _ = writeln!(out, "    {leaf} {:?} {}", param.shape, param.init);
            }
        }
        out
    }
}

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {} : {} parameters", self.name, self.param_count())?;
        f.write_str(&self.nodes_text(self.nodes.iter().enumerate()))?;
        writeln!(f, "return %{}", self.output.0)
    }
}

impl fmt::Display for Init {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Init::Constant(value) => write!(f, "= {value}"),
            Init::Normal { std } => write!(f, "~ normal({std:.6})"),
            Init::TruncatedNormal { std } => write!(f, "~ truncated_normal({std:.6})"),
            Init::Uniform { bound } => write!(f, "~ uniform({bound:.6})"),
        }
    }
}
