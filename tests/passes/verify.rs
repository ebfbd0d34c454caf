//! What no graph may be: a pass that builds it is found in every debug build.

use crate::text::check_file;
use cluec::graph::{Edit, Op};
use cluec::passes::{self, Keep, Method, Processor};

#[test]
fn a_parameter_has_one_gradient() {
    let text = check_file(&crate::text::root().join("tests/graph/one_stage.clue")).clean();
    let graph = text.program.models[0].graph.as_ref().unwrap();
    let step = passes::step(graph, Method::default(), Processor::Cpu, Keep::Output);
    assert_eq!(step.verify(), Ok(()));
    let slopes =
        |node: &&cluec::graph::Node| matches!(node.op, Op::Gradient(_)) && !node.params.is_empty();
    let node = step.nodes.iter().find(slopes).unwrap().clone();
    let mut edit = Edit::extend(&step);
    edit.push(node.op, node.inputs, node.params, "twice".into(), None);
    let wrong = edit.finish().verify().unwrap_err();
    assert!(wrong.contains("is another gradient of parameter "), "{wrong}");
}
