//! Centers gather.

use super::single::{self, Center, in_vectors};
use super::softmax::{soften, soften_below};
use super::{Attend, Inputs, weigh};
use crate::exec::cpu::kernels::directions::{as_columns, column};
use crate::exec::cpu::kernels::meeting::Meeting;
use crate::exec::cpu::kernels::tile::{Lent, Panel, collect, multiply, padded};
use crate::exec::cpu::kernels::vector::{scaled, vectorized};

vectorized! {
    pub fn forward<S>(
        simd,
        size: Attend,
        inputs: Inputs<'a>,
        scale: f32,
        result: &'a mut [f32],
        logs: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let of = size.meeting();
        let Meeting { centers: m, pixels: n, heads, channels, width: d } = of;
        let Inputs { centers, keys, values, .. } = inputs;
        let block = of.block();
        // Numbers in a row of scores; of these, centers that go by vectors.
        let (width, whole) = (padded::<S>(m), in_vectors::<S>(size));
        let singles = m.saturating_sub(whole);
        let mut lent = Lent::new(scratch);
        let (queries, gathered) = (lent.take(heads * d * width), lent.take(heads * d * width));
        let (largest, totals) = (lent.take(heads * width), lent.take(heads * width));
        let (factors, scores) = (lent.take(width), lent.take(block * width));
        let lengths = lent.take(block);
        let [single_queries, single_gathered] = [0; 2].map(|_| lent.take(heads * singles * d));
        let single_scores = lent.take(block);
        let bound = size.bound(scale);
        let images = centers.chunks_exact(m * channels).zip(result.chunks_exact_mut(m * channels));
        let images = images.zip(logs.chunks_exact_mut(heads * m));
        let maps = keys.chunks_exact(n * channels).zip(values.chunks_exact(n * channels));
        for (((centers, result), logs), (keys, values)) in images.zip(maps) {
            for (h, panel) in queries.chunks_exact_mut(d * width).enumerate() {
                let rows = of.head(centers, 0, m, h);
                weigh(simd, size, rows, scale, factors);
                as_columns(rows, factors, width, panel);
                for i in 0..singles {
                    let query = &mut single_queries[(h * singles + i) * d..][..d];
                    scaled(simd, query, rows.row(whole + i), factors[whole + i]);
                }
            }
            gathered.fill(0.0);
            single_gathered.fill(0.0);
            largest.fill(f32::NEG_INFINITY);
            totals.fill(0.0);
            for start in (0..n).step_by(block) {
                let count = block.min(n - start);
                for h in 0..heads {
                    let rows = of.head(keys, start, count, h);
                    let panel = Panel::new(&queries[h * d * width..][..d * width], width);
                    multiply(simd, rows, panel.columns(whole), scores);
                    weigh(simd, size, rows, 1.0, lengths);
                    let lengths = &lengths[..count];
                    let [totals, largest] =
                        [&mut *totals, &mut *largest].map(|of| &mut of[h * width..][..m.max(whole)]);
                    let (totals, single_totals) = totals.split_at_mut(whole);
                    let (largest, single_largest) = largest.split_at_mut(whole);
                    let gathered = &mut gathered[h * d * width..][..d * width];
                    if let Some(bound) = bound {
                        soften_below(simd, bound, scores, lengths, totals, width);
                    } else {
                        let scores = [&mut *scores, &mut *gathered];
                        soften(simd, scores, lengths, largest, totals, width);
                    }
                    let of_values = of.head(values, start, count, h);
                    collect(simd, of_values, Panel::new(scores, width).columns(whole), gathered);
                    for i in 0..singles {
                        let at = (h * singles + i) * d;
                        let scores = &mut single_scores[..count];
                        single::dots(simd, rows, &single_queries[at..][..d], scores);
                        let gathered = &mut single_gathered[at..][..d];
                        let center = Center {
                            largest: &mut single_largest[i],
                            total: &mut single_totals[i],
                            gathered: &mut *gathered,
                        };
                        center.soften(simd, bound, scores, lengths);
                        single::collect(simd, of_values, scores, gathered);
                    }
                }
            }
            for (i, row) in result.chunks_exact_mut(channels).enumerate() {
                for (h, to) in row.chunks_exact_mut(d).enumerate() {
                    match i.checked_sub(whole) {
                        None => column(&gathered[h * d * width..], width, i, to),
                        Some(i) => to.copy_from_slice(&single_gathered[(h * singles + i) * d..][..d]),
                    }
                    let total = totals[h * width + i];
                    logs[h * m + i] = bound.unwrap_or(largest[h * width + i]) + total.ln();
                    let share = 1.0 / total;
                    to.iter_mut().for_each(|x| *x *= share);
                }
            }
        }
    }
}
