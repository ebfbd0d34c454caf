//! Pixels find centers, centers return to pixels, clusters become their means.

use super::heads::Heads;
use super::maps::adaptive_pool;
use super::windows::masked;
use super::writer::{Name, Writer, int, text};
use crate::graph::ops::{Assign, Nearest, Weighing};
use crate::graph::{Choice, Size};

/// To which centers pixels belong.
#[derive(Debug, Clone)]
pub enum Assignment {
    /// `[batch, heads, N, 1]` both.
    Hard { index: Name, weight: Name },
    /// `[batch, heads, N, M]`, ones over the centers.
    Soft(Name),
    /// A center for every pixel, `[batch, 1, N, 1]`.
    Index(Name),
}

/// `alpha` and `beta` are `[1]`.
pub fn assign(
    w: &mut Writer,
    op: &Assign,
    heads: [Heads; 2],
    [queries, keys]: [&str; 2],
    [alpha, beta]: [&str; 2],
) -> Assignment {
    let (query, key) = (heads[0].directions(w, queries), heads[1].directions(w, keys));
    let cosine = w.product_transposed(&key, &query);
    let scaled = w.op("Mul", &[&cosine, alpha], []);
    let moved = w.op("Add", &[&scaled, beta], []);
    let similarity = w.op("Sigmoid", &[&moved], []);
    let axis = w.list(&[-1]);
    match op.choice {
        Choice::Hard => {
            // No similarity is negative.
            let similarity = masked(w, op.windows, heads, "Add", [0.0, -2.0], &similarity);
            let index = first_largest(w, &similarity);
            let weight = w.op("ReduceMax", &[&similarity, &axis], [int("keepdims", 1)]);
            Assignment::Hard { index, weight }
        }
        Choice::Soft => {
            let similarity = masked(w, op.windows, heads, "Mul", [1.0, 0.0], &similarity);
            let sum = w.op("ReduceSum", &[&similarity, &axis], [int("keepdims", 1)]);
            Assignment::Soft(w.op("Div", &[&similarity, &sum], []))
        }
    }
}

/// The index of the largest number of every row, which stays a row of one; the first of equal ones.
fn first_largest(w: &mut Writer, x: &str) -> Name {
    let attributes = [int("axis", -1), int("keepdims", 1), int("select_last_index", 0)];
    w.op("ArgMax", &[x], attributes)
}

/// `[batch, H, W, A]`.
pub fn dispatch(
    w: &mut Writer,
    assignment: &Assignment,
    [grid, map]: [Heads; 2],
    centers: &str,
) -> Name {
    let centers = grid.split(w, centers);
    let returned = match assignment {
        Assignment::Hard { index, weight } => {
            let rows = w.op("GatherND", &[&centers, index], [int("batch_dims", 2)]);
            w.op("Mul", &[&rows, weight], [])
        }
        Assignment::Index(index) => w.op("GatherND", &[&centers, index], [int("batch_dims", 2)]),
        Assignment::Soft(weights) => w.op("MatMul", &[weights, &centers], []),
    };
    map.join(w, &returned)
}

/// The center most similar to every pixel.
pub fn nearest(w: &mut Writer, op: &Nearest, size: Size, channels: usize, x: &str) -> Assignment {
    let centers = adaptive_pool(w, size, channels, op.grid, x);
    let heads = [op.grid, size].map(|size| Heads::new(size, channels, 1));
    let (query, key) = (heads[0].directions(w, &centers), heads[1].directions(w, x));
    let cosine = w.product_transposed(&key, &query);
    // No cosine is less than -1.
    let cosine = masked(w, op.windows, heads, "Add", [0.0, -4.0], &cosine);
    Assignment::Index(first_largest(w, &cosine))
}

/// Means of the pixels of every center and of the center itself, `[batch, gh, gw, C]`.
pub fn cluster_mean(
    w: &mut Writer,
    weighing: Weighing,
    assignment: &Assignment,
    [grid, map]: [Heads; 2],
    pooled: &str,
    centers: &str,
) -> Name {
    let (values, own) = (map.split(w, pooled), grid.split(w, centers));
    let (totals, counts) = match assignment {
        Assignment::Soft(weights) => {
            let theirs = w.transpose(weights, &[0, 1, 3, 2]);
            let sums = w.op("MatMul", &[&theirs, &values], []);
            let axis = w.list(&[-1]);
            let counts = w.op("ReduceSum", &[&theirs, &axis], [int("keepdims", 1)]);
            let one = w.number(1.0);
            (w.op("Add", &[&sums, &own], []), w.op("Add", &[&counts, &one], []))
        }
        Assignment::Hard { index, weight } => {
            let above = match weighing {
                Weighing::Mean => values,
                Weighing::Weighted | Weighing::Mixed => w.op("Mul", &[&values, weight], []),
            };
            let counted = match weighing {
                Weighing::Weighted => w.op("Concat", &[&above, weight], [int("axis", -1)]),
                Weighing::Mean | Weighing::Mixed => with_ones(w, &above),
            };
            gather(w, index, &counted, &own, grid.width)
        }
        Assignment::Index(index) => {
            let counted = with_ones(w, &values);
            gather(w, index, &counted, &own, grid.width)
        }
    };
    let means = w.op("Div", &[&totals, &counts], []);
    grid.join(w, &means)
}

/// Rows added to the centers that `index` names, the last channel beside the others: it begins with
/// one and counts. `[batch, heads, M, width]` and `[batch, heads, M, 1]`.
fn gather(w: &mut Writer, index: &str, counted: &str, own: &str, width: usize) -> (Name, Name) {
    let own = with_ones(w, own);
    let shape = w.op("Shape", &[counted], []);
    let rows = w.op("Expand", &[index, &shape], []);
    let attributes = [int("axis", 2), text("reduction", "add")];
    let sums = w.op("ScatterElements", &[&own, &rows, counted], attributes);
    let (zero, width, end) = (w.list(&[0]), w.list(&[width as i64]), w.list(&[width as i64 + 1]));
    let axis = w.list(&[3]);
    let totals = w.op("Slice", &[&sums, &zero, &width, &axis], []);
    (totals, w.op("Slice", &[&sums, &width, &end, &axis], []))
}

/// One more channel, all ones.
fn with_ones(w: &mut Writer, x: &str) -> Name {
    let (pads, one) = (w.list(&[0, 0, 0, 0, 0, 0, 0, 1]), w.number(1.0));
    w.op("Pad", &[x, &pads, &one], [])
}
