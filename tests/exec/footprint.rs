//! Memory before training.

use super::compiled::models;
use crate::text::{check_file, root};
use cluec::exec::cpu::Compiled;
use cluec::exec::{Footprint, Optimizer, Target, Work, init};
use cluec::graph::Graph;
use cluec::graph::ops::{Average, Rule, Update};
use cluec::passes::Method;

/// What is said before is what the compiled model says of itself, and a batch more does not fit.
#[test]
fn the_footprint_is_that_of_the_compiled_model() {
    let text = check_file(&root().join("models/cluenet_cifar.clue")).clean();
    let graph = text.model("cluenet_cifar").graph.as_ref().unwrap();
    let (method, target) = (Method::default(), Target::Cpu { threads: 3 });
    let footprint = Footprint::new(graph, method, target);
    let parameters = init::initialize(graph, 0);
    let optimizer = Optimizer::new(method.update, vec![true; graph.params.len()], &parameters);
    let trainer = Compiled::trainer(graph, parameters.clone(), optimizer, method, 3);
    let evaluator = Compiled::evaluator(graph, parameters, 3);
    for batch in [1, 7, 64, 500] {
        // The images, labels and logits of the batch are the caller's.
        let outside = 4 * batch as u64 * (32 * 32 * 3 + 1 + 100);
        let training = footprint.bytes(Work::Training, batch);
        assert_eq!(training, trainer.memory(batch).peak + outside);
        let inference = footprint.bytes(Work::Inference, batch);
        assert_eq!(inference, evaluator.memory(batch).peak + outside);
        for (work, bytes) in [(Work::Training, training), (Work::Inference, inference)] {
            let largest = footprint.largest(work, bytes).unwrap();
            assert!(footprint.bytes(work, largest) <= bytes && largest >= batch);
            assert!(footprint.bytes(work, largest + 1) > bytes);
        }
    }
    assert_eq!(footprint.largest(Work::Training, 1 << 20), None);
}

/// Threads that train also evaluate, perhaps more of them at once; one without images takes nothing.
#[test]
fn every_thread_has_room_for_what_it_runs() {
    let bytes = |graph: &Graph, threads, work, batch| {
        let target = Target::Cpu { threads };
        Footprint::new(graph, Method::default(), target).bytes(work, batch)
    };
    let small = &models("models/cluenet_tiny.clue", &[])[0];
    // Eight images are two groups.
    for work in [Work::Training, Work::Inference] {
        assert!(bytes(small, 1, work, 8) < bytes(small, 2, work, 8));
        assert_eq!(bytes(small, 2, work, 8), bytes(small, 16, work, 8));
    }
    // An image at a time trains, several are evaluated together.
    let large = &models("models/cluenet_tiny.clue", &["input=448x448"])[0];
    let thread = |work| bytes(large, 2, work, 32) - bytes(large, 1, work, 32);
    let gradients = 4 * large.param_count();
    assert!(thread(Work::Training) >= thread(Work::Inference) + gradients);
}

/// An optimizer that keeps less needs less: a number per parameter for every array.
#[test]
fn what_an_optimizer_keeps_is_counted() {
    let text = check_file(&root().join("models/cluenet_cifar.clue")).clean();
    let graph = text.model("cluenet_cifar").graph.as_ref().unwrap();
    let cpu = Target::Cpu { threads: 2 };
    let bytes = |rule, average| {
        let method =
            Method { update: Update { rule, average, ..Update::default() }, ..Method::default() };
        Footprint::new(graph, method, cpu).bytes(Work::Training, 8)
    };
    let sgd = |momentum| Rule::Sgd { momentum, nesterov: false, weight_decay: 0.0 };
    let [adamw, momentum, plain] =
        [Rule::default(), sgd(0.9), sgd(0.0)].map(|rule| bytes(rule, None));
    let one = 4 * graph.param_count();
    assert_eq!([adamw - momentum, momentum - plain], [one, one]);
    // The mean itself, and what it is measured with: the parameters of an evaluator.
    let average = Some(Average { decay: 0.9, warmup: false });
    let evaluator = Compiled::evaluator(graph, init::initialize(graph, 0), 2);
    let measured = evaluator.memory(8).parameters;
    assert!(measured > one, "plain, and matrices packed: {measured} of {one}");
    assert_eq!(bytes(sgd(0.0), average) - plain, one + measured);
}

/// On a GPU a batch in parts takes the memory of a part, and a sum of gradients.
#[cfg(feature = "cuda")]
#[test]
fn parts_of_a_batch_take_the_memory_of_one() {
    use cluec::exec::cuda::tape::Precision;
    let text = check_file(&root().join("models/cluenet_cifar.clue")).clean();
    let graph = text.model("cluenet_cifar").graph.as_ref().unwrap();
    let bytes = |parts, batch| {
        let method = Method { parts, ..Method::default() };
        let target = Target::Cuda(Precision::F32);
        Footprint::new(graph, method, target).bytes(Work::Training, batch)
    };
    let sum = bytes(4, 64) - bytes(1, 16);
    let one = 4 * graph.param_count();
    assert!((one..one + (1 << 20)).contains(&sum), "{sum} for {one}");
    assert!(bytes(4, 64) < bytes(1, 64));
}
