//! When every value of a graph is born and dies, and where in one arena it lies in between: the
//! memory a run needs is known before the first step.
//!
//! Everything in the arena is per image: a group of `n` images needs `n` times as much, at `n` times
//! the offset. It is counted in words of four bytes: an `f32`, an index, or two numbers of 16 bits.

mod groups;
mod layout;
mod lives;
mod parts;
mod stretches;
mod text;

pub use groups::{group, lanes};
pub use layout::ALIGN;
pub use parts::{Part, parts};
pub use stretches::Stretch;

use crate::graph::{Few, Graph, Precision, Value};
use crate::passes::{self, Keep, Method, Processor};
use lives::Lives;

/// Where one result of a node lies, in words per image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub offset: usize,
    pub len: usize,
}

/// A graph with its memory.
#[derive(Debug, Clone)]
pub struct Plan {
    pub graph: Graph,
    /// For every node the places of its results: one of a tensor, two of a hard assignment (indices,
    /// similarities) and of attention (its normalizers), those of all parts of a tuple. Nothing for
    /// images and labels, which are the caller's.
    pub places: Vec<Few<Place>>,
    /// Words per image.
    pub arena: usize,
    /// What numbers of maps there is room for.
    pub precision: Precision,
    /// In which steps a group of images goes through the nodes.
    pub stretches: Vec<Stretch>,
    /// For every node before the loss, the bytes per image of its results that outlive the loss:
    /// what the backward pass reads of it.
    pub kept: Vec<u64>,
    /// The bytes per image that are held while each node runs.
    pub live: Vec<u64>,
}

impl Plan {
    /// In `f32`, images taking turns, as on a CPU. Values that `keep` names stay until the end.
    pub fn new(graph: Graph, keep: Keep) -> Plan {
        let mut lives = lives::lives(&graph, keep, Precision::F32);
        let stretches = stretches::stretches(&graph);
        stretches::hold(&mut lives, &stretches);
        Plan::of(graph, lives, stretches, Precision::F32)
    }

    /// Of a graph through which all images go together, as on a GPU, and whose maps are stored so.
    pub fn together(graph: Graph, keep: Keep, precision: Precision) -> Plan {
        let lives = lives::lives(&graph, keep, precision);
        let all = Stretch { nodes: 0..graph.nodes.len(), images: usize::MAX };
        Plan::of(graph, lives, vec![all], precision)
    }

    fn of(graph: Graph, lives: Lives, stretches: Vec<Stretch>, precision: Precision) -> Plan {
        let (places, arena) = layout::layout(&lives);
        let loss = graph.loss.map_or(0, |loss| loss.0 as usize);
        let mut kept = vec![0; loss];
        let mut counted = vec![false; lives.buffers.len()];
        // From the end: a buffer written in place is its last writer's.
        for (kept, results) in kept.iter_mut().zip(&lives.results).rev() {
            for &buffer in results {
                let life = lives.buffers[buffer];
                if life.last > loss && !std::mem::replace(&mut counted[buffer], true) {
                    *kept += 4 * life.len as u64;
                }
            }
        }
        let live = live(&lives, graph.nodes.len());
        Plan { places, arena, precision, stretches, kept, live, graph }
    }

    /// Of a training step of a model, as it is run on a CPU where no recipe says more.
    pub fn training(model: &Graph) -> Plan {
        Plan::training_by(model, Method::default(), Processor::Cpu)
    }

    /// Of a training step of a model, as it is run.
    pub fn training_by(model: &Graph, method: Method, processor: Processor) -> Plan {
        let graph = passes::step(model, method, processor, Keep::Output);
        match processor {
            Processor::Cpu => Plan::new(graph, Keep::Output),
            Processor::Gpu => Plan::together(graph, Keep::Output, method.precision),
        }
    }

    /// Of the evaluation of a model, as it is run.
    pub fn evaluation(model: &Graph) -> Plan {
        Plan::new(passes::evaluation(model, Keep::Output), Keep::Output)
    }

    /// The most that is held at once, in bytes per image. Parameters, gradients and moments come on
    /// top, once for all images.
    pub fn bytes_per_image(&self) -> u64 {
        4 * self.arena as u64
    }

    /// The place of a value that has one.
    pub fn place(&self, value: Value) -> Option<Place> {
        self.places[value.0 as usize].first().copied()
    }
}

/// The bytes per image of all buffers that are held while each of `nodes` nodes runs.
fn live(lives: &Lives, nodes: usize) -> Vec<u64> {
    let mut steps = vec![0i64; nodes + 1];
    for life in &lives.buffers {
        let bytes = 4 * life.len as i64;
        steps[life.first] += bytes;
        steps[(life.last + 1).min(nodes)] -= bytes;
    }
    let sum = |held: &mut i64, step: i64| {
        *held += step;
        Some(*held as u64)
    };
    steps.into_iter().take(nodes).scan(0, sum).collect()
}
