//! The gradients of centers, keys, values and temperature.

use super::single::{self, in_vectors};
use super::softmax::harden;
use super::{Attend, Saved, weigh};
use crate::exec::cpu::kernels::directions::{as_columns, as_rows, column, through_length};
use crate::exec::cpu::kernels::meeting::Meeting;
use crate::exec::cpu::kernels::tile::{Lent, Panel, Rows, collect, multiply, padded};
use crate::exec::cpu::kernels::vector::{dot, scaled, vectorized};
use crate::graph::ops::Score;

vectorized! {
    pub fn backward<S>(
        simd,
        size: Attend,
        saved: Saved<'a>,
        scale: f32,
        dresult: &'a [f32],
        to: [&'a mut [f32]; 3],
        along_temperature: &'a mut f64,
        scratch: &'a mut [f32],
    ) {
        let of = size.meeting();
        let Meeting { centers: m, pixels: n, heads, channels, width: d } = of;
        let cosine = matches!(size.score, Score::Cosine { .. });
        let block = of.block();
        let (width, wide) = (padded::<S>(m), padded::<S>(d));
        // Centers that go by vectors, and those that do not.
        let whole = in_vectors::<S>(size);
        let singles = m.saturating_sub(whole);
        let mut lent = Lent::new(scratch);
        let (queries, dqueries) = (lent.take(heads * d * width), lent.take(heads * d * width));
        let shifts = lent.take(heads * width);
        let (factors, scores) = (lent.take(width), lent.take(block * width));
        let lengths = lent.take(block);
        let gradients = lent.take(heads * d * width);
        let (query_rows, gradient_rows) = (lent.take(heads * m * wide), lent.take(heads * m * wide));
        let (center_lengths, alongs) = (lent.take(heads * width), lent.take(heads * width));
        let (dscores, rows_out) = (lent.take(block * width), lent.take(block * wide));
        let (one, along_one) = (lent.take(d), lent.take(d));
        let single_dqueries = lent.take(heads * singles * d);
        let [single_scores, single_dscores] = [0; 2].map(|_| lent.take(block));
        let Saved { inputs, result: results, logs } = saved;
        let images = inputs.keys.len() / (n * channels);
        let [dcenters, dkeys, dvalues] = to;
        for image in 0..images {
            let (at, at_map) = (image * m * channels, image * n * channels);
            let centers = &inputs.centers[at..][..m * channels];
            let (result, dresult) = (&results[at..][..m * channels], &dresult[at..][..m * channels]);
            let keys = &inputs.keys[at_map..][..n * channels];
            let values = &inputs.values[at_map..][..n * channels];
            for h in 0..heads {
                let rows = of.head(centers, 0, m, h);
                weigh(simd, size, rows, 1.0, &mut center_lengths[h * width..][..width]);
                scaled(simd, factors, &center_lengths[h * width..][..width], scale);
                as_columns(rows, factors, width, &mut queries[h * d * width..]);
                as_rows(rows, factors, wide, &mut query_rows[h * m * wide..]);
                let rows = of.head(dresult, 0, m, h);
                factors.fill(1.0);
                as_columns(rows, factors, width, &mut gradients[h * d * width..]);
                as_rows(rows, factors, wide, &mut gradient_rows[h * m * wide..]);
                let results = of.head(result, 0, m, h);
                let logs = &logs[(image * heads + h) * m..][..m];
                for i in 0..width {
                    let (at, i) = (h * width + i, i.min(m - 1));
                    alongs[at] = dot(simd, rows.row(i), results.row(i));
                    shifts[at] = -logs[i];
                }
            }
            dqueries.fill(0.0);
            single_dqueries.fill(0.0);
            for start in (0..n).step_by(block) {
                let count = block.min(n - start);
                for h in 0..heads {
                    let of_keys = of.head(keys, start, count, h);
                    let of_values = of.head(values, start, count, h);
                    let panel = Panel::new(&queries[h * d * width..][..d * width], width);
                    multiply(simd, of_keys, panel.columns(whole), scores);
                    weigh(simd, size, of_keys, 1.0, lengths);
                    let panel = Panel::new(&gradients[h * d * width..][..d * width], width);
                    multiply(simd, of_values, panel.columns(whole), dscores);
                    let (shifts, alongs) = (&shifts[h * width..], &alongs[h * width..]);
                    harden(
                        simd,
                        [&mut *scores, &mut *dscores],
                        &lengths[..count],
                        &shifts[..whole],
                        &alongs[..whole],
                        width,
                    );
                    let sums = &mut dqueries[h * d * width..][..d * width];
                    collect(simd, of_keys, Panel::new(dscores, width).columns(whole), sums);
                    for i in whole..m {
                        let (scores_of, dscores_of) =
                            (&mut single_scores[..count], &mut single_dscores[..count]);
                        let at = (h * m + i) * wide;
                        single::dots(simd, of_keys, &query_rows[at..][..d], scores_of);
                        single::dots(simd, of_values, &gradient_rows[at..][..d], dscores_of);
                        let both = [&mut *scores_of, &mut *dscores_of];
                        single::harden(simd, both, &lengths[..count], shifts[i], alongs[i]);
                        let sums = &mut single_dqueries[(h * singles + i - whole) * d..][..d];
                        single::collect(simd, of_keys, dscores_of, sums);
                        single::put(scores_of, width, i, scores);
                        single::put(dscores_of, width, i, dscores);
                    }
                    let of_block = |data| Rows { data, stride: width, count, depth: m };
                    let panel = &query_rows[h * m * wide..][..m * wide];
                    multiply(simd, of_block(&*dscores), Panel::new(panel, wide), rows_out);
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
                    multiply(simd, of_block(&*scores), Panel::new(panel, wide), rows_out);
                    for i in 0..count {
                        let place = at_map + (start + i) * channels + h * d;
                        scaled(simd, &mut dvalues[place..][..d], &rows_out[i * wide..][..d], 1.0);
                    }
                }
            }
            for h in 0..heads {
                let rows = of.head(centers, 0, m, h);
                for i in 0..m {
                    let length = center_lengths[h * width + i];
                    match i.checked_sub(whole) {
                        None => column(&dqueries[h * d * width..], width, i, one),
                        Some(i) => one.copy_from_slice(&single_dqueries[(h * singles + i) * d..][..d]),
                    }
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
