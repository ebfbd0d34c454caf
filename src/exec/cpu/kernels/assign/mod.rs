//! Every pixel finds its center: `s = sigmoid(beta + alpha cos(query, key))` per head.
//!
//! Lanes are centers, a block of pixels at a time. A hard assignment is an index and a weight for
//! every pixel and head, `[H, W, heads]`; a soft one is a row of weights, `[H, W, heads, M]`.

mod hard;
mod soft;

use super::directions::{as_columns, as_rows, inverse_lengths, through_length};
use super::meeting::{Chosen, Meeting};
use super::tile::{Lent, room};
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
        let Meeting { centers, width, .. } = self.meeting();
        Lent::needed(&self.parts(backward, room(centers), room(width)))
    }

    /// Parts of the working memory, in the order of [`Work`], with rows of so many centers and of so
    /// many channels.
    fn parts(&self, backward: bool, width: usize, wide: usize) -> [usize; 11] {
        let of = self.meeting();
        let (Meeting { centers: m, width: d, .. }, block) = (of, of.block());
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
        assert_eq!([index.len(), weight.len()], [images * self.meeting().chosen(); 2]);
        hard::forward(*self, inputs, index, weight, scratch);
    }

    /// The gradient flows through the chosen similarities.
    pub fn hard_backward(
        &self,
        images: usize,
        inputs: Inputs,
        chosen: Chosen,
        dweight: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        self.check(images, inputs, scratch, self.backward_scratch());
        self.check_gradients(images, &gradients);
        let Chosen { index, weight } = chosen;
        let count = images * self.meeting().chosen();
        assert_eq!([index.len(), weight.len(), dweight.len()], [count; 3]);
        hard::backward(*self, inputs, chosen, dweight, gradients, scratch);
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
        assert_eq!(weights.len(), images * self.meeting().weights());
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
        assert_eq!(dweights.len(), images * self.meeting().weights());
        soft::backward(*self, inputs, dweights, gradients, scratch);
    }

    fn check(&self, images: usize, inputs: Inputs, scratch: &[f32], needed: usize) {
        let of = self.meeting();
        assert_eq!(inputs.queries.len(), images * of.grid());
        assert_eq!(inputs.keys.len(), images * of.map());
        assert!(scratch.len() >= needed);
    }

    fn check_gradients(&self, images: usize, gradients: &Gradients) {
        let of = self.meeting();
        assert_eq!(gradients.queries.len(), images * of.grid());
        assert_eq!(gradients.keys.len(), images * of.map());
    }

    fn meeting(&self) -> Meeting {
        Meeting::new(self.map, self.grid, self.channels, self.heads)
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
        let of = size.meeting();
        let width = self.query_lengths.len() / of.heads;
        for (h, lengths) in self.query_lengths.chunks_exact_mut(width).enumerate() {
            inverse_lengths(simd, of.head(queries, 0, of.centers, h), lengths);
        }
    }

    /// Their directions as columns, once they are measured.
    #[inline(always)]
    fn lay_columns(&mut self, size: Assign, queries: &[f32], width: usize) {
        let of = size.meeting();
        let panels = self.columns.chunks_exact_mut(of.width * width);
        for (h, (panel, lengths)) in panels.zip(self.query_lengths.chunks_exact(width)).enumerate()
        {
            as_columns(of.head(queries, 0, of.centers, h), lengths, width, panel);
        }
    }

    /// The same as rows.
    #[inline(always)]
    fn lay_rows(&mut self, size: Assign, queries: &[f32], wide: usize) {
        let of = size.meeting();
        let width = self.query_lengths.len() / of.heads;
        let panels = self.rows.chunks_exact_mut(of.centers * wide);
        for (h, (panel, lengths)) in panels.zip(self.query_lengths.chunks_exact(width)).enumerate()
        {
            as_rows(of.head(queries, 0, of.centers, h), lengths, wide, panel);
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
        let of = size.meeting();
        let Meeting { centers: m, heads, channels, width: d, .. } = of;
        let width = self.query_lengths.len() / heads;
        for h in 0..heads {
            let rows = of.head(queries, 0, m, h);
            for i in 0..m {
                let length = self.query_lengths[h * width + i];
                scaled(simd, self.one, &self.drows[(h * m + i) * d..][..d], length);
                let to = &mut dqueries[i * channels + h * d..][..d];
                through_length(simd, rows.row(i), length, self.one, to);
            }
        }
    }
}
