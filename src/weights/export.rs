//! Parameters as a safetensors file, for other programs.

use crate::exec::Parameters;
use crate::exec::published::to_published;
use crate::foreign::{Floats, write};
use crate::graph::Graph;
use std::collections::{BTreeMap, HashMap};
use std::io;

/// What is said of a model beside its weights, by key.
pub type About = BTreeMap<String, String>;

/// Under the names of the published code and in its layout: what `load_state_dict` of PyTorch takes.
pub fn published(graph: &Graph, parameters: &Parameters, about: &About) -> io::Result<Vec<u8>> {
    let tensors = to_published(graph, parameters);
    let tensors = tensors.iter().map(|(name, plain)| Floats {
        name: name.clone(),
        shape: &plain.shape,
        values: &plain.data,
    });
    file(tensors.collect(), about)
}

/// Under our own names, as the graph has them.
pub fn own(graph: &Graph, parameters: &Parameters, about: &About) -> io::Result<Vec<u8>> {
    let tensors = graph.params.iter().zip(parameters.iter()).map(|(param, values)| Floats {
        name: param.name.clone(),
        shape: &param.shape,
        values,
    });
    file(tensors.collect(), about)
}

fn file(tensors: Vec<Floats<'_>>, about: &About) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One entry, for several would stand in any order, and the bytes would differ each time.
    let about = HashMap::from([("cluec.about".to_string(), serde_json::to_string(about)?)]);
    write(&mut bytes, tensors, about)?;
    Ok(bytes)
}
