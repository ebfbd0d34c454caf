//! Every pixel finds its center: `s = sigmoid(beta + alpha cos(query, key))` per head.
//!
//! Lanes are centers, a block of pixels at a time. A hard assignment is an index and a weight for
//! every pixel and head, `[H, W, heads]`; a soft one is a row of weights, `[H, W, heads, M]`.

use super::directions::{as_columns, as_rows, column, inverse_lengths, through_length};
use super::tile::{self, Collect, Lent, Multiply, Rows, padded, room};
use super::vector::{Part, Whole, along, bits, dot, exp, scaled, sigmoid, vectorized};
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
    /// For every pass.
    pub fn scratch(&self) -> usize {
        let ([m, _], d, block) = (self.counts(), self.head_width(), self.block());
        let panel = self.heads * d * room(m);
        let rows = self.heads * m * room(d);
        let lanes = self.heads * room(m);
        Lent::needed(&[
            panel,
            panel,
            rows,
            lanes,
            block * room(m),
            block,
            block,
            block,
            block * room(d),
            d,
            d,
        ])
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
        self.check(images, inputs, scratch);
        assert_eq!([index.len(), weight.len()], [images * self.counts()[1] * self.heads; 2]);
        hard_forward(*self, inputs, index, weight, scratch);
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
        self.check(images, inputs, scratch);
        self.check_gradients(images, &gradients);
        let chosen = images * self.counts()[1] * self.heads;
        assert_eq!([index.len(), weight.len(), dweight.len()], [chosen; 3]);
        hard_backward(*self, inputs, index, weight, dweight, gradients, scratch);
    }

    /// Every `s` over their sum.
    pub fn soft_forward(
        &self,
        images: usize,
        inputs: Inputs,
        weights: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(images, inputs, scratch);
        let [m, n] = self.counts();
        assert_eq!(weights.len(), images * n * self.heads * m);
        soft_forward(*self, inputs, weights, scratch);
    }

    pub fn soft_backward(
        &self,
        images: usize,
        inputs: Inputs,
        dweights: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        self.check(images, inputs, scratch);
        self.check_gradients(images, &gradients);
        let [m, n] = self.counts();
        assert_eq!(dweights.len(), images * n * self.heads * m);
        soft_backward(*self, inputs, dweights, gradients, scratch);
    }

    fn check(&self, images: usize, inputs: Inputs, scratch: &[f32]) {
        let [m, n] = self.counts();
        assert_eq!(inputs.queries.len(), images * m * self.channels);
        assert_eq!(inputs.keys.len(), images * n * self.channels);
        assert!(scratch.len() >= self.scratch());
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

/// The working memory of every pass.
struct Work<'a> {
    /// Directions of the queries, centers as columns, a head behind the other; and their gradients.
    columns: &'a mut [f32],
    dcolumns: &'a mut [f32],
    /// The same directions as rows.
    rows: &'a mut [f32],
    /// One over the lengths of the queries, a row per head.
    query_lengths: &'a mut [f32],
    /// Of a block: a number per pixel and center, three per pixel, and a row per pixel.
    scores: &'a mut [f32],
    lengths: &'a mut [f32],
    tops: &'a mut [f32],
    limits: &'a mut [f32],
    block_rows: &'a mut [f32],
    one: &'a mut [f32],
    another: &'a mut [f32],
}

impl<'a> Work<'a> {
    #[inline(always)]
    fn new(size: Assign, width: usize, wide: usize, scratch: &'a mut [f32]) -> Work<'a> {
        let ([m, _], d, block) = (size.counts(), size.head_width(), size.block());
        let mut lent = Lent::new(scratch);
        Work {
            columns: lent.take(size.heads * d * width),
            dcolumns: lent.take(size.heads * d * width),
            rows: lent.take(size.heads * m * wide),
            query_lengths: lent.take(size.heads * width),
            scores: lent.take(block * width),
            lengths: lent.take(block),
            tops: lent.take(block),
            limits: lent.take(block),
            block_rows: lent.take(block * wide),
            one: lent.take(d),
            another: lent.take(d),
        }
    }
}

vectorized! {
    fn hard_forward<S>(
        simd,
        size: Assign,
        inputs: Inputs<'a>,
        index: &'a mut [u32],
        weight: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let ([m, n], d, heads) = (size.counts(), size.head_width(), size.heads);
        let (width, wide) = (padded::<S>(m), padded::<S>(d));
        let work = Work::new(size, width, wide, scratch);
        let images = inputs.queries.chunks_exact(m * size.channels);
        let maps = inputs.keys.chunks_exact(n * size.channels);
        let chosen = index.chunks_exact_mut(n * heads).zip(weight.chunks_exact_mut(n * heads));
        for ((queries, keys), (index, weight)) in images.zip(maps).zip(chosen) {
            for (h, panel) in work.columns.chunks_exact_mut(d * width).enumerate() {
                let rows = size.head(queries, 0, m, h);
                let lengths = &mut work.query_lengths[h * width..][..width];
                inverse_lengths(simd, rows, lengths);
                as_columns(rows, lengths, width, panel);
            }
            for start in (0..n).step_by(size.block()) {
                let count = size.block().min(n - start);
                for (h, panel) in work.columns.chunks_exact(d * width).enumerate() {
                    let rows = size.head(keys, start, count, h);
                    let out = &mut *work.scores;
                    simd.vectorize(Multiply { rows, panel, width, out, add: false });
                    let factors = &mut work.lengths[..count];
                    inverse_lengths(simd, rows, factors);
                    factors.iter_mut().for_each(|x| *x *= inputs.alpha);
                    let (tops, limits) = (&mut work.tops[..count], &mut work.limits[..count]);
                    raise(simd, work.scores, width, factors, inputs.beta, tops);
                    // The factors are spent: their place takes the similarities.
                    limit(simd, tops, factors, limits);
                    for (i, row) in work.scores.chunks_exact(width).take(count).enumerate() {
                        let place = (start + i) * heads + h;
                        (index[place], weight[place]) =
                            choose(simd, row, m, tops[i], limits[i], factors[i]);
                    }
                }
            }
        }
    }

    fn hard_backward<S>(
        simd,
        size: Assign,
        inputs: Inputs<'a>,
        index: &'a [u32],
        weight: &'a [f32],
        dweight: &'a [f32],
        gradients: Gradients<'a>,
        scratch: &'a mut [f32],
    ) {
        let ([m, n], d, heads) = (size.counts(), size.head_width(), size.heads);
        let (width, wide) = (padded::<S>(m), padded::<S>(d));
        let work = Work::new(size, width, wide, scratch);
        let drows = &mut work.dcolumns[..heads * m * d];
        // What the parameters get from all pixels may cancel almost entirely.
        let (mut dalpha, mut dbeta) = (0.0f64, 0.0f64);
        let images = inputs.queries.chunks_exact(m * size.channels);
        let outs = gradients.queries.chunks_exact_mut(m * size.channels);
        for (image, (queries, dqueries)) in images.zip(outs).enumerate() {
            let keys = &inputs.keys[image * n * size.channels..][..n * size.channels];
            let dkeys = &mut gradients.keys[image * n * size.channels..][..n * size.channels];
            for h in 0..heads {
                let rows = size.head(queries, 0, m, h);
                let lengths = &mut work.query_lengths[h * width..][..width];
                inverse_lengths(simd, rows, lengths);
                as_rows(rows, lengths, wide, &mut work.rows[h * m * wide..][..m * wide]);
            }
            drows.fill(0.0);
            for start in (0..n).step_by(size.block()) {
                let count = size.block().min(n - start);
                for h in 0..heads {
                    let rows = size.head(keys, start, count, h);
                    inverse_lengths(simd, rows, work.lengths);
                    for i in 0..count {
                        let place = (image * n + start + i) * heads + h;
                        let (center, s) = (index[place] as usize, weight[place]);
                        let query = &work.rows[(h * m + center) * wide..][..d];
                        let (key, length) = (rows.row(i), work.lengths[i]);
                        let cos = dot(simd, key, query) * length;
                        let g = dweight[place] * s * (1.0 - s);
                        dbeta += f64::from(g);
                        dalpha += f64::from(g * cos);
                        let g = g * inputs.alpha * length;
                        let dquery = &mut drows[(h * m + center) * d..][..d];
                        let to = &mut dkeys[(start + i) * size.channels + h * d..][..d];
                        let (slope, back) =
                            (simd.splat_f32s(g), simd.splat_f32s(-g * cos * length));
                        along!(S, d, |at, part| {
                            let (k, q) = (part.load(simd, key, at), part.load(simd, query, at));
                            let sum = part.load(simd, dquery, at);
                            part.store(simd, dquery, at, simd.mul_add_e_f32s(k, slope, sum));
                            let dk = simd.mul_add_e_f32s(k, back, simd.mul_f32s(q, slope));
                            part.store(simd, to, at, dk);
                        });
                    }
                }
            }
            for h in 0..heads {
                let rows = size.head(queries, 0, m, h);
                for i in 0..m {
                    let length = work.query_lengths[h * width + i];
                    scaled(simd, work.one, &drows[(h * m + i) * d..][..d], length);
                    let to = &mut dqueries[i * size.channels + h * d..][..d];
                    through_length(simd, rows.row(i), length, work.one, to);
                }
            }
        }
        *gradients.alpha += dalpha as f32;
        *gradients.beta += dbeta as f32;
    }

    fn soft_forward<S>(
        simd,
        size: Assign,
        inputs: Inputs<'a>,
        weights: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let ([m, n], d, heads) = (size.counts(), size.head_width(), size.heads);
        let (width, wide) = (padded::<S>(m), padded::<S>(d));
        let work = Work::new(size, width, wide, scratch);
        let images = inputs.queries.chunks_exact(m * size.channels);
        let maps = inputs.keys.chunks_exact(n * size.channels);
        let beta = simd.splat_f32s(inputs.beta);
        for ((queries, keys), weights) in images.zip(maps).zip(weights.chunks_exact_mut(n * heads * m)) {
            for (h, panel) in work.columns.chunks_exact_mut(d * width).enumerate() {
                let rows = size.head(queries, 0, m, h);
                let lengths = &mut work.query_lengths[h * width..][..width];
                inverse_lengths(simd, rows, lengths);
                as_columns(rows, lengths, width, panel);
            }
            for start in (0..n).step_by(size.block()) {
                let count = size.block().min(n - start);
                for (h, panel) in work.columns.chunks_exact(d * width).enumerate() {
                    let rows = size.head(keys, start, count, h);
                    let out = &mut *work.scores;
                    simd.vectorize(Multiply { rows, panel, width, out, add: false });
                    inverse_lengths(simd, rows, work.lengths);
                    for (i, row) in work.scores.chunks_exact_mut(width).take(count).enumerate() {
                        let factor = simd.splat_f32s(work.lengths[i] * inputs.alpha);
                        let mut total = simd.splat_f32s(0.0);
                        along!(S, m, |at, part| {
                            let z = simd.mul_add_e_f32s(Whole.load(simd, row, at), factor, beta);
                            let s = part.keep(simd, sigmoid(simd, z));
                            total = simd.add_f32s(total, s);
                            Whole.store(simd, row, at, s);
                        });
                        let to = &mut weights[((start + i) * heads + h) * m..][..m];
                        scaled(simd, to, &row[..m], 1.0 / simd.reduce_sum_f32s(total));
                    }
                }
            }
        }
    }

    fn soft_backward<S>(
        simd,
        size: Assign,
        inputs: Inputs<'a>,
        dweights: &'a [f32],
        gradients: Gradients<'a>,
        scratch: &'a mut [f32],
    ) {
        let ([m, n], d, heads) = (size.counts(), size.head_width(), size.heads);
        let (width, wide) = (padded::<S>(m), padded::<S>(d));
        let work = Work::new(size, width, wide, scratch);
        // As above.
        let (mut dalpha, mut dbeta) = (0.0f64, 0.0f64);
        let images = inputs.queries.chunks_exact(m * size.channels);
        let outs = gradients.queries.chunks_exact_mut(m * size.channels);
        for (image, (queries, dqueries)) in images.zip(outs).enumerate() {
            let keys = &inputs.keys[image * n * size.channels..][..n * size.channels];
            let dkeys = &mut gradients.keys[image * n * size.channels..][..n * size.channels];
            for h in 0..heads {
                let rows = size.head(queries, 0, m, h);
                let lengths = &mut work.query_lengths[h * width..][..width];
                inverse_lengths(simd, rows, lengths);
                as_columns(rows, lengths, width, &mut work.columns[h * d * width..]);
                as_rows(rows, lengths, wide, &mut work.rows[h * m * wide..][..m * wide]);
            }
            work.dcolumns.fill(0.0);
            for start in (0..n).step_by(size.block()) {
                let count = size.block().min(n - start);
                for h in 0..heads {
                    let rows = size.head(keys, start, count, h);
                    let (panel, out) = (&work.columns[h * d * width..][..d * width], &mut *work.scores);
                    simd.vectorize(Multiply { rows, panel, width, out, add: false });
                    inverse_lengths(simd, rows, work.lengths);
                    for (i, row) in work.scores.chunks_exact_mut(width).take(count).enumerate() {
                        let place = ((image * n + start + i) * heads + h) * m;
                        let length = work.lengths[i];
                        let sums = soften_back(simd, row, &dweights[place..][..m], inputs, length);
                        dbeta += f64::from(sums[0]);
                        dalpha += f64::from(sums[1]);
                    }
                    let sums = &mut work.dcolumns[h * d * width..][..d * width];
                    simd.vectorize(Collect { rows, panel: work.scores, width, sums });
                    let dscores = Rows { data: work.scores, stride: width, count, depth: m };
                    let (panel, out) = (&work.rows[h * m * wide..][..m * wide], &mut *work.block_rows);
                    simd.vectorize(Multiply { rows: dscores, panel, width: wide, out, add: false });
                    for i in 0..count {
                        let to = &mut dkeys[(start + i) * size.channels + h * d..][..d];
                        let g = &work.block_rows[i * wide..][..d];
                        through_length(simd, rows.row(i), work.lengths[i], g, to);
                    }
                }
            }
            for h in 0..heads {
                let rows = size.head(queries, 0, m, h);
                for i in 0..m {
                    let length = work.query_lengths[h * width + i];
                    column(&work.dcolumns[h * d * width..], width, i, work.one);
                    scaled(simd, work.another, work.one, length);
                    let to = &mut dqueries[i * size.channels + h * d..][..d];
                    through_length(simd, rows.row(i), length, work.another, to);
                }
            }
        }
        *gradients.alpha += dalpha as f32;
        *gradients.beta += dbeta as f32;
    }
}

/// Scores become `z = score factor + beta`; the largest of every row goes to `tops`.
#[inline(always)]
fn raise<S: Simd>(
    simd: S,
    scores: &mut [f32],
    width: usize,
    factors: &[f32],
    beta: f32,
    tops: &mut [f32],
) {
    let beta = simd.splat_f32s(beta);
    for ((row, &factor), top) in scores.chunks_exact_mut(width).zip(factors).zip(tops) {
        let factor = simd.splat_f32s(factor);
        let mut largest = simd.splat_f32s(f32::NEG_INFINITY);
        for at in (0..width).step_by(S::F32_LANES) {
            let z = simd.mul_add_e_f32s(Whole.load(simd, row, at), factor, beta);
            Whole.store(simd, row, at, z);
            largest = simd.max_f32s(largest, z);
        }
        *top = simd.reduce_max_f32s(largest);
    }
}

/// From the largest `z`, its sigmoid and the least `z` that may tie with it after rounding.
///
/// Near `z`, `ln sigmoid` has the slope `1 - sigmoid = 1 / (1 + e^z)`, and a steeper one below it, so
/// anything `2^-20 (1 + e^z)` below `z` is smaller by eight roundings or more.
#[inline(always)]
fn limit<S: Simd>(simd: S, tops: &[f32], similarities: &mut [f32], limits: &mut [f32]) {
    let (one, margin) = (simd.splat_f32s(1.0), simd.splat_f32s(-9.536_743e-7));
    along!(S, tops.len(), |at, part| {
        let z = part.load(simd, tops, at);
        part.store(simd, similarities, at, sigmoid(simd, z));
        let reach = simd.add_f32s(one, exp(simd, z));
        part.store(simd, limits, at, simd.mul_add_e_f32s(reach, margin, z));
    });
}

/// The first center of a row whose similarity is the largest, and the similarity.
#[inline(always)]
fn choose<S: Simd>(simd: S, row: &[f32], m: usize, top: f32, limit: f32, s: f32) -> (u32, f32) {
    let floor = simd.splat_f32s(limit);
    // As many lanes at a time as a word has bits: which of them it is, is no branch to guess.
    for (word, lanes) in row.chunks(64).enumerate() {
        let mut reached = 0;
        for at in (0..lanes.len()).step_by(S::F32_LANES) {
            let z = Whole.load(simd, lanes, at);
            reached |= bits(simd, simd.greater_than_or_equal_f32s(z, floor)) << at;
        }
        if reached != 0 {
            let first = word * 64 + reached.trailing_zeros() as usize;
            // Else another comes so near that the sigmoids may be equal.
            return if row[first] >= top {
                (first as u32, s)
            } else {
                tie(simd, row, first, m, limit)
            };
        }
    }
    // Not a number.
    (0, s)
}

/// Chooses by the sigmoid itself among all centers from `first` on that reach the limit.
#[inline(always)]
fn tie<S: Simd>(simd: S, row: &[f32], first: usize, m: usize, limit: f32) -> (u32, f32) {
    let mut best = (first, f32::NEG_INFINITY);
    for (i, &z) in row.iter().enumerate().take(m).skip(first).filter(|(_, z)| **z >= limit) {
        let s = sigmoid(simd, simd.splat_f32s(z));
        let s = pulp::bytemuck::cast_slice::<S::f32s, f32>(std::slice::from_ref(&s))[0];
        if s > best.1 {
            best = (i, s);
        }
    }
    (best.0 as u32, best.1)
}

/// A row of cosines times the key's length becomes the gradient of the cosines over that length, from
/// the gradient of the weights. Returns the sums of the gradients of beta and of alpha.
#[inline(always)]
fn soften_back<S: Simd>(
    simd: S,
    row: &mut [f32],
    dweights: &[f32],
    inputs: Inputs,
    length: f32,
) -> [f32; 2] {
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    let (beta, alpha) = (simd.splat_f32s(inputs.beta), simd.splat_f32s(inputs.alpha));
    let length = simd.splat_f32s(length);
    let (mut total, mut weighed) = (zero, zero);
    along!(S, dweights.len(), |at, part| {
        let cos = simd.mul_f32s(Whole.load(simd, row, at), length);
        let s = part.keep(simd, sigmoid(simd, simd.mul_add_e_f32s(cos, alpha, beta)));
        total = simd.add_f32s(total, s);
        weighed = simd.mul_add_e_f32s(s, part.load(simd, dweights, at), weighed);
    });
    let total = simd.reduce_sum_f32s(total);
    let share = simd.splat_f32s(1.0 / total);
    let mean = simd.splat_f32s(simd.reduce_sum_f32s(weighed) / total);
    let (mut dalpha, mut dbeta) = (zero, zero);
    along!(S, dweights.len(), |at, part| {
        let cos = simd.mul_f32s(Whole.load(simd, row, at), length);
        let s = part.keep(simd, sigmoid(simd, simd.mul_add_e_f32s(cos, alpha, beta)));
        let ds = simd.mul_f32s(simd.sub_f32s(part.load(simd, dweights, at), mean), share);
        let dz = simd.mul_f32s(ds, simd.mul_f32s(s, simd.sub_f32s(one, s)));
        dbeta = simd.add_f32s(dbeta, dz);
        dalpha = simd.mul_add_e_f32s(dz, cos, dalpha);
        Whole.store(simd, row, at, simd.mul_f32s(simd.mul_f32s(dz, alpha), length));
    });
    [dbeta, dalpha].map(|sum| simd.reduce_sum_f32s(sum))
}
