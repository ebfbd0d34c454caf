//! When every value of a graph is born and dies, and where in one arena it lies in between: the
//! memory a run needs is known before the first step.
//!
//! Everything in the arena is per image: a group of `n` images needs `n` times as much, at `n` times
//! the offset.

mod layout;
mod lives;
mod memory;
mod text;

pub use layout::ALIGN;
pub use memory::{Memory, group, memory};

use crate::graph::{Graph, Value};
use crate::passes::Keep;

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
    /// similarities), those of all parts of a tuple. Nothing for images and labels, which are the
    /// caller's.
    pub places: Vec<Vec<Place>>,
    /// Floats per image.
    pub arena: usize,
}

impl Plan {
    /// Values that `keep` names stay until the end.
    pub fn new(graph: Graph, keep: Keep) -> Plan {
        let lives = lives::lives(&graph, keep);
        let (places, arena) = layout::layout(&lives);
        Plan { places, arena, graph }
    }

    /// The place of a value that has one.
    pub fn place(&self, value: Value) -> Option<Place> {
        self.places[value.0 as usize].first().copied()
    }
}
