//! Where the time of a run went, op by op, beside what the machine could do.

use crate::graph::{Op, Value};
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
    /// Read and written, parameters not counted.
    pub bytes: u64,
}

/// What a run spent on each kind of op, on all threads together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Profile(pub BTreeMap<String, Spent>);

/// What one core of a machine can do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Multiply-accumulates in a second, in registers.
    pub macs: f64,
    /// Bytes read plus bytes written in a second, copying what no cache holds.
    pub bytes: f64,
}

impl Profile {
    /// Adds a node's run over `images` images.
    pub fn add(&mut self, plan: &Plan, value: Value, images: usize, time: Duration) {
        let name = match &plan.graph.node(value).op {
            Op::Part(_) | Op::Input(_) | Op::Labels(_) | Op::Update(_) => return,
            Op::Gradient(gradient) => format!("{} gradient", gradient.of.name()),
            op => op.name().to_string(),
        };
        let spent = self.0.entry(name).or_default();
        spent.calls += 1;
        spent.time += time;
        spent.macs += plan.graph.node_cost(value.0 as usize).macs * images as u64;
        spent.bytes += plan.bytes(value) * images as u64;
    }

    /// Adds what is not an op of the graph.
    pub fn add_other(&mut self, name: &str, time: Duration) {
        let spent = self.0.entry(name.to_string()).or_default();
        spent.calls += 1;
        spent.time += time;
    }

    pub fn merge(&mut self, other: Profile) {
        for (name, more) in other.0 {
            let spent = self.0.entry(name).or_default();
            spent.calls += more.calls;
            spent.time += more.time;
            spent.macs += more.macs;
            spent.bytes += more.bytes;
        }
    }

    /// The longest first: share of the time, rates, and the least time the roofline allows as a part
    /// of the time taken.
    pub fn table(&self, machine: Machine) -> String {
        let total: f64 = self.0.values().map(|s| s.time.as_secs_f64()).sum();
        let mut rows: Vec<(&String, &Spent)> = self.0.iter().collect();
        rows.sort_by_key(|(_, spent)| std::cmp::Reverse(spent.time));
        let mut out = format!(
            "one core: {:.1} GMAC/s in registers, {:.1} GB/s copying\n\
             {:<26} {:>7} {:>6} {:>9} {:>8} {:>9}\n",
            machine.macs / 1e9,
            machine.bytes / 1e9,
            "op",
            "ms",
            "share",
            "GMAC/s",
            "GB/s",
            "roofline"
        );
        for (name, spent) in rows {
            let time = spent.time.as_secs_f64().max(1e-12);
            let least = (spent.macs as f64 / machine.macs).max(spent.bytes as f64 / machine.bytes);
            let _ = writeln!(
                out,
                "{name:<26} {:>7.1} {:>5.1}% {:>9.1} {:>8.1} {:>8.0}%",
                1e3 * time,
                100.0 * time / total,
                spent.macs as f64 / time / 1e9,
                spent.bytes as f64 / time / 1e9,
                100.0 * least / time
            );
        }
        out
    }

    pub fn json(&self) -> serde_json::Value {
        let ops = self.0.iter().map(|(name, spent)| {
            serde_json::json!({
                "op": name, "calls": spent.calls, "seconds": spent.time.as_secs_f64(),
                "macs": spent.macs, "bytes": spent.bytes,
            })
        });
        ops.collect()
    }
}
