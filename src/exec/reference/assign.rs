//! Pixels find centers, and centers return to pixels.

use super::heads::{directions, join, sigmoid, split};
use super::windows::mask;
use crate::graph::ops::Assign;
use crate::graph::{Choice, Size};
use candle_core::{D, DType, Device, Result, Tensor};

/// To which centers pixels belong.
#[derive(Debug, Clone)]
pub enum Assignment {
    /// `index` (`u32`) and `weight`, `[B, heads, N]` both.
    Hard { index: Tensor, weight: Tensor },
    /// `[B, heads, N, M]`, ones over the centers.
    Soft(Tensor),
}

/// Queries `[B, gh, gw, A]`, keys `[B, H, W, A]`; `alpha` and `beta` are `[1]`.
pub fn assign(
    op: &Assign,
    queries: &Tensor,
    keys: &Tensor,
    alpha: &Tensor,
    beta: &Tensor,
) -> Result<Assignment> {
    let size = |x: &Tensor| x.dims4().map(|(_, h, w, _)| [h, w]);
    let (map, grid) = (size(keys)?, size(queries)?);
    let query = directions(queries, op.heads)?;
    let key = directions(keys, op.heads)?;
    let similarity = |cosine: &Tensor| sigmoid(&cosine.broadcast_mul(alpha)?.broadcast_add(beta)?);
    match op.choice {
        Choice::Soft => {
            let mut all = similarity(&key.matmul(&query.transpose(2, 3)?)?)?;
            if let Some(mask) = mask(op.windows, map, grid, [1.0, 0.0], all.dtype())? {
                all = all.broadcast_mul(&mask)?;
            }
            Ok(Assignment::Soft(all.broadcast_div(&all.sum_keepdim(D::Minus1)?)?))
        }
        Choice::Hard => {
            let cosine = key.detach().matmul(&query.detach().transpose(2, 3)?)?;
            let mut similarities = similarity(&cosine)?.detach();
            // No similarity is negative.
            if let Some(mask) = mask(op.windows, map, grid, [0.0, -2.0], cosine.dtype())? {
                similarities = similarities.broadcast_add(&mask)?;
            }
            let index = first_largest(&similarities)?;
            let chosen = rows(&query, &index)?;
            let weight = similarity(&(key * chosen)?.sum(D::Minus1)?)?;
            Ok(Assignment::Hard { index, weight })
        }
    }
}

/// Centers `[B, gh, gw, A]` back on the map.
pub fn dispatch(
    assignment: &Assignment,
    centers: &Tensor,
    heads: usize,
    map: Size,
) -> Result<Tensor> {
    let centers = split(centers, heads)?;
    let returned = match assignment {
        Assignment::Hard { index, weight } => {
            rows(&centers, index)?.broadcast_mul(&weight.unsqueeze(3)?)?
        }
        Assignment::Soft(weights) => weights.matmul(&centers)?,
    };
    join(&returned, map)
}

/// `[B, G, M, d]` by `[B, G, N]` to `[B, G, N, d]`: the rows named.
pub fn rows(table: &Tensor, index: &Tensor) -> Result<Tensor> {
    let (batch, groups, m, d) = table.dims4()?;
    let n = index.dim(2)?;
    table
        .reshape((batch * groups * m, d))?
        .index_select(&flat(index, m)?, 0)?
        .reshape((batch, groups, n, d))
}

/// Indices into `m` rows of every group, as one list into all rows.
pub fn flat(index: &Tensor, m: usize) -> Result<Tensor> {
    let n = index.dim(D::Minus1)?;
    let mut list = index.flatten_all()?.to_vec1::<u32>()?;
    for (group, part) in list.chunks_mut(n).enumerate() {
        part.iter_mut().for_each(|row| *row += (group * m) as u32);
    }
    Tensor::from_vec(list, index.elem_count(), &Device::Cpu)
}

/// The index of the largest number of every row; the first of equal ones.
pub fn first_largest(x: &Tensor) -> Result<Tensor> {
    let mut dims = x.dims().to_vec();
    let width = dims.pop().unwrap_or(1);
    let data = x.flatten_all()?;
    let list: Vec<u32> = match x.dtype() {
        DType::F64 => data.to_vec1::<f64>()?.chunks(width).map(first).collect(),
        _ => data.to_vec1::<f32>()?.chunks(width).map(first).collect(),
    };
    Tensor::from_vec(list, dims, &Device::Cpu)
}

fn first<T: PartialOrd + Copy>(row: &[T]) -> u32 {
    let mut best = 0;
    for (i, x) in row.iter().enumerate() {
        if *x > row[best] {
            best = i;
        }
    }
    best as u32
}
