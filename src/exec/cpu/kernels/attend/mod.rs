//! Every center gathers from all pixels, block by block of pixels: no matrix of all scores.
//!
//! Lanes are centers. A block's scores, their softmax against the largest so far, and the gathering
//! stay in cache; what was gathered before is scaled when the largest grows. The logarithms of the
//! normalizers are kept for the backward pass, which goes over the blocks once more. A center or two
//! beyond whole vectors go one by one ([`single`]).

mod backward;
mod forward;
mod single;
mod softmax;

use super::directions::inverse_lengths;
use super::meeting::Meeting;
use super::tile::{Lent, Rows, room};
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

/// What both passes read.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub centers: &'a [f32],
    pub keys: &'a [f32],
    pub values: &'a [f32],
    /// One number for cosine scores, none for dot products.
    pub temperature: &'a [f32],
}

/// What the backward pass reads: with the inputs what the forward pass left.
#[derive(Debug, Clone, Copy)]
pub struct Saved<'a> {
    pub inputs: Inputs<'a>,
    pub result: &'a [f32],
    pub logs: &'a [f32],
}

/// What the backward pass writes: the gradients of centers, keys and values are overwritten, that of
/// the temperature is added to.
pub struct Gradients<'a> {
    pub centers: &'a mut [f32],
    pub keys: &'a mut [f32],
    pub values: &'a mut [f32],
    pub temperature: &'a mut [f32],
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

    pub fn forward(
        &self,
        images: usize,
        inputs: Inputs,
        result: &mut [f32],
        logs: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(images, inputs, result, logs);
        assert!(scratch.len() >= self.scratch());
        forward::forward(*self, inputs, self.scale(inputs.temperature), result, logs, scratch);
    }

    pub fn backward(
        &self,
        images: usize,
        saved: Saved,
        dresult: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        let Saved { inputs, result, logs } = saved;
        self.check(images, inputs, result, logs);
        let Gradients { centers, keys, values, temperature } = gradients;
        let of = self.meeting();
        assert_eq!([dresult.len(), centers.len()], [images * of.grid(); 2]);
        assert_eq!([keys.len(), values.len()], [images * of.map(); 2]);
        assert!(scratch.len() >= self.backward_scratch());
        let mut along_temperature = 0.0;
        let scale = self.scale(inputs.temperature);
        let to = [centers, keys, values];
        backward::backward(*self, saved, scale, dresult, to, &mut along_temperature, scratch);
        if let Score::Cosine { floor, .. } = self.score
            && inputs.temperature[0] >= floor.ln() as f32
        {
            temperature[0] += along_temperature as f32;
        }
    }

    fn check(&self, images: usize, inputs: Inputs, result: &[f32], logs: &[f32]) {
        let of = self.meeting();
        assert_eq!([inputs.centers.len(), result.len()], [images * of.grid(); 2]);
        assert_eq!([inputs.keys.len(), inputs.values.len()], [images * of.map(); 2]);
        assert_eq!(logs.len(), images * of.centers * of.heads);
    }

    /// What a score is multiplied by.
    fn scale(&self, temperature: &[f32]) -> f32 {
        match self.score {
            Score::Cosine { floor, .. } => (-temperature[0].max(floor.ln() as f32)).exp(),
            Score::Dot => 1.0 / (self.meeting().width as f32).sqrt(),
        }
    }

    /// What no score exceeds, where none lies so far below it that its exponential would be lost.
    fn bound(&self, scale: f32) -> Option<f32> {
        match self.score {
            Score::Cosine { .. } if scale <= 30.0 => Some(scale),
            _ => None,
        }
    }

    fn meeting(&self) -> Meeting {
        Meeting::new(self.map, self.grid, self.channels, self.heads)
    }

    /// Parts of the scratch.
    fn parts(&self, backward: bool) -> Vec<usize> {
        let of = self.meeting();
        let Meeting { centers: m, width: d, .. } = of;
        let (block, lanes, panel) = (of.block(), room(m), self.heads * d * room(m));
        let singles = self.heads * single::FEW * d;
        if backward {
            // Queries, gradients of results, of queries, as columns; the first two as rows.
            let rows = self.heads * m * room(d);
            let mut parts = vec![panel, panel, panel, rows, rows];
            // Lengths, shifts and alongs of centers; factors; gradients of single queries.
            parts.extend([self.heads * lanes; 3]);
            parts.extend([lanes, singles]);
            // Scores and their gradients; lengths of pixels; gradients of keys and values; single
            // scores and their gradients; one center's.
            parts.extend([block * lanes, block * lanes, block, block * room(d)]);
            parts.extend([block, block, d, d]);
            return parts;
        }
        // Queries, what is gathered, largest scores, totals; factors, scores, lengths; the same of
        // single centers: queries, what is gathered, scores.
        let mut parts = vec![panel, panel, self.heads * lanes, self.heads * lanes];
        parts.extend([lanes, block * lanes, block, singles, singles, block]);
        parts
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
