//! Where in a step numbers stop being numbers.

use super::assign::Assignment;
use super::run::evaluate_while;
use super::{Mode, Output, variables};
use crate::exec::{ExecError, Parameters, StepKey, all_finite, given_not_finite};
use crate::graph::{Graph, Value};
use candle_core::{DType, Device, Tensor};

/// Takes the forward pass of a training step again, in fp32 and image by image, and says as a
/// sentence without its end where the first number is that is not finite; none if all are.
pub fn first_not_finite(
    graph: &Graph,
    parameters: &Parameters,
    images: &[f32],
    key: StepKey,
) -> Result<Option<String>, ExecError> {
    if let Some(given) = given_not_finite(graph, parameters, images) {
        return Ok(Some(given));
    }
    let [h, w] = graph.input_size();
    let variables = variables(graph, parameters, DType::F32)?;
    let inputs: Vec<Tensor> = variables.iter().map(|v| v.as_detached_tensor()).collect();
    for (image, pixels) in images.chunks(graph.image_numbers()).enumerate() {
        let x = Tensor::from_slice(pixels, (1, h, w, 3), &Device::Cpu)?;
        let mut bad = None;
        let mode = Mode::Training { key, image };
        evaluate_while(graph, &inputs, &[(Value(0), x)], mode, false, |index, output| {
            let whole = match output {
                Output::Tensor(tensor) | Output::Assignment(Assignment::Soft(tensor)) => {
                    is_finite(tensor)?
                }
                Output::Assignment(Assignment::Hard { weight, .. }) => is_finite(weight)?,
                Output::Index(_) | Output::Nothing => true,
            };
            if !whole {
                bad = Some(index);
            }
            Ok(whole)
        })?;
        if let Some(bad) = bad {
            let node = &graph.nodes[bad];
            return Ok(Some(format!(
                "`{}` ({}) gives the first, for image {} of its batch",
                node.scope,
                node.op.name(),
                image + 1
            )));
        }
    }
    Ok(None)
}

fn is_finite(tensor: &Tensor) -> candle_core::Result<bool> {
    Ok(all_finite(&tensor.flatten_all()?.to_vec1::<f32>()?))
}
