//! Graph to graph, one pass per file. What a pass gives is verified in every debug build.
//!
//! ```text
//! model ─ plain ─ common ─ coordinates ─ fuse ─ dead → what evaluation runs
//! model ─ common ─ coordinates ─ fuse ─ differentiate ─ recompute ─ (remember) ─ accumulate ─ dead
//!                                                                              → a training step
//! model ─ dead ─ common ─ order → what is compared with other models
//! ```
//!
//! Dead code goes, dead parameters stay: checkpoints name them, published weights hold them, and
//! papers count them. `reach` finds them, and `check` warns of them (W0502).

mod accumulate;
mod common;
mod coordinates;
mod dead;
mod differentiate;
mod fuse;
mod method;
mod order;
mod plain;
mod reach;
mod recompute;
mod remember;

pub use accumulate::accumulate;
pub use common::common;
pub use coordinates::coordinates;
pub use dead::dead;
pub use differentiate::{differentiate, learns, reached};
pub use fuse::fuse;
pub use method::Method;
pub use order::order;
pub use plain::plain;
pub use reach::{End, Unreached, unreached, warnings};
pub use recompute::recompute;
pub use remember::remember;

use crate::graph::{Graph, Value};

/// What has to be there when a graph has run, besides its output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    #[default]
    Output,
    /// The values the published code has names for as well.
    Taps,
}

impl Keep {
    /// Values that must survive a pass.
    pub fn values(self, graph: &Graph) -> Vec<Value> {
        let taps = graph.taps.iter().map(|tap| tap.value).filter(|_| self == Keep::Taps);
        std::iter::once(graph.output).chain(graph.loss).chain(taps).collect()
    }
}

/// What a training step is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processor {
    Cpu,
    /// Which computes hidden maps again sooner than it waits for memory.
    Gpu,
}

/// What evaluation runs: logits, nothing random.
pub fn evaluation(model: &Graph, keep: Keep) -> Graph {
    let graph = checked("plain", plain(model));
    let graph = checked("common", common(&graph));
    let graph = checked("coordinates", coordinates(&graph));
    let graph = checked("fuse", fuse(&graph, keep));
    checked("dead", dead(graph, keep))
}

/// What a training step runs: logits, loss, the gradient of every parameter, the update.
pub fn step(model: &Graph, method: Method, processor: Processor, keep: Keep) -> Graph {
    let graph = checked("common", common(model));
    let graph = checked("coordinates", coordinates(&graph));
    let graph = checked("fuse", fuse(&graph, keep));
    let graph = checked("differentiate", differentiate(&graph, method));
    let graph = checked("recompute", recompute(&graph));
    let graph = match processor {
        Processor::Cpu => checked("remember", remember(&graph)),
        Processor::Gpu => graph,
    };
    let graph = checked("accumulate", accumulate(&graph));
    checked("dead", dead(graph, keep))
}

/// What is run to be looked at: values with names are kept, so fusions that would swallow one do not
/// happen. With a backward pass it is a step without drop path.
pub fn observation(model: &Graph, backward: bool, processor: Processor) -> Graph {
    match backward {
        true => step(&plain(model), Method::default(), processor, Keep::Taps),
        false => evaluation(model, Keep::Taps),
    }
}

/// A model without what nothing reads or what is computed twice, in an order that does not depend
/// on how it was built. It has the hash of the model, and models of one hash become one graph.
pub fn canonical(model: &Graph) -> Graph {
    let graph = checked("dead", dead(model.clone(), Keep::Output));
    let graph = checked("common", common(&graph));
    checked("order", order(&graph))
}

fn checked(pass: &str, graph: Graph) -> Graph {
    if cfg!(debug_assertions)
        && let Err(wrong) = graph.verify()
    {
        panic!("after pass `{pass}`: {wrong}");
    }
    graph
}
