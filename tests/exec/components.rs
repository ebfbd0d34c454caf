//! Single components on every executor, values and gradients, against the published code's tensors.

use super::given::{given, pixel};
use super::model::{Mixer, embed, mixer, perceptron, pool};
use super::whole::executors;
use super::{fixtures, get, json};
use cluec::exec::observe::{Observation, Seen};
use cluec::exec::published::{Plain, Plains, adopt, publish, read};
use cluec::exec::verify::Tolerances;
use cluec::exec::{Batch, Parameters};
use cluec::graph::ops::*;
use cluec::graph::{Builder, Graph, Param, Value};

/// What a cotangent is multiplied by, where it is part of a model: so little that all classes are equally
/// likely whatever a component gives, and the loss has the same slope everywhere. A power of two changes
/// no digit of a gradient.
const SCALE: f32 = 1.0 / (1 << 30) as f32;

/// A published map, channels last.
fn last(plain: &Plain) -> Vec<f32> {
    let [images, channels, h, w] = plain.shape[..] else { panic!("no map: {:?}", plain.shape) };
    let pixels = h * w;
    let place = |i: usize| (i / (pixels * channels), i / channels % pixels, i % channels);
    (0..images * pixels * channels)
        .map(place)
        .map(|(image, pixel, channel)| plain.data[(image * channels + channel) * pixels + pixel])
        .collect()
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

/// A component whose tensors are named `x…`, `out…`, `cot…`, `grad_x…`, as a model of its own.
///
/// Its loss is the sum of what the component gives times the cotangents, but for [`SCALE`]: image `i` is
/// of class `i`, the weights of that class are the cotangent of the image, negative, those of one class
/// more the sum of all cotangents. As all are equally likely, what is left of the slope of the loss is the
/// cotangent of the image.
struct Component<'a> {
    name: &'a str,
    tensors: &'a Plains,
    suffixes: &'a [&'a str],
    graph: Graph,
}

impl<'a> Component<'a> {
    fn new(
        name: &'a str,
        tensors: &'a Plains,
        suffixes: &'a [&'a str],
        build: impl FnOnce(&mut Builder, &[Value]) -> Vec<Value>,
    ) -> Component<'a> {
        let mut b = Builder::new();
        let pixel = pixel(&mut b);
        let place = |suffix: &&str| {
            let name = format!("x{suffix}");
            let shape = &get(tensors, &name).shape;
            given(&mut b, &name, pixel, [shape[2], shape[3]], shape[1])
        };
        let xs: Vec<Value> = suffixes.iter().map(place).collect();
        let outs = build(&mut b, &xs);
        let weigh = |(suffix, &out): (&&str, &Value)| {
            let cotangent = format!("cot{suffix}");
            let [images, _, h, w] = get(tensors, &cotangent).shape[..] else { panic!("no map") };
            let conv = Conv { out: images + 1, kernel: [h, w], stride: 1, pad: 0 };
            b.tap(&format!("out{suffix}"), out);
            b.push(&cotangent, &cotangent, conv, &[out])
        };
        let weighed: Vec<Value> = suffixes.iter().zip(&outs).map(weigh).collect();
        let all = match weighed[..] {
            [one] => one,
            _ => b.push("sum", "", Add, &weighed),
        };
        let logits = b.push("logits", "", Mean, &[all]);
        let (graph, diags) = b.finish(name, logits);
        assert!(!format!("{diags:?}").contains("E0501"), "{name}: {diags:?}");
        Component { name, tensors, suffixes, graph }
    }

    fn images(&self) -> usize {
        get(self.tensors, &format!("x{}", self.suffixes[0])).shape[0]
    }

    /// Where a parameter of the component stands among the tensors; nothing if it is what was put around
    /// it.
    fn stored(&self, kind: &str, param: &Param) -> Option<String> {
        let around = |suffix: &&str| {
            [format!("x{suffix}."), format!("cot{suffix}.")]
                .iter()
                .any(|name| param.published.starts_with(name))
        };
        let name = &param.published;
        let part = |part: &str| {
            let rest = name.strip_prefix(part)?.strip_prefix('.')?;
            Some(format!("{part}.{kind}/{rest}"))
        };
        let stored = ["first", "shared"].into_iter().find_map(part);
        let inside = !self.suffixes.iter().any(around);
        inside.then(|| stored.unwrap_or_else(|| format!("{kind}/{name}")))
    }

    fn parameter(&self, param: &Param) -> Vec<f32> {
        if let Some(name) = self.stored("param", param) {
            return adopt(param, get(self.tensors, &name)).unwrap();
        }
        let mut values = vec![0.0; param.elements()];
        match param.published.split('.').collect::<Vec<_>>()[..] {
            [x, "numbers", "weight"] => {
                let x = last(get(self.tensors, x));
                values[..x.len()].copy_from_slice(&x);
            }
            [cotangent, "weight"] => {
                let (cotangent, classes) = (last(get(self.tensors, cotangent)), self.images() + 1);
                let of_image = values.len() / classes;
                for (i, &cotangent) in cotangent.iter().enumerate() {
                    let (class, number) = (i / of_image, i % of_image);
                    values[number * classes + class] -= cotangent * SCALE;
                    values[number * classes + self.images()] += cotangent * SCALE;
                }
            }
            _ => {}
        }
        values
    }

    /// Image `i` has the color `i` alone, and so what image `i` is given of every map.
    fn batch(&self) -> Batch {
        let images = self.images();
        let pixels = (0..3 * images).map(|i| f32::from(u8::from(i % 3 == i / 3))).collect();
        Batch { images: pixels, labels: (0..images as u32).collect(), ..Batch::default() }
    }

    /// Values, choices and gradients, on every executor.
    fn check(&self) {
        let parameters: Parameters =
            self.graph.params.iter().map(|param| self.parameter(param)).collect();
        for (executor, observe) in executors() {
            let seen = observe(&self.graph, &parameters, &self.batch()).unwrap();
            let name = format!("{executor} {}", self.name);
            self.check_values(&name, &seen);
            let (_, gradients) = seen.training.unwrap();
            // The loss is the mean of the images'.
            let scale = self.images() as f32 / SCALE;
            for (param, found) in self.graph.params.iter().zip(gradients.iter()) {
                let found: Vec<f32> = found.iter().map(|g| g * scale).collect();
                let what = format!("{name} gradient of {}", param.published);
                if let Some(stored) = self.stored("grad", param) {
                    let expected = &get(self.tensors, &stored).data;
                    // Compiled kernels sum a temperature's slope over all pixels, with both signs and
                    // divided by it, and lose more where it is low: 1.2e-4 at 0.018. It is held to what
                    // `verify` holds gradients to.
                    let temperature = param.published.ends_with("attn_alpha");
                    let relative = match executor != "reference" && temperature {
                        true => Tolerances::default().gradient_relative,
                        false => 1e-4,
                    };
                    close(&what, &publish(param, &found).data, expected, relative);
                } else if let Some(x) = param.published.strip_suffix(".numbers.weight") {
                    let expected = last(get(self.tensors, &format!("grad_{x}")));
                    close(&what, &found[..expected.len()], &expected, 1e-4);
                }
            }
        }
    }

    /// What the component gives, and what the file has of what lies within it.
    fn check_values(&self, name: &str, seen: &Observation) {
        let map = |tap: &str| {
            seen.taps.iter().find_map(|(published, seen)| match seen {
                Seen::Tensor { data, .. } if published == tap => Some(data),
                _ => None,
            })
        };
        let check = |tap: &str, expected: &Plain| {
            let found = map(tap).unwrap_or_else(|| panic!("{name}: no {tap}"));
            close(&format!("{name} {tap}"), found, &last(expected), 1e-5);
        };
        for out in self.suffixes.iter().map(|suffix| format!("out{suffix}")) {
            check(&out, get(self.tensors, &out));
        }
        if let Some(expected) = self.tensors.get("patch_out") {
            check("patch_embed", expected);
        }
        if let Some(expected) = self.tensors.get("assign") {
            let index = seen.taps.iter().find_map(|(_, seen)| match seen {
                Seen::Index { index, .. } => Some(index),
                Seen::Tensor { .. } => None,
            });
            let index: Vec<f32> = index.unwrap().iter().map(|&center| center as f32).collect();
            assert_eq!(index, expected.data, "{name} assign");
        }
    }
}

/// Builds a component and compares it.
fn check(
    name: &str,
    tensors: &Plains,
    suffixes: &[&str],
    build: impl FnOnce(&mut Builder, &[Value]) -> Vec<Value>,
) {
    Component::new(name, tensors, suffixes, build).check();
}

/// What a component gives, whom it assigns and all its gradients are the published code's, on every
/// executor.
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
