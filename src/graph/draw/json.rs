//! For programs. Keys are never renamed or removed; a node is named by its `id`, which its readers
//! list under `inputs`.

use super::Drawing;
use serde_json::{Map, Value as Json, json};

impl Drawing<'_> {
    pub fn json(&self) -> Json {
        let nodes: Vec<Json> = self
            .nodes()
            .map(|(value, node)| {
                let attributes: Map<String, Json> = node
                    .op
                    .attributes()
                    .into_iter()
                    .map(|(key, value)| (key.to_string(), json!(value)))
                    .collect();
                let params: Vec<Json> = node
                    .params
                    .iter()
                    .map(|&id| self.graph.param(id))
                    .map(|param| json!({ "name": param.name, "shape": param.shape }))
                    .collect();
                let cost = self.graph.node_cost(value.0 as usize);
                json!({
                    "id": value.0,
                    "scope": &*node.scope,
                    "op": node.op.name(),
                    "attributes": attributes,
                    "inputs": node.inputs.iter().map(|input| input.0).collect::<Vec<_>>(),
                    "type": node.ty.to_string(),
                    "params": params,
                    "macs": cost.macs,
                })
            })
            .collect();
        json!({
            "name": self.graph.name,
            "hash": self.graph.hash(),
            "nodes": nodes,
            "output": self.graph.output.0,
        })
    }
}
