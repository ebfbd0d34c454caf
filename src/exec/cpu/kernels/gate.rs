//! The gate between a refined center and the pooled one: per head a perceptron `2d -> d/2 -> 1` whose
//! sigmoid is the pooled center's share. The backward pass computes the hidden layer again.

use super::gelu;
use super::tile::{Lent, Panel, Rows, collect, multiply, multiply_add, padded, room};
use super::vector::{Part, Whole, add_scaled, along, sigmoid, vectorized};
use pulp::Simd;

/// Soft and local centers `[centers, A]` each.
#[derive(Debug, Clone, Copy)]
pub struct Gate {
    /// Centers of an image.
    pub centers: usize,
    pub channels: usize,
    pub heads: usize,
}

/// `weight1 [heads, 2d, d/2]`, `bias1 [heads, d/2]`, `weight2 [heads, d/2, 1]`, `bias2 [heads, 1]`.
#[derive(Debug, Clone, Copy)]
pub struct Params<'a> {
    pub weight1: &'a [f32],
    pub bias1: &'a [f32],
    pub weight2: &'a [f32],
    pub bias2: &'a [f32],
}

/// Gradients of the parameters, which are added to.
pub struct ParamGradients<'a> {
    pub weight1: &'a mut [f32],
    pub bias1: &'a mut [f32],
    pub weight2: &'a mut [f32],
    pub bias2: &'a mut [f32],
}

/// What the backward pass writes: the gradients of the centers are overwritten.
pub struct Gradients<'a> {
    pub soft: &'a mut [f32],
    pub local: &'a mut [f32],
    pub params: ParamGradients<'a>,
}

/// Centers that go through a head's perceptron together.
const BLOCK: usize = 48;

impl Gate {
    /// For `forward`.
    pub fn scratch(&self) -> usize {
        Lent::needed(&self.parts())
    }

    /// For `backward`.
    pub fn backward_scratch(&self) -> usize {
        let [d, hidden] = self.widths();
        let lanes = room(hidden);
        // The gradients of weights, weights transposed; the gradients of biases and second weights;
        // of a block the slope of the hidden layer, a row per center.
        let more = [2 * d * lanes, hidden * room(d), hidden * room(d), lanes, lanes];
        let of_block = [BLOCK * lanes, BLOCK * room(d)];
        Lent::needed(&[&self.parts()[..], &more, &of_block].concat())
    }

    /// Parts of the scratch of either pass: weights, biases, second weights; of a block the hidden
    /// layer and shares.
    fn parts(&self) -> [usize; 5] {
        let [d, hidden] = self.widths();
        let lanes = room(hidden);
        [2 * d * lanes, lanes, lanes, BLOCK * lanes, BLOCK]
    }

    pub fn forward(
        &self,
        images: usize,
        soft: &[f32],
        local: &[f32],
        params: Params,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let rows = images * self.centers;
        assert_eq!([soft.len(), local.len(), y.len()], [rows * self.channels; 3]);
        assert!(scratch.len() >= self.scratch());
        self.check(params);
        forward(*self, rows, [soft, local], params, y, scratch);
    }

    /// `centers` are the soft and the local ones.
    pub fn backward(
        &self,
        images: usize,
        centers: [&[f32]; 2],
        params: Params,
        dy: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        let Gradients { soft, local, params: of_params } = gradients;
        let rows = images * self.centers;
        let sizes = [centers[0].len(), centers[1].len(), dy.len(), soft.len(), local.len()];
        assert_eq!(sizes, [rows * self.channels; 5]);
        assert!(scratch.len() >= self.backward_scratch());
        self.check(params);
        backward(*self, rows, centers, params, dy, [soft, local], of_params, scratch);
    }

    fn check(&self, params: Params) {
        let ([d, hidden], heads) = (self.widths(), self.heads);
        assert_eq!(params.weight1.len(), heads * 2 * d * hidden);
        assert_eq!([params.bias1.len(), params.weight2.len()], [heads * hidden; 2]);
        assert_eq!(params.bias2.len(), heads);
    }

    /// Of a head, and of its hidden layer.
    fn widths(&self) -> [usize; 2] {
        let d = self.channels / self.heads;
        [d, d / 2]
    }

    /// One head of rows `start..start + count`.
    #[inline(always)]
    fn head<'a>(&self, rows: &'a [f32], start: usize, count: usize, h: usize) -> Rows<'a> {
        Rows::head(rows, self.channels, [start, count], h, self.widths()[0])
    }
}

/// A head's parameters in panels.
struct Head<'a> {
    weight1: &'a mut [f32],
    bias1: &'a mut [f32],
    weight2: &'a mut [f32],
}

impl Head<'_> {
    #[inline(always)]
    fn load(&mut self, gate: Gate, params: Params, h: usize, lanes: usize) {
        let [d, hidden] = gate.widths();
        let matrix = &params.weight1[h * 2 * d * hidden..][..2 * d * hidden];
        for (row, to) in matrix.chunks_exact(hidden).zip(self.weight1.chunks_exact_mut(lanes)) {
            to[..hidden].copy_from_slice(row);
            to[hidden..].fill(0.0);
        }
        self.bias1.fill(0.0);
        self.bias1[..hidden].copy_from_slice(&params.bias1[h * hidden..][..hidden]);
        self.weight2.fill(0.0);
        self.weight2[..hidden].copy_from_slice(&params.weight2[h * hidden..][..hidden]);
    }

    /// What enters GELU, for a block of rows.
    #[inline(always)]
    fn hidden<S: Simd>(&self, simd: S, [soft, local]: [Rows; 2], lanes: usize, out: &mut [f32]) {
        for row in out.chunks_exact_mut(lanes).take(soft.count) {
            row.copy_from_slice(&self.bias1[..lanes]);
        }
        let (first, second) = self.weight1.split_at(soft.depth * lanes);
        multiply_add(simd, soft, Panel::new(first, lanes), out);
        multiply_add(simd, local, Panel::new(second, lanes), out);
    }
}

vectorized! {
    fn forward<S>(
        simd,
        gate: Gate,
        rows: usize,
        inputs: [&'a [f32]; 2],
        params: Params<'a>,
        y: &'a mut [f32],
        scratch: &'a mut [f32],
    ) {
        let [d, hidden] = gate.widths();
        let (c, lanes) = (gate.channels, padded::<S>(hidden));
        let mut lent = Lent::new(scratch);
        let mut head = Head {
            weight1: lent.take(2 * d * lanes),
            bias1: lent.take(lanes),
            weight2: lent.take(lanes),
        };
        let (layer, share) = (lent.take(BLOCK * lanes), lent.take(BLOCK));
        for h in 0..gate.heads {
            head.load(gate, params, h, lanes);
            for start in (0..rows).step_by(BLOCK) {
                let count = BLOCK.min(rows - start);
                let [soft, local] = inputs.map(|x| gate.head(x, start, count, h));
                head.hidden(simd, [soft, local], lanes, layer);
                for (row, to) in layer.chunks_exact(lanes).zip(&mut share[..count]) {
                    let mut sum = simd.splat_f32s(0.0);
                    for at in (0..lanes).step_by(S::F32_LANES) {
                        let t = gelu::value(simd, Whole.load(simd, row, at));
                        sum = simd.mul_add_e_f32s(t, Whole.load(simd, head.weight2, at), sum);
                    }
                    *to = simd.reduce_sum_f32s(sum) + params.bias2[h];
                }
                let share = &mut share[..count];
                along!(S, count, |at, part| {
                    part.store(simd, share, at, sigmoid(simd, part.load(simd, share, at)));
                });
                for (i, &share) in share.iter().enumerate() {
                    let (soft, local) = (soft.row(i), local.row(i));
                    let to = &mut y[(start + i) * c + h * d..][..d];
                    let share = simd.splat_f32s(share);
                    along!(S, d, |at, part| {
                        let (s, l) = (part.load(simd, soft, at), part.load(simd, local, at));
                        let fused = simd.mul_add_e_f32s(simd.sub_f32s(l, s), share, s);
                        part.store(simd, to, at, fused);
                    });
                }
            }
        }
    }

    fn backward<S>(
        simd,
        gate: Gate,
        rows: usize,
        inputs: [&'a [f32]; 2],
        params: Params<'a>,
        dy: &'a [f32],
        dinputs: [&'a mut [f32]; 2],
        gradients: ParamGradients<'a>,
        scratch: &'a mut [f32],
    ) {
        let [d, hidden] = gate.widths();
        let (c, lanes, wide) = (gate.channels, padded::<S>(hidden), padded::<S>(d));
        let mut lent = Lent::new(scratch);
        let mut head = Head {
            weight1: lent.take(2 * d * lanes),
            bias1: lent.take(lanes),
            weight2: lent.take(lanes),
        };
        let (layer, share) = (lent.take(BLOCK * lanes), lent.take(BLOCK));
        let dweight1 = lent.take(2 * d * lanes);
        let mut transposed = [lent.take(hidden * wide), lent.take(hidden * wide)];
        let (dbias1, dweight2) = (lent.take(lanes), lent.take(lanes));
        let (slopes, block_rows) = (lent.take(BLOCK * lanes), lent.take(BLOCK * wide));
        let [dsoft, dlocal] = dinputs;
        for h in 0..gate.heads {
            head.load(gate, params, h, lanes);
            let matrix = &params.weight1[h * 2 * d * hidden..][..2 * d * hidden];
            for (part, to) in matrix.chunks_exact(d * hidden).zip(transposed.iter_mut()) {
                transpose(part, d, hidden, wide, to);
            }
            dweight1.fill(0.0);
            dbias1.fill(0.0);
            dweight2.fill(0.0);
            let mut dbias2 = 0.0;
            for start in (0..rows).step_by(BLOCK) {
                let count = BLOCK.min(rows - start);
                let [soft, local] = inputs.map(|x| gate.head(x, start, count, h));
                head.hidden(simd, [soft, local], lanes, layer);
                let both = layer.chunks_exact_mut(lanes).zip(slopes.chunks_exact_mut(lanes));
                for ((row, slope), to) in both.zip(&mut share[..count]) {
                    let mut sum = simd.splat_f32s(0.0);
                    for at in (0..lanes).step_by(S::F32_LANES) {
                        let (t, s) = gelu::value_and_slope(simd, Whole.load(simd, row, at));
                        Whole.store(simd, row, at, t);
                        Whole.store(simd, slope, at, s);
                        sum = simd.mul_add_e_f32s(t, Whole.load(simd, head.weight2, at), sum);
                    }
                    *to = simd.reduce_sum_f32s(sum) + params.bias2[h];
                }
                let share = &mut share[..count];
                along!(S, count, |at, part| {
                    part.store(simd, share, at, sigmoid(simd, part.load(simd, share, at)));
                });
                for (i, &share) in share.iter().enumerate() {
                    let place = (start + i) * c + h * d;
                    let (soft, local, g) = (soft.row(i), local.row(i), &dy[place..][..d]);
                    let (ds, dl) = (&mut dsoft[place..][..d], &mut dlocal[place..][..d]);
                    let mut sum = simd.splat_f32s(0.0);
                    let portion = simd.splat_f32s(share);
                    along!(S, d, |at, part| {
                        let (s, l) = (part.load(simd, soft, at), part.load(simd, local, at));
                        let g = part.load(simd, g, at);
                        sum = simd.mul_add_e_f32s(g, simd.sub_f32s(l, s), sum);
                        let to_local = simd.mul_f32s(g, portion);
                        part.store(simd, dl, at, to_local);
                        part.store(simd, ds, at, simd.sub_f32s(g, to_local));
                    });
                    let du = simd.reduce_sum_f32s(sum) * share * (1.0 - share);
                    dbias2 += du;
                    let du = simd.splat_f32s(du);
                    let t = &layer[i * lanes..][..lanes];
                    let dhidden = &mut slopes[i * lanes..][..lanes];
                    for at in (0..lanes).step_by(S::F32_LANES) {
                        let dw = simd.mul_add_e_f32s(
                            Whole.load(simd, t, at), du, Whole.load(simd, dweight2, at));
                        Whole.store(simd, dweight2, at, dw);
                        let dt = simd.mul_f32s(Whole.load(simd, head.weight2, at), du);
                        let dh = simd.mul_f32s(dt, Whole.load(simd, dhidden, at));
                        Whole.store(simd, dhidden, at, dh);
                        let db = simd.add_f32s(Whole.load(simd, dbias1, at), dh);
                        Whole.store(simd, dbias1, at, db);
                    }
                }
                let (first, second) = dweight1.split_at_mut(d * lanes);
                collect(simd, soft, Panel::new(slopes, lanes), first);
                collect(simd, local, Panel::new(slopes, lanes), second);
                let dhidden = Rows { data: slopes, stride: lanes, count, depth: hidden };
                for (panel, to) in transposed.iter().zip([&mut *dsoft, &mut *dlocal]) {
                    multiply(simd, dhidden, Panel::new(panel, wide), block_rows);
                    for (i, row) in block_rows.chunks_exact(wide).take(count).enumerate() {
                        let to = &mut to[(start + i) * c + h * d..][..d];
                        add_scaled(simd, to, &row[..d], 1.0);
                    }
                }
            }
            let to = &mut gradients.weight1[h * 2 * d * hidden..][..2 * d * hidden];
            for (row, to) in dweight1.chunks_exact(lanes).zip(to.chunks_exact_mut(hidden)) {
                to.iter_mut().zip(row).for_each(|(to, g)| *to += g);
            }
            let of_head = h * hidden..(h + 1) * hidden;
            let to = gradients.bias1[of_head.clone()].iter_mut();
            to.zip(&*dbias1).for_each(|(to, g)| *to += g);
            let to = gradients.weight2[of_head].iter_mut();
            to.zip(&*dweight2).for_each(|(to, g)| *to += g);
            gradients.bias2[h] += dbias2;
        }
    }
}

/// `[d, hidden]` to `[hidden, wide]`.
#[inline(always)]
fn transpose(from: &[f32], d: usize, hidden: usize, wide: usize, to: &mut [f32]) {
    for (j, row) in to.chunks_exact_mut(wide).enumerate() {
        for (i, x) in row[..d].iter_mut().enumerate() {
            *x = from[i * hidden + j];
        }
        row[d..].fill(0.0);
    }
}
