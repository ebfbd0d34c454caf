//! Computes once what is computed twice: the same op on the same values with the same parameters.
//! Before differentiation only, as what is computed again afterwards saves memory.

use crate::graph::{Edit, Few, Graph, Value};

pub fn common(graph: &Graph) -> Graph {
    let mut edit = Edit::new(graph);
    // The new nodes by the first value that they read; those that read nothing stand last.
    let mut readers: Vec<Few<Value>> = vec![Few::new(); graph.nodes.len() + 1];
    for value in graph.values() {
        let (node, inputs) = (graph.node(value), edit.inputs(value));
        let first = inputs.first().map_or(graph.nodes.len(), |input| input.0 as usize);
        let same = readers[first].iter().copied().find(|&reader| {
            let reader = edit.graph().node(reader);
            reader.inputs == inputs && reader.params == node.params && reader.op == node.op
        });
        match same {
            Some(same) => edit.replace(value, same),
            None => readers[first].push(edit.copy(value)),
        }
    }
    edit.finish()
}
