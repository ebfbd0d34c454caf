//! The executor as a training sees it: beside the CPU's, and beside itself.

use super::device;
use super::oracle::close;
use super::step::{batch, model, parameters};
use crate::data::views::look;
use cluec::exec::cpu;
use cluec::exec::cuda::compiled::Compiled;
use cluec::exec::cuda::device::Device;
use cluec::exec::cuda::observe::observe;
use cluec::exec::observe::Seen;
use cluec::exec::{
    Batch, Evaluator, Footprint, Grouping, Held, Optimizer, Parameters, StepKey, Target, Trainer,
    Use, View, Work,
};
use cluec::graph::{Graph, Precision};
use cluec::passes::Method;
use serde_json::Value;
use std::sync::Arc;

const SEED: u64 = 9;

/// No choice is so close that another order of sums decides it.
fn smooth() -> Graph {
    model(&["mixer.assign=soft", "pool=conv"])
}

fn optimizer(parameters: &Parameters, method: Method) -> Optimizer {
    Optimizer::new(method.update, vec![true; parameters.len()], parameters)
}

fn trainer(device: &Arc<Device>, graph: &Graph, method: Method) -> Compiled {
    let (device, parameters) = (device.clone(), parameters(graph));
    let optimizer = optimizer(&parameters, method);

    Compiled::trainer(device, graph, &parameters, optimizer, method, method.precision).unwrap()
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
fn it_trains_and_evaluates_as_a_cpu_does() {
    let Some(device) = device() else { return };
    let (graph, method, key) = (smooth(), Method::default(), StepKey { seed: SEED, step: 4 });
    let mut gpu = trainer(&device, &graph, method);
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
fn two_trainings_end_in_equal_bits() {
    let Some(device) = device() else { return };
    for precision in [Precision::F32, Precision::Bf16, Precision::F16] {
        let (graph, method) = (model(&[]), Method { precision, ..Method::default() });
        let [mut one, mut other] = [0; 2].map(|_| trainer(&device, &graph, method));
        let all = batches(&graph);
        let expected = after(&mut one, &all);
        // This one is looked at in between, and goes on from what it says of itself.
        after(&mut other, &all[..2]);
        other.logits(&all[0].images).unwrap();
        let (parameters, optimizer) = other.state().unwrap();
        let (parameters, optimizer) = (parameters.clone(), optimizer.clone());
        let device = device.clone();
        let mut resumed =
            Compiled::trainer(device, &graph, &parameters, optimizer, method, precision).unwrap();
        for (step, batch) in (0..).zip(&all).skip(2) {
            resumed.step(batch, 0.01, StepKey { seed: SEED, step }).unwrap();
        }
        assert!(*resumed.state().unwrap().0 == expected, "{precision:?}");
    }
}

#[test]
fn parts_of_a_batch_are_a_batch() {
    let Some(device) = device() else { return };
    let graph = smooth();
    let all = batches(&graph);
    let by = |parts| trainer(&device, &graph, Method { parts, ..Method::default() });
    let (mut whole, mut parts) = (by(1), by(3));
    let [whole, parts] = [after(&mut whole, &all), after(&mut parts, &all)];
    close("trained in parts", &parts.concat(), &whole.concat(), 1e-3);
}

#[test]
fn what_is_held_is_what_is_given() {
    let Some(device) = device() else { return };
    let (graph, method) = (model(&[]), Method::default());
    let [mut holding, mut given] = [0; 2].map(|_| trainer(&device, &graph, method));
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
    let beyond = holding.logits_of(&[View { image: 7, ..view(0) }]).unwrap_err();
    assert_eq!(beyond.0, "a view of image 7 of 7 held");
    assert!(given.logits_of(&seen[1].views).unwrap_err().0.ends_with("of 0 held"));
}

#[test]
fn what_is_inside_is_what_a_cpu_shows() {
    let Some(device) = device() else { return };
    for graph in [model(&[]), smooth()] {
        let (parameters, batch) = (parameters(&graph), batch(&graph, 3));
        let found = observe(&device, &graph, &parameters, &batch).unwrap();
        let expected = cpu::observe(&graph, &parameters, &batch).unwrap();
        assert_eq!(found.taps.len(), expected.taps.len());
        for ((name, found), (own, expected)) in found.taps.iter().zip(&expected.taps) {
            assert_eq!(name, own);
            match (found, expected) {
                (Seen::Tensor { shape, data }, Seen::Tensor { shape: own, data: expected }) => {
                    assert_eq!(shape, own);
                    close(name, data, expected, 1e-5);
                }
                (found, expected) => assert_eq!(found, expected, "{name}"),
            }
        }
        close("logits", &found.logits, &expected.logits, 1e-5);
        let [found, expected] = [found, expected].map(|seen| seen.training.unwrap());
        close("loss", &[found.0 as f32], &[expected.0 as f32], 1e-5);
        close("gradients", &found.1.concat(), &expected.1.concat(), 1e-4);
    }
}

/// Maps in 16 bits take half of the memory; what belongs to choices and the parameters stay.
#[test]
fn sixteen_bits_take_about_half() {
    let graph = model(&[]);
    let per_image = |precision| {
        let method = Method { precision, ..Method::default() };
        let footprint = Footprint::new(&graph, method, Target::Cuda(precision));
        footprint.bytes(Work::Training, 65) - footprint.bytes(Work::Training, 1)
    };
    let (half, whole) = (per_image(Precision::Bf16), per_image(Precision::F32));
    assert!((0.5..0.65).contains(&(half as f64 / whole as f64)), "{half} of {whole}");
}

#[test]
fn memory_is_what_was_planned_and_every_op_is_timed() {
    let graph = model(&[]);
    let memory = |precision, parts, images| {
        let device = device()?;
        let method = Method { precision, parts, ..Method::default() };
        let mut trainer = trainer(&device, &graph, method);
        let batch = batch(&graph, images);
        after(&mut trainer, std::slice::from_ref(&batch));
        trainer.logits(&batch.images).unwrap();
        let footprint = Footprint::new(&graph, method, Target::Cuda(precision));
        let planned = footprint.bytes(Work::Training, images);
        assert_eq!(device.peak(), planned, "{precision:?}, {images} images in {parts} parts");
        Some(trainer)
    };
    memory(Precision::Bf16, 1, 2);
    memory(Precision::F32, 8, 8);
    let Some(trainer) = memory(Precision::F32, 1, 2) else { return };
    let names = names(&trainer, Grouping::Kind);
    for name in ["ffn", "ffn gradient", "attend gradient", "nearest", "update"] {
        assert!(names.iter().any(|own| own == name), "{name}: {names:?}");
    }
    assert!(trainer.profile(3, Grouping::Kind).is_err(), "no such batch was run");
}

/// What a profile of two images tells of.
fn names(trainer: &Compiled, by: Grouping) -> Vec<String> {
    let profile = trainer.profile(2, by).unwrap().json();
    let name = |op: &Value| op["op"].as_str().unwrap().to_string();
    profile.as_array().unwrap().iter().map(name).collect()
}

/// A launch that is timed alone reads indices which others of its op leave.
#[test]
fn launches_are_timed_alone() {
    let Some(device) = device() else { return };
    let graph = model(&["mixer.windows=2x2"]);
    let mut trainer = trainer(&device, &graph, Method::default());
    after(&mut trainer, &[batch(&graph, 2)]);
    let names = names(&trainer, Grouping::Launch);
    for launch in ["attend_forward", "window_part", "assign_hard_forward", "product nn 384x"] {
        assert!(
            names.iter().any(|own| own.contains(&format!("]: {launch}"))),
            "{launch}: {names:?}"
        );
    }
}
