//! What a node of the backward pass launches: gradients of inputs into the arena, gradients of
//! parameters into their array.

use super::super::kernels::depthwise::Depthwise;
use super::super::kernels::elementwise;
use super::super::kernels::ffn::Layers;
use super::super::kernels::group_norm::GroupNorm;
use super::super::kernels::update::SCALE;
use super::super::kernels::{assign, attend};
use super::super::tape::Pointer;
use super::{End, Walk};
use crate::graph::ops::{CoordConv, Gradient};
use crate::graph::{Choice, Op, Value};

impl Walk<'_> {
    pub(super) fn backward(&mut self, value: Value, op: &Gradient) {
        let operands = op.operands(&self.plan.graph.node(value).inputs);
        let ty = |i: usize| &op.inputs[i];
        let x: Vec<Pointer> = operands.inputs.iter().map(|&input| self.result(input, 0)).collect();
        let g = operands.gradient.map_or(Pointer::NULL, |gradient| self.result(gradient, 0));
        // The results are the wanted inputs' gradients, in order.
        let wanted = |i: usize| op.wants[i].then(|| op.wants[..i].iter().filter(|w| **w).count());
        let to: Vec<Option<Pointer>> = (0..op.inputs.len())
            .map(|i| wanted(i).map(|result| self.result(value, result)))
            .collect();
        // Where the result lies elsewhere than what it is added to, it begins as a copy of that.
        if let (Some(onto), Some(to)) = (operands.onto.map(|onto| self.result(onto, 0)), to[0])
            && onto != to
        {
            let numbers = self.numbers(ty(0));
            elementwise::scaled(&mut self.tape, onto, to, 1.0, numbers);
        }
        match &*op.of {
            Op::Conv(of) | Op::CoordConv(CoordConv(of)) => {
                let kernel = self.conv(of, &op.of, ty(0));
                let scratch = self.scratch(kernel.scratch(self.precision()));
                let slopes = [0, 1].map(|i| self.slope(value, i));
                let from = [x[0], self.stored(value, 0), g];
                kernel.backward(&mut self.tape, from, to[0], slopes, scratch);
            }
            Op::Depthwise(of) => {
                let kernel = Depthwise { maps: self.maps(ty(0)), kernel: of.kernel };
                let scratch = self.scratch(kernel.scratch());
                let slopes = [0, 1].map(|i| self.slope(value, i));
                let weight = self.wide(value, 0);
                if let Some(gx) = to[0] {
                    kernel.backward(&mut self.tape, g, weight, gx);
                }
                kernel.backward_weight(&mut self.tape, [x[0], weight, g], slopes, scratch);
            }
            Op::Linear(of) => {
                let kernel = self.linear(of, ty(0));
                let scratch = self.scratch(kernel.scratch());
                let slopes = [0, 1].map(|i| self.slope(value, i));
                let from = [x[0], self.stored(value, 0), g];
                kernel.backward(&mut self.tape, from, to[0], slopes, scratch, op.onto);
            }
            Op::Ffn(of) => {
                let kernel = self.ffn(of, ty(0));
                let scratch = self.scratch(kernel.scratch(self.precision()));
                let weights = self.ffn_weights(value, of);
                let last = self.params(value).len() - 2;
                let gradients = Layers {
                    expand: [0, 1].map(|i| self.slope(value, i)),
                    depthwise: of.kernel.map(|_| [2, 3].map(|i| self.slope(value, i))),
                    contract: [last, last + 1].map(|i| self.slope(value, i)),
                };
                let from = [x[0], g];
                kernel.backward(&mut self.tape, from, to[0], &weights, &gradients, scratch);
            }
            Op::LayerNorm(_) => {
                let kernel = self.layer_norm(ty(0));
                // Where the input's gradient is not wanted it is thrown away.
                let thrown = self.numbers(ty(0)) * self.precision().bytes();
                let thrown =
                    if to[0].is_some() { 0 } else { thrown.next_multiple_of(super::ALIGN) };
                let scratch = self.scratch(kernel.scratch() + thrown);
                let [gw, gb] = [0, 1].map(|i| self.slope(value, i));
                let from = [x[0], self.wide(value, 0), g];
                let results = [to[0].unwrap_or(scratch), gw, gb];
                kernel.backward(&mut self.tape, from, results, scratch.plus(thrown), op.onto);
            }
            Op::Assign(of) => {
                let Some(result) = operands.result else { return };
                let kernel = self.assign(of, ty(0), ty(1));
                let from = self.assign_operands(value, [x[0], x[1]]);
                let [alpha, beta] = [0, 1].map(|i| self.slope(value, i));
                let [Some(queries), Some(keys)] = to[..] else { return };
                let to = assign::Operands { queries, keys, alpha, beta };
                let soft = of.choice == Choice::Soft;
                let scratch = self.scratch(kernel.scratch(soft, self.precision()));
                match of.choice {
                    Choice::Hard => {
                        let read = [self.result(result, 0), self.result(result, 1), g];
                        kernel.hard_backward(&mut self.tape, &from, read, &to, scratch);
                    }
                    Choice::Soft => kernel.soft_backward(&mut self.tape, &from, g, &to, scratch),
                }
            }
            Op::DispatchLinear(of) => {
                let Some(kernel) = self.dispatch_linear(of, ty(0), ty(1)) else { return };
                let scratch = self.scratch(kernel.scratch(self.precision()));
                let chosen = [x[0], self.result(operands.inputs[0], 1)];
                let [Some(weights), Some(centers)] = to[..] else { return };
                let slopes = [0, 1].map(|i| self.slope(value, i));
                let from = [x[1], self.stored(value, 0), g];
                kernel.backward(&mut self.tape, chosen, from, [weights, centers], slopes, scratch);
            }
            Op::Attend(of) => {
                let Some(result) = operands.result else { return };
                let kernel = self.attend(of, ty(0), ty(1));
                let from = self.attend_operands(value, [x[0], x[1], x[2]]);
                let [Some(centers), Some(keys), Some(values)] = to[..] else { return };
                let temperature = match self.params(value) {
                    [] => Pointer::NULL,
                    _ => self.slope(value, 0),
                };
                let to = attend::Operands { centers, keys, values, temperature };
                let scratch = self.scratch(kernel.scratch(self.precision()));
                let read = [self.result(result, 0), self.result(result, 1), g];
                kernel.backward(&mut self.tape, &from, read, &to, scratch);
            }
            Op::Gate(of) => {
                let kernel = self.gate(of, ty(0));
                let params = [0, 1, 2, 3].map(|i| self.wide(value, i));
                let slopes = [0, 1, 2, 3].map(|i| self.slope(value, i));
                let [Some(soft), Some(local)] = to[..] else { return };
                let scratch = self.scratch(kernel.scratch());
                let from = [x[0], x[1], g];
                kernel.backward(&mut self.tape, from, params, [soft, local], slopes, scratch);
            }
            Op::GroupNorm(_) => {
                let kernel = GroupNorm(self.maps(ty(0)));
                let scratch = self.scratch(kernel.scratch());
                let slopes = [0, 1].map(|i| self.slope(value, i));
                let from = [x[0], self.wide(value, 0), g];
                kernel.backward(&mut self.tape, from, to[0], slopes, scratch);
            }
            Op::Scale(_) => {
                let kernel = self.scale(ty(0));
                let scratch = self.scratch(kernel.scratch());
                let from = [x[0], self.wide(value, 0), g];
                let slope = self.slope(value, 0);
                kernel.backward(&mut self.tape, from, to[0], slope, scratch);
            }
            _ => {
                let result = operands.result.map_or(Pointer::NULL, |result| self.result(result, 0));
                self.plain(op, &operands.inputs, &x, [result, g], &to);
            }
        }
    }

    /// Ops without parameters.
    fn plain(
        &mut self,
        op: &Gradient,
        inputs: &[Value],
        x: &[Pointer],
        [result, g]: [Pointer; 2],
        to: &[Option<Pointer>],
    ) {
        let ty = |i: usize| &op.inputs[i];
        let n = self.numbers(ty(0));
        match (&*op.of, to) {
            (Op::Gelu(_), [Some(gx)]) => {
                elementwise::gelu_backward(&mut self.tape, x[0], g, *gx, n);
            }
            (Op::Residual(of), [_, Some(gx)]) => {
                let factors = self.factors(of.rate, of.site);
                self.drop_path(ty(1)).forward(&mut self.tape, g, factors, *gx);
            }
            (Op::DropPath(of), [Some(gx)]) => {
                let factors = self.factors(of.rate, of.site);
                self.drop_path(ty(0)).forward(&mut self.tape, g, factors, *gx);
            }
            (Op::Blend(_), _) => {
                for gx in to.iter().flatten() {
                    elementwise::scaled(&mut self.tape, g, *gx, 0.5, n);
                }
            }
            (Op::Coordinates(_), [Some(gx)]) => {
                self.maps(ty(0)).coordinates_backward(&mut self.tape, g, *gx);
            }
            (Op::Mean(_), [Some(gx)]) => {
                self.maps(ty(0)).mean_backward(&mut self.tape, g, *gx);
            }
            (Op::AdaptivePool(of), [Some(gx)]) => {
                self.adaptive_pool(of.grid, ty(0)).backward(&mut self.tape, g, *gx, op.onto);
            }
            (Op::Dispatch(_), [Some(weights), Some(centers)]) => {
                let Some((kernel, choice)) = self.dispatch(ty(0), ty(1)) else { return };
                match choice {
                    Choice::Hard => {
                        let read = [x[0], self.result(inputs[0], 1)];
                        let results = [*weights, *centers];
                        kernel.hard_backward(&mut self.tape, read, [x[1], g], results);
                    }
                    Choice::Soft => {
                        let read = [x[0], x[1], g];
                        kernel.soft_backward(&mut self.tape, read, [*weights, *centers]);
                    }
                }
            }
            (Op::ClusterMean(of), [weights, gx, own @ ..]) => {
                let Some(kernel) = self.cluster_mean(of, &op.inputs) else { return };
                let belonging = self.belonging(inputs[0], ty(0));
                let scratch = self.scratch(kernel.scratch());
                let pooled = x.get(1).copied().unwrap_or(Pointer::NULL);
                let to = [*weights, *gx, own.first().copied().flatten()];
                kernel.backward(&mut self.tape, belonging, [pooled, result, g], to, scratch);
            }
            (Op::Reread(of), [Some(gx)]) => {
                self.reread(of, ty(0)).backward(&mut self.tape, g, *gx);
            }
            (Op::CrossEntropy(of), [Some(gx), ..]) => {
                let (kernel, targets) = (self.cross_entropy(of, ty(0)), self.layout.targets);
                let whole = match self.end {
                    End::Add { whole, .. } => whole,
                    _ => self.n,
                };
                let scale = self.layout.step.plus(4 * SCALE);
                kernel.backward_scaled(&mut self.tape, x[0], targets, scale, *gx, whole);
            }
            // Their gradients pass unchanged or end there, so that no node computes them.
            _ => {}
        }
    }
}
