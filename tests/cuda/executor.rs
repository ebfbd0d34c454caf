//! The executor as a training sees it, on a GPU, where there is one: beside the CPU's, and beside itself.

use super::device;
use super::oracle::close;
use super::step::{batch, model, parameters};
use crate::data::views::look;
use cluec::exec::cpu;
use cluec::exec::cuda::compiled::Compiled;
use cluec::exec::{Batch, Evaluator, Held, Optimizer, Parameters, StepKey, Trainer, Use, View};
use cluec::graph::{Graph, Precision};
use cluec::passes::Method;

const SEED: u64 = 9;

/// No choice is so close that another order of sums decides it.
fn smooth() -> Graph {
    model(&["mixer.assign=soft", "pool=conv"])
}

fn optimizer(parameters: &Parameters, method: Method) -> Optimizer {
    Optimizer::new(method.update, vec![true; parameters.len()], parameters)
}

/// A trainer on the GPU; none where there is no GPU.
fn trainer(graph: &Graph, method: Method) -> Option<Compiled> {
    let (device, parameters) = (device()?.clone(), parameters(graph));
    let optimizer = optimizer(&parameters, method);
    Some(
        Compiled::trainer(device, graph, &parameters, optimizer, method, method.precision).unwrap(),
    )
}

/// What steps over these batches leave.
fn after(trainer: &mut dyn Trainer, batches: &[Batch]) -> Parameters {
    for (step, batch) in (0..).zip(batches) {
        trainer.step(batch, 0.01, StepKey { seed: SEED, step }).unwrap();
    }
    trainer.state().unwrap().0.clone()
}

/// Batches of several sizes, so that arenas are outgrown.
fn batches(graph: &Graph) -> Vec<Batch> {
    [2, 5, 5, 3, 2].map(|images| batch(graph, images)).to_vec()
}

#[test]
fn a_gpu_trains_and_evaluates_as_a_cpu_does() {
    let (graph, method, key) = (smooth(), Method::default(), StepKey { seed: SEED, step: 4 });
    let Some(mut gpu) = trainer(&graph, method) else { return };
    let parameters = parameters(&graph);
    let optimizer = optimizer(&parameters, method);
    let mut cpu = cpu::Compiled::trainer(&graph, parameters.clone(), optimizer, method, 1);
    let batch = batch(&graph, 5);
    let expected = cpu.gradients(&parameters, &batch, key).unwrap();
    let found = gpu.gradients(&parameters, &batch, key).unwrap();
    close("loss", &[found.loss as f32], &[expected.loss as f32], 1e-5);
    close("logits", &found.logits, &expected.logits, 1e-5);
    close("gradients", &found.gradients.concat(), &expected.gradients.concat(), 1e-4);
    let [found, expected] =
        [gpu.logits(&batch.images), cpu.logits(&batch.images)].map(Result::unwrap);
    close("evaluated", &found, &expected, 1e-5);
    let [found, expected] = [after(&mut gpu, &batches(&graph)), after(&mut cpu, &batches(&graph))];
    close("trained", &found.concat(), &expected.concat(), 1e-3);
}

#[test]
fn two_trainings_on_a_gpu_end_in_equal_bits() {
    for precision in [Precision::F32, Precision::Bf16, Precision::F16] {
        let (graph, method) = (model(&[]), Method { precision, ..Method::default() });
        let (Some(mut one), Some(mut other)) = (trainer(&graph, method), trainer(&graph, method))
        else {
            return;
        };
        let all = batches(&graph);
        let expected = after(&mut one, &all);
        // This one is looked at in between, and goes on from what it says of itself.
        after(&mut other, &all[..2]);
        other.logits(&all[0].images).unwrap();
        let (parameters, optimizer) = other.state().unwrap();
        let (parameters, optimizer) = (parameters.clone(), optimizer.clone());
        let device = device().unwrap().clone();
        let mut resumed =
            Compiled::trainer(device, &graph, &parameters, optimizer, method, precision).unwrap();
        for (step, batch) in (0..).zip(&all).skip(2) {
            resumed.step(batch, 0.01, StepKey { seed: SEED, step }).unwrap();
        }
        assert!(*resumed.state().unwrap().0 == expected, "{precision:?}");
    }
}

#[test]
fn parts_of_a_batch_on_a_gpu_are_a_batch() {
    let graph = smooth();
    let all = batches(&graph);
    let by = |parts| trainer(&graph, Method { parts, ..Method::default() });
    let (Some(mut whole), Some(mut parts)) = (by(1), by(3)) else { return };
    let [whole, parts] = [after(&mut whole, &all), after(&mut parts, &all)];
    close("trained in parts", &parts.concat(), &whole.concat(), 1e-3);
}

#[test]
fn what_a_gpu_holds_is_what_it_is_given() {
    let (graph, method) = (model(&[]), Method::default());
    let (Some(mut holding), Some(mut given)) = (trainer(&graph, method), trainer(&graph, method))
    else {
        return;
    };
    let size = graph.input_size();
    let bytes = 3 * size[0] * size[1];
    let held = Held {
        size,
        pixels: (0..7 * bytes).map(|i| (i * 37 % 251) as u8).collect(),
        colors: std::array::from_fn(|c| {
            std::array::from_fn(|x| (x as f32 - 99.0) / (50 + c) as f32)
        }),
    };
    assert!(holding.room() > held.pixels.len() as u64);
    for of in [Use::Training, Use::Evaluation] {
        holding.hold(of, &held).unwrap();
    }
    let view = |i: u32| View {
        image: i % 7,
        top: i as i32 - 2,
        left: 1 - i as i32,
        flip: i % 2 == 1,
        hole: [1, 2, 3 * (i as i32 % 2), 4],
    };
    let seen: Vec<Batch> = batches(&graph)
        .into_iter()
        .map(|batch| Batch {
            views: (0..batch.labels.len() as u32).map(view).collect(),
            images: Vec::new(),
            ..batch
        })
        .collect();
    let numbers: Vec<Batch> = seen
        .iter()
        .map(|batch| Batch {
            images: batch.views.iter().flat_map(|view| look(&held, view, size)).collect(),
            views: Vec::new(),
            ..batch.clone()
        })
        .collect();
    assert!(after(&mut holding, &seen) == after(&mut given, &numbers));
    let logits = holding.logits_of(&seen[1].views).unwrap();
    assert_eq!(logits, given.logits(&numbers[1].images).unwrap());
    assert_eq!(logits, holding.logits(&numbers[1].images).unwrap());
}
