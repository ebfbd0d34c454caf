//! Centers gather from all pixels, and a gate weighs what they gathered.

use super::heads::Heads;
use super::windows::masked;
use super::writer::{Name, Writer, int, text};
use crate::graph::ops::{Attend, Score};

/// `temperature` is the parameter's value: what is computed from it alone is a constant here.
pub fn attend(
    w: &mut Writer,
    op: &Attend,
    [centers, map]: [Heads; 2],
    [queries, keys, values]: [&str; 3],
    temperature: Option<f32>,
) -> Name {
    let (query, key, scale) = match (op.score, temperature) {
        (Score::Cosine { floor, .. }, Some(temperature)) => {
            let scale = (-f64::from(temperature.max(floor.ln() as f32))).exp();
            (centers.directions(w, queries), map.directions(w, keys), scale)
        }
        _ => {
            let scale = 1.0 / (centers.width as f64).sqrt();
            (centers.split(w, queries), map.split(w, keys), scale)
        }
    };
    let scale = w.number(scale);
    let query = w.op("Mul", &[&query, &scale], []);
    let scores = w.product_transposed(&query, &key);
    let shut = [0.0, f32::NEG_INFINITY];
    let scores = masked(w, op.windows, [map, centers], "Add", shut, &scores);
    let weights = w.op("Softmax", &[&scores], [int("axis", -1)]);
    let values = map.split(w, values);
    let gathered = w.op("MatMul", &[&weights, &values], []);
    centers.join(w, &gathered)
}

/// Weights are `[heads, in, out]`, biases `[heads, 1, out]`.
pub fn gate(w: &mut Writer, heads: Heads, [soft, local]: [&str; 2], params: [&str; 4]) -> Name {
    let (soft, local) = (heads.split(w, soft), heads.split(w, local));
    let both = w.op("Concat", &[&soft, &local], [int("axis", -1)]);
    let [weight1, bias1, weight2, bias2] = params;
    let hidden = w.op("MatMul", &[&both, weight1], []);
    let hidden = w.op("Add", &[&hidden, bias1], []);
    let hidden = gelu(w, &hidden);
    let share = w.op("MatMul", &[&hidden, weight2], []);
    let share = w.op("Add", &[&share, bias2], []);
    let share = w.op("Sigmoid", &[&share], []);
    let difference = w.op("Sub", &[&local, &soft], []);
    let moved = w.op("Mul", &[&difference, &share], []);
    let fused = w.op("Add", &[&soft, &moved], []);
    heads.join(w, &fused)
}

pub fn gelu(w: &mut Writer, x: &str) -> Name {
    w.op("Gelu", &[x], [text("approximate", "none")])
}
