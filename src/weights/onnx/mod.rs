//! A model with its weights as ONNX: normalized images `image` in, `[batch, H, W, 3]` as everywhere
//! here, and `logits` out, `[batch, classes]`; the batch may have any length.
//!
//! Every op of a lowered model has its translation in one function, beside those of its kind.
//! Ops that only passes and training make have none.

mod attend;
mod clusters;
mod heads;
mod maps;
mod norms;
mod proto;
mod windows;
mod writer;

use crate::exec::Parameters;
use crate::exec::published::publish;
use crate::graph::{Graph, Node, Op, ParamId, Size, Type, Value};
use clusters::Assignment;
use heads::Heads;
use prost::Message;
use std::collections::BTreeMap;
use writer::{Name, Writer};

/// The operators of ONNX 1.16: the first with GELU that runtimes still hold to be current.
const OPSET: i64 = 21;
const IR: i64 = 10;

pub const INPUT: &str = "image";
pub const OUTPUT: &str = "logits";

/// A model that ONNX can not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportError(pub String);

impl std::fmt::Display for ExportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for ExportError {}

/// The bytes of an ONNX file. `about` becomes its metadata.
pub fn export(
    graph: &Graph,
    parameters: &Parameters,
    about: &BTreeMap<String, String>,
) -> Result<Vec<u8>, ExportError> {
    let mut walk = Walk { graph, parameters, w: Writer::default(), outputs: Vec::new() };
    for value in graph.values() {
        let output = walk.node(graph.node(value))?;
        walk.outputs.push(output);
    }
    let logits = walk.tensor(graph.output)?;
    let mut w = walk.w;
    w.nodes.push(proto::Node {
        input: vec![logits],
        output: vec![OUTPUT.to_string()],
        name: Some(OUTPUT.to_string()),
        op_type: Some("Identity".to_string()),
        attribute: Vec::new(),
    });
    let [height, width] = graph.input_size();
    let model = proto::Model {
        ir_version: Some(IR),
        producer_name: Some("cluec".into()),
        producer_version: Some(env!("CARGO_PKG_VERSION").into()),
        graph: Some(proto::Graph {
            node: w.nodes,
            name: Some(graph.name.clone()),
            initializer: w.constants,
            input: vec![value_info(INPUT, &[height, width, 3])],
            output: vec![value_info(OUTPUT, &[graph.classes()])],
        }),
        opset_import: vec![proto::OperatorSet {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        metadata_props: about
            .iter()
            .map(|(key, value)| proto::Entry { key: Some(key.clone()), value: Some(value.clone()) })
            .collect(),
    };
    // Above this no reader of protocol buffers goes.
    match model.encoded_len() <= i32::MAX as usize {
        true => Ok(model.encode_to_vec()),
        false => {
            Err(ExportError("a model of more than 2 GiB does not fit into an ONNX file".into()))
        }
    }
}

/// Floats of a shape behind a batch of any length.
fn value_info(name: &str, shape: &[usize]) -> proto::ValueInfo {
    let batch = proto::Dimension { dim_value: None, dim_param: Some("batch".into()) };
    let known = shape
        .iter()
        .map(|&length| proto::Dimension { dim_value: Some(length as i64), dim_param: None });
    let shape = proto::Shape { dim: std::iter::once(batch).chain(known).collect() };
    let tensor = proto::TensorType { elem_type: Some(proto::FLOAT), shape: Some(shape) };
    let ty = Some(proto::Type { tensor_type: Some(tensor) });
    proto::ValueInfo { name: Some(name.to_string()), ty }
}

/// What a node yields.
#[derive(Debug, Clone)]
enum Output {
    Tensor(Name),
    Assignment(Assignment),
    Nothing,
}

struct Walk<'a> {
    graph: &'a Graph,
    parameters: &'a Parameters,
    w: Writer,
    /// Of the nodes so far.
    outputs: Vec<Output>,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node) -> Result<Output, ExportError> {
        self.w.scope = node.scope.to_string();
        let x: Vec<Value> = node.inputs.to_vec();
        let name = match &node.op {
            Op::Input(_) => INPUT.to_string(),
            Op::Coordinates(_) => {
                let (size, channels) = self.map(x[0])?;
                let x = self.tensor(x[0])?;
                maps::coordinates(&mut self.w, size, channels, &x)
            }
            Op::Conv(op) => {
                let (x, [weight, bias]) = (self.tensor(x[0])?, self.params(node, Self::published)?);
                maps::conv(&mut self.w, op, &x, &weight, &bias)
            }
            Op::Depthwise(op) => {
                let (_, channels) = self.map(x[0])?;
                let (x, [weight, bias]) = (self.tensor(x[0])?, self.params(node, Self::published)?);
                maps::depthwise(&mut self.w, op, channels, &x, &weight, &bias)
            }
            Op::Linear(_) => {
                let (x, [weight, bias]) = (self.tensor(x[0])?, self.params(node, Self::own)?);
                let product = self.w.op("MatMul", &[&x, &weight], []);
                self.w.op("Add", &[&product, &bias], [])
            }
            Op::LayerNorm(_) => {
                let (x, [weight, bias]) = (self.tensor(x[0])?, self.params(node, Self::own)?);
                norms::layer_norm(&mut self.w, &x, &weight, &bias)
            }
            Op::GroupNorm(_) => {
                let (x, [weight, bias]) = (self.tensor(x[0])?, self.params(node, Self::own)?);
                norms::group_norm(&mut self.w, &x, &weight, &bias)
            }
            Op::Scale(_) => {
                let (x, [weight]) = (self.tensor(x[0])?, self.params(node, Self::own)?);
                self.w.op("Mul", &[&x, &weight], [])
            }
            Op::Reread(op) => {
                let (size, channels) = self.map(x[0])?;
                let x = self.tensor(x[0])?;
                norms::reread(&mut self.w, op, size, channels, &x)
            }
            Op::Gelu(_) => {
                let x = self.tensor(x[0])?;
                attend::gelu(&mut self.w, &x)
            }
            Op::Add(_) => {
                let (a, b) = (self.tensor(x[0])?, self.tensor(x[1])?);
                self.w.op("Add", &[&a, &b], [])
            }
            Op::Blend(_) => {
                let (a, b) = (self.tensor(x[0])?, self.tensor(x[1])?);
                let sum = self.w.op("Add", &[&a, &b], []);
                let half = self.w.number(0.5);
                self.w.op("Mul", &[&sum, &half], [])
            }
            Op::AdaptivePool(op) => {
                let (size, channels) = self.map(x[0])?;
                let x = self.tensor(x[0])?;
                maps::adaptive_pool(&mut self.w, size, channels, op.grid, &x)
            }
            Op::Attend(op) => {
                let heads = [self.heads(x[0], op.heads)?, self.heads(x[1], op.heads)?];
                let [queries, keys, values] =
                    [self.tensor(x[0])?, self.tensor(x[1])?, self.tensor(x[2])?];
                let temperature = node.params.first().map(|id| self.parameters[id.0 as usize][0]);
                let inputs = [&queries[..], &keys, &values];
                attend::attend(&mut self.w, op, heads, inputs, temperature)
            }
            Op::Gate(op) => {
                let heads = self.heads(x[0], op.heads)?;
                let [soft, local] = [self.tensor(x[0])?, self.tensor(x[1])?];
                let params: [Name; 4] = self.params(node, Self::per_head)?;
                let params = [&params[0][..], &params[1], &params[2], &params[3]];
                attend::gate(&mut self.w, heads, [&soft, &local], params)
            }
            Op::Assign(op) => {
                let heads = [self.heads(x[0], op.heads)?, self.heads(x[1], op.heads)?];
                let [queries, keys] = [self.tensor(x[0])?, self.tensor(x[1])?];
                let [alpha, beta] = self.params(node, Self::own)?;
                let (inputs, scale) = ([&queries[..], &keys], [&alpha[..], &beta]);
                let assignment = clusters::assign(&mut self.w, op, heads, inputs, scale);
                return Ok(Output::Assignment(assignment));
            }
            Op::Dispatch(_) => {
                let (assignment, map, heads) = self.assignment(x[0])?;
                let grid = self.heads(x[1], heads)?;
                let centers = self.tensor(x[1])?;
                let map = Heads { size: map, ..grid };
                clusters::dispatch(&mut self.w, &assignment, [grid, map], &centers)
            }
            Op::Nearest(op) => {
                let (size, channels) = self.map(x[0])?;
                let x = self.tensor(x[0])?;
                let index = clusters::nearest(&mut self.w, op, size, channels, &x);
                return Ok(Output::Assignment(index));
            }
            Op::ClusterMean(op) => {
                let (assignment, _, heads) = self.assignment(x[0])?;
                let (size, channels) = self.map(x[1])?;
                let Some((grid, _)) = node.ty.as_map() else { return Err(self.misplaced(node)) };
                let pooled = self.tensor(x[1])?;
                let centers = match x.get(2) {
                    Some(&centers) => self.tensor(centers)?,
                    None => maps::adaptive_pool(&mut self.w, size, channels, grid, &pooled),
                };
                let heads = [grid, size].map(|size| Heads::new(size, channels, heads));
                let w = &mut self.w;
                clusters::cluster_mean(w, op.weighing, &assignment, heads, &pooled, &centers)
            }
            // Kept for its parameters, which nothing reads.
            Op::Spare(_) => return Ok(Output::Nothing),
            Op::Mean(_) => {
                let x = self.tensor(x[0])?;
                maps::mean(&mut self.w, &x)
            }
            // The identity, outside of training.
            Op::DropPath(_) => self.tensor(x[0])?,
            Op::CoordConv(_)
            | Op::Residual(_)
            | Op::Ffn(_)
            | Op::DispatchLinear(_)
            | Op::Labels(_)
            | Op::CrossEntropy(_)
            | Op::Gradient(_)
            | Op::Part(_)
            | Op::Update(_) => {
                let name = node.op.name();
                return Err(ExportError(format!("`{name}` is not of a model as it is lowered")));
            }
        };
        Ok(Output::Tensor(name))
    }

    fn tensor(&self, value: Value) -> Result<Name, ExportError> {
        match &self.outputs[value.0 as usize] {
            Output::Tensor(name) => Ok(name.clone()),
            _ => Err(self.misplaced(self.graph.node(value))),
        }
    }

    /// With the map of its pixels and its heads.
    fn assignment(&self, value: Value) -> Result<(Assignment, Size, usize), ExportError> {
        let node = self.graph.node(value);
        match (&self.outputs[value.0 as usize], &node.ty) {
            (Output::Assignment(assignment), Type::Assignment { map, heads, .. }) => {
                Ok((assignment.clone(), *map, *heads))
            }
            (Output::Assignment(assignment), Type::Index { map, .. }) => {
                Ok((assignment.clone(), *map, 1))
            }
            _ => Err(self.misplaced(node)),
        }
    }

    fn misplaced(&self, node: &Node) -> ExportError {
        ExportError(format!("`{}` gives something else than what is needed", node.scope))
    }

    /// Size and channels of a map.
    fn map(&self, value: Value) -> Result<(Size, usize), ExportError> {
        let node = self.graph.node(value);
        node.ty.as_map().ok_or_else(|| self.misplaced(node))
    }

    fn heads(&self, value: Value, count: usize) -> Result<Heads, ExportError> {
        let (size, channels) = self.map(value)?;
        Ok(Heads::new(size, channels, count))
    }

    /// The parameters of a node, each as `write` writes it.
    fn params<const N: usize>(
        &mut self,
        node: &Node,
        write: fn(&mut Self, ParamId) -> Name,
    ) -> Result<[Name; N], ExportError> {
        let names: Vec<Name> = node.params.iter().map(|&id| write(self, id)).collect();
        names.try_into().map_err(|_| self.misplaced(node))
    }

    /// As the graph has it.
    fn own(&mut self, id: ParamId) -> Name {
        let param = self.graph.param(id);
        self.w.floats(&param.name, &param.shape, &self.parameters[id.0 as usize])
    }

    /// As the published code has it, which is how ONNX convolves.
    fn published(&mut self, id: ParamId) -> Name {
        let param = self.graph.param(id);
        let plain = publish(param, &self.parameters[id.0 as usize]);
        self.w.floats(&param.name, &plain.shape, &plain.data)
    }

    /// Weights `[heads, in, out]`, biases `[heads, 1, out]`.
    fn per_head(&mut self, id: ParamId) -> Name {
        let param = self.graph.param(id);
        let shape = match param.shape[..] {
            [heads, out] => vec![heads, 1, out],
            _ => param.shape.clone(),
        };
        self.w.floats(&param.name, &shape, &self.parameters[id.0 as usize])
    }
}
