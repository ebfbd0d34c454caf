//! What a value of the graph is. The batch is symbolic, always the first dimension, and not stored.

use smallvec::{SmallVec, smallvec};
use std::fmt;

/// Rows and columns.
pub type Size = [usize; 2];

/// Lengths of the dimensions of a tensor; values are copied from graph to graph, so they lie in place.
pub type Dims = SmallVec<[usize; 4]>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// `[B, …]` of floats, channels last: `[H, W, C]` for a map, `[C]` for a vector.
    Tensor(Dims),
    /// For every pixel of `map` and every head: the centers it belongs to, and how much.
    Assignment { map: Size, grid: Size, heads: usize, choice: Choice },
    /// For every pixel of `map`: one center.
    Index { map: Size, grid: Size },
    /// The class of every image.
    Labels,
    /// Several results of one node.
    Tuple(Vec<Type>),
    /// The result of a mistake already reported: whatever consumes it is unknown too.
    Unknown,
}

/// How many centers a pixel belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// One, the most similar: its index and its similarity.
    Hard,
    /// All of them, by their similarities.
    Soft,
}

impl Type {
    pub fn map(size: Size, channels: usize) -> Type {
        Type::Tensor(smallvec![size[0], size[1], channels])
    }

    /// Rows, columns and channels, if this is a map.
    pub fn as_map(&self) -> Option<(Size, usize)> {
        match self {
            Type::Tensor(dims) if dims.len() == 3 => Some(([dims[0], dims[1]], dims[2])),
            _ => None,
        }
    }

    /// Length of the last dimension of a tensor.
    pub fn channels(&self) -> Option<usize> {
        match self {
            Type::Tensor(dims) => dims.last().copied(),
            _ => None,
        }
    }

    /// Stored numbers per image.
    pub fn elements(&self) -> u64 {
        match self {
            Type::Tensor(dims) => dims.iter().fold(1, |n: u64, &d| n.saturating_mul(d as u64)),
            Type::Assignment { map, grid, heads, choice } => {
                let pixels = area(*map).saturating_mul(*heads as u64);
                match choice {
                    Choice::Hard => pixels.saturating_mul(2),
                    Choice::Soft => pixels.saturating_mul(area(*grid)),
                }
            }
            Type::Index { map, .. } => area(*map),
            Type::Labels => 1,
            Type::Tuple(types) => types.iter().map(Type::elements).sum(),
            Type::Unknown => 0,
        }
    }

    /// The type of a gradient with respect to a value of this type. Of an assignment it is the
    /// gradient of its similarities.
    pub fn tangent(&self) -> Type {
        match self {
            Type::Assignment { map, heads, choice: Choice::Hard, .. } => {
                Type::Tensor(smallvec![map[0], map[1], *heads])
            }
            Type::Assignment { map, grid, heads, choice: Choice::Soft } => {
                Type::Tensor(smallvec![map[0], map[1], *heads, grid[0] * grid[1]])
            }
            other => other.clone(),
        }
    }
}

/// Rows times columns.
pub fn area(size: Size) -> u64 {
    size[0] as u64 * size[1] as u64
}

/// `7x7`.
pub fn times(size: Size) -> String {
    format!("{}x{}", size[0], size[1])
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Tensor(dims) => {
                f.write_str("[B")?;
                dims.iter().try_for_each(|d| write!(f, ", {d}"))?;
                f.write_str("]")
            }
            Type::Assignment { map, grid, heads, choice } => {
                let choice = match choice {
                    Choice::Hard => "hard",
                    Choice::Soft => "soft",
                };
                write!(f, "{choice}[B, {} -> {}, heads {heads}]", times(*map), times(*grid))
            }
            Type::Index { map, grid } => write!(f, "index[B, {} -> {}]", times(*map), times(*grid)),
            Type::Labels => f.write_str("labels[B]"),
            Type::Tuple(types) => {
                f.write_str("(")?;
                for (i, ty) in types.iter().enumerate() {
                    write!(f, "{}{ty}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Type::Unknown => f.write_str("?"),
        }
    }
}
