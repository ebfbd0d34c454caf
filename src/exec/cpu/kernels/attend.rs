//! Every center gathers from all pixels, block by block of pixels: no matrix of all scores.
//!
//! Lanes are centers. A block's scores, their softmax against the largest so far, and the gathering
//! stay in cache; what was gathered before is scaled when the largest grows. The logarithms of the
//! normalizers are kept for the backward pass, which goes over the blocks once more.

use super::directions::{as_columns, as_rows, column, inverse_lengths, through_length};
use super::tile::{self, Collect, Lent, Multiply, Rows, padded, room};
use super::vector::{Part, Whole, bits, dot, exp_of_negative, scaled, vectorized};
use crate::graph::Size;
use crate::graph::ops::Score;
use pulp::Simd;

/// Centers `[gh, gw, A]`, keys and values `[H, W, A]`; result `[gh, gw, A]`, and the logarithm of every
/// softmax's normalizer, `[heads, gh gw]`.
#[derive(Debug, Clone, Copy)]
pub struct Attend {
    pub map: Size,
    pub grid: Size,
    pub channels: usize,
    pub heads: usize,
    pub score: Score,
}

/// What the backward pass reads.
#[derive(Debug, Clone, Copy)]
pub struct Saved<'a> {
    pub centers: &'a [f32],
    pub keys: &'a [f32],
    pub values: &'a [f32],
    /// One number for cosine scores, none for dot products.
    pub temperature: &'a [f32],
    /// Of the forward pass.
    pub result: &'a [f32],
    pub logs: &'a [f32],
}

impl Attend {
    /// For `forward`.
    pub fn scratch(&self) -> usize {
        Lent::needed(&self.parts(false))
    }

    /// For `backward`.
    pub fn backward_scratch(&self) -> usize {
        Lent::needed(&self.parts(true))
    }

    #[allow(clippy::too_many_arguments)]
    pub fn forward(
        &self,
        images: usize,
        centers: &[f32],
        keys: &[f32],
        values: &[f32],
        temperature: &[f32],
        result: &mut [f32],
        logs: &mut [f32],
        scratch: &mut [f32],
    ) {
        let [m, n] = self.counts();
        assert_eq!([centers.len(), result.len()], [images * m * self.channels; 2]);
        assert_eq!(logs.len(), images * m * self.heads);
        assert_eq!([keys.len(), values.len()], [images * n * self.channels; 2]);
        assert!(scratch.len() >= self.scratch());
        let scale = self.scale(temperature);
        forward(*self, centers, keys, values, scale, result, logs, scratch);
    }

    /// Overwrites the gradients of centers, keys and values, adds to that of the temperature.
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        &self,
        images: usize,
        saved: Saved,
        dresult: &[f32],
        dcenters: &mut [f32],
        dkeys: &mut [f32],
        dvalues: &mut [f32],
        dtemperature: &mut [f32],
        scratch: &mut [f32],
    ) {
        let [m, n] = self.counts();
        let Saved { centers, keys, values, temperature, result, logs } = saved;
        let of_centers = [centers.len(), result.len(), dresult.len(), dcenters.len()];
        assert_eq!(of_centers, [images * m * self.channels; 4]);
        assert_eq!(logs.len(), images * m * self.heads);
        let of_pixels = [keys.len(), values.len(), dkeys.len(), dvalues.len()];
        assert_eq!(of_pixels, [images * n * self.channels; 4]);
        assert!(scratch.len() >= self.backward_scratch());
        let mut along_temperature = 0.0;
        let scale = self.scale(temperature);
        let to = [dcenters, dkeys, dvalues];
        backward(*self, saved, scale, dresult, to, &mut along_temperature, scratch);
        if let Score::Cosine { floor, .. } = self.score
            && temperature[0] >= floor.ln() as f32
        {
            dtemperature[0] += along_temperature as f32;
        }
    }

    /// What a score is multiplied by.
    fn scale(&self, temperature: &[f32]) -> f32 {
        match self.score {
            Score::Cosine { floor, .. } => (-temperature[0].max(floor.ln() as f32)).exp(),
            Score::Dot => 1.0 / (self.head_width() as f32).sqrt(),
        }
    }

    /// What no score exceeds, where none lies so far below it that its exponential would be lost.
    fn bound(&self, scale: f32) -> Option<f32> {
        match self.score {
            Score::Cosine { .. } if scale <= 30.0 => Some(scale),
            _ => None,
        }
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

    /// Parts of the scratch, in the order they are taken.
    fn parts(&self, backward: bool) -> Vec<usize> {
        let ([m, _], d) = (self.counts(), self.head_width());
        let (block, lanes, panel) = (self.block(), room(m), self.heads * d * room(m));
        // Queries, gathered, largest, totals; factors, scores, lengths.
        let mut parts = vec![panel, panel, self.heads * lanes, self.heads * lanes];
        parts.extend([lanes, block * lanes, block]);
        if backward {
            // Gradients of results as columns; queries and these as rows; center lengths; along;
            // gradients of scores, of keys and values; one center's.
            let rows = self.heads * m * room(d);
            parts.extend([panel, rows, rows, self.heads * lanes, self.heads * lanes]);
            parts.extend([block * lanes, block * room(d), d, d]);
        }
        parts
    }
}

vectorized! {
    fn forward<S>(
        simd,
        size: Attend,
        centers: &'a [f32],
        keys: &'a [f32],
        values: &'a [f32],
        scale: f32,
        result: &'a mut [f32],
        logs: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let Attend { channels, heads, .. } = size;
        let ([m, n], d, width) = (size.counts(), size.head_width(), padded::<S>(size.counts()[0]));
        let mut lent = Lent::new(scratch);
        let (queries, gathered) = (lent.take(heads * d * width), lent.take(heads * d * width));
        let (largest, totals) = (lent.take(heads * width), lent.take(heads * width));
        let (factors, scores) = (lent.take(width), lent.take(size.block() * width));
        let lengths = lent.take(size.block());
        let bound = size.bound(scale);
        let images = centers.chunks_exact(m * channels).zip(result.chunks_exact_mut(m * channels));
        let images = images.zip(logs.chunks_exact_mut(heads * m));
        let maps = keys.chunks_exact(n * channels).zip(values.chunks_exact(n * channels));
        for (((centers, result), logs), (keys, values)) in images.zip(maps) {
            for (h, panel) in queries.chunks_exact_mut(d * width).enumerate() {
                let rows = Rows::head(centers, channels, [0, m], h, d);
                weigh(simd, size, rows, scale, factors);
                as_columns(rows, factors, width, panel);
            }
            gathered.fill(0.0);
            largest.fill(f32::NEG_INFINITY);
            totals.fill(0.0);
            for start in (0..n).step_by(size.block()) {
                let count = size.block().min(n - start);
                for h in 0..heads {
                    let rows = Rows::head(keys, channels, [start, count], h, d);
                    let panel = &queries[h * d * width..][..d * width];
                    simd.vectorize(Multiply { rows, panel, width, out: scores, add: false });
                    weigh(simd, size, rows, 1.0, lengths);
                    let (lengths, totals) = (&lengths[..count], &mut totals[h * width..][..width]);
                    if let Some(bound) = bound {
                        soften_below(simd, bound, scores, lengths, totals);
                    } else {
                        let gathered = &mut gathered[h * d * width..][..d * width];
                        let largest = &mut largest[h * width..][..width];
                        soften(simd, [&mut *scores, gathered], lengths, largest, totals);
                    }
                    simd.vectorize(Collect {
                        rows: Rows::head(values, channels, [start, count], h, d),
                        panel: scores,
                        width,
                        sums: &mut gathered[h * d * width..][..d * width],
                    });
                }
            }
            for (i, row) in result.chunks_exact_mut(channels).enumerate() {
                for (h, to) in row.chunks_exact_mut(d).enumerate() {
                    column(&gathered[h * d * width..], width, i, to);
                    let total = totals[h * width + i];
                    logs[h * m + i] = bound.unwrap_or(largest[h * width + i]) + total.ln();
                    let share = 1.0 / total;
                    to.iter_mut().for_each(|x| *x *= share);
                }
            }
        }
    }

    fn backward<S>(
        simd,
        size: Attend,
        saved: Saved<'a>,
        scale: f32,
        dresult: &'a [f32],
        to: [&'a mut [f32]; 3],
        along_temperature: &'a mut f64,
        scratch: &'a mut [f32],
    ) {
        let Attend { channels, heads, .. } = size;
        let cosine = matches!(size.score, Score::Cosine { .. });
        let ([m, n], d) = (size.counts(), size.head_width());
        let (width, wide) = (padded::<S>(m), padded::<S>(d));
        let mut lent = Lent::new(scratch);
        let (queries, dqueries) = (lent.take(heads * d * width), lent.take(heads * d * width));
        let shifts = lent.take(heads * width);
        let (factors, scores) = (lent.take(width), lent.take(size.block() * width));
        let lengths = lent.take(size.block());
        let gradients = lent.take(heads * d * width);
        let (query_rows, gradient_rows) = (lent.take(heads * m * wide), lent.take(heads * m * wide));
        let (center_lengths, alongs) = (lent.take(heads * width), lent.take(heads * width));
        let (dscores, rows_out) = (lent.take(size.block() * width), lent.take(size.block() * wide));
        let (one, along_one) = (lent.take(d), lent.take(d));
        let images = saved.keys.len() / (n * channels);
        let [dcenters, dkeys, dvalues] = to;
        for image in 0..images {
            let (at, at_map) = (image * m * channels, image * n * channels);
            let centers = &saved.centers[at..][..m * channels];
            let (result, dresult) = (&saved.result[at..][..m * channels], &dresult[at..][..m * channels]);
            let keys = &saved.keys[at_map..][..n * channels];
            let values = &saved.values[at_map..][..n * channels];
            for h in 0..heads {
                let rows = Rows::head(centers, channels, [0, m], h, d);
                weigh(simd, size, rows, 1.0, &mut center_lengths[h * width..][..width]);
                scaled(simd, factors, &center_lengths[h * width..][..width], scale);
                as_columns(rows, factors, width, &mut queries[h * d * width..]);
                as_rows(rows, factors, wide, &mut query_rows[h * m * wide..]);
                let rows = Rows::head(dresult, channels, [0, m], h, d);
                factors.fill(1.0);
                as_columns(rows, factors, width, &mut gradients[h * d * width..]);
                as_rows(rows, factors, wide, &mut gradient_rows[h * m * wide..]);
                let results = Rows::head(result, channels, [0, m], h, d);
                let logs = &saved.logs[(image * heads + h) * m..][..m];
                for i in 0..width {
                    let (at, i) = (h * width + i, i.min(m - 1));
                    alongs[at] = dot(simd, rows.row(i), results.row(i));
                    shifts[at] = -logs[i];
                }
            }
            dqueries.fill(0.0);
            for start in (0..n).step_by(size.block()) {
                let count = size.block().min(n - start);
                for h in 0..heads {
                    let of_keys = Rows::head(keys, channels, [start, count], h, d);
                    let of_values = Rows::head(values, channels, [start, count], h, d);
                    let panel = &queries[h * d * width..][..d * width];
                    let out = &mut *scores;
                    simd.vectorize(Multiply { rows: of_keys, panel, width, out, add: false });
                    weigh(simd, size, of_keys, 1.0, lengths);
                    let panel = &gradients[h * d * width..][..d * width];
                    let out = &mut *dscores;
                    simd.vectorize(Multiply { rows: of_values, panel, width, out, add: false });
                    harden(
                        simd,
                        [&mut *scores, &mut *dscores],
                        &lengths[..count],
                        &shifts[h * width..][..width],
                        &alongs[h * width..][..width],
                    );
                    simd.vectorize(Collect {
                        rows: of_keys,
                        panel: dscores,
                        width,
                        sums: &mut dqueries[h * d * width..][..d * width],
                    });
                    let block = |data| Rows { data, stride: width, count, depth: m };
                    let panel = &query_rows[h * m * wide..][..m * wide];
                    let (rows, out) = (block(&*dscores), &mut *rows_out);
                    simd.vectorize(Multiply { rows, panel, width: wide, out, add: false });
                    for i in 0..count {
                        let place = at_map + (start + i) * channels + h * d;
                        let (g, to) = (&rows_out[i * wide..][..d], &mut dkeys[place..][..d]);
                        if cosine {
                            let along = through_length(simd, of_keys.row(i), lengths[i], g, to);
                            *along_temperature -= f64::from(along);
                        } else {
                            to.copy_from_slice(g);
                        }
                    }
                    let panel = &gradient_rows[h * m * wide..][..m * wide];
                    let (rows, out) = (block(&*scores), &mut *rows_out);
                    simd.vectorize(Multiply { rows, panel, width: wide, out, add: false });
                    for i in 0..count {
                        let place = at_map + (start + i) * channels + h * d;
                        scaled(simd, &mut dvalues[place..][..d], &rows_out[i * wide..][..d], 1.0);
                    }
                }
            }
            for h in 0..heads {
                let rows = Rows::head(centers, channels, [0, m], h, d);
                for i in 0..m {
                    let length = center_lengths[h * width + i];
                    column(&dqueries[h * d * width..], width, i, one);
                    scaled(simd, along_one, one, scale * length);
                    let to = &mut dcenters[at + i * channels + h * d..][..d];
                    if cosine {
                        through_length(simd, rows.row(i), length, along_one, to);
                    } else {
                        to.copy_from_slice(along_one);
                    }
                }
            }
        }
    }
}

/// What rows are multiplied by: `scale`, for cosine scores over their length.
#[inline(always)]
fn weigh<S: Simd>(simd: S, size: Attend, rows: Rows, scale: f32, factors: &mut [f32]) {
    match size.score {
        Score::Cosine { .. } => {
            inverse_lengths(simd, rows, factors);
            if scale != 1.0 {
                factors[..rows.count].iter_mut().for_each(|x| *x *= scale);
            }
        }
        Score::Dot => factors[..rows.count].fill(scale),
    }
}

/// Scores become `e^(score factor - largest)`; the largest and the totals of every center go on, and
/// what was `gathered` with an older largest is brought to the new one.
#[inline(always)]
fn soften<S: Simd>(
    simd: S,
    [scores, gathered]: [&mut [f32]; 2],
    factors: &[f32],
    largest: &mut [f32],
    totals: &mut [f32],
) {
    let width = largest.len();
    for at in (0..width).step_by(S::F32_LANES) {
        let before = Whole.load(simd, largest, at);
        let mut top = before;
        for (row, &factor) in scores.chunks_exact_mut(width).zip(factors) {
            let score = simd.mul_f32s(Whole.load(simd, row, at), simd.splat_f32s(factor));
            Whole.store(simd, row, at, score);
            top = simd.max_f32s(top, score);
        }
        let mut total = Whole.load(simd, totals, at);
        if bits(simd, simd.greater_than_f32s(top, before)) != 0 {
            Whole.store(simd, largest, at, top);
            let shrink = exp_of_negative(simd, simd.sub_f32s(before, top));
            total = simd.mul_f32s(total, shrink);
            for row in gathered.chunks_exact_mut(width) {
                Whole.store(simd, row, at, simd.mul_f32s(Whole.load(simd, row, at), shrink));
            }
        }
        for (row, _) in scores.chunks_exact_mut(width).zip(factors) {
            let weight = exp_of_negative(simd, simd.sub_f32s(Whole.load(simd, row, at), top));
            Whole.store(simd, row, at, weight);
            total = simd.add_f32s(total, weight);
        }
        Whole.store(simd, totals, at, total);
    }
}

/// Scores become `e^(score factor - bound)`; the totals of every center go on.
#[inline(always)]
fn soften_below<S: Simd>(
    simd: S,
    bound: f32,
    scores: &mut [f32],
    factors: &[f32],
    totals: &mut [f32],
) {
    let width = totals.len();
    let bound = simd.splat_f32s(-bound);
    for at in (0..width).step_by(S::F32_LANES) {
        let mut total = Whole.load(simd, totals, at);
        for (row, &factor) in scores.chunks_exact_mut(width).zip(factors) {
            let factor = simd.splat_f32s(factor);
            let score = simd.mul_add_e_f32s(Whole.load(simd, row, at), factor, bound);
            let weight = exp_of_negative(simd, score);
            Whole.store(simd, row, at, weight);
            total = simd.add_f32s(total, weight);
        }
        Whole.store(simd, totals, at, total);
    }
}

/// Scores become the softmax `p = e^(score factor + shift)`; their gradients, on entry those of `p`,
/// become those of the scores, times the factor.
#[inline(always)]
fn harden<S: Simd>(
    simd: S,
    [scores, dscores]: [&mut [f32]; 2],
    factors: &[f32],
    shifts: &[f32],
    alongs: &[f32],
) {
    let width = shifts.len();
    let rows = scores.chunks_exact_mut(width).zip(dscores.chunks_exact_mut(width));
    for ((row, drow), &factor) in rows.zip(factors) {
        let factor = simd.splat_f32s(factor);
        for at in (0..width).step_by(S::F32_LANES) {
            let score = Whole.load(simd, row, at);
            let shift = Whole.load(simd, shifts, at);
            let p = exp_of_negative(simd, simd.mul_add_e_f32s(score, factor, shift));
            Whole.store(simd, row, at, p);
            let g = simd.sub_f32s(Whole.load(simd, drow, at), Whole.load(simd, alongs, at));
            Whole.store(simd, drow, at, simd.mul_f32s(simd.mul_f32s(g, p), factor));
        }
    }
}
