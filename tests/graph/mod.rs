//! What texts lower to. Every `.clue` file here holds one promise; its snapshots are the graphs.

use crate::text::{check, check_file, check_file_with, root};
use cluec::graph::ops::{Ffn, Update};
use cluec::graph::{Op, Value};
use cluec::passes::{self, Keep, Method, Processor};
use cluec::plan::{Place, Plan};
use insta::{assert_snapshot, glob};

#[test]
fn small_models_lower_as_drawn() {
    glob!("*.clue", |path| {
        let text = check_file(path).clean();
        let graphs: Vec<String> =
            text.program.models.iter().map(|m| m.graph.as_ref().unwrap().to_string()).collect();
        assert_snapshot!(graphs.join("\n"));
    });
}

#[test]
fn the_published_model_for_small_images() {
    let text = check_file(&root().join("models/cluenet_cifar.clue")).clean();
    assert_snapshot!(text.model("cluenet_cifar").graph.as_ref().unwrap());
}

#[test]
fn the_example_for_a_laptop() {
    let text = check_file(&root().join("examples/shapes.clue")).clean();
    assert_snapshot!(text.model("shapes").graph.as_ref().unwrap());
}

/// The training step of a model: its kernels in order, where their results lie, what they move.
#[test]
fn a_training_step_is_planned() {
    let text = check_file(&root().join("tests/graph/one_stage.clue")).clean();
    let graph = text.program.models[0].graph.as_ref().unwrap();
    assert_snapshot!(Plan::training(graph));
    let clip = Update { clip: Some(1.0), ..Update::default() };
    let method = Method { update: clip, ..Method::default() };
    assert_snapshot!(passes::step(graph, method, Processor::Cpu, Keep::Output));
}

/// A hidden map that is kept lies as so many images together left it.
#[test]
fn what_keeps_a_hidden_map_and_what_reads_it_run_over_as_many_images() {
    for file in
        ["models/cluenet_cifar.clue", "models/cluenet_tiny.clue", "models/cluenet_base.clue"]
    {
        let text = check_file(&root().join(file)).clean();
        let plan = Plan::training(text.program.models[0].graph.as_ref().unwrap());
        let images = |node: usize| {
            plan.stretches.iter().find(|stretch| stretch.nodes.contains(&node)).unwrap().images
        };
        let mut read = 0;
        for (reader, node) in plan.graph.nodes.iter().enumerate() {
            let Op::Gradient(gradient) = &node.op else { continue };
            let Op::Ffn(of) = &*gradient.of else { continue };
            if of.keeps {
                let kept = plan.graph.node(node.inputs[1]);
                assert!(matches!(&kept.op, Op::Part(part) if part.index == Ffn::HIDDEN), "{file}");
                assert_eq!(images(reader), images(kept.inputs[0].0 as usize), "{file}");
                read += 1;
            }
        }
        assert!(read > 2, "{file}: {read}");
    }
}

/// No two values that live at once share memory.
#[test]
fn values_that_live_at_once_lie_apart() {
    for file in ["models/cluenet_cifar.clue", "models/cluenet_tiny.clue", "examples/shapes.clue"] {
        let text = check_file(&root().join(file)).clean();
        let plan = Plan::training(text.program.models[0].graph.as_ref().unwrap());
        let mut last = vec![0; plan.graph.nodes.len()];
        for (index, node) in plan.graph.nodes.iter().enumerate() {
            node.inputs.iter().for_each(|input| last[input.0 as usize] = index);
        }
        let mut compared = 0;
        for (early, places) in plan.places.iter().enumerate() {
            for late in early + 1..=last[early] {
                // A sum takes over the memory of a summand that dies, a gradient that of what it is
                // added to; a part is where its tuple is.
                let node = &plan.graph.nodes[late];
                let is = |v: &Value| v.0 as usize == early;
                let takes = match &node.op {
                    Op::Add(_) | Op::Part(_) => node.inputs.iter().any(is),
                    Op::Gradient(gradient) => gradient.onto && node.inputs.last().is_some_and(is),
                    _ => false,
                };
                for (a, b) in
                    places.iter().flat_map(|a| plan.places[late].iter().map(move |b| (a, b)))
                {
                    let apart = a.offset + a.len <= b.offset || b.offset + b.len <= a.offset;
                    assert!(apart || takes, "{file}: %{early} and %{late}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 100, "{compared}");
    }
}

/// Where images take turns, what enters or leaves is apart from all that is written meanwhile: it is
/// there for images that are through, and for those that have not begun.
#[test]
fn what_waits_for_other_images_lies_apart() {
    for (file, sets) in [
        ("models/cluenet_cifar.clue", &[][..]),
        ("models/cluenet_tiny.clue", &[]),
        ("models/cluenet_tiny.clue", &["input=448x448"]),
    ] {
        let text = check_file_with(&root().join(file), sets);
        let plan = Plan::training(text.program.models[0].graph.as_ref().unwrap());
        // Every buffer: its place, the node that begins it and the last one that touches it.
        let mut buffers: Vec<(Place, usize, usize)> = Vec::new();
        let mut results: Vec<Vec<usize>> = Vec::new();
        for (index, node) in plan.graph.nodes.iter().enumerate() {
            let of = |input: &Value| &results[input.0 as usize];
            let read: Vec<usize> = match &node.op {
                Op::Part(part) => vec![of(&node.inputs[0])[part.index]],
                _ => node.inputs.iter().flat_map(of).copied().collect(),
            };
            read.iter().for_each(|&buffer| buffers[buffer].2 = index);
            // A part is where its tuple is; a sum may take over what it reads.
            let takes = match &node.op {
                Op::Add(_) | Op::Part(_) => true,
                Op::Gradient(gradient) => gradient.onto,
                _ => false,
            };
            let places = plan.places[index].iter().map(|&place| {
                let taken = read.iter().copied().find(|&of| takes && buffers[of].0 == place);
                taken.unwrap_or_else(|| {
                    buffers.push((place, index, index));
                    buffers.len() - 1
                })
            });
            results.push(places.collect());
        }
        let mut compared = 0;
        for stretch in plan.stretches.iter().filter(|stretch| stretch.images < 8) {
            let inside = &stretch.nodes;
            let enters = |first, last| first < inside.start && last >= inside.start;
            let leaves = |first, last| inside.contains(&first) && last >= inside.end;
            for (a, &(waits, first, last)) in buffers.iter().enumerate() {
                if !enters(first, last) && !leaves(first, last) {
                    continue;
                }
                for (b, &(written, begins, _)) in buffers.iter().enumerate() {
                    if a != b && inside.contains(&begins) {
                        let apart = waits.offset + waits.len <= written.offset
                            || written.offset + written.len <= waits.offset;
                        assert!(apart, "{file}: what %{first} and %{begins} write");
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 1000, "{file}: {compared}");
    }
}

/// A model printed in full needs no other item, and is the same model.
#[test]
fn a_printed_model_is_the_same_model() {
    let mut printed = 0;
    for folder in ["models", "examples", "tests/graph", "tests/verify"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "clue") {
                continue;
            }
            let text = check_file(&path);
            for model in &text.program.models {
                let again = check(&model.text());
                assert_eq!(again.hash(&model.name), text.hash(&model.name), "{}", model.text());
                assert_eq!(again.model(&model.name).text(), model.text());
                assert_eq!(again.model(&model.name).recipe.is_some(), model.recipe.is_some());
                printed += 1;
            }
        }
    }
    assert!(printed >= 19, "{printed}");
}

/// Of a label with each escape, as well.
#[test]
fn a_printed_label_is_the_same_label() {
    let file = root().join("examples/shapes.clue");
    let text = std::fs::read_to_string(file).unwrap()
        + r#"model b "a\nb\tc\"d\\e" from shapes { drop_path 1% }"#;
    let said = check(&text);
    let label = said.model("b").label.as_deref();
    assert_eq!(label, Some("a\nb\tc\"d\\e"));
    assert_eq!(check(&said.model("b").text()).model("b").label.as_deref(), label);
}

#[test]
fn a_graph_knows_the_text_that_asked_for_a_node() {
    let text = check_file(&root().join("examples/shapes.clue")).clean();
    let graph = text.model("shapes").graph.as_ref().unwrap();
    let said = |scope: &str| {
        let index = graph.nodes.iter().position(|node| *node.scope == *scope).unwrap();
        let span = graph.span(cluec::graph::Value(index as u32)).unwrap();
        text.sources.slice(span).to_string()
    };
    assert_eq!(said("input"), "32x32");
    assert_eq!(said("stage2.pool.skip"), "icp");
    assert_eq!(said("stage1.block1.ffn.depthwise"), "3x3");
    assert_eq!(said("stage3.block1.mixer.assign"), "cluster");
}

/// Spans, comments, layout and the name of a model do not enter its hash; what it computes does.
#[test]
fn the_hash_is_of_what_a_model_computes() {
    let one = "model a { input 8x8; classes 3; embed patches { kernel 1x1; stride 1 }; stages 1\n\
               blocks 1; width 8; mixer off; ffn mlp { ratio 2 }; head mean }";
    let other = "/// Another.\nmodel b \"B\" {\n  // order means nothing\n  head mean\n  ffn mlp\n  \
                 ffn.ratio 2\n  mixer off\n  width 8\n  blocks 1\n  stages 1\n  drop_path 0\n  \
                 embed patches { stride 1; kernel 1x1 }\n  classes 3\n  input 8x8\n}";
    let wider = one.replace("ratio 2", "ratio 3");
    let hash = |text: &str, name: &str| check(text).clean().hash(name);
    assert_eq!(hash(one, "a"), hash(other, "b"));
    assert_ne!(hash(one, "a"), hash(&wider, "a"));
}

/// Every switch of the cluster mixer is another graph; the snapshot shows the mixer alone.
#[test]
fn every_switch_of_the_mixer() {
    let cases = [
        "",
        "refine cosine { start 1; floor 0.5 }",
        "refine dot",
        "refine off; fuse off",
        "fuse fixed",
        "fuse off",
        "query joint",
        "query pooled",
        "query centers",
        "assign soft",
        "dispatch private",
        "windows 2x1",
        "key own",
        "refine dot { steps 2 }",
        "query refined",
        "regroup weighted",
        "regroup mean",
        "regroup mixed",
        "refine off; fuse off; query centers; spare on",
        "fuse off; query refined; layout raw; windows 2x2; key own; regroup mixed; spare on",
    ];
    let mut drawn = String::new();
    let mut hashes = std::collections::BTreeSet::new();
    for case in cases {
        let text = check(&format!(
            "model m {{ input 8x8; classes 3; embed patches {{ kernel 1x1; stride 1 }}; stages 1\n\
             blocks 2; width 8; mixer cluster {{ grid 2x2; heads 2; head_width 4; {case} }}\n\
             ffn off; head mean }}"
        ))
        .clean_but_frozen();
        assert!(hashes.insert(text.hash("m")), "`{case}` changes nothing");
        let graph = text.model("m").graph.as_ref().unwrap().to_string();
        let mixer = graph.lines().skip_while(|line| !line.contains(".mixer."));
        let mixer: Vec<&str> = mixer.take_while(|line| !line.contains("mixer_add")).collect();
        drawn.push_str(&format!("// {case}\n{}\n\n", mixer.join("\n")));
    }
    assert_snapshot!(drawn);
}
