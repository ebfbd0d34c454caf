//! A model against tensors of a reference implementation: intermediate maps, assignments, logits,
//! loss, gradients and one optimizer step.
//!
//! Keys of the file: `w.NAME` weights, `in.x` `[B, 3, H, W]`, `in.labels`, `out.logits`, `out.loss`,
//! `tap.MODULE` (channels first), `assign.MODULE` and `assign_canon.MODULE`, `grad.NAME`,
//! `step.NAME`; names are the published ones.

use super::published::{Misfit, Plain, Plains, adopt, from_published, publish, read};
use super::reference::assign::Assignment;
use super::reference::{Mode, Output, cross_entropy_sum, evaluate, variables};
use super::{ExecError, Parameters};
use crate::graph::ops::AdaptivePool;
use crate::graph::{Graph, Size, Type, Value};
use candle_core::{DType, Device, Tensor};
use serde::Serialize;
use std::path::Path;

/// Largest errors allowed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Tolerances {
    /// Maximum absolute error of a map, of the logits and of the loss, relative to the largest
    /// number of the tensor (at least 1).
    pub value: f64,
    /// Of a gradient, in L2 relative to the tensor's norm…
    pub gradient_relative: f64,
    /// …or absolute, where that is larger.
    pub gradient_absolute: f64,
    /// Maximum absolute error of a parameter after the step.
    pub step: f64,
}

impl Default for Tolerances {
    fn default() -> Tolerances {
        Tolerances { value: 1e-4, gradient_relative: 1e-3, gradient_absolute: 1e-6, step: 1e-6 }
    }
}

/// One tensor compared.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// `logits`, `loss`, `tap`, `assign`, `grad` or `step`.
    pub group: &'static str,
    pub name: String,
    /// Of assignments: how many entries differ.
    pub max_abs: f64,
    pub relative_l2: f64,
    pub tolerance: f64,
    pub pass: bool,
}

/// The worst of a group.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    pub group: &'static str,
    /// Tensors compared; 0: the file has none.
    pub count: usize,
    pub failed: usize,
    pub max_abs: f64,
    pub relative_l2: f64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub checks: Vec<Check>,
    pub groups: Vec<Group>,
    /// Groups of which the file holds nothing.
    pub absent: Vec<&'static str>,
    /// Tensors of the file that name nothing in the graph.
    pub unknown: Vec<String>,
}

impl Report {
    /// Everything compared agrees, and everything in the file was compared.
    pub fn pass(&self) -> bool {
        self.unknown.is_empty() && !self.checks.is_empty() && self.checks.iter().all(|c| c.pass)
    }
}

#[derive(Debug)]
pub enum VerifyError {
    /// The file can not be read, or a tensor in it is not what it should be.
    File(String),
    /// Its weights are not those of the graph.
    Weights(Misfit),
    Exec(ExecError),
}

impl std::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            VerifyError::File(message) => f.write_str(message),
            VerifyError::Weights(misfit) => write!(f, "the weights do not fit: {misfit}"),
            VerifyError::Exec(error) => error.fmt(f),
        }
    }
}
impl std::error::Error for VerifyError {}

impl From<ExecError> for VerifyError {
    fn from(error: ExecError) -> VerifyError {
        VerifyError::Exec(error)
    }
}
impl From<candle_core::Error> for VerifyError {
    fn from(error: candle_core::Error) -> VerifyError {
        VerifyError::Exec(error.into())
    }
}

const GROUPS: [&str; 6] = ["tap", "assign", "logits", "loss", "grad", "step"];

/// Runs the graph on the file's weights and images, and compares.
pub fn verify(graph: &Graph, file: &Path, tolerances: Tolerances) -> Result<Report, VerifyError> {
    let tensors = read(file).map_err(VerifyError::File)?;
    let weights = from_published(graph, &part(&tensors, "w.")).map_err(VerifyError::Weights)?;
    let images = images(graph, &tensors)?;
    let labels = labels(graph, &tensors, images.dim(0)?)?;

    let variables = variables(graph, &weights, DType::F32)?;
    let inputs: Vec<Tensor> = variables.iter().map(|v| v.as_tensor().clone()).collect();
    let given = [(Value(0), images)];
    let outputs = evaluate(graph, &inputs, &given, Mode::Evaluation, true)?;
    let Some(output) = &outputs[graph.output.0 as usize] else {
        return Err(ExecError("the graph has no output".into()).into());
    };
    let logits = output.tensor()?;
    let mut comparison = Comparison { tolerances, checks: Vec::new(), unknown: Vec::new() };

    for (module, expected) in part(&tensors, "tap.") {
        match tapped(graph, &outputs, &module) {
            Some(tensor) => comparison.values("tap", &module, &channels_first(tensor)?, &expected),
            None => comparison.unknown.push(format!("tap.{module}")),
        }
    }
    assignments(graph, &outputs, &tensors, &mut comparison)?;
    if let Some(expected) = tensors.get("out.logits") {
        comparison.values("logits", "out.logits", &plain(logits)?, expected);
    }
    if let Some(labels) = labels {
        let loss = (cross_entropy_sum(logits, &labels)? * (1.0 / labels.len() as f64))?;
        if let Some(expected) = tensors.get("out.loss") {
            comparison.values("loss", "out.loss", &plain(&loss)?, expected);
        }
        let store = loss.backward()?;
        for (param, input) in graph.params.iter().zip(&inputs) {
            let Some(expected) = tensors.get(&format!("grad.{}", param.published)) else {
                continue;
            };
            let found = match store.get(input) {
                Some(gradient) => gradient.flatten_all()?.to_vec1::<f32>()?,
                None => vec![0.0; param.elements()],
            };
            comparison.gradient(&param.published, &publish(param, &found), expected);
        }
    }
    step(graph, &weights, &tensors, &mut comparison);
    Ok(comparison.report())
}

/// The tensors whose names begin with `prefix`, without it.
fn part(tensors: &Plains, prefix: &str) -> Plains {
    let found =
        tensors.range(prefix.to_string()..).take_while(|(name, _)| name.starts_with(prefix));
    found.map(|(name, plain)| (name[prefix.len()..].to_string(), plain.clone())).collect()
}

fn images(graph: &Graph, tensors: &Plains) -> Result<Tensor, VerifyError> {
    let [h, w] = graph.input_size();
    match tensors.get("in.x") {
        Some(x) if x.shape.len() == 4 && x.shape[0] > 0 && x.shape[1..] == [3, h, w] => {
            let tensor = Tensor::from_slice(&x.data, x.shape.as_slice(), &Device::Cpu)?;
            Ok(tensor.permute((0, 2, 3, 1))?.contiguous()?)
        }
        Some(x) => {
            let message = format!("`in.x` has shape {:?} instead of [B, 3, {h}, {w}]", x.shape);
            Err(VerifyError::File(message))
        }
        None => Err(VerifyError::File("`in.x` is missing".into())),
    }
}

fn labels(graph: &Graph, tensors: &Plains, batch: usize) -> Result<Option<Vec<u32>>, VerifyError> {
    let Some(labels) = tensors.get("in.labels") else { return Ok(None) };
    let classes = graph.classes() as f32;
    if labels.shape != [batch] || labels.data.iter().any(|l| !(0.0..classes).contains(l)) {
        let message = format!("`in.labels` needs {batch} labels below {classes}");
        return Err(VerifyError::File(message));
    }
    Ok(Some(labels.data.iter().map(|&label| label as u32).collect()))
}

/// The map recorded under a module's name.
fn tapped<'a>(graph: &Graph, outputs: &'a [Option<Output>], module: &str) -> Option<&'a Tensor> {
    let mut taps = graph.taps.iter().filter(|tap| tap.published == module);
    taps.find_map(|tap| outputs[tap.value.0 as usize].as_ref()?.tensor().ok())
}

fn plain(tensor: &Tensor) -> Result<Plain, VerifyError> {
    Ok(Plain { shape: tensor.dims().to_vec(), data: tensor.flatten_all()?.to_vec1()? })
}

fn channels_first(tensor: &Tensor) -> Result<Plain, VerifyError> {
    match tensor.rank() {
        4 => plain(&tensor.permute((0, 3, 1, 2))?.contiguous()?),
        _ => plain(tensor),
    }
}

/// Compares every assignment, the canonical one where the file has it.
fn assignments(
    graph: &Graph,
    outputs: &[Option<Output>],
    tensors: &Plains,
    comparison: &mut Comparison,
) -> Result<(), VerifyError> {
    for (module, expected) in part(tensors, "assign.") {
        let found = graph.taps.iter().filter(|tap| tap.published == module).find_map(|tap| {
            let node = graph.node(tap.value);
            match (outputs[tap.value.0 as usize].as_ref()?, &node.ty) {
                (
                    Output::Assignment(Assignment::Hard { index, .. }),
                    Type::Assignment { map, grid, .. },
                )
                | (Output::Index(index), Type::Index { map, grid }) => Some((index, *map, *grid)),
                _ => None,
            }
        });
        let Some((index, map, grid)) = found else {
            comparison.unknown.push(format!("assign.{module}"));
            continue;
        };
        let index = index.to_dtype(DType::F32)?;
        let mut found = plain(&index)?;
        let expected = match tensors.get(&format!("assign_canon.{module}")) {
            Some(canonical) => {
                let lowest = canonical_centers(map, grid);
                for center in &mut found.data {
                    *center = lowest[*center as usize] as f32;
                }
                canonical.clone()
            }
            None => expected,
        };
        comparison.indices(&module, &found, &expected);
    }
    Ok(())
}

/// For every center, the lowest one whose pooling bin is the same.
fn canonical_centers(map: Size, grid: Size) -> Vec<usize> {
    let lowest = |axis: usize| -> Vec<usize> {
        let bins = AdaptivePool::bins(map[axis], grid[axis]);
        bins.iter().map(|bin| bins.iter().position(|b| b == bin).unwrap_or(0)).collect()
    };
    let (rows, columns) = (lowest(0), lowest(1));
    rows.iter().flat_map(|row| columns.iter().map(move |column| row * grid[1] + column)).collect()
}

/// The parameters after one step of AdamW driven by the file's own gradients.
fn step(graph: &Graph, weights: &Parameters, tensors: &Plains, comparison: &mut Comparison) {
    for (param, weight) in graph.params.iter().zip(&weights.0) {
        let stored = |group: &str| tensors.get(&format!("{group}.{}", param.published));
        let (Some(expected), Some(gradient)) = (stored("step"), stored("grad")) else { continue };
        let Ok(gradient) = adopt(param, gradient) else {
            comparison.unknown.push(format!("grad.{}", param.published));
            continue;
        };
        let after: Vec<f32> =
            weight.iter().zip(&gradient).map(|(&w, &g)| first_adamw(w.into(), g.into())).collect();
        comparison.step(&param.published, &publish(param, &after), expected);
    }
}

/// A parameter after the first step: learning rate 1e-3, epsilon 1e-8, weight decay 0.05. The
/// corrected moments are then the gradient and its square, whatever the betas.
fn first_adamw(weight: f64, gradient: f64) -> f32 {
    (weight * (1.0 - 1e-3 * 0.05) - 1e-3 * gradient / (gradient.abs() + 1e-8)) as f32
}

struct Comparison {
    tolerances: Tolerances,
    checks: Vec<Check>,
    unknown: Vec<String>,
}

impl Comparison {
    fn values(&mut self, group: &'static str, name: &str, found: &Plain, expected: &Plain) {
        let largest = expected.data.iter().fold(1.0f64, |m, &x| m.max(f64::from(x.abs())));
        let tolerance = self.tolerances.value * largest;
        self.push(group, name, found, expected, tolerance, |errors| errors.max_abs <= tolerance);
    }

    fn step(&mut self, name: &str, found: &Plain, expected: &Plain) {
        let tolerance = self.tolerances.step;
        self.push("step", name, found, expected, tolerance, |errors| errors.max_abs <= tolerance);
    }

    fn gradient(&mut self, name: &str, found: &Plain, expected: &Plain) {
        let Tolerances { gradient_relative: relative, gradient_absolute: absolute, .. } =
            self.tolerances;
        self.push("grad", name, found, expected, relative, |errors| {
            errors.relative_l2 <= relative || errors.max_abs <= absolute
        });
    }

    fn indices(&mut self, name: &str, found: &Plain, expected: &Plain) {
        let differing = found.data.iter().zip(&expected.data).filter(|(a, b)| a != b).count();
        self.push("assign", name, found, expected, 0.0, |errors| errors.max_abs == 0.0);
        if let Some(check) = self.checks.last_mut().filter(|check| check.max_abs.is_finite()) {
            check.max_abs = differing as f64;
        }
    }

    fn push(
        &mut self,
        group: &'static str,
        name: &str,
        found: &Plain,
        expected: &Plain,
        tolerance: f64,
        pass: impl Fn(&Errors) -> bool,
    ) {
        let errors = Errors::of(found, expected);
        self.checks.push(Check {
            group,
            name: name.to_string(),
            max_abs: errors.max_abs,
            relative_l2: errors.relative_l2,
            tolerance,
            pass: pass(&errors),
        });
    }

    fn report(self) -> Report {
        let groups: Vec<Group> = GROUPS
            .iter()
            .map(|&group| {
                let all: Vec<&Check> = self.checks.iter().filter(|c| c.group == group).collect();
                let worst = |of: fn(&Check) -> f64| all.iter().map(|&c| of(c)).fold(0.0, f64::max);
                Group {
                    group,
                    count: all.len(),
                    failed: all.iter().filter(|check| !check.pass).count(),
                    max_abs: worst(|check| check.max_abs),
                    relative_l2: worst(|check| check.relative_l2),
                }
            })
            .collect();
        let absent = groups.iter().filter(|group| group.count == 0).map(|group| group.group);
        let absent = absent.collect();
        Report { checks: self.checks, groups, absent, unknown: self.unknown }
    }
}

struct Errors {
    max_abs: f64,
    relative_l2: f64,
}

impl Errors {
    /// Infinite where the sizes differ or a number is none.
    fn of(found: &Plain, expected: &Plain) -> Errors {
        let none = Errors { max_abs: f64::INFINITY, relative_l2: f64::INFINITY };
        let single = found.data.len() == 1 && expected.data.len() == 1;
        if found.shape != expected.shape && !single {
            return none;
        }
        let (mut max_abs, mut error, mut norm) = (0f64, 0f64, 0f64);
        for (&a, &b) in found.data.iter().zip(&expected.data) {
            let difference = f64::from(a) - f64::from(b);
            if !difference.is_finite() {
                return none;
            }
            max_abs = max_abs.max(difference.abs());
            error += difference * difference;
            norm += f64::from(b) * f64::from(b);
        }
        let relative_l2 = error.sqrt() / norm.sqrt().max(f64::MIN_POSITIVE.sqrt());
        Errors { max_abs, relative_l2 }
    }
}
