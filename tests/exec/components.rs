//! Single components, values and gradients, against the published code's tensors.

use super::model::{Mixer, embed, mixer, perceptron, pool};
use super::{fixtures, get, json};
use candle_core::{DType, Device, Tensor, Var};
use cluec::exec::published::{Plain, Plains, adopt, publish, read};
use cluec::exec::reference::{Mode, evaluate, variables};
use cluec::graph::ops::*;
use cluec::graph::{Builder, Value};

fn last(plain: &Plain) -> Var {
    let x = Tensor::from_slice(&plain.data, plain.shape.as_slice(), &Device::Cpu).unwrap();
    Var::from_tensor(&x.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap()).unwrap()
}

fn close(name: &str, found: &[f32], expected: &[f32], relative: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    let square = |x: f64| x * x;
    let norm: f64 = expected.iter().map(|&b| square(b.into())).sum();
    let pairs = found.iter().zip(expected);
    let error: f64 = pairs.map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let allowed = relative * norm.sqrt() + 1e-6 * (found.len() as f64).sqrt();
    assert!(error.sqrt() <= allowed, "{name}: {} of {}", error.sqrt(), norm.sqrt());
}

/// Adds a stand-in for a map of the given shape, whose value the test gives.
fn place(b: &mut Builder, name: &str, plain: &Plain) -> Value {
    let size = [plain.shape[2], plain.shape[3]];
    let input = b.push(&format!("{name}_input"), "", Input { size }, &[]);
    let form = Form::Dense;
    b.push(name, "unused", Linear { out: plain.shape[1], form }, &[input])
}

/// Runs a component whose tensors are named `x…`, `out…`, `cot…`, `grad_x…`.
fn check(
    name: &str,
    tensors: &Plains,
    suffixes: &[&str],
    build: impl FnOnce(&mut Builder, &[Value]) -> Vec<Value>,
) {
    let mut b = Builder::new();
    let xs: Vec<Value> = suffixes
        .iter()
        .map(|s| place(&mut b, &format!("x{s}"), get(tensors, &format!("x{s}"))))
        .collect();
    let outs = build(&mut b, &xs);
    let (graph, diags) = b.finish(name, outs[0]);
    assert!(!format!("{diags:?}").contains("E0501"), "{name}: {diags:?}");
    let stored = |kind: &str, published: &str| match published.split_once('/') {
        Some((block, rest)) => format!("{block}.{kind}/{rest}").replace("/.", "/"),
        None => format!("{kind}/{published}"),
    };
    let ours = graph.params.iter().map(|param| {
        if param.published.starts_with("unused") {
            return vec![0.0; param.elements()];
        }
        let published =
            param.published.replacen("first.", "first/", 1).replacen("shared.", "shared/", 1);
        adopt(param, get(tensors, &stored("param", &published))).unwrap()
    });
    let variables = variables(&graph, &ours.collect(), DType::F32).unwrap();
    let params: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let inputs: Vec<Var> = suffixes.iter().map(|s| last(get(tensors, &format!("x{s}")))).collect();
    let mut given: Vec<(Value, Tensor)> =
        xs.iter().zip(&inputs).map(|(&v, x)| (v, x.as_tensor().clone())).collect();
    for (index, node) in graph.nodes.iter().enumerate() {
        if matches!(node.op, Op::Input(_)) {
            let empty = Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap();
            given.push((Value(index as u32), empty));
        }
    }
    let outputs = evaluate(&graph, &params, &given, Mode::Evaluation, true).unwrap();
    let mut loss = Tensor::zeros((), DType::F32, &Device::Cpu).unwrap();
    for (suffix, out) in suffixes.iter().zip(&outs) {
        let found = outputs[out.0 as usize].as_ref().unwrap().tensor().unwrap();
        let expected = last(get(tensors, &format!("out{suffix}")));
        let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        close(&format!("{name} out{suffix}"), &flat(found), &flat(&expected), 1e-5);
        let weights = last(get(tensors, &format!("cot{suffix}")));
        loss = (loss + (found * weights.as_tensor()).unwrap().sum_all().unwrap()).unwrap();
    }
    let store = loss.backward().unwrap();
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (suffix, x) in suffixes.iter().zip(&inputs) {
        let expected = last(get(tensors, &format!("grad_x{suffix}")));
        let found = flat(store.get(x.as_tensor()).unwrap());
        close(&format!("{name} grad_x{suffix}"), &found, &flat(&expected), 1e-4);
    }
    for (param, tensor) in graph.params.iter().zip(&params) {
        if param.published.starts_with("unused") {
            continue;
        }
        let published =
            param.published.replacen("first.", "first/", 1).replacen("shared.", "shared/", 1);
        let found = store.get(tensor).map_or(vec![0.0; param.elements()], flat);
        let expected = get(tensors, &stored("grad", &published));
        let found = publish(param, &found).data;
        close(&format!("{name} {published}"), &found, &expected.data, 1e-4);
    }
}

#[test]
fn components_agree() {
    let Some(folder) = fixtures() else { return };
    let folder = folder.join("cluenet/components");
    let manifest = json(folder.join("manifest.json"));
    let cases = manifest["components"].as_object().unwrap();
    for (name, case) in cases {
        let tensors = read(&folder.join(case["file"].as_str().unwrap())).unwrap();
        let number = |key: &str| case["config"][key].as_u64().unwrap() as usize;
        let channels = tensors.get("x").map_or(0, |x| x.shape[1]);
        match name.as_str() {
            "comp_mixer" | "comp_mixer_odd" | "comp_mixer_clamp" => {
                let m = Mixer {
                    dim: number("dim"),
                    heads: number("heads"),
                    width: number("head_dim"),
                    grid: [number("cluster_h"), number("cluster_w")],
                    floor: case["config"]["min_alpha"].as_f64().unwrap(),
                };
                check(name, &tensors, &["1", "2"], |b, x| {
                    let (y, sim) = b.scope("first", "first", |b| mixer(b, &m, x[0], None));
                    let next = |b: &mut Builder| mixer(b, &m, x[1], Some(sim));
                    let (z, _) = b.scope("shared", "shared", next);
                    vec![y, z]
                });
            }
            "comp_mlp" => check(name, &tensors, &[""], |b, x| vec![perceptron(b, 6, 24, x[0])]),
            "comp_embed_p3" => {
                check(name, &tensors, &[""], |b, x| vec![embed(b, 8, [3, 1, 1], x[0])]);
            }
            "comp_embed_p4" => {
                check(name, &tensors, &[""], |b, x| vec![embed(b, 8, [4, 4, 0], x[0])]);
            }
            "comp_pool" | "comp_pool_nonorm2" => check(name, &tensors, &[""], |b, x| {
                let out = &get(&tensors, "out").shape;
                let norm2 = tensors.contains_key("param/norm2.weight");
                vec![pool(b, [out[2], out[3]], [channels, out[1]], norm2, x[0])]
            }),
            "comp_layernorm" => {
                check(name, &tensors, &[""], |b, x| vec![b.push("norm", "", LayerNorm, &[x[0]])]);
            }
            other => panic!("component {other} is not known"),
        }
    }
    assert_eq!(cases.len(), 9);
}
