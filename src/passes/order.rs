//! Puts every node just before the first that reads it, from the logits back: an order that does
//! not depend on the order in which a model was built. What nothing reads is left out.

use crate::graph::{Edit, Graph, Value};

pub fn order(graph: &Graph) -> Graph {
    let mut edit = Edit::new(graph);
    let mut placed = vec![false; graph.nodes.len()];
    // Values on the way, each with how many of its inputs have been visited.
    let mut path: Vec<(Value, usize)> = Vec::new();
    for end in std::iter::once(graph.output).chain(graph.loss) {
        path.push((end, 0));
        while let Some((value, visited)) = path.last_mut() {
            let value = *value;
            let next = graph.node(value).inputs.get(*visited).copied();
            *visited += 1;
            match next {
                Some(input) if !placed[input.0 as usize] => path.push((input, 0)),
                Some(_) => {}
                None => {
                    if !std::mem::replace(&mut placed[value.0 as usize], true) {
                        edit.copy(value);
                    }
                    path.pop();
                }
            }
        }
    }
    edit.finish()
}
