//! Centers become the mean of themselves and their pixels, head by head.

use super::meeting::Meeting;
use super::tile::Lent;
use super::vector::{add_scaled, dot, scaled, vectorized};
use crate::graph::Size;
use crate::graph::ops::Weighing;

/// `[H, W, C]` and who belongs to whom to `[gh, gw, C]`: what every center has of its pixels, and
/// itself, over how many (or how much) they are, and one.
#[derive(Debug, Clone, Copy)]
pub struct ClusterMean {
    pub map: Size,
    pub grid: Size,
    pub channels: usize,
    pub heads: usize,
    pub weighing: Weighing,
}

/// Who belongs to whom.
#[derive(Debug, Clone, Copy)]
pub enum Belonging<'a> {
    /// The center of a pixel and head, `[H, W, heads]`, and its weight, which means do not read.
    Hard(&'a [u32], &'a [f32]),
    /// How much of a pixel every center has, `[H, W, heads, M]`.
    Soft(&'a [f32]),
}

/// What the backward pass reads: pixels unless all count the same, the result where both sums are
/// weighted, and the gradient of the centers themselves.
#[derive(Debug, Clone, Copy)]
pub struct Saved<'a> {
    pub belonging: Belonging<'a>,
    pub x: &'a [f32],
    pub result: &'a [f32],
    pub down: &'a [f32],
}

impl ClusterMean {
    pub fn scratch(&self) -> usize {
        Lent::needed(&[self.meeting().centers * self.heads])
    }

    /// `y` holds the centers themselves on entry.
    pub fn forward(
        &self,
        images: usize,
        belonging: Belonging,
        x: &[f32],
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check_belonging(images, belonging);
        let of = self.meeting();
        assert_eq!(x.len(), images * of.map());
        assert_eq!(y.len(), images * of.grid());
        assert!(scratch.len() >= self.scratch());
        forward(*self, belonging, x, y, scratch);
    }

    /// Overwrites the gradient of the centers themselves.
    pub fn backward_own(
        &self,
        images: usize,
        belonging: Belonging,
        dy: &[f32],
        down: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check_belonging(images, belonging);
        assert_eq!([dy.len(), down.len()], [images * self.meeting().grid(); 2]);
        assert!(scratch.len() >= self.scratch());
        backward_own(*self, belonging, dy, down, scratch);
    }

    /// Adds to the gradient of the pixels, if it is wanted, and overwrites that of the weights, where
    /// they have one.
    pub fn backward(&self, images: usize, saved: Saved, dx: &mut [f32], dweights: &mut [f32]) {
        let Saved { belonging, x, result, down } = saved;
        self.check_belonging(images, belonging);
        let of = self.meeting();
        let [m, n] = [of.grid(), of.map()].map(|numbers| images * numbers);
        assert_eq!(down.len(), m);
        assert!(dx.is_empty() || dx.len() == n);
        if self.weighing != Weighing::Mean {
            let (Belonging::Hard(_, weights) | Belonging::Soft(weights)) = belonging;
            assert_eq!([dweights.len(), x.len()], [weights.len(), n]);
        }
        if self.weighing == Weighing::Weighted {
            assert_eq!(result.len(), m);
        }
        backward(*self, saved, dx, dweights);
    }

    fn check_belonging(&self, images: usize, belonging: Belonging) {
        let of = self.meeting();
        let chosen = images * of.chosen();
        match (belonging, self.weighing) {
            (Belonging::Hard(index, _), Weighing::Mean) => assert_eq!(index.len(), chosen),
            (Belonging::Hard(index, weights), _) => {
                assert_eq!([index.len(), weights.len()], [chosen; 2]);
            }
            (Belonging::Soft(weights), weighing) => {
                assert_eq!(weighing, Weighing::Weighted);
                assert_eq!(weights.len(), images * of.weights());
            }
        }
    }

    fn meeting(&self) -> Meeting {
        Meeting::new(self.map, self.grid, self.channels, self.heads)
    }

    /// Every pixel and head with a center that has some of it: places of the weight, of the center's
    /// share, of the pixel's channels and of the center's.
    #[inline(always)]
    fn pairs<'a>(
        &self,
        belonging: Belonging<'a>,
        image: usize,
    ) -> impl Iterator<Item = Pair> + use<'a> {
        let Meeting { centers: m, pixels: n, heads, width: d, .. } = self.meeting();
        let first = image * n * heads;
        (first..first + n * heads).flat_map(move |i| {
            let (weights, centers) = match belonging {
                Belonging::Hard(index, _) => {
                    let center = index[i] as usize;
                    (i.., center..center + 1)
                }
                Belonging::Soft(_) => (i * m.., 0..m),
            };
            weights.zip(centers).map(move |(weight, center)| Pair {
                weight,
                share: center * heads + i % heads,
                pixel: i * d,
                center: ((image * m + center) * heads + i % heads) * d,
            })
        })
    }

    /// What a pixel counts above and below.
    #[inline(always)]
    fn counted(&self, belonging: Belonging, weight: usize) -> [f32; 2] {
        match (self.weighing, belonging) {
            (Weighing::Mean, _) => [1.0, 1.0],
            (Weighing::Mixed, Belonging::Hard(_, s)) => [s[weight], 1.0],
            (_, Belonging::Hard(_, s) | Belonging::Soft(s)) => [s[weight]; 2],
        }
    }

    /// One over what every center and head is divided by.
    #[inline(always)]
    fn shares(&self, belonging: Belonging, image: usize, shares: &mut [f32]) {
        shares.fill(1.0);
        for pair in self.pairs(belonging, image) {
            shares[pair.share] += self.counted(belonging, pair.weight)[1];
        }
        shares.iter_mut().for_each(|share| *share = 1.0 / *share);
    }
}

/// A pixel's head with a center.
struct Pair {
    weight: usize,
    share: usize,
    pixel: usize,
    center: usize,
}

vectorized! {
    fn forward<S>(
        simd,
        size: ClusterMean,
        belonging: Belonging<'a>,
        x: &'a [f32],
        y: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let Meeting { centers: m, pixels: n, width: d, .. } = size.meeting();
        let shares = Lent::new(scratch).take(m * size.heads);
        for image in 0..x.len() / (n * size.channels) {
            size.shares(belonging, image, shares);
            for pair in size.pairs(belonging, image) {
                let [above, _] = size.counted(belonging, pair.weight);
                add_scaled(simd, &mut y[pair.center..][..d], &x[pair.pixel..][..d], above);
            }
            let centers = &mut y[image * m * size.channels..][..m * size.channels];
            for (center, &share) in centers.chunks_exact_mut(d).zip(&*shares) {
                center.iter_mut().for_each(|y| *y *= share);
            }
        }
    }

    fn backward_own<S>(
        simd,
        size: ClusterMean,
        belonging: Belonging<'a>,
        dy: &'a [f32],
        down: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let Meeting { centers: m, channels: c, width: d, .. } = size.meeting();
        let shares = Lent::new(scratch).take(m * size.heads);
        let images = dy.chunks_exact(m * c).zip(down.chunks_exact_mut(m * c));
        for (image, (dy, down)) in images.enumerate() {
            size.shares(belonging, image, shares);
            let heads = down.chunks_exact_mut(d).zip(dy.chunks_exact(d));
            for ((to, from), &share) in heads.zip(&*shares) {
                scaled(simd, to, from, share);
            }
        }
    }

    fn backward<S>(
        simd,
        size: ClusterMean,
        saved: Saved<'a>,
        dx: &'a mut [f32],
        dweights: &'a mut [f32],
    ) {
        let Meeting { centers: m, width: d, .. } = size.meeting();
        let Saved { belonging, x, result, down } = saved;
        for image in 0..down.len() / (m * size.channels) {
            for pair in size.pairs(belonging, image) {
                let g = &down[pair.center..][..d];
                let [above, _] = size.counted(belonging, pair.weight);
                if !dx.is_empty() {
                    add_scaled(simd, &mut dx[pair.pixel..][..d], g, above);
                }
                if size.weighing != Weighing::Mean {
                    dweights[pair.weight] = dot(simd, &x[pair.pixel..][..d], g);
                }
                if size.weighing == Weighing::Weighted {
                    dweights[pair.weight] -= dot(simd, &result[pair.center..][..d], g);
                }
            }
        }
    }
}
