//! Ops that passes make of others, which the reference does not run: with them the compiled executor
//! gives what the reference gives with those they were made of.

use super::Draw;
use crate::exec::compiled::{Both, KEY};
use crate::exec::given::{given, pixel};
use crate::exec::ties::undecided;
use cluec::exec::random::{Random, Site};
use cluec::exec::{Batch, Parameters};
use cluec::graph::ops::*;
use cluec::graph::{Builder, Choice, Graph, Op, Size, Value};
use cluec::passes::{Keep, Method, Processor, step};

/// How many shapes of every op.
const ROUNDS: usize = 12;

/// What is fused, on maps of a drawn shape.
type Drawing = fn(&mut Draw) -> Graph;

/// By the name of what passes make of it.
pub const DRAWINGS: [(&str, Drawing); 5] = [
    ("CoordConv", coord_conv),
    ("Residual", residual),
    ("DispatchLinear", dispatch_linear),
    ("Ffn", |draw| perceptron(draw, 1..=9)),
    // So wide that its hidden map is kept.
    ("Ffn", |draw| perceptron(draw, 81..=85)),
];

/// Every fused op agrees with the ops it stands for in every number of its result and of the gradients of
/// its inputs and parameters, on each of a dozen drawn shapes.
#[test]
fn fused_ops_agree_with_those_they_are_made_of() {
    for (which, (name, drawing)) in DRAWINGS.into_iter().enumerate() {
        let mut compared = 0;
        for round in 0..ROUNDS {
            let key = format!("{name} {which} {round}");
            let draw = &mut Draw::named(&key, round);
            let graph = drawing(draw);
            assert!(fuses(&graph, name), "{key} stays as it was");
            let mut random = Random::named(2, &key, Site::Other);
            let mut numbers = |n: usize, size: f64| -> Vec<f32> {
                (0..n).map(|_| (size * random.normal()) as f32).collect()
            };
            // So small that no logit outweighs all others: the loss has a slope in each of them.
            let parameters: Parameters =
                graph.params.iter().map(|param| numbers(param.elements(), 0.3)).collect();
            let images = draw.within(1..=4);
            let labels = (0..images).map(|image| (image % graph.classes()) as u32).collect();
            let batch = Batch { images: numbers(3 * images, 1.0), labels, ..Batch::default() };
            if undecided(&graph, &parameters, &batch, KEY) {
                continue;
            }
            compared += 1;
            let agreed = Both::new(&graph, &parameters).agree(&batch);
            agreed.unwrap_or_else(|error| panic!("{key}: {error}\n{}", graph.name));
        }
        assert!(compared > ROUNDS / 2, "{name}: {compared} of {ROUNDS} are no ties");
    }
}

/// Whether a training step has an op of this name.
fn fuses(graph: &Graph, name: &str) -> bool {
    let step = step(graph, Method::default(), Processor::Cpu, Keep::Output);
    step.nodes.iter().any(|node| super::complete::name(&node.op) == name)
}

/// A model whose logits are the numbers that some ops give of maps.
fn model(maps: &[(Size, usize)], build: impl FnOnce(&mut Builder, &[Value]) -> Value) -> Graph {
    let mut b = Builder::new();
    let pixel = pixel(&mut b);
    let place = |(i, &(map, channels)): (usize, &(Size, usize))| {
        given(&mut b, &format!("x{i}"), pixel, map, channels)
    };
    let places: Vec<Value> = maps.iter().enumerate().map(place).collect();
    let y = build(&mut b, &places);
    let row = b.push("row", "", Reread { map: [1, 1], from: 1, to: 1 }, &[y]);
    let logits = b.push("logits", "", Mean, &[row]);
    let (graph, diags) = b.finish(&format!("{maps:?}"), logits);
    assert!(!diags.has_errors(), "{maps:?}: {diags:?}");
    graph
}

fn coord_conv(draw: &mut Draw) -> Graph {
    let map = (draw.size(4..=9), draw.within(1..=6));
    let (kernel, stride) = (draw.size(1..=4), draw.within(1..=3));
    let conv = Conv { out: draw.within(1..=20), kernel, stride, pad: draw.below(3) };
    model(&[map], |b, x| {
        let placed = b.push("coordinates", "", Coordinates, x);
        b.push("conv", "", conv, &[placed])
    })
}

fn residual(draw: &mut Draw) -> Graph {
    let map = (draw.size(1..=7), draw.within(1..=20));
    let drop = DropPath { rate: draw.one(&[0.2, 0.5, 0.8]), site: draw.below(4) as u64 };
    model(&[map, map], |b, x| {
        let branch = b.push("drop", "", drop, &x[1..]);
        b.push("sum", "", Add, &[x[0], branch])
    })
}

/// With pixels many more than centers, and heads wide enough that it pays.
fn dispatch_linear(draw: &mut Draw) -> Graph {
    let (map, grid) = (draw.size(5..=9), draw.size(1..=2));
    let (heads, width) = (draw.within(1..=3), draw.within(13..=20));
    let channels = heads * draw.within(2..=6);
    let linear = Linear { out: draw.within(1..=20), form: draw.one(&[Form::Dense, Form::Conv1x1]) };
    let assign = Assign { heads, choice: Choice::Hard, windows: Windows::WHOLE };
    let maps = [(grid, channels), (map, channels), (grid, heads * width)];
    model(&maps, |b, x| {
        let assignment = b.push("assign", "", assign, &x[..2]);
        let back = b.push("dispatch", "", Dispatch, &[assignment, x[2]]);
        b.push("linear", "", linear, &[back])
    })
}

/// With a convolution and, where hidden maps are not kept, without one.
fn perceptron(draw: &mut Draw, channels: std::ops::RangeInclusive<usize>) -> Graph {
    let (wide, map) = (*channels.start() > 80, (draw.size(1..=6), draw.within(channels)));
    let linear = |out| Linear { out, form: Form::Dense };
    let (hidden, out) = (draw.within(1..=40), draw.within(1..=12));
    let convolves = wide || draw.below(2) == 0;
    let kernel = [draw.one(&[1, 3, 5]), draw.one(&[1, 3, 5])];
    let graph = model(&[map], |b, x| {
        let mut h = b.push("expand", "", linear(hidden), x);
        if convolves {
            h = b.push("depthwise", "", Depthwise { kernel }, &[h]);
        }
        h = b.push("gelu", "", Gelu, &[h]);
        b.push("contract", "", linear(out), &[h])
    });
    let step = step(&graph, Method::default(), Processor::Cpu, Keep::Output);
    let keeps = step.nodes.iter().any(|node| matches!(&node.op, Op::Ffn(op) if op.keeps));
    assert_eq!(keeps, wide);
    graph
}
