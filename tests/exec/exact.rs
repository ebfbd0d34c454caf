//! The reference in `f64`: what both executors would give if nothing were rounded.

use super::compiled::{Pair, allowed};
use candle_core::{DType, Device, Tensor};
use cluec::exec::reference::{Mode, cross_entropy_sum, evaluate, variables};
use cluec::exec::{Batch, Parameters, StepKey};
use cluec::graph::ops::CrossEntropy;
use cluec::graph::{Graph, Value};

/// Logits, loss and every gradient in training, then logits in evaluation.
pub fn exact(graph: &Graph, parameters: &Parameters, batch: &Batch, key: StepKey) -> Vec<Vec<f64>> {
    let [h, w] = graph.input_size();
    let variables = variables(graph, parameters, DType::F64).unwrap();
    let parameters: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let images = Tensor::from_slice(&batch.images, ((), h, w, 3), &Device::Cpu);
    let images = images.unwrap().to_dtype(DType::F64).unwrap();
    let logits = |mode| {
        let given = [(Value(0), images.clone())];
        let outputs = evaluate(graph, &parameters, &given, mode, true).unwrap();
        outputs[graph.output.0 as usize].as_ref().unwrap().tensor().unwrap().clone()
    };
    let flat = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let trained = logits(Mode::Training { key, image: 0 });
    let loss = cross_entropy_sum(&CrossEntropy::default(), &trained, batch.targets()).unwrap();
    let loss = (loss * (1.0 / batch.labels.len() as f64)).unwrap();
    let store = loss.backward().unwrap();
    let gradient = |x: &Tensor| store.get(x).map_or(vec![0.0; x.elem_count()], flat);
    let mut all = vec![flat(&trained), flat(&loss)];
    all.extend(parameters.iter().map(gradient));
    all.push(flat(&logits(Mode::Evaluation)));
    all
}

/// Whether roundings alone move the reference by more than a tenth of what is allowed between executors:
/// what it gives in `f32` is then no measure of another one. Some models pass every rounding on many
/// times larger, as a norm of numbers that are nearly equal does. No other executor is asked.
pub fn moved_by_roundings(pairs: &[Pair], exact: &[Vec<f64>]) -> bool {
    assert_eq!(pairs.len(), exact.len());
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>().sqrt();
    pairs.iter().zip(exact).any(|(pair, exact)| {
        let both = pair.expected.iter().zip(exact);
        let off = norm(&mut both.map(|(&found, exact)| f64::from(found) - exact));
        10.0 * off > allowed(norm(&mut exact.iter().copied()))
    })
}
