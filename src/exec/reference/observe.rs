//! Everything the reference shows of a model on one batch.

use super::assign::{Assignment, first_largest};
use super::{Mode, Output, cross_entropy_sum, evaluate, variables};
use crate::exec::batch::whole_images;
use crate::exec::observe::{Observation, Seen};
use crate::exec::{Batch, ExecError, Parameters};
use crate::graph::ops::CrossEntropy;
use crate::graph::{Graph, Type, Value};
use candle_core::{DType, Device, Tensor};

/// Runs `batch` in evaluation mode, and backward if it has labels.
pub fn observe(
    graph: &Graph,
    parameters: &Parameters,
    batch: &Batch,
) -> Result<Observation, ExecError> {
    let [h, w] = graph.input_size();
    let images = whole_images(graph, &batch.images)?;
    let x = Tensor::from_slice(&batch.images, (images, h, w, 3), &Device::Cpu)?;
    let variables = variables(graph, parameters, DType::F32)?;
    let inputs: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let outputs = evaluate(graph, &inputs, &[(Value(0), x)], Mode::Evaluation, true)?;
    let at = |value: Value| outputs[value.0 as usize].as_ref();
    let Some(output) = at(graph.output) else {
        return Err(ExecError("the graph has no output".into()));
    };
    let logits = output.tensor()?;
    let mut taps = Vec::new();
    for tap in &graph.taps {
        let Some(output) = at(tap.value) else { continue };
        let index = |index: &Tensor| index.flatten_all()?.to_vec1::<u32>();
        let windows = graph.windows(tap.value);
        let seen = match (output, &graph.node(tap.value).ty) {
            (Output::Tensor(tensor), _) => Seen::Tensor {
                shape: tensor.dims().to_vec(),
                data: tensor.flatten_all()?.to_vec1()?,
            },
            (
                Output::Assignment(Assignment::Hard { index: found, .. }),
                &Type::Assignment { map, grid, .. },
            )
            | (Output::Index(found), &Type::Index { map, grid }) => {
                Seen::Index { index: index(found)?, images, map, grid, windows }
            }
            (Output::Assignment(Assignment::Soft(shares)), &Type::Assignment { map, grid, .. }) => {
                let index = index(&first_largest(shares)?)?;
                Seen::Index { index, images, map, grid, windows }
            }
            _ => continue,
        };
        taps.push((tap.published.to_string(), seen));
    }
    let mut training = None;
    if !batch.labels.is_empty() {
        batch.check(images, graph.classes(), false)?;
        let loss = cross_entropy_sum(&CrossEntropy::default(), logits, batch.targets())?;
        let loss = (loss * (1.0 / images as f64))?;
        let store = loss.backward()?;
        let gradient = |(param, input): (&crate::graph::Param, &Tensor)| match store.get(input) {
            Some(gradient) => gradient.flatten_all()?.to_vec1::<f32>(),
            None => Ok(vec![0.0; param.elements()]),
        };
        let gradients = graph.params.iter().zip(&inputs).map(gradient);
        let gradients = gradients.collect::<candle_core::Result<Vec<_>>>()?;
        let gradients = gradients.into_iter().collect();
        training = Some((f64::from(loss.to_scalar::<f32>()?), gradients));
    }
    Ok(Observation { taps, logits: logits.flatten_all()?.to_vec1()?, training })
}
