//! Memory before training.

use crate::text::{check_file, root};
use cluec::exec::cpu::Compiled;
use cluec::exec::{AdamW, AdamWConfig, Footprint, Target, Work, init};

/// What is said before is what the compiled model says of itself, and a batch more does not fit.
#[test]
fn the_footprint_is_that_of_the_compiled_model() {
    let text = check_file(&root().join("models/cluenet_cifar.clue")).clean();
    let graph = text.model("cluenet_cifar").graph.as_ref().unwrap();
    let footprint = Footprint::new(graph, Target::Cpu { threads: 3 });
    let parameters = init::initialize(graph, 0);
    let config = AdamWConfig { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.05 };
    let optimizer = AdamW::new(config, vec![true; graph.params.len()], &parameters);
    let trainer = Compiled::trainer(graph, parameters.clone(), optimizer, None, 3);
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
