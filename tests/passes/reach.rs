//! Parameters that can never receive a gradient are found before training, with what blocks it.

use crate::text::{check_file, root};
use cluec::diag::render::{Look, report_as};
use cluec::diag::{Sources, Span};
use cluec::graph::ops::{
    Add, ClusterMean, Form, Gelu, Input, Linear, Mean, Nearest, Weighing, Windows,
};
use cluec::graph::{Builder, Graph};
use cluec::passes::{self, End};
use insta::assert_snapshot;

const TEXT: &str = "pool similar { compare linear; choose nearest }\nspare linear\n";

/// A pool that compares pixels by a projection of their own, whose only reader chooses; and a
/// projection that nothing reads.
fn graph(sources: &mut Sources) -> Graph {
    let source = sources.add("pool.clue", TEXT);
    let at = |word: &str| {
        let start = TEXT.find(word).unwrap();
        Span::new(source, start, start + word.len())
    };
    let nearest = Nearest { grid: [4, 4], windows: Windows::WHOLE };
    let mean = ClusterMean { weighing: Weighing::Mean };
    let linear = |out| Linear { out, form: Form::Conv1x1 };
    let mut b = Builder::new();
    let x = b.push("input", "", Input { size: [8, 8] }, &[]);
    let features = b.push("features", "", linear(16), &[x]);
    let nearest = b.at(at("linear"), |b| {
        let hidden = b.push("similarity1", "", linear(16), &[x]);
        let active = b.push("gelu", "", Gelu, &[hidden]);
        let similarity = b.push("similarity2", "", linear(16), &[active]);
        b.at(at("nearest"), |b| b.push("nearest", "", nearest, &[similarity]))
    });
    let pooled = b.push("mean", "", mean, &[nearest, features]);
    b.at(at("spare"), |b| b.push("spare", "", linear(1), &[x]));
    let sum = b.push("sum", "", Add, &[pooled, pooled]);
    let out = b.push("out", "", Mean, &[sum]);
    let (graph, diags) = b.finish("similar", out);
    assert!(!diags.has_errors());
    graph
}

#[test]
fn one_warning_for_each_cause() {
    let mut sources = Sources::default();
    let graph = graph(&mut sources);
    let warnings = passes::warnings(&graph);
    let reports: Vec<String> =
        warnings.iter().map(|d| report_as(d, &sources, Look::PLAIN)).collect();
    assert_snapshot!(reports.join("\n"));
}

#[test]
fn what_is_unreached_is_what_gets_no_gradient() {
    let graph = graph(&mut Sources::default());
    let groups = passes::unreached(&graph);
    let names = |index: usize| -> Vec<&str> {
        groups[index].params.iter().map(|&id| graph.param(id).name.as_str()).collect()
    };
    assert_eq!(
        names(0),
        ["similarity1.weight", "similarity1.bias", "similarity2.weight", "similarity2.bias"]
    );
    assert_eq!(names(1), ["spare.weight", "spare.bias"]);
    assert!(matches!(
        groups[0].ends[..],
        [End::Blocked(_, "which center is nearest has no slope"), ..]
    ));
    assert!(matches!(groups[1].ends[..], [End::Unread(_)]));
    // A training step has gradients of all others, and of these none.
    let step = passes::step(
        &graph,
        passes::Method::default(),
        passes::Processor::Cpu,
        passes::Keep::Output,
    );
    let trained: Vec<&str> = step
        .nodes
        .iter()
        .filter(|node| node.op.name() == "gradient")
        .flat_map(|node| &node.params)
        .map(|&id| step.param(id).name.as_str())
        .collect();
    assert_eq!(trained, ["features.weight", "features.bias"]);
}

/// The flaw of FEC that the CLUENet paper repairs, and a layer of ClusterFormer that is counted and
/// never read.
#[test]
fn published_models_say_what_never_learns() {
    for (name, numbers, cause) in [
        ("fec_small", "77_892", "`nearest` gives none to what it reads"),
        ("clusterformer_mini", "8_400", "nothing reads what they give"),
    ] {
        let text = check_file(&root().join(format!("models/{name}.clue")));
        assert_eq!(text.codes(), ["W0502"], "{name}");
        let message = &text.diags.0[0].message;
        assert!(message.contains(numbers) && message.contains(cause), "{message}");
    }
}

#[test]
fn every_parameter_of_cluenet_learns() {
    for name in ["cluenet_cifar", "cluenet_micro", "cluenet_tiny", "cluenet_small", "cluenet_base"]
    {
        let text = check_file(&root().join(format!("models/{name}.clue"))).clean();
        for model in &text.program.models {
            assert_eq!(passes::unreached(model.graph.as_ref().unwrap()), []);
        }
    }
}
