//! The layout of published weights: channels first, `[out, in]`, under the published names.

use super::Parameters;
use crate::foreign::{TensorFile, Unreadable};
use crate::graph::{Graph, Layout, Param};
use std::collections::BTreeMap;
use std::path::Path;

/// A tensor as read from or for a file, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Plain {
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

pub type Plains = BTreeMap<String, Plain>;

/// How published tensors do not fit a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Published names the graph needs and the tensors lack.
    pub missing: Vec<String>,
    /// Names the graph does not know.
    pub extra: Vec<String>,
    /// Name, shape needed, shape found.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

/// Names that are listed of a kind of misfit.
const MOST_NAMES: usize = 5;

impl std::fmt::Display for Misfit {
    /// A line for each way in which something does not fit, the first names of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shape = |(name, needed, found): &(String, Vec<usize>, Vec<usize>)| {
            format!("`{name}` has shape {found:?} instead of {needed:?}")
        };
        let misshapen: Vec<String> = self.misshapen.iter().map(shape).collect();
        let parts =
            [("missing: ", &self.missing), ("not in the model: ", &self.extra), ("", &misshapen)];
        for (what, names) in parts.into_iter().filter(|(_, names)| !names.is_empty()) {
            let shown = names[..names.len().min(MOST_NAMES)].join(", ");
            write!(f, "\n  {what}{shown}")?;
            match names.len().saturating_sub(MOST_NAMES) {
                0 => {}
                more => write!(f, " and {more} more")?,
            }
        }
        Ok(())
    }
}
impl std::error::Error for Misfit {}

/// The published shape of a parameter, and for each published axis our axis (none: length one).
fn axes(param: &Param) -> (Vec<usize>, Vec<Option<usize>>) {
    let axes: Vec<Option<usize>> = match param.layout {
        Layout::Same => (0..param.shape.len()).map(Some).collect(),
        Layout::Linear => vec![Some(1), Some(0)],
        Layout::Conv1x1 => vec![Some(1), Some(0), None, None],
        Layout::Conv => vec![Some(3), Some(2), Some(0), Some(1)],
        Layout::Depthwise => vec![Some(2), None, Some(0), Some(1)],
        Layout::PerHead => vec![Some(0), Some(2), Some(1)],
    };
    (axes.iter().map(|axis| axis.map_or(1, |a| param.shape[a])).collect(), axes)
}

/// For every published element in order, the place of ours.
fn places(param: &Param) -> Vec<usize> {
    let (shape, axes) = axes(param);
    let mut strides = vec![1; param.shape.len()];
    for axis in (1..strides.len()).rev() {
        strides[axis - 1] = strides[axis] * param.shape[axis];
    }
    let mut places = vec![0];
    for (length, axis) in shape.iter().zip(axes) {
        let stride = axis.map_or(0, |axis| strides[axis]);
        places = places.iter().flat_map(|p| (0..*length).map(move |i| p + i * stride)).collect();
    }
    places
}

/// One of our tensors as published.
pub fn publish(param: &Param, ours: &[f32]) -> Plain {
    let data = places(param).into_iter().map(|place| ours[place]).collect();
    Plain { shape: axes(param).0, data }
}

/// A shape without dimensions of length one at its end: a linear layer may stand as a convolution,
/// a scalar as one element of any rank.
pub fn plain(shape: &[usize]) -> &[usize] {
    let end = shape.iter().rposition(|&length| length != 1).map_or(0, |last| last + 1);
    &shape[..end]
}

/// The published shape of a parameter.
pub fn shape(param: &Param) -> Vec<usize> {
    axes(param).0
}

/// Holds a published shape to the one that a parameter should have, which is the error.
pub fn fits(param: &Param, published: &[usize]) -> Result<(), Vec<usize>> {
    let shape = shape(param);
    if plain(&shape) == plain(published) { Ok(()) } else { Err(shape) }
}

/// A published tensor as ours, or the published shape it should have.
pub fn adopt(param: &Param, published: &Plain) -> Result<Vec<f32>, Vec<usize>> {
    fits(param, &published.shape)?;
    if published.data.len() != param.elements() {
        return Err(shape(param));
    }
    let mut ours = vec![0.0; param.elements()];
    for (place, &value) in places(param).into_iter().zip(&published.data) {
        ours[place] = value;
    }
    Ok(ours)
}

/// All parameters under their published names.
pub fn to_published(graph: &Graph, parameters: &Parameters) -> Plains {
    let pairs = graph.params.iter().zip(parameters.iter());
    pairs.map(|(param, ours)| (param.published.clone(), publish(param, ours))).collect()
}

/// Parameters from tensors under published names; every parameter and no other tensor.
pub fn from_published(graph: &Graph, tensors: &Plains) -> Result<Parameters, Misfit> {
    let mut misfit = Misfit::default();
    let mut parameters = Vec::with_capacity(graph.params.len());
    for param in graph.params.iter() {
        match tensors.get(&param.published).map(|found| (found, adopt(param, found))) {
            None => misfit.missing.push(param.published.clone()),
            Some((_, Ok(ours))) => parameters.push(ours),
            Some((found, Err(needed))) => {
                misfit.misshapen.push((param.published.clone(), needed, found.shape.clone()));
            }
        }
    }
    let known: std::collections::BTreeSet<&str> =
        graph.params.iter().map(|param| param.published.as_str()).collect();
    let extra = tensors.keys().filter(|name| !known.contains(name.as_str()));
    misfit.extra = extra.cloned().collect();
    if misfit == Misfit::default() { Ok(parameters.into_iter().collect()) } else { Err(misfit) }
}

/// Every tensor of a file of safetensors or PyTorch, as `f32` (integers below 2^24 exactly).
pub fn read(path: &Path) -> Result<Plains, Unreadable> {
    let file = TensorFile::open(path)?;
    let tensors = file.tensors().iter().map(|(name, tensor)| {
        Ok((name.clone(), Plain { shape: tensor.shape.clone(), data: file.load(tensor)? }))
    });
    tensors.collect()
}
