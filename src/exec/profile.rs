//! Where the time of a run went, op by op, beside what the machine could do.

use crate::graph::{Graph, Op, Type, Value};
use crate::plan::Plan;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Time and work of one kind of op.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    pub calls: u64,
    pub time: Duration,
    pub macs: u64,
    /// Those of matrix products among them.
    pub products: u64,
    /// Read and written, but for parameters; of a product alone, these too.
    pub bytes: u64,
}

impl Spent {
    fn add(&mut self, more: Spent) {
        self.calls += more.calls;
        self.time += more.time;
        self.macs += more.macs;
        self.products += more.products;
        self.bytes += more.bytes;
    }
}

/// What ops are told apart by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Grouping {
    #[default]
    Kind,
    /// Their kind and the largest map they read.
    Size,
    /// Besides, by the kernels and products that a GPU runs for them; on a CPU an op is one.
    Launch,
}

/// What a run spent on each kind of op, on all threads together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile {
    by: Grouping,
    ops: BTreeMap<String, Spent>,
}

/// What the part of a machine can do that times are taken of: one core, or a GPU.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// The part, and how its products were measured.
    pub name: &'static str,
    /// Multiply-accumulates of matrix products in a second.
    pub products: f64,
    /// Others, on vectors and in fp32.
    pub vectors: f64,
    /// Bytes read plus bytes written in a second, copying what no cache holds.
    pub bytes: f64,
}

impl Machine {
    /// Per second.
    pub fn json(&self) -> serde_json::Value {
        let Machine { name, products, vectors, bytes } = self;
        serde_json::json!({
            "part": name, "products": products, "vectors": vectors, "bytes": bytes,
        })
    }
}

impl Profile {
    pub fn new(by: Grouping) -> Profile {
        Profile { by, ops: BTreeMap::new() }
    }

    /// What was added up to now.
    pub fn take(&mut self) -> Profile {
        std::mem::replace(self, Profile::new(self.by))
    }

    fn name(&self, graph: &Graph, value: Value) -> Option<String> {
        let node = graph.node(value);
        let (name, inputs) = match &node.op {
            Op::Part(_) | Op::Input(_) | Op::Labels(_) | Op::Update(_) => return None,
            Op::Gradient(gradient) => {
                (format!("{} gradient", gradient.of.name()), gradient.inputs.clone())
            }
            op => {
                let types = node.inputs.iter().map(|&input| graph.node(input).ty.clone());
                (op.name().to_string(), types.collect())
            }
        };
        let maps = inputs.iter().filter(|ty| ty.as_map().is_some());
        Some(match (self.by, maps.max_by_key(|ty| ty.elements())) {
            (Grouping::Size | Grouping::Launch, Some(ty)) => format!("{name} {ty}"),
            _ => name,
        })
    }

    /// Adds a node's run, in so many calls, over `images` images whose numbers are stored in so many bytes.
    pub fn add(
        &mut self,
        plan: &Plan,
        value: Value,
        images: usize,
        stored: usize,
        calls: u64,
        time: Duration,
    ) {
        let Some(name) = self.name(&plan.graph, value) else { return };
        let macs = plan.graph.node_cost(value.0 as usize).macs * images as u64;
        let bytes = plan.bytes(value) * images as u64 * stored as u64 / size_of::<f32>() as u64;
        let node = plan.graph.node(value);
        let inputs: Vec<&Type> =
            node.inputs.iter().map(|&input| &plan.graph.node(input).ty).collect();
        let others = match node.op.products() {
            [] => macs,
            _ => node.op.beside_products(&inputs, false) * images as u64,
        };
        let products = macs - others.min(macs);
        self.ops.entry(name).or_default().add(Spent { calls, time, macs, products, bytes });
    }

    /// Adds some launches of a node's run.
    pub fn add_launches(&mut self, plan: &Plan, value: Value, launch: &str, more: Spent) {
        let Some(name) = self.name(&plan.graph, value) else { return };
        self.ops.entry(format!("{name}: {launch}")).or_default().add(more);
    }

    /// Adds what is not an op of the graph, and multiplies nothing; of bytes none where nobody counts them.
    pub fn add_other(&mut self, name: &str, calls: u64, time: Duration, bytes: u64) {
        let more = Spent { calls, time, bytes, ..Spent::default() };
        self.ops.entry(name.to_string()).or_default().add(more);
    }

    pub fn merge(&mut self, other: Profile) {
        for (name, more) in other.ops {
            self.ops.entry(name).or_default().add(more);
        }
    }

    /// The longest first: share of the time, rates, and the least time the roofline allows as a part
    /// of the time taken.
    pub fn table(&self, machine: Machine) -> String {
        let total: f64 = self.ops.values().map(|s| s.time.as_secs_f64()).sum();
        let mut rows: Vec<(&String, &Spent)> = self.ops.iter().collect();
        rows.sort_by_key(|(_, spent)| std::cmp::Reverse(spent.time));
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0).max(26);
        let mut out = format!(
            "{}: {:.1} GMAC/s, {:.1} on vectors in fp32, {:.1} GB/s copying\n\
             {:<width$} {:>6} {:>7} {:>6} {:>9} {:>8} {:>9}\n",
            machine.name,
            machine.products / 1e9,
            machine.vectors / 1e9,
            machine.bytes / 1e9,
            "op",
            "calls",
            "ms",
            "share",
            "GMAC/s",
            "GB/s",
            "roofline"
        );
        for (name, spent) in rows {
            let time = spent.time.as_secs_f64().max(1e-12);
            let computing = spent.products as f64 / machine.products
                + (spent.macs - spent.products) as f64 / machine.vectors;
            let least = computing.max(spent.bytes as f64 / machine.bytes);
            // Of some nobody knows what they do.
            let known = |text: String| if spent.macs + spent.bytes > 0 { text } else { "-".into() };
            let _ = writeln!(
                out,
                "{name:<width$} {:>6} {:>7.2} {:>5.1}% {:>9} {:>8} {:>9}",
                spent.calls,
                1e3 * time,
                100.0 * time / total,
                known(format!("{:.1}", spent.macs as f64 / time / 1e9)),
                known(format!("{:.1}", spent.bytes as f64 / time / 1e9)),
                known(format!("{:.0}%", 100.0 * least / time))
            );
        }
        out
    }

    pub fn json(&self) -> serde_json::Value {
        let ops = self.ops.iter().map(|(name, spent)| {
            serde_json::json!({
                "op": name, "calls": spent.calls, "seconds": spent.time.as_secs_f64(),
                "macs": spent.macs, "products": spent.products, "bytes": spent.bytes,
            })
        });
        ops.collect()
    }
}
