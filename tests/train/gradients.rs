//! Which parameters get a gradient: what is known before the first step is what the step shows.

use crate::text::root;
use cluec::diag::Sources;
use cluec::exec::init::initialize;
use cluec::exec::random::{Random, Site};
use cluec::exec::reference::Reference;
use cluec::exec::{Batch, StepKey};
use cluec::graph::Graph;
use cluec::passes::learns;

/// A model of each family for small and for large images, and how many of its numbers never get a
/// gradient: the similarity projections of FEC's pools, a layer of ClusterFormer that nothing reads.
const MODELS: [(&str, usize); 8] = [
    ("cluenet_cifar", 0),
    ("cluenet_tiny", 0),
    ("coc_cifar", 0),
    ("coc_tiny", 0),
    ("fec_cifar", 53_728),
    ("fec_small", 77_892),
    ("clusterformer_cifar", 0),
    ("clusterformer_mini", 8_400),
];

/// Small maps, on which the last stage still has more than one pixel; no branch left out.
fn graph(name: &str) -> Graph {
    let mut sets = vec!["drop_path=0".into()];
    if !name.ends_with("cifar") {
        sets.push("input=64x64".into());
    }
    let file = root().join(format!("models/{name}.clue"));
    let (program, diags) = cluec::compile(&mut Sources::default(), &file.to_string_lossy(), &sets);
    assert!(!diags.has_errors(), "{name}: {diags:?}");
    program.models.into_iter().next().unwrap().graph.unwrap()
}

fn without(graph: &Graph) -> usize {
    let params = graph.params.iter().zip(learns(graph));
    params.filter(|(_, learns)| !learns).map(|(param, _)| param.elements()).sum()
}

#[test]
fn the_first_step_shows_the_gradients_that_were_told() {
    for (name, expected) in MODELS {
        let graph = graph(name);
        assert_eq!(without(&graph), expected, "{name}");
        let [h, w] = graph.input_size();
        let mut random = Random::named(1, "images", Site::Other);
        let images = (0..2 * h * w * 3).map(|_| random.normal() as f32).collect();
        let batch = Batch { images, labels: vec![3, 70], ..Batch::default() };
        let parameters = initialize(&graph, 1);
        let key = StepKey { seed: 1, step: 0 };
        let executor = Reference::new(graph.clone(), 2).unwrap();
        let result = executor.gradients(&parameters, &batch, key).unwrap();
        let gradients = result.gradients.iter().zip(learns(&graph));
        for (param, (gradient, learns)) in graph.params.iter().zip(gradients) {
            assert!(gradient.iter().all(|g| g.is_finite()), "{name}: {}", param.name);
            let moved = gradient.iter().any(|&g| g != 0.0);
            assert_eq!(moved, learns, "{name}: {}", param.name);
        }
    }
}

/// The larger sizes say the same, without a step.
#[test]
fn every_size_says_which_gradients_end() {
    for (name, expected) in [
        ("cluenet_base", 0),
        ("coc_medium", 0),
        ("clusterformer_adj", 12_672),
        ("clusterformer_tiny", 12_672),
    ] {
        assert_eq!(without(&graph(name)), expected, "{name}");
    }
}
