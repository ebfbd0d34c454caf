//! Every pixel finds its center: `s = sigmoid(beta + alpha cos(query, key))` per head.
//!
//! Lanes are centers, a block of pixels at a time. A hard assignment is an index and a weight for
//! every pixel and head, `[H, W, heads]`; a soft one is a row of weights, `[H, W, heads, M]`.

mod hard;
mod soft;

use super::directions::{as_columns, as_rows, inverse_lengths, through_length};
use super::tile::{self, Lent, Rows, room};
use super::vector::scaled;
use crate::graph::Size;
use pulp::Simd;

/// Queries `[gh, gw, A]`, keys `[H, W, A]`.
#[derive(Debug, Clone, Copy)]
pub struct Assign {
    pub map: Size,
    pub grid: Size,
    pub channels: usize,
    pub heads: usize,
}

/// What both passes read.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub queries: &'a [f32],
    pub keys: &'a [f32],
    pub alpha: f32,
    pub beta: f32,
}

/// What the backward passes write: the gradients of queries and keys are overwritten, those of the
/// parameters added to.
pub struct Gradients<'a> {
    pub queries: &'a mut [f32],
    pub keys: &'a mut [f32],
    pub alpha: &'a mut f32,
    pub beta: &'a mut f32,
}

impl Assign {
    /// For the forward passes.
    pub fn scratch(&self) -> usize {
        self.needed(false)
    }

    /// For the backward passes.
    pub fn backward_scratch(&self) -> usize {
        self.needed(true)
    }

    fn needed(&self, backward: bool) -> usize {
        let ([m, _], d) = (self.counts(), self.head_width());
        Lent::needed(&self.parts(backward, room(m), room(d)))
    }

    /// Parts of the working memory, in the order of [`Work`], with rows of so many centers and of so
    /// many channels.
    fn parts(&self, backward: bool, width: usize, wide: usize) -> [usize; 11] {
        let ([m, _], d, block) = (self.counts(), self.head_width(), self.block());
        let backward = |part: usize| if backward { part } else { 0 };
        [
            self.heads * d * width,
            backward(self.heads * d * width),
            backward(self.heads * m * wide),
            backward(self.heads * m * d),
            self.heads * width,
            block * width,
            block,
            block,
            block,
            backward(block * wide),
            backward(d),
        ]
    }

    /// The center of the largest `s`, the first of equal ones, and that `s`.
    pub fn hard_forward(
        &self,
        images: usize,
        inputs: Inputs,
        index: &mut [u32],
        weight: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(images, inputs, scratch, self.scratch());
        assert_eq!([index.len(), weight.len()], [images * self.counts()[1] * self.heads; 2]);
        hard::forward(*self, inputs, index, weight, scratch);
    }

    /// The gradient flows through the chosen similarities.
    #[allow(clippy::too_many_arguments)]
    pub fn hard_backward(
        &self,
        images: usize,
        inputs: Inputs,
        index: &[u32],
        weight: &[f32],
        dweight: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        self.check(images, inputs, scratch, self.backward_scratch());
        self.check_gradients(images, &gradients);
        let chosen = images * self.counts()[1] * self.heads;
        assert_eq!([index.len(), weight.len(), dweight.len()], [chosen; 3]);
        hard::backward(*self, inputs, index, weight, dweight, gradients, scratch);
    }

    /// Every `s` over their sum.
    pub fn soft_forward(
        &self,
        images: usize,
        inputs: Inputs,
        weights: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(images, inputs, scratch, self.scratch());
        let [m, n] = self.counts();
        assert_eq!(weights.len(), images * n * self.heads * m);
        soft::forward(*self, inputs, weights, scratch);
    }

    pub fn soft_backward(
        &self,
        images: usize,
        inputs: Inputs,
        dweights: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        self.check(images, inputs, scratch, self.backward_scratch());
        self.check_gradients(images, &gradients);
        let [m, n] = self.counts();
        assert_eq!(dweights.len(), images * n * self.heads * m);
        soft::backward(*self, inputs, dweights, gradients, scratch);
    }

    fn check(&self, images: usize, inputs: Inputs, scratch: &[f32], needed: usize) {
        let [m, n] = self.counts();
        assert_eq!(inputs.queries.len(), images * m * self.channels);
        assert_eq!(inputs.keys.len(), images * n * self.channels);
        assert!(scratch.len() >= needed);
    }

    fn check_gradients(&self, images: usize, gradients: &Gradients) {
        let [m, n] = self.counts();
        assert_eq!(gradients.queries.len(), images * m * self.channels);
        assert_eq!(gradients.keys.len(), images * n * self.channels);
    }

    fn head_width(&self) -> usize {
        self.channels / self.heads
    }

    /// Centers and pixels.
    fn counts(&self) -> [usize; 2] {
        [self.grid, self.map].map(|[rows, columns]| rows * columns)
    }

    /// Pixels in a block.
    fn block(&self) -> usize {
        let [m, n] = self.counts();
        tile::block(m, n)
    }

    /// One head of rows `start..start + count`.
    #[inline(always)]
    fn head<'a>(&self, map: &'a [f32], start: usize, count: usize, h: usize) -> Rows<'a> {
        Rows::head(map, self.channels, [start, count], h, self.head_width())
    }
}

/// The working memory of a pass; what only the backward ones use is empty in the others.
struct Work<'a> {
    /// Directions of the queries, centers as columns, a head behind the other; and their gradients.
    columns: &'a mut [f32],
    dcolumns: &'a mut [f32],
    /// The same directions as rows, and their gradients.
    rows: &'a mut [f32],
    drows: &'a mut [f32],
    /// One over the lengths of the queries, a row per head.
    query_lengths: &'a mut [f32],
    /// Of a block: a number per pixel and center, three per pixel, and a row per pixel.
    scores: &'a mut [f32],
    lengths: &'a mut [f32],
    tops: &'a mut [f32],
    limits: &'a mut [f32],
    block_rows: &'a mut [f32],
    one: &'a mut [f32],
}

impl<'a> Work<'a> {
    #[inline(always)]
    fn new(
        size: Assign,
        backward: bool,
        width: usize,
        wide: usize,
        scratch: &'a mut [f32],
    ) -> Work<'a> {
        let mut lent = Lent::new(scratch);
        let parts = size.parts(backward, width, wide).map(|part| lent.take(part));
        let [
            columns,
            dcolumns,
            rows,
            drows,
            query_lengths,
            scores,
            lengths,
            tops,
            limits,
            block_rows,
            one,
        ] = parts;
        Work {
            columns,
            dcolumns,
            rows,
            drows,
            query_lengths,
            scores,
            lengths,
            tops,
            limits,
            block_rows,
            one,
        }
    }

    /// The lengths of an image's queries.
    #[inline(always)]
    fn measure<S: Simd>(&mut self, simd: S, size: Assign, queries: &[f32]) {
        let width = self.query_lengths.len() / size.heads;
        for (h, lengths) in self.query_lengths.chunks_exact_mut(width).enumerate() {
            inverse_lengths(simd, size.head(queries, 0, size.counts()[0], h), lengths);
        }
    }

    /// Their directions as columns, once they are measured.
    #[inline(always)]
    fn lay_columns(&mut self, size: Assign, queries: &[f32], width: usize) {
        let panels = self.columns.chunks_exact_mut(size.head_width() * width);
        for (h, (panel, lengths)) in panels.zip(self.query_lengths.chunks_exact(width)).enumerate()
        {
            as_columns(size.head(queries, 0, size.counts()[0], h), lengths, width, panel);
        }
    }

    /// The same as rows.
    #[inline(always)]
    fn lay_rows(&mut self, size: Assign, queries: &[f32], wide: usize) {
        let (m, width) = (size.counts()[0], self.query_lengths.len() / size.heads);
        let panels = self.rows.chunks_exact_mut(m * wide);
        for (h, (panel, lengths)) in panels.zip(self.query_lengths.chunks_exact(width)).enumerate()
        {
            as_rows(size.head(queries, 0, m, h), lengths, wide, panel);
        }
    }

    /// The gradients of an image's queries from those of their directions as rows.
    #[inline(always)]
    fn through_queries<S: Simd>(
        &mut self,
        simd: S,
        size: Assign,
        queries: &[f32],
        dqueries: &mut [f32],
    ) {
        let ([m, _], d) = (size.counts(), size.head_width());
        let width = self.query_lengths.len() / size.heads;
        for h in 0..size.heads {
            let rows = size.head(queries, 0, m, h);
            for i in 0..m {
                let length = self.query_lengths[h * width + i];
                scaled(simd, self.one, &self.drows[(h * m + i) * d..][..d], length);
                let to = &mut dqueries[i * size.channels + h * d..][..d];
                through_length(simd, rows.row(i), length, self.one, to);
            }
        }
    }
}
