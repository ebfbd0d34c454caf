//! Where in a training step numbers stop being numbers, in the precision it is computed in.

use super::kernels::narrow::narrow;
use super::lane::Lane;
use super::run::{Node, Run};
use super::scratch;
use super::weights::Weights;
use crate::exec::batch::whole_images;
use crate::exec::{Batch, ExecError, Parameters, StepKey, all_finite, given_not_finite};
use crate::graph::{Graph, Op};
use crate::passes::{Method, Processor};
use crate::plan::{self, Plan};

/// Takes a training step again, forward and backward, its loss times `scale`, and says as a sentence
/// without its end where the first number is that is not finite; none if all are.
pub fn first_not_finite(
    model: &Graph,
    method: Method,
    parameters: &Parameters,
    batch: &Batch,
    scale: f32,
    key: StepKey,
) -> Result<Option<String>, ExecError> {
    if let Some(given) = given_not_finite(model, parameters, &batch.images) {
        return Ok(Some(given));
    }
    let plan = Plan::training_by(model, method, Processor::Cpu);
    let images = whole_images(&plan.graph, &batch.images)?;
    let weights = Weights::new(&plan.graph, parameters.clone(), method.precision, true);
    let mut pixels = batch.images.clone();
    narrow(method.precision, &mut pixels);
    let group = plan::group(&plan, images);
    let mut lane = Lane::with(parameters.zeros());
    lane.reserve([plan.arena * group, scratch(&plan, group)]);
    let mut found = None;
    for first in (0..images).step_by(group) {
        let run = Run::of(&plan, &weights, &pixels, batch.targets(), first, group, key);
        let run = Run { scale, ..run };
        run.group_while(&mut lane, |node, lane| {
            found = of_node(node, lane);
            found.is_none()
        });
        if found.is_some() {
            break;
        }
    }
    Ok(found)
}

/// The first image, counted from one, of which a node has just left something that is not finite.
fn first_image(node: &Node<'_>, lane: &Lane) -> Option<usize> {
    let bad = |numbers: &[f32]| {
        let at = numbers.iter().position(|x| !x.is_finite())?;
        Some(node.first() + at / (numbers.len() / node.count()).max(1) + 1)
    };
    match node.graph().node(node.value).op {
        // A loss may be none though the logits and their gradient are.
        Op::CrossEntropy(_) => bad(&lane.losses[lane.losses.len() - node.count()..]),
        _ => node.stored().find_map(|map| bad(map)),
    }
}

/// What a node has just left that is not finite.
fn of_node(node: &Node<'_>, lane: &Lane) -> Option<String> {
    let graph = node.graph();
    let of = graph.node(node.value);
    if let Some(image) = first_image(node, lane) {
        let scope = of.scope.trim_end_matches(".gradient");
        return Some(match &of.op {
            Op::Gradient(gradient) => {
                let name = gradient.of.name();
                format!(
                    "the gradient through `{scope}` ({name}) is the first, for image {image} of its batch"
                )
            }
            op => {
                format!("`{scope}` ({}) gives the first, for image {image} of its batch", op.name())
            }
        });
    }
    let mut slopes = of.params.iter().filter(|_| matches!(of.op, Op::Gradient(_)));
    let bad = slopes.find(|id| !all_finite(&lane.gradients[id.0 as usize]))?;
    Some(format!("the gradient of `{}` is the first", graph.param(*bad).name))
}
