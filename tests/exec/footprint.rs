//! Memory before training.

use crate::text::{check_file, root};
use cluec::exec::cpu::Compiled;
use cluec::exec::{Footprint, Optimizer, Target, Work, init};
use cluec::graph::ops::{Rule, Update};
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
    let trainer = Compiled::trainer(graph, parameters.clone(), optimizer, method.loss, 3);
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

/// An optimizer that keeps less needs less: a number per parameter for every array.
#[test]
fn what_an_optimizer_keeps_is_counted() {
    let text = check_file(&root().join("models/cluenet_cifar.clue")).clean();
    let graph = text.model("cluenet_cifar").graph.as_ref().unwrap();
    let bytes = |rule: Rule, target: Target| {
        let update = Update { rule, ..Update::default() };
        let method = Method { update, ..Method::default() };
        Footprint::new(graph, method, target).bytes(Work::Training, 8)
    };
    let sgd = |momentum| Rule::Sgd { momentum, nesterov: false, weight_decay: 0.0 };
    let cpu = Target::Cpu { threads: 2 };
    let [adamw, momentum, plain] =
        [Rule::default(), sgd(0.9), sgd(0.0)].map(|rule| bytes(rule, cpu));
    let one = 4 * graph.param_count();
    assert_eq!([adamw - momentum, momentum - plain], [one, one]);
}
