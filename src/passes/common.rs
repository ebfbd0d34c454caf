//! Computes once what is computed twice: the same op on the same values with the same parameters.
//! Before differentiation only, as what is computed again afterwards saves memory.

use crate::graph::{Digest, Edit, Graph, Value};
use std::collections::HashMap;

pub fn common(graph: &Graph) -> Graph {
    let digests = graph.digests();
    let mut first: HashMap<Digest, Value> = HashMap::with_capacity(digests.len());
    let mut edit = Edit::new(graph);
    for (value, digest) in graph.values().zip(digests) {
        match first.get(&digest) {
            Some(&same) => edit.replace(value, same),
            None => {
                first.insert(digest, edit.copy(value));
            }
        }
    }
    edit.finish()
}
