//! What holds of every graph, checked after every pass.

use super::{Graph, Op};
use std::collections::HashSet;

impl Graph {
    /// The first invariant that does not hold, as a sentence:
    /// - an input of a node stands before it;
    /// - a node's type is what its op infers;
    /// - a parameter belongs to one node, to its one gradient and to what computes the node again;
    /// - names of parameters and scopes of nodes are unique;
    /// - the output, the loss and the taps are values of the graph.
    pub fn verify(&self) -> Result<(), String> {
        let mut scopes = HashSet::new();
        let mut owners: Vec<Option<&Op>> = vec![None; self.params.len()];
        let mut has_gradient = vec![false; self.params.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            let here = format!("%{index} ({} at `{}`)", node.op.name(), node.scope);
            if let Some(late) = node.inputs.iter().find(|v| v.0 as usize >= index) {
                return Err(format!("{here} reads %{}, which comes later", late.0));
            }
            match node.op.infer(&self.types(&node.inputs)) {
                Ok(ty) if ty == node.ty => {}
                Ok(ty) => return Err(format!("{here} is {}, and its op gives {ty}", node.ty)),
                Err(mismatch) => return Err(format!("{here}: {}", mismatch.message)),
            }
            if !scopes.insert(&node.scope) {
                return Err(format!("{here} has the scope of another node"));
            }
            for id in &node.params {
                let Some(owner) = owners.get_mut(id.0 as usize) else {
                    return Err(format!("{here} has parameter {}, which is none", id.0));
                };
                let fits = match (&*owner, &node.op) {
                    (Some(owner), Op::Gradient(gradient)) => **owner == *gradient.of,
                    (None, Op::Gradient(_)) => false,
                    (Some(owner), again) => *owner == again,
                    (None, _) => true,
                };
                if !fits {
                    return Err(format!("{here} has parameter {}, which is another's", id.0));
                }
                owner.get_or_insert(&node.op);
                // An executor clears a parameter's gradient just before its node.
                if let Op::Gradient(_) = node.op
                    && std::mem::replace(&mut has_gradient[id.0 as usize], true)
                {
                    return Err(format!("{here} is another gradient of parameter {}", id.0));
                }
            }
        }
        let mut names = HashSet::new();
        if let Some(param) = self.params.iter().find(|p| !names.insert(&p.name)) {
            return Err(format!("two parameters are called `{}`", param.name));
        }
        let mut ends = vec![self.output];
        ends.extend(self.loss);
        ends.extend(self.taps.iter().map(|tap| tap.value));
        match ends.iter().find(|value| value.0 as usize >= self.nodes.len()) {
            Some(end) => Err(format!("%{} is asked for and does not exist", end.0)),
            None => Ok(()),
        }
    }
}
