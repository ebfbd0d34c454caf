//! Every op's gradient against finite differences, in `f64` on small odd shapes.

use candle_core::{Device, Tensor, Var};
use cluec::exec::StepKey;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::{Mode, Output, evaluate};
use cluec::graph::ops::*;
use cluec::graph::{Builder, Choice, Size, Value};

fn random(name: &str, dims: &[usize]) -> Tensor {
    let mut random = Random::named(7, name, Site::Other);
    let data: Vec<f64> = (0..dims.iter().product()).map(|_| random.normal()).collect();
    Tensor::from_vec(data, dims, &Device::Cpu).unwrap()
}

/// Builds on maps of 7x9, or grids, with the given channels, and compares.
fn check(
    name: &str,
    channels: &[(Size, usize)],
    build: impl FnOnce(&mut Builder, &[Value]) -> Value,
) {
    let mut b = Builder::new();
    let (mut places, mut starts, mut given) = (Vec::new(), Vec::new(), Vec::new());
    for (i, &(size, c)) in channels.iter().enumerate() {
        let input = b.push(&format!("in{i}"), "", Input { size }, &[]);
        places.push(b.push(
            &format!("x{i}"),
            "unused",
            Linear { out: c, form: Form::Dense },
            &[input],
        ));
        given.push((input, random("none", &[1])));
        starts.push(random(&format!("{name} x{i}"), &[2, size[0], size[1], c]));
    }
    let out = build(&mut b, &places);
    let (graph, diags) = b.finish(name, out);
    assert!(!format!("{diags:?}").contains("E0501"), "{name}: {diags:?}");
    // The stand-ins' parameters come first; only what the op owns is perturbed.
    let own = channels.len() * 2..graph.params.len();
    let params: Vec<Tensor> = graph
        .params
        .iter()
        .map(|p| (random(&format!("{name} {}", p.name), &p.shape) * 0.5).unwrap())
        .collect();
    starts.extend(params[own.clone()].iter().cloned());
    let run = |values: &[Tensor]| -> Tensor {
        let mut params = params.clone();
        params[own.clone()].clone_from_slice(&values[channels.len()..]);
        let mut given = given.clone();
        given.extend(places.iter().copied().zip(values.iter().cloned()));
        let key = StepKey { seed: 3, step: 5 };
        let mode = Mode::Training { key, image: 0 };
        let mut outputs = evaluate(&graph, &params, &given, mode, true).unwrap();
        let Some(Output::Tensor(out)) = outputs.pop().unwrap() else { panic!("{name}: no tensor") };
        (&out * random(&format!("{name} cotangent"), out.dims())).unwrap().sum_all().unwrap()
    };
    let variables: Vec<Var> = starts.iter().map(|x| Var::from_tensor(x).unwrap()).collect();
    let values: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let store = run(&values).backward().unwrap();
    for (at, value) in values.iter().enumerate() {
        let found = store.get(value).unwrap_or_else(|| panic!("{name}: no gradient {at}"));
        let direction = random(&format!("{name} direction {at}"), value.dims());
        let along: f64 = (found * &direction).unwrap().sum_all().unwrap().to_scalar().unwrap();
        let step = 1e-6;
        let side = |sign: f64| -> f64 {
            let mut moved = starts.clone();
            moved[at] = (&starts[at] + (&direction * (sign * step)).unwrap()).unwrap();
            run(&moved).to_scalar().unwrap()
        };
        let expected = (side(1.0) - side(-1.0)) / (2.0 * step);
        let error = (along - expected).abs() / expected.abs().max(1.0);
        assert!(error < 1e-6, "{name}, input {at}: {along} instead of {expected}");
    }
}

const MAP: Size = [7, 9];
const GRID: Size = [3, 5];
/// Three windows of a row side by side divide it and the map.
const WIDE: Size = [2, 6];

#[test]
fn gradients_are_those_of_finite_differences() {
    check("coordinates", &[(MAP, 3)], |b, x| b.push("op", "", Coordinates, x));
    for (kernel, stride, pad) in [([3, 3], 1, 1), ([3, 3], 2, 1), ([2, 3], 3, 0), ([4, 4], 4, 0)] {
        let conv = Conv { out: 4, kernel, stride, pad };
        check("conv", &[(MAP, 3)], |b, x| b.push("op", "", conv, x));
    }
    for kernel in [[3, 3], [5, 3], [9, 11]] {
        check("depthwise", &[(MAP, 3)], |b, x| b.push("op", "", Depthwise { kernel }, x));
    }
    let linear = Linear { out: 5, form: Form::Dense };
    check("linear", &[(MAP, 3)], |b, x| b.push("op", "", linear, x));
    check("layer_norm", &[(MAP, 13)], |b, x| b.push("op", "", LayerNorm, x));
    check("group_norm", &[(MAP, 5)], |b, x| b.push("op", "", GroupNorm, x));
    check("scale", &[(MAP, 5)], |b, x| b.push("op", "", Scale { start: 1.0 }, x));
    for (map, from, to) in [([7, 9], 6, 2), ([7, 3], 3, 6), ([21, 3], 6, 1)] {
        check("reread", &[(MAP, 6)], |b, x| b.push("op", "", Reread { map, from, to }, x));
    }
    check("gelu", &[(MAP, 3)], |b, x| b.push("op", "", Gelu, x));
    check("add", &[(MAP, 3), (MAP, 3)], |b, x| b.push("op", "", Add, x));
    check("add itself", &[(MAP, 3)], |b, x| b.push("op", "", Add, &[x[0], x[0]]));
    check("blend", &[(MAP, 3), (MAP, 3)], |b, x| b.push("op", "", Blend, x));
    check("mean", &[(MAP, 3)], |b, x| b.push("op", "", Mean, x));
    check("drop_path", &[(MAP, 3)], |b, x| b.push("op", "", DropPath { rate: 0.5, site: 0 }, x));
    for grid in [[3, 5], [7, 9], [1, 1], [15, 10]] {
        let pool = AdaptivePool { grid, hooks: 1 };
        check("adaptive_pool", &[(MAP, 3)], |b, x| b.push("op", "", pool, x));
    }
    for windows in [Windows::WHOLE, Windows([1, 3])] {
        for score in [Score::Cosine { start: 2.0, floor: 0.01 }, Score::Dot] {
            let attend = Attend { heads: 2, score, windows };
            let inputs = [(WIDE, 6), (MAP, 6), (MAP, 6)];
            check("attend", &inputs, |b, x| b.push("op", "", attend, x));
        }
    }
    check("gate", &[(GRID, 6), (GRID, 6)], |b, x| b.push("op", "", Gate { heads: 2 }, x));
    for windows in [Windows::WHOLE, Windows([1, 3])] {
        for choice in [Choice::Hard, Choice::Soft] {
            let inputs = [(WIDE, 6), (MAP, 6), (WIDE, 4)];
            let assign = Assign { heads: 2, choice, windows };
            check(&format!("assign {choice:?}"), &inputs, |b, x| {
                let assignment = b.push("assign", "", assign, &x[..2]);
                b.push("op", "", Dispatch, &[assignment, x[2]])
            });
        }
    }
    let weighings = [
        (Choice::Hard, Weighing::Weighted),
        (Choice::Hard, Weighing::Mixed),
        (Choice::Soft, Weighing::Weighted),
    ];
    for (choice, weighing) in weighings {
        let inputs = [(WIDE, 6), (MAP, 6), (MAP, 4), (WIDE, 4)];
        let assign = Assign { heads: 2, choice, windows: Windows([1, 3]) };
        check(&format!("cluster_mean {choice:?}"), &inputs, |b, x| {
            let assignment = b.push("assign", "", assign, &x[..2]);
            b.push("op", "", ClusterMean { weighing }, &[assignment, x[2], x[3]])
        });
    }
    // The name keys the numbers, and with these no pixel is near a tie.
    check("cluster_pool", &[(MAP, 4)], |b, x| {
        let nearest = Nearest { grid: [3, 5], windows: Windows::WHOLE };
        let nearest = b.push("nearest", "", nearest, &[x[0]]);
        b.push("op", "", ClusterMean { weighing: Weighing::Mean }, &[nearest, x[0]])
    });
    check("cluster_pool", &[(MAP, 4), (GRID, 4)], |b, x| {
        let nearest = Nearest { grid: [3, 5], windows: Windows::WHOLE };
        let nearest = b.push("nearest", "", nearest, &[x[0]]);
        b.push("op", "", ClusterMean { weighing: Weighing::Mean }, &[nearest, x[0], x[1]])
    });
}
