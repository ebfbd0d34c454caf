//! Choices that rounding may decide.

use candle_core::{DType, Device, Tensor};
use cluec::exec::reference::assign::{Assignment, assign};
use cluec::exec::reference::{Mode, Output, evaluate, variables};
use cluec::exec::{Batch, Parameters, StepKey};
use cluec::graph::ops::{AdaptivePool, Assign, Input, Nearest};
use cluec::graph::{Builder, Choice, Graph, Op, Value};

/// How much more similar, of its similarity, a center has to be than all others for executors in `f32` to
/// have no choice. It is a hundred times what rounding moves a similarity by.
const MARGIN: f64 = 2e-5;

/// Whether some pixel of a batch lies between two centers, in training or in evaluation: whatever follows
/// from it, executors may differ about. The reference says so in `f64`, and no other executor is asked.
pub fn undecided(graph: &Graph, parameters: &Parameters, batch: &Batch, key: StepKey) -> bool {
    let modes = [Mode::Training { key, image: 0 }, Mode::Evaluation];
    modes.into_iter().any(|mode| least_margin(graph, parameters, batch, mode) < MARGIN)
}

fn least_margin(graph: &Graph, parameters: &Parameters, batch: &Batch, mode: Mode) -> f64 {
    let [h, w] = graph.input_size();
    let variables = variables(graph, parameters, DType::F64).unwrap();
    let parameters: Vec<Tensor> = variables.iter().map(|v| v.as_detached_tensor()).collect();
    let images = Tensor::from_slice(&batch.images, ((), h, w, 3), &Device::Cpu);
    let images = images.unwrap().to_dtype(DType::F64).unwrap();
    let outputs = evaluate(graph, &parameters, &[(Value(0), images)], mode, true).unwrap();
    let margin = |node: &cluec::graph::Node| {
        let x = |i: usize| -> &Tensor {
            outputs[node.inputs[i].0 as usize].as_ref().unwrap().tensor().unwrap()
        };
        match &node.op {
            Op::Assign(op) if op.choice == Choice::Hard => {
                let [alpha, beta] = [0, 1].map(|i| &parameters[node.params[i].0 as usize]);
                smallest(op, x(0), x(1), alpha, beta)
            }
            Op::Nearest(op) => {
                let number = |x: f64| Tensor::new(&[x], &Device::Cpu).unwrap();
                let assign = Assign { heads: 1, choice: Choice::Hard, windows: op.windows };
                smallest(&assign, &centers(op, x(0)), x(0), &number(1.0), &number(0.0))
            }
            _ => f64::INFINITY,
        }
    };
    graph.nodes.iter().map(margin).fold(f64::INFINITY, f64::min)
}

/// The averages that pixels are compared with.
fn centers(op: &Nearest, x: &Tensor) -> Tensor {
    let (_, h, w, _) = x.dims4().unwrap();
    let mut b = Builder::new();
    let map = b.push("map", "", Input { size: [h, w] }, &[]);
    let pool = b.push("pool", "", AdaptivePool { grid: op.grid, hooks: 1 }, &[map]);
    let (graph, _) = b.finish("centers", pool);
    let mut outputs = evaluate(&graph, &[], &[(map, x.clone())], Mode::Evaluation, true).unwrap();
    match outputs.pop().unwrap() {
        Some(Output::Tensor(centers)) => centers,
        _ => panic!("no map"),
    }
}

/// Of all pixels and heads, by which part of it the largest similarity exceeds the next one.
fn smallest(op: &Assign, queries: &Tensor, keys: &Tensor, alpha: &Tensor, beta: &Tensor) -> f64 {
    let soft = Assign { choice: Choice::Soft, ..op.clone() };
    let Assignment::Soft(shares) = assign(&soft, queries, keys, alpha, beta).unwrap() else {
        panic!("not soft")
    };
    let centers = shares.dims()[3];
    let shares: Vec<f64> = shares.flatten_all().unwrap().to_vec1().unwrap();
    let margin = |pixel: &[f64]| {
        let (mut first, mut second) = (0.0, 0.0);
        for &share in pixel {
            match share > first {
                true => (first, second) = (share, first),
                false => second = share.max(second),
            }
        }
        (first - second) / first
    };
    shares.chunks(centers).map(margin).fold(f64::INFINITY, f64::min)
}
