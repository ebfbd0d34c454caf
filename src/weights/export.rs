//! Parameters as a safetensors file, for other programs.

use crate::exec::Parameters;
use crate::exec::published::{Plain, to_published};
use crate::graph::Graph;
use safetensors::tensor::{Dtype, SafeTensorError, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

impl View for &Plain {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.data.iter().flat_map(|number| number.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        self.data.len() * 4
    }
}

/// What is said of a model beside its weights, by key.
pub type About = BTreeMap<String, String>;

/// One entry, for several would stand in any order, and the bytes of a file would differ each time.
fn header(about: &About) -> Option<HashMap<String, String>> {
    let text = serde_json::to_string(about).ok()?;
    Some(HashMap::from([("cluec.about".to_string(), text)]))
}

/// Under the names of the published code and in its layout: what `load_state_dict` of PyTorch takes.
pub fn published(
    graph: &Graph,
    parameters: &Parameters,
    about: &About,
) -> Result<Vec<u8>, SafeTensorError> {
    let tensors = to_published(graph, parameters);
    safetensors::serialize(&tensors, header(about))
}

/// Under our own names, as the graph has them.
pub fn own(
    graph: &Graph,
    parameters: &Parameters,
    about: &About,
) -> Result<Vec<u8>, SafeTensorError> {
    let pairs = graph.params.iter().zip(&parameters.0);
    let tensors: Vec<(&str, Plain)> = pairs
        .map(|(param, data)| {
            (param.name.as_str(), Plain { shape: param.shape.clone(), data: data.clone() })
        })
        .collect();
    safetensors::serialize(tensors.iter().map(|(name, plain)| (name, plain)), header(about))
}
