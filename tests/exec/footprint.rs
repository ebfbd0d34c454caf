//! Memory before training.

use super::compiled::{KEY, SWITCHES, batch, models};
use crate::allocation::growth;
use crate::text::{check_file, root};
use cluec::exec::cpu::Compiled;
use cluec::exec::{Evaluator, Footprint, Optimizer, Target, Trainer, Work, init, largest};
use cluec::graph::ops::{Average, LossScale, Rule, Update};
use cluec::graph::{Graph, Precision};
use cluec::passes::Method;
use cluec::see::Watcher;
use cluec::train::Watch;

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
            let largest = largest(bytes, |batch| footprint.bytes(work, batch)).unwrap();
            assert!(footprint.bytes(work, largest) <= bytes && largest >= batch);
            assert!(footprint.bytes(work, largest + 1) > bytes);
        }
    }
    assert_eq!(largest(1 << 20, |batch| footprint.bytes(Work::Training, batch)), None);
}

/// Methods that hold different things.
fn methods() -> Vec<Method> {
    let plain = Rule::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 };
    let average = Some(Average { decay: 0.9, warmup: false });
    let scaling = Some(LossScale { start: 8.0, interval: Some(100) });
    let method = |precision, update| Method { precision, update, ..Method::default() };
    vec![
        Method::default(),
        method(Precision::Bf16, Update { rule: plain, average, ..Update::default() }),
        method(Precision::F16, Update { average, scaling, ..Update::default() }),
    ]
}

/// Bytes of a batch, which the caller holds.
fn outside(graph: &Graph, images: usize) -> u64 {
    4 * (images * (graph.image_numbers() + 1 + graph.classes())) as u64
}

/// What is said before is what is held after a step, an evaluation and a look into the model, to the
/// byte.
#[test]
fn the_footprint_is_what_is_held() {
    let published = ["cluenet_cifar", "coc_cifar", "clusterformer_cifar"];
    let published = published.map(|name| models(&format!("models/{name}.clue"), &[]).remove(0));
    for graph in models(SWITCHES, &[]).iter().chain(&published) {
        for ((images, threads), method) in [(5, 3), (1, 2), (9, 1)].into_iter().zip(methods()) {
            let target = Target::Cpu { threads };
            let footprint = Footprint::new(graph, method, target);
            let planned = |work| footprint.bytes(work, images) - outside(graph, images);
            // Fewer images first: what is held grows.
            let [few, batch] = [1, images].map(|images| batch(graph, images, 2));
            let parameters = init::initialize(graph, 0);
            let what = format!("{} in {:?}, {images} images", graph.name, method.precision);

            let optimizer =
                Optimizer::new(method.update, vec![true; parameters.len()], &parameters);
            let mut trainer =
                Compiled::trainer(graph, parameters.clone(), optimizer, method, threads);
            trainer.step(&few, 1e-3, KEY).unwrap();
            trainer.step(&batch, 1e-3, KEY).unwrap();
            trainer.logits(&batch.images).unwrap();
            assert_eq!(trainer.held(), planned(Work::Training), "{what}");
            let mut seen = [Ok(batch.images.clone())].into_iter();
            let watched = Watcher { graph }.watch(&mut trainer, &mut seen).unwrap();
            assert!(!watched.numbers.is_empty(), "{what}");
            assert_eq!(trainer.held(), planned(Work::Training), "{what}, looked at");

            let mut evaluator =
                Compiled::evaluator_in(method.precision, graph, parameters, threads);
            evaluator.logits(&batch.images).unwrap();
            assert_eq!(evaluator.held(), planned(Work::Inference), "{what}");
            assert_eq!(evaluator.held(), evaluator.memory(images).peak, "{what}");
        }
    }
}

/// Nothing else of size is asked for while a step runs: what a thread holds grows by what is planned.
#[test]
fn a_step_takes_no_more_than_is_planned() {
    // All of it from the usual allocator, which is the one that is watched.
    let graph = &models(SWITCHES, &[])[0];
    let batch = batch(graph, 8, 2);
    for method in methods() {
        let parameters = init::initialize(graph, 0);
        let optimizer = Optimizer::new(method.update, vec![true; parameters.len()], &parameters);
        let mut trainer = Compiled::trainer(graph, parameters, optimizer, method, 1);
        let before = trainer.held();
        let grown = growth(|| drop(trainer.step(&batch, 1e-3, KEY).unwrap())) as u64;
        let (held, logits) = (trainer.held() - before, 4 * 8 * graph.classes() as u64);
        // Lists of parameters.
        let slack = 64 << 10;
        assert!(held > 2 * slack, "{held}");
        assert!((held..held + logits + slack).contains(&grown), "{grown} for {held}");
        // Once everything is there, next to nothing is asked for.
        let again = growth(|| drop(trainer.step(&batch, 1e-3, KEY).unwrap())) as u64;
        assert!(again < logits + slack, "{again}");
    }
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
    let one = init::initialize(graph, 0).bytes();
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
