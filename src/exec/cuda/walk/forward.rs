//! What a node of the forward pass launches; the launchers of both passes, from ops and types.

use super::super::kernels::adamw::{AdamW, State};
use super::super::kernels::adaptive_pool::AdaptivePool;
use super::super::kernels::assign::{self, Assign};
use super::super::kernels::attend::{self, Attend};
use super::super::kernels::cluster_mean::ClusterMean;
use super::super::kernels::conv::Conv;
use super::super::kernels::depthwise::Depthwise;
use super::super::kernels::dispatch::Dispatch;
use super::super::kernels::elementwise::{self, DropPath};
use super::super::kernels::ffn::{Ffn, Layers};
use super::super::kernels::gate::Gate;
use super::super::kernels::layer_norm::LayerNorm;
use super::super::kernels::linear::Linear;
use super::super::kernels::loss::CrossEntropy;
use super::super::kernels::maps::Maps;
use super::super::kernels::nearest::Nearest;
use super::super::product::Dense;
use super::super::tape::{Pointer, Precision};
use super::{Layout, Walk, Weights, area, map};
use crate::graph::{Choice, Op, Size, Type, Value, ops};

impl Walk<'_> {
    /// The types of a node's inputs.
    fn types(&self, value: Value) -> Vec<Type> {
        let graph = &self.plan.graph;
        graph.node(value).inputs.iter().map(|&input| graph.node(input).ty.clone()).collect()
    }

    pub(super) fn forward(&mut self, value: Value, op: &Op) {
        let types = self.types(value);
        let ty = |i: usize| &types[i];
        let y = self.y(value);
        let x: Vec<Pointer> = (0..types.len()).map(|i| self.x(value, i)).collect();
        match op {
            Op::Input(_) | Op::Labels(_) | Op::Part(_) | Op::Gradient(_) => {}
            // Never computed; without a kernel yet (`exec::missing`).
            Op::Spare(_) | Op::GroupNorm(_) | Op::Scale(_) | Op::Reread(_) => {}
            Op::Coordinates(_) => self.maps(ty(0)).coordinates(&mut self.tape, x[0], y),
            Op::Conv(op) => {
                let kernel = self.conv(op, ty(0));
                let scratch = self.scratch(kernel.scratch(self.tape.precision));
                let operands = [x[0], self.stored(value, 0), self.stored(value, 1)];
                kernel.forward(&mut self.tape, operands, y, scratch);
            }
            Op::Depthwise(op) => {
                let [weight, bias] = [0, 1].map(|i| self.wide(value, i));
                let kernel = Depthwise { maps: self.maps(ty(0)), kernel: op.kernel };
                kernel.forward(&mut self.tape, x[0], weight, bias, y);
            }
            Op::Linear(op) => {
                let [weight, bias] = [0, 1].map(|i| self.stored(value, i));
                self.linear(op, ty(0)).forward(&mut self.tape, x[0], weight, bias, y);
            }
            Op::Ffn(op) => {
                let kernel = self.ffn(op, ty(0));
                let scratch = self.scratch(kernel.scratch(self.tape.precision));
                let weights = self.ffn_weights(value, op);
                kernel.forward(&mut self.tape, x[0], &weights, y, scratch);
            }
            Op::LayerNorm(_) => {
                let [weight, bias] = [0, 1].map(|i| self.wide(value, i));
                self.layer_norm(ty(0)).forward(&mut self.tape, x[0], weight, bias, y);
            }
            Op::Gelu(_) => {
                let n = self.numbers(ty(0));
                elementwise::gelu(&mut self.tape, x[0], y, n);
            }
            Op::Add(_) | Op::Blend(_) => {
                let scale = if matches!(op, Op::Add(_)) { 1.0 } else { 0.5 };
                let n = self.numbers(ty(0));
                elementwise::add(&mut self.tape, x[0], x[1], y, scale, n);
            }
            Op::Residual(op) => {
                let factors = self.factors(op.rate, op.site);
                self.drop_path(ty(0)).residual(&mut self.tape, [x[0], x[1]], factors, y);
            }
            Op::DropPath(op) => {
                let factors = self.factors(op.rate, op.site);
                self.drop_path(ty(0)).forward(&mut self.tape, x[0], factors, y);
            }
            Op::Mean(_) => self.maps(ty(0)).mean(&mut self.tape, x[0], y),
            Op::AdaptivePool(op) => {
                self.adaptive_pool(op.grid, ty(0)).forward(&mut self.tape, x[0], y);
            }
            Op::Attend(op) => {
                let kernel = self.attend(op, ty(0), ty(1));
                let saved = self.scratch(4 * kernel.saved());
                let operands = self.attend_operands(value, [x[0], x[1], x[2]]);
                kernel.forward(&mut self.tape, &operands, y, saved);
            }
            Op::Gate(op) => {
                let params = [0, 1, 2, 3].map(|i| self.wide(value, i));
                self.gate(op, ty(0)).forward(&mut self.tape, [x[0], x[1]], params, y);
            }
            Op::Assign(op) => {
                let kernel = self.assign(op, ty(0), ty(1));
                let operands = self.assign_operands(value, [x[0], x[1]]);
                match op.choice {
                    Choice::Hard => {
                        let weight = self.result(value, 1);
                        kernel.hard(&mut self.tape, &operands, y, weight);
                    }
                    Choice::Soft => kernel.soft(&mut self.tape, &operands, y),
                }
            }
            Op::Dispatch(_) => {
                let Some((kernel, choice)) = self.dispatch(ty(0), ty(1)) else { return };
                match choice {
                    Choice::Hard => {
                        let weight = self.result(self.plan.graph.node(value).inputs[0], 1);
                        kernel.hard(&mut self.tape, [x[0], weight], x[1], y);
                    }
                    Choice::Soft => kernel.soft(&mut self.tape, x[0], x[1], y),
                }
            }
            Op::Nearest(op) => {
                let kernel = Nearest { maps: self.maps(ty(0)), grid: op.grid };
                let scratch = self.scratch(kernel.scratch());
                kernel.forward(&mut self.tape, x[0], y, scratch);
            }
            Op::ClusterMean(_) => {
                let Some(kernel) = self.cluster_mean(ty(0), ty(1)) else { return };
                kernel.forward(&mut self.tape, x[0], x[1], y);
            }
            Op::CrossEntropy(_) => {
                self.cross_entropy(ty(0)).forward(&mut self.tape, x[0], x[1], y);
            }
            Op::Update(op) => self.update(op),
        }
    }

    /// All parameters at once, once all gradients are there.
    fn update(&mut self, op: &ops::Update) {
        let Some(rates) = self.rates else { return };
        let Weights { numbers: n, parameters, gradients, moments, copy, decays, .. } =
            *self.weights;
        let (beta1, beta2, eps) = (rates.beta1, rates.beta2, rates.eps);
        let kernel = AdamW { n, beta1, beta2, eps, clip: op.clip.map(|norm| norm as f32) };
        let scratch = self.scratch(kernel.scratch());
        let ([first, second], images) = (moments, self.n);
        let Layout { step, norm, .. } = self.layout;
        let losses = self.plan.graph.loss.map_or(Pointer::NULL, |loss| self.y(loss));
        let copy = if copy == parameters { Pointer::NULL } else { copy };
        let state = State {
            parameters,
            first,
            second,
            gradients,
            copy,
            decays,
            step,
            losses,
            images,
            norm,
        };
        kernel.step(&mut self.tape, &state, scratch);
    }

    /// Numbers of a value in the whole batch.
    pub(super) fn numbers(&self, ty: &Type) -> usize {
        self.n * ty.elements() as usize
    }

    pub(super) fn maps(&self, ty: &Type) -> Maps {
        let (size, channels) = map(ty);
        Maps { images: self.n, size, channels }
    }

    fn rows(&self, ty: &Type) -> (usize, usize) {
        let (size, channels) = map(ty);
        (self.n * area(size), channels)
    }

    pub(super) fn conv(&self, op: &ops::Conv, ty: &Type) -> Conv {
        let maps = self.maps(ty);
        Conv { maps, out: op.out, kernel: op.kernel, stride: op.stride, pad: op.pad }
    }

    pub(super) fn linear(&self, op: &ops::Linear, ty: &Type) -> Linear {
        let (rows, input) = self.rows(ty);
        Linear(Dense { rows, input, output: op.out })
    }

    pub(super) fn ffn(&self, op: &ops::Ffn, ty: &Type) -> Ffn {
        let (maps, hidden, out) = (self.maps(ty), op.hidden, op.out);
        Ffn { maps, hidden, out, kernel: op.kernel, chunk: None }
    }

    pub(super) fn ffn_weights(&self, value: Value, op: &ops::Ffn) -> Layers {
        let last = self.params(value).len() - 2;
        Layers {
            expand: [0, 1].map(|i| self.stored(value, i)),
            depthwise: op.kernel.map(|_| [2, 3].map(|i| self.wide(value, i))),
            contract: [last, last + 1].map(|i| self.stored(value, i)),
        }
    }

    pub(super) fn layer_norm(&self, ty: &Type) -> LayerNorm {
        let (rows, width) = self.rows(ty);
        LayerNorm { rows, width }
    }

    pub(super) fn drop_path(&self, ty: &Type) -> DropPath {
        DropPath { images: self.n, size: ty.elements() as usize }
    }

    pub(super) fn adaptive_pool(&self, grid: Size, ty: &Type) -> AdaptivePool {
        AdaptivePool { maps: self.maps(ty), grid }
    }

    pub(super) fn attend(&self, op: &ops::Attend, centers: &Type, keys: &Type) -> Attend {
        let ((grid, channels), (size, _)) = (map(centers), map(keys));
        let score = match op.score {
            ops::Score::Cosine { floor, .. } => attend::Score::Cosine { floor: floor.ln() as f32 },
            ops::Score::Dot => attend::Score::Dot,
        };
        let (centers, pixels, heads) = (area(grid), area(size), op.heads);
        Attend { images: self.n, centers, pixels, heads, width: channels / heads, score }
    }

    pub(super) fn attend_operands(
        &self,
        value: Value,
        [centers, keys, values]: [Pointer; 3],
    ) -> attend::Operands {
        let temperature = match self.params(value) {
            [] => Pointer::NULL,
            _ => self.wide(value, 0),
        };
        attend::Operands { centers, keys, values, temperature }
    }

    pub(super) fn gate(&self, op: &ops::Gate, ty: &Type) -> Gate {
        let (rows, channels) = self.rows(ty);
        let (width, hidden) = op.widths(channels);
        Gate { rows, heads: op.heads, width, hidden }
    }

    pub(super) fn assign(&self, op: &ops::Assign, queries: &Type, keys: &Type) -> Assign {
        let ((grid, channels), (size, _)) = (map(queries), map(keys));
        let (centers, pixels, heads) = (area(grid), area(size), op.heads);
        Assign { images: self.n, centers, pixels, heads, width: channels / heads }
    }

    pub(super) fn assign_operands(
        &self,
        value: Value,
        [queries, keys]: [Pointer; 2],
    ) -> assign::Operands {
        let [alpha, beta] = [0, 1].map(|i| self.wide(value, i));
        assign::Operands { queries, keys, alpha, beta }
    }

    pub(super) fn dispatch(&self, assignment: &Type, centers: &Type) -> Option<(Dispatch, Choice)> {
        let Type::Assignment { map: size, grid, heads, choice } = *assignment else { return None };
        let width = map(centers).1 / heads;
        let (centers, pixels) = (area(grid), area(size));
        Some((Dispatch { images: self.n, centers, pixels, heads, width }, choice))
    }

    pub(super) fn cluster_mean(&self, index: &Type, pooled: &Type) -> Option<ClusterMean> {
        let Type::Index { grid, .. } = *index else { return None };
        Some(ClusterMean { maps: self.maps(pooled), grid })
    }

    pub(super) fn cross_entropy(&self, ty: &Type) -> CrossEntropy {
        CrossEntropy { images: self.n, classes: map(ty).1 }
    }

    pub(super) fn precision(&self) -> Precision {
        self.tape.precision
    }
}
