//! One op on the reference executor in `f64`: its result, and the gradients of the sum of the
//! result times a cotangent.

use candle_core::{DType, Device, Tensor, Var};
use cluec::exec::reference::{Mode, Output, evaluate};
use cluec::graph::ops::{Form, Input, Linear};
use cluec::graph::{Builder, Value};

/// An input: its shape without the batch, and its numbers.
pub struct Given<'a>(pub &'a [usize], pub &'a [f32]);

pub struct Outcome {
    pub result: Vec<f32>,
    /// Of every input, then of every parameter.
    pub gradients: Vec<Vec<f32>>,
}

pub fn tensor(dims: &[usize], data: &[f32]) -> Tensor {
    let wide: Vec<f64> = data.iter().map(|&x| x.into()).collect();
    Tensor::from_vec(wide, dims, &Device::Cpu).unwrap()
}

pub fn flat(x: &Tensor) -> Vec<f32> {
    x.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// Builds nodes on `inputs` (the last node is the result) and runs them on `images` images.
pub fn run(
    images: usize,
    inputs: &[Given],
    params: &[&[f32]],
    cotangent: &[f32],
    build: impl FnOnce(&mut Builder, &[Value]) -> Value,
) -> Outcome {
    let mut b = Builder::new();
    let mut given = Vec::new();
    let mut values = Vec::new();
    for Given(dims, _) in inputs {
        let input = b.push("in", "", Input { size: [dims[0], dims[1]] }, &[]);
        given.push((input, tensor(&[1], &[0.0])));
        values.push(b.push("x", "", Linear { out: dims[2], form: Form::Dense }, &[input]));
    }
    let out = build(&mut b, &values);
    let (graph, diags) = b.finish("oracle", out);
    assert!(!format!("{diags:?}").contains("E0501"), "{diags:?}");
    let own = 2 * inputs.len();
    assert_eq!(graph.params.len() - own, params.len());

    let variable = |t: Tensor| Var::from_tensor(&t).unwrap();
    let batched = |dims: &[usize]| [&[images], dims].concat();
    let xs: Vec<Var> =
        inputs.iter().map(|Given(dims, x)| variable(tensor(&batched(dims), x))).collect();
    let ps: Vec<Var> = graph.params[own..]
        .iter()
        .zip(params)
        .map(|(param, data)| variable(tensor(&param.shape, data)))
        .collect();
    let mut all = vec![tensor(&[1], &[0.0]); own];
    all.extend(ps.iter().map(|p| p.as_tensor().clone()));
    given.extend(values.iter().zip(&xs).map(|(&v, x)| (v, x.as_tensor().clone())));
    let mut outputs = evaluate(&graph, &all, &given, Mode::Evaluation, true).unwrap();
    let result = match outputs.swap_remove(out.0 as usize).unwrap() {
        Output::Tensor(result) => result,
        _ => panic!("an assignment or an index is compared by what follows from it"),
    };
    let cotangent = tensor(result.dims(), cotangent);
    let store = (&result * cotangent).unwrap().sum_all().unwrap().backward().unwrap();
    let gradient = |x: &Var| match store.get(x.as_tensor()) {
        Some(gradient) => flat(gradient),
        None => vec![0.0; x.elem_count()],
    };
    let gradients = xs.iter().chain(&ps).map(gradient).collect();
    Outcome { result: flat(&result), gradients }
}
