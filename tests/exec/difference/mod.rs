//! Every op's gradient against finite differences, in `f64` on small odd shapes: those that are easily
//! got wrong, and drawn ones.

mod complete;
mod drawn;
mod fused;
mod loss;

use super::draw::Draw;
use candle_core::{Device, Tensor, Var};
use cluec::exec::StepKey;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::assign::Assignment;
use cluec::exec::reference::{Mode, Output, evaluate};
use cluec::graph::ops::*;
use cluec::graph::{Builder, Choice, Graph, Op, Param, Size, Value};

fn random(name: &str, dims: &[usize]) -> Tensor {
    let mut random = Random::named(7, name, Site::Other);
    let data: Vec<f64> = (0..dims.iter().product()).map(|_| random.normal()).collect();
    Tensor::from_vec(data, dims, &Device::Cpu).unwrap()
}

/// Ops on stand-ins for maps, whose values the test gives.
struct Piece {
    name: String,
    graph: Graph,
    /// Size and channels of every map.
    maps: Vec<(Size, usize)>,
    /// What stands before every stand-in, and the stand-ins.
    inputs: Vec<Value>,
    places: Vec<Value>,
}

/// Where numbers come from: what is given of maps, and the parameters.
struct Numbers {
    maps: Vec<Tensor>,
    params: Vec<Tensor>,
}

impl Numbers {
    fn all(&self) -> impl Iterator<Item = &Tensor> {
        self.maps.iter().chain(&self.params)
    }

    /// With one of all tensors another one.
    fn with(&self, at: usize, other: Tensor) -> Numbers {
        let mut all: Vec<Tensor> = self.all().cloned().collect();
        all[at] = other;
        let params = all.split_off(self.maps.len());
        Numbers { maps: all, params }
    }
}

impl Piece {
    fn new(
        name: &str,
        maps: &[(Size, usize)],
        build: impl FnOnce(&mut Builder, &[Value]) -> Value,
    ) -> Piece {
        let mut b = Builder::new();
        let (mut inputs, mut places) = (Vec::new(), Vec::new());
        for (i, &(size, out)) in maps.iter().enumerate() {
            let input = b.push(&format!("in{i}"), "", Input { size }, &[]);
            let stand_in = Linear { out, form: Form::Dense };
            places.push(b.push(&format!("x{i}"), "unused", stand_in, &[input]));
            inputs.push(input);
        }
        let out = build(&mut b, &places);
        let (graph, diags) = b.finish(name, out);
        assert!(!format!("{diags:?}").contains("E0501"), "{name}: {diags:?}");
        Piece { name: name.to_string(), graph, maps: maps.to_vec(), inputs, places }
    }

    /// What stands on the stand-ins.
    fn ops(&self) -> impl Iterator<Item = &Op> {
        self.graph.nodes.iter().skip(2 * self.maps.len()).map(|node| &node.op)
    }

    /// The gradient of every map and parameter is that of finite differences. Where a pixel lies so near
    /// to two centers that it changes between them, there is none: then other numbers are taken.
    fn check(&self) {
        let found = ["", " again", " once more"].iter().any(|more| self.agrees(more));
        assert!(found, "{}: pixels change their centers", self.name);
    }

    /// Two images' worth of numbers, keyed by names.
    fn numbers(&self, more: &str) -> Numbers {
        let name = format!("{}{more}", self.name);
        let map = |(i, &([h, w], c)): (usize, &(Size, usize))| {
            random(&format!("{name} x{i}"), &[2, h, w, c])
        };
        let param = |p: &Param| (random(&format!("{name} {}", p.name), &p.shape) * 0.5).unwrap();
        // The stand-ins' parameters come first.
        let own = &self.graph.params[2 * self.maps.len()..];
        Numbers {
            maps: self.maps.iter().enumerate().map(map).collect(),
            params: own.iter().map(param).collect(),
        }
    }

    /// The sum of the result times a cotangent, and which centers were chosen.
    fn run(&self, numbers: &Numbers) -> (Tensor, Vec<Vec<u32>>) {
        let unused = random("none", &[1]);
        let mut params = vec![unused.clone(); 2 * self.maps.len()];
        params.extend(numbers.params.iter().cloned());
        let mut given: Vec<(Value, Tensor)> =
            self.inputs.iter().map(|&input| (input, unused.clone())).collect();
        given.extend(self.places.iter().copied().zip(numbers.maps.iter().cloned()));
        let mode = Mode::Training { key: StepKey { seed: 3, step: 5 }, image: 0 };
        let outputs = evaluate(&self.graph, &params, &given, mode, true).unwrap();
        let chosen = outputs.iter().flatten().filter_map(|output| match output {
            Output::Index(index) | Output::Assignment(Assignment::Hard { index, .. }) => {
                Some(index.flatten_all().unwrap().to_vec1().unwrap())
            }
            _ => None,
        });
        let chosen = chosen.collect();
        let out = outputs[self.graph.output.0 as usize].as_ref().unwrap().tensor().unwrap();
        let cotangent = random(&format!("{} cotangent", self.name), out.dims());
        ((out * cotangent).unwrap().sum_all().unwrap(), chosen)
    }

    /// Holds every gradient to a difference, unless a choice changes on the way.
    fn agrees(&self, more: &str) -> bool {
        let name = format!("{}{more}", self.name);
        let mut numbers = self.numbers(more);
        let variable = |x: &Tensor| Var::from_tensor(x).unwrap().as_tensor().clone();
        for tensors in [&mut numbers.maps, &mut numbers.params] {
            tensors.iter_mut().for_each(|x| *x = variable(x));
        }
        let (value, chosen) = self.run(&numbers);
        let store = value.backward().unwrap();
        for (at, x) in numbers.all().enumerate() {
            let direction = random(&format!("{name} direction {at}"), x.dims());
            // Where no gradient comes, nothing changes either.
            let along: f64 = store.get(x).map_or(0.0, |gradient| {
                (gradient * &direction).unwrap().sum_all().unwrap().to_scalar().unwrap()
            });
            let step = 1e-6;
            let side = |sign: f64| {
                let moved = (x.detach() + (&direction * (sign * step)).unwrap()).unwrap();
                let (value, now) = self.run(&numbers.with(at, moved));
                (now == chosen).then(|| value.to_scalar::<f64>().unwrap())
            };
            let (Some(after), Some(before)) = (side(1.0), side(-1.0)) else { return false };
            let expected = (after - before) / (2.0 * step);
            let error = (along - expected).abs() / expected.abs().max(1.0);
            assert!(error < 1e-6, "{name}, input {at}: {along} instead of {expected}");
        }
        true
    }
}

/// Builds on maps of 7x9, or grids, with the given channels, and compares.
fn check(name: &str, maps: &[(Size, usize)], build: impl FnOnce(&mut Builder, &[Value]) -> Value) {
    Piece::new(name, maps, build).check();
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
