//! What norms do to a row: to bring it to a known mean and deviation, and back through that.

use super::vector::{Part, along};
use pulp::Simd;

/// What a row is brought to mean 0 and deviation 1 by, in every lane.
#[derive(Clone, Copy)]
pub struct Normal<S: Simd> {
    pub mean: S::f32s,
    /// The reciprocal of the deviation.
    pub scale: S::f32s,
}

impl<S: Simd> Normal<S> {
    #[inline(always)]
    pub fn new(simd: S, [mean, scale]: [f32; 2]) -> Normal<S> {
        Normal { mean: simd.splat_f32s(mean), scale: simd.splat_f32s(scale) }
    }

    #[inline(always)]
    fn of(self, simd: S, x: S::f32s) -> S::f32s {
        simd.mul_f32s(simd.sub_f32s(x, self.mean), self.scale)
    }

    /// `y = normal(x) * weight + bias`
    #[inline(always)]
    pub fn forward(self, simd: S, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
        along!(S, x.len(), |at, part| {
            let normal = self.of(simd, part.load(simd, x, at));
            let (w, b) = (part.load(simd, weight, at), part.load(simd, bias, at));
            part.store(simd, y, at, simd.mul_add_e_f32s(normal, w, b));
        });
    }

    /// Adds to the gradients of the parameters; the sums of `dy * weight`, and of that times the
    /// normal row.
    #[inline(always)]
    pub fn sums(
        self,
        simd: S,
        x: &[f32],
        weight: &[f32],
        dy: &[f32],
        [dweight, dbias]: [&mut [f32]; 2],
    ) -> [f32; 2] {
        let [mut sum, mut along_normal] = [simd.splat_f32s(0.0); 2];
        along!(S, x.len(), |at, part| {
            let normal = self.of(simd, part.load(simd, x, at));
            let g = part.load(simd, dy, at);
            let inner = simd.mul_f32s(g, part.load(simd, weight, at));
            sum = simd.add_f32s(sum, inner);
            along_normal = simd.mul_add_e_f32s(inner, normal, along_normal);
            let dw = part.load(simd, dweight, at);
            part.store(simd, dweight, at, simd.mul_add_e_f32s(g, normal, dw));
            let db = part.load(simd, dbias, at);
            part.store(simd, dbias, at, simd.add_f32s(db, g));
        });
        // Written out: a closure would be compiled without the instruction set.
        [simd.reduce_sum_f32s(sum), simd.reduce_sum_f32s(along_normal)]
    }

    /// `dx`, given the means of both sums over all that was normalized together; overwrites it, or
    /// `adds` to it.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        self,
        simd: S,
        x: &[f32],
        weight: &[f32],
        dy: &[f32],
        means: [f32; 2],
        dx: &mut [f32],
        adds: bool,
    ) {
        let [inner_mean, slope] = means;
        let (inner_mean, slope) = (simd.splat_f32s(inner_mean), simd.splat_f32s(slope));
        along!(S, x.len(), |at, part| {
            let normal = self.of(simd, part.load(simd, x, at));
            let inner = simd.mul_f32s(part.load(simd, dy, at), part.load(simd, weight, at));
            let rest = simd.sub_f32s(inner, inner_mean);
            let rest = simd.negate_mul_add_e_f32s(normal, slope, rest);
            let before = if adds { part.load(simd, dx, at) } else { simd.splat_f32s(0.0) };
            part.store(simd, dx, at, simd.mul_add_e_f32s(rest, self.scale, before));
        });
    }
}

#[inline(always)]
pub fn sum<S: Simd>(simd: S, row: &[f32]) -> f32 {
    let mut sum = simd.splat_f32s(0.0);
    along!(S, row.len(), |at, part| sum = simd.add_f32s(sum, part.load(simd, row, at)));
    simd.reduce_sum_f32s(sum)
}

/// Squares of the distances to `mean`, summed.
#[inline(always)]
pub fn squares<S: Simd>(simd: S, row: &[f32], mean: f32) -> f32 {
    let (mean, mut sum) = (simd.splat_f32s(mean), simd.splat_f32s(0.0));
    along!(S, row.len(), |at, part| {
        let centered = part.keep(simd, simd.sub_f32s(part.load(simd, row, at), mean));
        sum = simd.mul_add_e_f32s(centered, centered, sum);
    });
    simd.reduce_sum_f32s(sum)
}
