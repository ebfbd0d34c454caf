//! CLUENet built by hand from a configuration, for comparison with the reference tensors.

use cluec::graph::ops::*;
use cluec::graph::{Builder, Choice, Graph, Size, Value};
use serde_json::Value as Json;

pub struct Mixer {
    pub dim: usize,
    pub heads: usize,
    pub width: usize,
    pub grid: Size,
    pub floor: f64,
}

fn conv1x1(b: &mut Builder, name: &str, published: &str, out: usize, x: Value) -> Value {
    b.push(name, published, Linear { out, form: Form::Conv1x1 }, &[x])
}

fn dense(b: &mut Builder, name: &str, published: &str, out: usize, x: Value) -> Value {
    b.push(name, published, Linear { out, form: Form::Dense }, &[x])
}

/// The mixed map and the assignment used.
pub fn mixer(b: &mut Builder, m: &Mixer, u: Value, shared: Option<Value>) -> (Value, Value) {
    let inner = m.heads * m.width;
    let key = conv1x1(b, "key", "k", inner, u);
    let value = conv1x1(b, "value", "v", inner, u);
    let pool = AdaptivePool { grid: m.grid, hooks: 2 };
    let key_centers = b.push("key_centers", "", pool.clone(), &[key]);
    let local = b.push("local", "", pool, &[value]);
    let score = Score::Cosine { start: 2.13, floor: m.floor };
    let windows = Windows::WHOLE;
    let attend = Attend { heads: m.heads, score, windows };
    let soft = b.push("attend", "", attend, &[key_centers, key, value]);
    let fused = b.push("gate", "gate", Gate { heads: m.heads }, &[soft, local]);
    let assignment = shared.unwrap_or_else(|| {
        let query = dense(b, "query", "q", inner, fused);
        let assign = Assign { heads: m.heads, choice: Choice::Hard, windows };
        b.push("assign", "", assign, &[query, key])
    });
    let back = b.push("dispatch", "", Dispatch, &[assignment, fused]);
    let out = conv1x1(b, "project", "proj", m.dim, back);
    b.tap("", assignment);
    b.tap("", out);
    (out, assignment)
}

pub fn perceptron(b: &mut Builder, dim: usize, hidden: usize, x: Value) -> Value {
    let x = dense(b, "expand", "fc1", hidden, x);
    let x = b.push("depthwise", "dwconv.dwconv", Depthwise { kernel: [3, 3] }, &[x]);
    let x = b.push("gelu", "", Gelu, &[x]);
    dense(b, "reduce", "fc2", dim, x)
}

pub fn pool(b: &mut Builder, grid: Size, widths: [usize; 2], norm2: bool, x: Value) -> Value {
    let skip = Conv { out: widths[1], kernel: [3, 3], stride: 2, pad: 1 };
    let skip = b.push("skip", "conv_skip", skip, &[x]);
    let f = conv1x1(b, "features", "conv_f", widths[0], x);
    let nearest = b.push("nearest", "", Nearest { grid, windows: Windows::WHOLE }, &[f]);
    b.tap("", nearest);
    let pooled = b.push("pool", "", ClusterMean { weighing: Weighing::Mean }, &[nearest, f]);
    let y = b.push("norm1", "norm1", LayerNorm, &[pooled]);
    let y = conv1x1(b, "value1", "conv_v.0", widths[0], y);
    let y = b.push("gelu", "", Gelu, &[y]);
    let mut y = conv1x1(b, "value2", "conv_v.2", widths[1], y);
    if norm2 {
        y = b.push("norm2", "norm2", LayerNorm, &[y]);
    }
    let out = b.push("sum", "", Add, &[skip, y]);
    b.tap("", out);
    out
}

pub fn embed(b: &mut Builder, dim: usize, conv: [usize; 3], x: Value) -> Value {
    let x = b.push("coordinates", "", Coordinates, &[x]);
    let patch = Conv { out: dim, kernel: [conv[0]; 2], stride: conv[1], pad: conv[2] };
    let x = b.push("patch", "patch_embed.proj", patch, &[x]);
    let x = b.push("norm", "patch_embed.norm", LayerNorm, &[x]);
    b.tap("patch_embed", x);
    let y = b.push("position", "pos_embed.proj.0", Depthwise { kernel: [3, 3] }, &[x]);
    let x = b.push("sum", "", Add, &[y, x]);
    b.tap("pos_embed", x);
    x
}

fn residual(b: &mut Builder, name: &str, rate: f64, x: Value, y: Value) -> Value {
    let site = b.next_site();
    let drop = DropPath { rate, site };
    let y = if rate > 0.0 { b.push(&format!("{name}_drop"), "", drop, &[y]) } else { y };
    b.push(&format!("{name}_sum"), "", Add, &[x, y])
}

/// A whole model from one configuration of the manifest.
pub fn cluenet(config: &Json, size: Size, classes: usize) -> Graph {
    let list = |key: &str| -> Vec<usize> {
        let items = config[key].as_array().expect(key);
        items.iter().map(|x| x.as_u64().expect(key) as usize).collect()
    };
    let number = |key: &str| config[key].as_u64().expect(key) as usize;
    let (layers, dims, heads) = (list("layers"), list("embed_dims"), list("heads"));
    let (widths, ratios) = (list("head_dim"), list("mlp_ratios"));
    let (rows, columns) = (list("cluster_h"), list("cluster_w"));
    let total: usize = layers.iter().sum();
    let share = config["sim_share"].as_bool().unwrap_or(true);
    let drop = config["drop_path_rate"].as_f64().unwrap_or(0.0);
    let mut b = Builder::new();
    let x = b.push("input", "", Input { size }, &[]);
    let conv = [number("in_patch_size"), number("in_stride"), number("in_pad")];
    let mut x = b.scope("embed", "", |b| embed(b, dims[0], conv, x));
    let (mut module, mut done) = (0, 0);
    for stage in 0..layers.len() {
        let dim = dims[stage];
        let m = Mixer {
            dim,
            heads: heads[stage],
            width: widths[stage],
            grid: [rows[stage], columns[stage]],
            floor: config["min_alpha"].as_f64().expect("min_alpha"),
        };
        x = b.scope(&format!("stage{stage}"), &format!("network.{module}"), |b| {
            let mut shared = None;
            for block in 0..layers[stage] {
                let rate = drop * done as f64 / (total - 1) as f64;
                done += 1;
                x = b.scope(&format!("block{block}"), &format!("blocks.{block}"), |b| {
                    let u = b.push("norm1", "norm1", LayerNorm, &[x]);
                    let given = shared.filter(|_| share);
                    let (y, sim) = b.scope("mixer", "token_mixer", |b| mixer(b, &m, u, given));
                    shared = Some(sim);
                    let x = residual(b, "mixer", rate, x, y);
                    let u = b.push("norm2", "norm2", LayerNorm, &[x]);
                    let y = b.scope("mlp", "mlp", |b| perceptron(b, dim, dim * ratios[stage], u));
                    let x = residual(b, "mlp", rate, x, y);
                    b.tap("", x);
                    x
                });
            }
            b.tap("", x);
            x
        });
        module += 1;
        let pools = config["downsamples"][stage].as_bool().unwrap_or(true);
        if stage + 1 < layers.len() && (pools || dim != dims[stage + 1]) {
            let ([h, w], _) = b.ty(x).as_map().expect("a map");
            let norm2 = config["pool_norm2"].as_bool().expect("pool_norm2");
            x = b.scope(&format!("pool{stage}"), &format!("network.{module}"), |b| {
                pool(b, [h / 2, w / 2], [dim, dims[stage + 1]], norm2, x)
            });
            module += 1;
        }
    }
    let x = b.push("norm", "norm", LayerNorm, &[x]);
    let x = b.push("mean", "", Mean, &[x]);
    let x = dense(&mut b, "head", "head", classes, x);
    let (graph, diags) = b.finish("hand", x);
    assert!(!format!("{diags:?}").contains("E0501"), "{diags:?}");
    graph
}
