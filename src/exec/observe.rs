//! What can be seen of a model while it runs on one batch, whichever executor runs it.

use super::{Batch, ExecError, Parameters};
use crate::graph::ops::Windows;
use crate::graph::{Choice, Graph, Size, Type, Value, area};

/// A value under the name of a module of the published code.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// `[B, …, C]`, channels last.
    Tensor { shape: Vec<usize>, data: Vec<f32> },
    /// A center for every pixel (and head): `[B, heads, N]`, of a `grid` over a `map`; of a soft
    /// assignment the center that has most of the pixel.
    Index { index: Vec<u32>, images: usize, map: Size, grid: Size, windows: Windows },
}

/// One batch in evaluation mode, forward and backward.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Several values may have one name.
    pub taps: Vec<(String, Seen)>,
    /// `[B, classes]`
    pub logits: Vec<f32>,
    /// Mean cross entropy, and its gradients; nothing where there are no labels.
    pub training: Option<(f64, Parameters)>,
}

/// How an executor shows a model with these parameters on a batch.
pub type Observe = dyn Fn(&Graph, &Parameters, &Batch) -> Result<Observation, ExecError>;

impl Seen {
    /// A value of a graph for so many images, from the words a compiled executor keeps of it: numbers as
    /// they are, centers as `[B, N, heads]`, shares of a soft assignment as `[B, N, heads, M]`. Nothing if
    /// it is neither.
    pub fn of(graph: &Graph, value: Value, images: usize, words: &[f32]) -> Option<Seen> {
        let windows = || graph.windows(value);
        match graph.node(value).ty {
            Type::Tensor(ref dims) => {
                let shape = std::iter::once(images).chain(dims.iter().copied()).collect();
                Some(Seen::Tensor { shape, data: words.to_vec() })
            }
            Type::Assignment { map, grid, heads, choice: Choice::Hard } => {
                let index = by_head(bytemuck::cast_slice(words), images, heads);
                Some(Seen::Index { index, images, map, grid, windows: windows() })
            }
            Type::Assignment { map, grid, heads, choice: Choice::Soft } => {
                let shares = words.chunks_exact(area(grid).max(1) as usize);
                let index = by_head(&shares.map(first_largest).collect::<Vec<_>>(), images, heads);
                Some(Seen::Index { index, images, map, grid, windows: windows() })
            }
            Type::Index { map, grid } => {
                let index = bytemuck::cast_slice(words).to_vec();
                Some(Seen::Index { index, images, map, grid, windows: windows() })
            }
            _ => None,
        }
    }
}

/// `[B, N, heads]` as `[B, heads, N]`.
fn by_head(index: &[u32], images: usize, heads: usize) -> Vec<u32> {
    let of_image = index.len() / images.max(1);
    let by_image = index.chunks_exact(of_image.max(1));
    by_image
        .flat_map(|image| (0..heads).flat_map(|head| image[head..].iter().step_by(heads)))
        .copied()
        .collect()
}

/// Where the largest number of a row stands, the first of equal ones.
fn first_largest(row: &[f32]) -> u32 {
    let larger = |best: usize, at: usize| if row[at] > row[best] { at } else { best };
    (0..row.len()).reduce(larger).unwrap_or(0) as u32
}
