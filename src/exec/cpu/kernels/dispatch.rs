//! Centers return to the pixels: for a hard assignment a scaled gather, for a soft one a product.

use super::directions::{as_columns, as_rows, column};
use super::meeting::{Chosen, Meeting};
use super::tile::{Lent, Panel, Rows, collect, multiply, padded, room};
use super::vector::{add_scaled, dot, scaled, vectorized};
use crate::graph::Size;

/// Centers `[gh, gw, A]` to `[H, W, A]`; `heads` are the assignment's.
#[derive(Debug, Clone, Copy)]
pub struct Dispatch {
    pub map: Size,
    pub grid: Size,
    pub channels: usize,
    pub heads: usize,
}

/// What the backward passes overwrite.
pub struct Gradients<'a> {
    /// As many as there are of the assignment, hard or soft.
    pub weights: &'a mut [f32],
    pub centers: &'a mut [f32],
}

impl Dispatch {
    /// For the soft forward pass; the hard ones need none.
    pub fn scratch(&self) -> usize {
        let Meeting { centers: m, width: d, .. } = self.meeting();
        Lent::needed(&[self.heads * m * room(d), m, self.block() * room(d)])
    }

    /// For the soft backward pass.
    pub fn backward_scratch(&self) -> usize {
        let Meeting { centers: m, width: d, .. } = self.meeting();
        let columns = self.heads * d * room(m);
        Lent::needed(&[columns, columns, m, self.block() * room(m), d])
    }

    /// `y = weight center[index]`
    pub fn hard_forward(&self, images: usize, chosen: Chosen, centers: &[f32], y: &mut [f32]) {
        self.check(images, centers, y);
        self.check_chosen(images, chosen);
        hard_forward(*self, chosen, centers, y);
    }

    pub fn hard_backward(
        &self,
        images: usize,
        chosen: Chosen,
        centers: &[f32],
        dy: &[f32],
        gradients: Gradients,
    ) {
        self.check(images, centers, dy);
        self.check_chosen(images, chosen);
        let Gradients { weights, centers: dcenters } = gradients;
        assert_eq!([weights.len(), dcenters.len()], [chosen.weight.len(), centers.len()]);
        hard_backward(*self, chosen, centers, dy, weights, dcenters);
    }

    /// `y = the sum of weights times centers`; weights are `[H, W, heads, M]`.
    pub fn soft_forward(
        &self,
        images: usize,
        weights: &[f32],
        centers: &[f32],
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(images, centers, y);
        self.check_weights(images, weights);
        assert!(scratch.len() >= self.scratch());
        soft_forward(*self, weights, centers, y, scratch);
    }

    pub fn soft_backward(
        &self,
        images: usize,
        weights: &[f32],
        centers: &[f32],
        dy: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        let Gradients { weights: dweights, centers: dcenters } = gradients;
        self.check(images, centers, dy);
        self.check_weights(images, weights);
        assert!(scratch.len() >= self.backward_scratch());
        assert_eq!([dweights.len(), dcenters.len()], [weights.len(), centers.len()]);
        soft_backward(*self, weights, centers, dy, dweights, dcenters, scratch);
    }

    fn check(&self, images: usize, centers: &[f32], map: &[f32]) {
        let of = self.meeting();
        assert_eq!(centers.len(), images * of.grid());
        assert_eq!(map.len(), images * of.map());
    }

    fn check_chosen(&self, images: usize, chosen: Chosen) {
        let Chosen { index, weight } = chosen;
        assert_eq!([index.len(), weight.len()], [images * self.meeting().chosen(); 2]);
    }

    fn check_weights(&self, images: usize, weights: &[f32]) {
        assert_eq!(weights.len(), images * self.meeting().weights());
    }

    fn meeting(&self) -> Meeting {
        Meeting::new(self.map, self.grid, self.channels, self.heads)
    }

    /// Pixels in a block.
    fn block(&self) -> usize {
        48.min(self.meeting().pixels)
    }
}

vectorized! {
    fn hard_forward<S>(
        simd,
        size: Dispatch,
        chosen: Chosen<'a>,
        centers: &'a [f32],
        y: &'a mut [f32],
    ) {
        let Meeting { centers: m, pixels: n, channels: c, width: d, .. } = size.meeting();
        let images = centers.chunks_exact(m * c).zip(y.chunks_exact_mut(n * c));
        let chosen = chosen.images(n * size.heads);
        for ((centers, y), Chosen { index, weight }) in images.zip(chosen) {
            for ((to, at), (&center, &s)) in
                y.chunks_exact_mut(d).zip((0..c).step_by(d).cycle()).zip(index.iter().zip(weight))
            {
                scaled(simd, to, &centers[center as usize * c + at..][..d], s);
            }
        }
    }

    fn hard_backward<S>(
        simd,
        size: Dispatch,
        chosen: Chosen<'a>,
        centers: &'a [f32],
        dy: &'a [f32],
        dweight: &'a mut [f32],
        dcenters: &'a mut [f32],
    ) {
        let Meeting { centers: m, pixels: n, channels: c, width: d, .. } = size.meeting();
        let images = centers.chunks_exact(m * c).zip(dcenters.chunks_exact_mut(m * c));
        let chosen = chosen.images(n * size.heads);
        let maps = dy.chunks_exact(n * c).zip(dweight.chunks_exact_mut(n * size.heads));
        for (((centers, dcenters), chosen), (dy, dweight)) in images.zip(chosen).zip(maps) {
            let Chosen { index, weight } = chosen;
            dcenters.fill(0.0);
            let heads = dy.chunks_exact(d).zip((0..c).step_by(d).cycle());
            for ((g, at), ((&center, &s), to)) in heads.zip(index.iter().zip(weight).zip(dweight)) {
                let place = center as usize * c + at;
                *to = dot(simd, g, &centers[place..][..d]);
                add_scaled(simd, &mut dcenters[place..][..d], g, s);
            }
        }
    }

    fn soft_forward<S>(
        simd,
        size: Dispatch,
        weights: &'a [f32],
        centers: &'a [f32],
        y: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let of = size.meeting();
        let Meeting { centers: m, pixels: n, heads, channels: c, width: d } = of;
        let wide = padded::<S>(d);
        let mut lent = Lent::new(scratch);
        let (rows, factors) = (lent.take(heads * m * wide), lent.take(m));
        let out = lent.take(size.block() * wide);
        factors.fill(1.0);
        let images = centers.chunks_exact(m * c).zip(y.chunks_exact_mut(n * c));
        for ((centers, y), weights) in images.zip(weights.chunks_exact(n * heads * m)) {
            for (h, panel) in rows.chunks_exact_mut(m * wide).enumerate() {
                as_rows(of.head(centers, 0, m, h), factors, wide, panel);
            }
            for start in (0..n).step_by(size.block()) {
                let count = size.block().min(n - start);
                for (h, panel) in rows.chunks_exact(m * wide).enumerate() {
                    let data = &weights[(start * heads + h) * m..];
                    let rows = Rows { data, stride: heads * m, count, depth: m };
                    multiply(simd, rows, Panel::new(panel, wide), out);
                    for (i, row) in out.chunks_exact(wide).take(count).enumerate() {
                        scaled(simd, &mut y[(start + i) * c + h * d..][..d], &row[..d], 1.0);
                    }
                }
            }
        }
    }

    fn soft_backward<S>(
        simd,
        size: Dispatch,
        weights: &'a [f32],
        centers: &'a [f32],
        dy: &'a [f32],
        dweights: &'a mut [f32],
        dcenters: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let of = size.meeting();
        let Meeting { centers: m, pixels: n, heads, channels: c, width: d } = of;
        let width = padded::<S>(m);
        let mut lent = Lent::new(scratch);
        let (columns, sums) = (lent.take(heads * d * width), lent.take(heads * d * width));
        let (factors, block) = (lent.take(m), lent.take(size.block() * width));
        let one = lent.take(d);
        factors.fill(1.0);
        let images = centers.chunks_exact(m * c).zip(dcenters.chunks_exact_mut(m * c));
        let matrices = weights.chunks_exact(n * heads * m).zip(dweights.chunks_exact_mut(n * heads * m));
        for (((centers, dcenters), (weights, dweights)), dy) in
            images.zip(matrices).zip(dy.chunks_exact(n * c))
        {
            for (h, panel) in columns.chunks_exact_mut(d * width).enumerate() {
                as_columns(of.head(centers, 0, m, h), factors, width, panel);
            }
            sums.fill(0.0);
            for start in (0..n).step_by(size.block()) {
                let count = size.block().min(n - start);
                for h in 0..heads {
                    let rows = of.head(dy, start, count, h);
                    let panel = Panel::new(&columns[h * d * width..][..d * width], width);
                    multiply(simd, rows, panel, block);
                    for (i, row) in block.chunks_exact_mut(width).take(count).enumerate() {
                        let at = ((start + i) * heads + h) * m;
                        scaled(simd, &mut dweights[at..][..m], &row[..m], 1.0);
                        row[..m].copy_from_slice(&weights[at..][..m]);
                    }
                    let sums = &mut sums[h * d * width..][..d * width];
                    collect(simd, rows, Panel::new(block, width), sums);
                }
            }
            for (i, row) in dcenters.chunks_exact_mut(c).enumerate() {
                for (h, to) in row.chunks_exact_mut(d).enumerate() {
                    column(&sums[h * d * width..], width, i, one);
                    to.copy_from_slice(one);
                }
            }
        }
    }
}
