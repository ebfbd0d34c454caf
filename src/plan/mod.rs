//! When every value of a graph is born and dies, and where in one arena it lies in between: the
//! memory a run needs is known before the first step.
//!
//! Everything in the arena is per image: a group of `n` images needs `n` times as much, at `n` times
//! the offset.

mod layout;
mod lives;
mod memory;
mod parts;
mod stretches;
mod text;

pub use layout::ALIGN;
pub use memory::{Memory, group, memory};
pub use parts::{Part, parts};
pub use stretches::Stretch;

use crate::graph::{Graph, Value};
use crate::passes::{self, Keep};

/// Where one result of a node lies, in floats per image.
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
    pub places: Vec<Vec<Place>>,
    /// Floats per image.
    pub arena: usize,
    /// In which steps a group of images goes through the nodes.
    pub stretches: Vec<Stretch>,
    /// For every node before the loss, the bytes per image of its results that outlive the loss:
    /// what the backward pass reads of it.
    pub kept: Vec<u64>,
}

impl Plan {
    /// Values that `keep` names stay until the end.
    pub fn new(graph: Graph, keep: Keep) -> Plan {
        let mut lives = lives::lives(&graph, keep);
        let stretches = stretches::stretches(&graph);
        stretches::hold(&mut lives, &stretches);
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
        Plan { places, arena, stretches, kept, graph }
    }

    /// Of a training step of a model, as it is run.
    pub fn training(model: &Graph) -> Plan {
        Plan::new(passes::step(model, None, Keep::Output), Keep::Output)
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
