//! What a kernel has to give: one op by the reference executor, in `f64`.

use candle_core::{DType, Device, Tensor, Var};
use cluec::exec::Parameters;
use cluec::exec::reference::assign::Assignment;
use cluec::exec::reference::{Mode, Output, evaluate, variables};
use cluec::graph::ops::{Form, Input, Linear};
use cluec::graph::{Builder, Op, Size, Value};

/// An input: `[images, size, channels]`.
pub struct Map<'a> {
    pub size: Size,
    pub channels: usize,
    pub data: &'a [f32],
}

/// The result, and the gradients of its sum weighted by the cotangent.
pub struct Found {
    pub value: Vec<f32>,
    /// Of a hard assignment.
    pub index: Vec<u32>,
    pub inputs: Vec<Vec<f32>>,
    pub params: Vec<Vec<f32>>,
}

fn flat(x: &Tensor) -> Vec<f32> {
    let x = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    x.into_iter().map(|x| x as f32).collect()
}

/// `[B, heads, N, …]` as `[B, N, heads, …]`.
pub fn pixels_first(x: &Tensor) -> Tensor {
    x.transpose(1, 2).unwrap().contiguous().unwrap()
}

/// Builds the op on stand-ins for its inputs; the last value is the result. The parameters are those
/// of the built nodes, in order.
pub fn reference(
    build: impl FnOnce(&mut Builder, &[Value]) -> Value,
    inputs: &[Map],
    params: &[Vec<f32>],
    cotangent: &[f32],
) -> Found {
    let mut b = Builder::new();
    let places: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(i, map)| {
            let image = b.push(&format!("image{i}"), "", Input { size: map.size }, &[]);
            let stand_in = Linear { out: map.channels, form: Form::Dense };
            b.push(&format!("place{i}"), &format!("unused{i}"), stand_in, &[image])
        })
        .collect();
    let result = build(&mut b, &places);
    let (graph, diags) = b.finish("op", result);
    assert!(!diags.has_errors(), "{diags:?}");
    let mut given = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        if matches!(node.op, Op::Input(_)) {
            let empty = Tensor::zeros(1, DType::F64, &Device::Cpu).unwrap();
            given.push((Value(index as u32), empty));
        }
    }
    let vars: Vec<Var> = inputs
        .iter()
        .map(|map| {
            let pixels = map.size[0] * map.size[1] * map.channels;
            let dims = (map.data.len() / pixels, map.size[0], map.size[1], map.channels);
            let x = Tensor::from_slice(map.data, dims, &Device::Cpu).unwrap();
            Var::from_tensor(&x.to_dtype(DType::F64).unwrap()).unwrap()
        })
        .collect();
    given.extend(places.iter().zip(&vars).map(|(&v, x)| (v, x.as_tensor().clone())));
    let mut left = params.iter();
    let all = graph.params.iter().map(|param| match param.published.starts_with("unused") {
        true => vec![0.0; param.elements()],
        false => left.next().unwrap().clone(),
    });
    let parameters = all.collect::<Parameters>();
    let variables = variables(&graph, &parameters, DType::F64).unwrap();
    let tensors: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let outputs = evaluate(&graph, &tensors, &given, Mode::Evaluation, true).unwrap();
    let mut index = Vec::new();
    let value = match outputs[result.0 as usize].as_ref().unwrap() {
        Output::Assignment(Assignment::Hard { index: chosen, weight }) => {
            index = pixels_first(chosen).flatten_all().unwrap().to_vec1::<u32>().unwrap();
            pixels_first(weight)
        }
        Output::Assignment(Assignment::Soft(weights)) => pixels_first(weights),
        output => output.tensor().unwrap().clone(),
    };
    let weights = Tensor::from_slice(cotangent, value.dims(), &Device::Cpu).unwrap();
    let loss = (&value * weights.to_dtype(DType::F64).unwrap()).unwrap().sum_all().unwrap();
    let store = loss.backward().unwrap();
    let gradient = |x: &Tensor| store.get(x).map_or_else(|| vec![0.0; x.elem_count()], flat);
    Found {
        value: flat(&value),
        index,
        inputs: vars.iter().map(|x| gradient(x.as_tensor())).collect(),
        params: graph
            .params
            .iter()
            .zip(&tensors)
            .filter(|(param, _)| !param.published.starts_with("unused"))
            .map(|(_, tensor)| gradient(tensor))
            .collect(),
    }
}

/// Whether two lists agree, in L2 relative to what is expected.
pub fn close(name: &str, found: &[f32], expected: &[f32], relative: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let square = |x: f64| x * x;
    let norm: f64 = expected.iter().map(|&x| square(x.into())).sum();
    let pairs = found.iter().zip(expected);
    let error: f64 = pairs.map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let allowed = relative * norm.sqrt() + 1e-7 * (found.len() as f64).sqrt();
    // A number that is none compares as wrong.
    assert!(error.sqrt() <= allowed, "{name}: {} of {}", error.sqrt(), norm.sqrt());
}
