//! What a node of the forward pass launches; the launchers of both passes, from ops and types.

use super::super::kernels::adaptive_pool::AdaptivePool;
use super::super::kernels::assign::{self, Assign};
use super::super::kernels::attend::{self, Attend};
use super::super::kernels::cluster_mean::{Belonging, ClusterMean};
use super::super::kernels::conv::Conv;
use super::super::kernels::depthwise::Depthwise;
use super::super::kernels::dispatch::Dispatch;
use super::super::kernels::dispatch_linear::DispatchLinear;
use super::super::kernels::elementwise::{self, DropPath};
use super::super::kernels::ffn::{Ffn, Layers};
use super::super::kernels::gate::Gate;
use super::super::kernels::group_norm::GroupNorm;
use super::super::kernels::layer_norm::LayerNorm;
use super::super::kernels::linear::Linear;
use super::super::kernels::loss::CrossEntropy;
use super::super::kernels::maps::Maps;
use super::super::kernels::nearest::Nearest;
use super::super::kernels::reread::{Reading, Reread};
use super::super::kernels::scale::Scale;
use super::super::kernels::update::{self, State, Update};
use super::super::kernels::windowed::Windowed;
use super::super::product::Dense;
use super::super::tape::{Pointer, Precision};
use super::{End, Layout, Walk, Weights, area, map};
use crate::graph::ops::CoordConv;
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
            // Never computed.
            Op::Spare(_) => {}
            Op::Coordinates(_) => self.maps(ty(0)).coordinates(&mut self.tape, x[0], y),
            Op::Conv(of) | Op::CoordConv(CoordConv(of)) => {
                let kernel = self.conv(of, op, ty(0));
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
            Op::GroupNorm(_) => {
                let [weight, bias] = [0, 1].map(|i| self.wide(value, i));
                let kernel = GroupNorm(self.maps(ty(0)));
                let scratch = self.scratch(kernel.scratch());
                kernel.forward(&mut self.tape, [x[0], weight, bias], y, scratch);
            }
            Op::Scale(_) => {
                let weight = self.wide(value, 0);
                self.scale(ty(0)).forward(&mut self.tape, x[0], weight, y);
            }
            Op::Reread(op) => self.reread(op, ty(0)).forward(&mut self.tape, x[0], y),
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
                let scratch = self.scratch(kernel.scratch(self.precision()));
                let operands = self.attend_operands(value, [x[0], x[1], x[2]]);
                let logarithms = self.result(value, 1);
                kernel.forward(&mut self.tape, &operands, [y, logarithms], scratch);
            }
            Op::Gate(op) => {
                let params = [0, 1, 2, 3].map(|i| self.wide(value, i));
                self.gate(op, ty(0)).forward(&mut self.tape, [x[0], x[1]], params, y);
            }
            Op::Assign(op) => {
                let kernel = self.assign(op, ty(0), ty(1));
                let operands = self.assign_operands(value, [x[0], x[1]]);
                let soft = op.choice == Choice::Soft;
                let scratch = self.scratch(kernel.scratch(soft, self.precision()));
                match op.choice {
                    Choice::Hard => {
                        let to = [y, self.result(value, 1)];
                        kernel.hard(&mut self.tape, &operands, to, scratch);
                    }
                    Choice::Soft => kernel.soft(&mut self.tape, &operands, y, scratch),
                }
            }
            Op::DispatchLinear(op) => {
                let Some(kernel) = self.dispatch_linear(op, ty(0), ty(1)) else { return };
                let scratch = self.scratch(kernel.scratch(self.precision()));
                let chosen = [x[0], self.result(self.plan.graph.node(value).inputs[0], 1)];
                let layer = [0, 1].map(|i| self.stored(value, i));
                kernel.forward(&mut self.tape, chosen, x[1], layer, y, scratch);
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
                let kernel = self.nearest(op, ty(0));
                let scratch = self.scratch(kernel.scratch(self.precision()));
                kernel.forward(&mut self.tape, x[0], y, scratch);
            }
            Op::ClusterMean(op) => {
                let Some(kernel) = self.cluster_mean(op, &types) else { return };
                let belonging = self.belonging(self.plan.graph.node(value).inputs[0], ty(0));
                let own = x.get(2).copied().unwrap_or(Pointer::NULL);
                kernel.forward(&mut self.tape, belonging, [x[1], own], y);
            }
            Op::CrossEntropy(op) => {
                let (kernel, targets) = (self.cross_entropy(op, ty(0)), self.layout.targets);
                kernel.forward(&mut self.tape, x[0], targets, y);
            }
            Op::Update(op) => self.update(op),
        }
    }

    /// All parameters at once, once all gradients are there.
    fn update(&mut self, op: &ops::Update) {
        let &Weights { numbers: n, gradients, sum, .. } = self.weights;
        match self.end {
            End::Stay => {}
            End::Add { first, .. } => update::add_part(&mut self.tape, gradients, sum, first, n),
            End::Move => {
                let kernel = Update { n, of: *op };
                let scratch = self.scratch(kernel.scratch());
                let Layout { step, norm, .. } = self.layout;
                let losses = self.plan.graph.loss.map_or(Pointer::NULL, |loss| self.y(loss));
                let (images, all) = (self.n, self.weights.state(step, norm));
                let state = State { losses, images, gradients, ..all };
                kernel.step(&mut self.tape, &state, scratch);
            }
        }
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

    /// The convolution of an op, which may know coordinates.
    pub(super) fn conv(&self, conv: &ops::Conv, of: &Op, ty: &Type) -> Conv {
        let ops::Conv { out, kernel, stride, pad } = *conv;
        let coords = matches!(of, Op::CoordConv(_));
        Conv { maps: self.maps(ty), coords, out, kernel, stride, pad }
    }

    pub(super) fn linear(&self, op: &ops::Linear, ty: &Type) -> Linear {
        let (rows, input) = self.rows(ty);
        Linear(Dense { rows, input, output: op.out })
    }

    pub(super) fn ffn(&self, op: &ops::Ffn, ty: &Type) -> Ffn {
        debug_assert!(!op.keeps, "a plan for a GPU keeps no hidden map");
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

    pub(super) fn scale(&self, ty: &Type) -> Scale {
        let (pixels, channels) = self.rows(ty);
        Scale { pixels, channels }
    }

    pub(super) fn reread(&self, op: &ops::Reread, ty: &Type) -> Reread {
        let (size, channels) = map(ty);
        let (pixels, after) = (area(size), area(op.map));
        Reread {
            images: self.n,
            from: Reading { pixels, channels, blocks: op.from },
            to: Reading { pixels: after, channels: pixels * channels / after, blocks: op.to },
        }
    }

    pub(super) fn drop_path(&self, ty: &Type) -> DropPath {
        DropPath { images: self.n, size: ty.elements() as usize }
    }

    pub(super) fn adaptive_pool(&self, grid: Size, ty: &Type) -> AdaptivePool {
        AdaptivePool { maps: self.maps(ty), grid }
    }

    pub(super) fn attend(&self, op: &ops::Attend, centers: &Type, keys: &Type) -> Windowed<Attend> {
        let ((grid, channels), (size, _)) = (map(centers), map(keys));
        let score = match op.score {
            ops::Score::Cosine { floor, .. } => attend::Score::Cosine { floor: floor.ln() as f32 },
            ops::Score::Dot => attend::Score::Dot,
        };
        let heads = op.heads;
        self.windowed(op.windows, size, grid, |images, centers, pixels| Attend {
            images,
            centers,
            pixels,
            heads,
            width: channels / heads,
            score,
        })
    }

    /// A kernel that takes every window for an image.
    fn windowed<K>(
        &self,
        windows: ops::Windows,
        map: Size,
        grid: Size,
        kernel: impl FnOnce(usize, usize, usize) -> K,
    ) -> Windowed<K> {
        let [map, grid] = [map, grid].map(|size| windows.of(size));
        let kernel = kernel(self.n * area(windows.0), area(grid), area(map));
        Windowed { kernel, windows, map, grid }
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

    pub(super) fn assign(&self, op: &ops::Assign, queries: &Type, keys: &Type) -> Windowed<Assign> {
        let ((grid, channels), (size, _)) = (map(queries), map(keys));
        let heads = op.heads;
        self.windowed(op.windows, size, grid, |images, centers, pixels| Assign {
            images,
            centers,
            pixels,
            heads,
            width: channels / heads,
        })
    }

    fn nearest(&self, op: &ops::Nearest, ty: &Type) -> Windowed<Nearest> {
        let (size, channels) = map(ty);
        let [within, grid] = [size, op.grid].map(|size| op.windows.of(size));
        self.windowed(op.windows, size, op.grid, |images, _, _| Nearest {
            maps: Maps { images, size: within, channels },
            grid,
        })
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

    pub(super) fn dispatch_linear(
        &self,
        op: &ops::DispatchLinear,
        assignment: &Type,
        centers: &Type,
    ) -> Option<DispatchLinear> {
        let (dispatch, _) = self.dispatch(assignment, centers)?;
        let (rows, input) = (dispatch.images * dispatch.pixels, dispatch.heads * dispatch.width);
        Some(DispatchLinear { dispatch, linear: Linear(Dense { rows, input, output: op.out }) })
    }

    /// By the types of the op's inputs.
    pub(super) fn cluster_mean(
        &self,
        op: &ops::ClusterMean,
        types: &[Type],
    ) -> Option<ClusterMean> {
        let (grid, heads, soft) = match types[0] {
            Type::Index { grid, .. } => (grid, 1, false),
            Type::Assignment { grid, heads, choice, .. } => (grid, heads, choice == Choice::Soft),
            _ => return None,
        };
        let (maps, own) = (self.maps(&types[1]), types.len() > 2);
        Some(ClusterMean { maps, grid, heads, weighing: op.weighing, soft, own })
    }

    pub(super) fn belonging(&self, value: Value, ty: &Type) -> Belonging {
        let first = self.result(value, 0);
        match ty {
            Type::Assignment { choice: Choice::Soft, .. } => {
                Belonging { index: Pointer::NULL, weights: first }
            }
            Type::Assignment { .. } => Belonging { index: first, weights: self.result(value, 1) },
            _ => Belonging { index: first, weights: Pointer::NULL },
        }
    }

    pub(super) fn cross_entropy(&self, op: &ops::CrossEntropy, ty: &Type) -> CrossEntropy {
        let smoothing = op.smoothing as f32;
        CrossEntropy { images: self.n, classes: map(ty).1, smoothing }
    }

    pub(super) fn precision(&self) -> Precision {
        self.tape.precision
    }
}
