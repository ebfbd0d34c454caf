//! A model against tensors of a reference implementation: intermediate maps, assignments, logits,
//! loss, gradients and one optimizer step.
//!
//! Keys of the file: `w.NAME` weights, `in.x` `[B, 3, H, W]`, `in.labels`, `out.logits`, `out.loss`,
//! `tap.MODULE` (channels first), `assign.MODULE` and `assign_canon.MODULE`, `grad.NAME`,
//! `step.NAME`; names are the published ones. What fixtures hold besides (`PASSED_OVER`) is passed
//! over; a tensor under any other name is an error, for nobody compared it.

use super::observe::{Observation, Seen};
use super::published::{Misfit, Plain, Plains, adopt, from_published, plain, publish, read};
use super::{Batch, ExecError, Optimizer, Parameters};
use crate::diag::nearest;
use crate::graph::ops::{AdaptivePool, Update, Windows};
use crate::graph::{Graph, Param, Size};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// Largest errors allowed.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Tolerances {
    /// Maximum absolute error of a map, of the logits and of the loss…
    pub value: f64,
    /// …or beside the largest of the tensor's values, where that is larger: the published `f32` was
    /// measured against its own `f64`, and is 5.2e-7 of it off where maps reach 35 (1.8e-5 there), up to
    /// 6.6e-7 in the other maps above 20, with every choice the same.
    pub value_relative: f64,
    /// Of a gradient, in L2 relative to the tensor's norm…
    pub gradient_relative: f64,
    /// …or absolute, where that is larger.
    pub gradient_absolute: f64,
    /// Maximum absolute error of a parameter after the step.
    pub step: f64,
}

impl Default for Tolerances {
    fn default() -> Tolerances {
        Tolerances {
            value: 2e-5,
            value_relative: 1e-6,
            gradient_relative: 1e-3,
            gradient_absolute: 1e-6,
            step: 1e-6,
        }
    }
}

/// What a tensor of the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    Tap,
    Assign,
    Logits,
    Loss,
    Grad,
    Step,
}

impl Sort {
    const ALL: [Sort; 6] =
        [Sort::Tap, Sort::Assign, Sort::Logits, Sort::Loss, Sort::Grad, Sort::Step];

    /// As keys of the file begin.
    pub fn name(self) -> &'static str {
        match self {
            Sort::Tap => "tap",
            Sort::Assign => "assign",
            Sort::Logits => "logits",
            Sort::Loss => "loss",
            Sort::Grad => "grad",
            Sort::Step => "step",
        }
    }
}

/// One tensor compared.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    pub group: Sort,
    pub name: String,
    /// Of assignments: how many entries differ.
    pub max_abs: f64,
    pub relative_l2: f64,
    pub tolerance: f64,
    pub pass: bool,
    /// That of the model and that in the file, where they differ.
    pub shapes: Option<[Vec<usize>; 2]>,
}

/// The worst of a group.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    pub group: Sort,
    /// Tensors compared; 0: the file has none.
    pub count: usize,
    pub failed: usize,
    /// Tensors of another shape, which have no errors to measure.
    pub misshapen: usize,
    pub max_abs: f64,
    pub relative_l2: f64,
}

/// A tensor of the file that was not compared and should have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stray {
    pub name: String,
    pub why: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub checks: Vec<Check>,
    pub groups: Vec<Group>,
    /// Groups of which the file holds nothing.
    pub absent: Vec<Sort>,
    /// Tensors of the file that were not compared, though they should have been.
    pub unknown: Vec<Stray>,
    /// Tensors of the file that are never compared.
    pub passed_over: Vec<String>,
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
            VerifyError::Weights(misfit) => write!(f, "the weights do not fit the model{misfit}"),
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

/// Compares what an executor shows of the graph, on the file's weights and images, with the file.
pub fn verify(
    graph: &Graph,
    file: &Path,
    tolerances: Tolerances,
    observe: impl FnOnce(&Parameters, &Batch) -> Result<Observation, ExecError>,
) -> Result<Report, VerifyError> {
    let tensors = read(file).map_err(|error| VerifyError::File(error.to_string()))?;
    prefixed(graph, &tensors)?;
    let weights = from_published(graph, &part(&tensors, "w.")).map_err(VerifyError::Weights)?;
    let (images, count) = images(graph, &tensors)?;
    let labels = labels(graph, &tensors, count)?.unwrap_or_default();
    let seen = observe(&weights, &Batch { images, labels, ..Batch::default() })?;
    let mut comparison = Comparison { tolerances, checks: Vec::new(), compared: BTreeSet::new() };
    taps(&seen, &tensors, &mut comparison);
    assignments(&seen, &tensors, &mut comparison);
    outputs(graph, &seen, count, &tensors, &mut comparison);
    step(graph, &weights, &tensors, &mut comparison);
    let unknown = strays(graph, &seen, &tensors, &comparison.compared);
    if comparison.checks.is_empty() && unknown.is_empty() {
        return Err(VerifyError::File(NOTHING.into()));
    }
    let passed_over = tensors.keys().filter(|name| is_passed_over(name)).cloned().collect();
    Ok(comparison.report(unknown, passed_over))
}

const NOTHING: &str = "there is nothing to compare: outputs are `out.logits`, `out.loss`, \
    `tap.MODULE`, `assign.MODULE`, `grad.NAME` and `step.NAME`";

/// What fixtures say of themselves or of what an executor does not show: by its beginning, if that
/// ends in a point.
const PASSED_OVER: [&str; 5] = ["info.", "simval.", "out.logits_f64", "out.loss_f64", "grad.in.x"];

fn is_passed_over(name: &str) -> bool {
    let is = |known: &str| name == known || known.ends_with('.') && name.starts_with(known);
    PASSED_OVER.into_iter().any(is)
}

/// Weights need their prefix: a file of weights alone has none.
fn prefixed(graph: &Graph, tensors: &Plains) -> Result<(), VerifyError> {
    let some = tensors.keys().any(|name| name.starts_with("w."));
    let Some(first) = graph.params.first().filter(|_| !some) else { return Ok(()) };
    let bare = graph.params.iter().find(|param| tensors.contains_key(&param.published));
    let message = match bare {
        Some(Param { published, .. }) => {
            format!("names of weights begin with `w.`: `w.{published}` instead of `{published}`")
        }
        None => format!("it has no weights; their names begin with `w.`: `w.{}`", first.published),
    };
    Err(VerifyError::File(message))
}

/// Names of the file that are looked at for the nearest one, and letters of them: there may be many.
const MOST_NEAREST: usize = 12;
const LONGEST: usize = 200;

/// The tensors that were not compared, and why.
fn strays(
    graph: &Graph,
    seen: &Observation,
    tensors: &Plains,
    compared: &BTreeSet<String>,
) -> Vec<Stray> {
    let known = keys(graph, seen);
    let given = |name: &str| name.starts_with("w.") || name.starts_with("in.");
    let all = tensors.keys().filter(|name| !compared.contains(*name) && !is_passed_over(name));
    let strays = all.filter(|name| !(known.contains(*name) && given(name)));
    let stray = |(i, name): (usize, &String)| {
        let why = match known.contains(name) {
            true => lacking(name, seen, tensors),
            false => nothing(name, known.iter().filter(|_| i < MOST_NEAREST)),
        };
        Stray { name: name.clone(), why }
    };
    strays.enumerate().map(stray).collect()
}

/// All names that mean something.
fn keys(graph: &Graph, seen: &Observation) -> BTreeSet<String> {
    let mut keys: BTreeSet<String> =
        ["in.x", "in.labels", "out.logits", "out.loss"].map(str::to_string).into();
    for param in graph.params.iter() {
        keys.extend(["w", "grad", "step"].map(|group| format!("{group}.{}", param.published)));
    }
    for (module, seen) in &seen.taps {
        match seen {
            Seen::Tensor { .. } => keys.extend([format!("tap.{module}")]),
            Seen::Index { .. } => {
                keys.extend(["assign", "assign_canon"].map(|group| format!("{group}.{module}")));
            }
        }
    }
    keys
}

/// What it would take to compare a tensor of a known name.
fn lacking(name: &str, seen: &Observation, tensors: &Plains) -> String {
    let (group, rest) = name.split_once('.').unwrap_or((name, ""));
    let needed = match group {
        "step" => format!("grad.{rest}"),
        "assign_canon" => format!("assign.{rest}"),
        _ => "in.labels".to_string(),
    };
    match group {
        "step" if tensors.contains_key(&needed) => {
            format!("not compared: `{needed}` has another shape")
        }
        "grad" | "out" if seen.training.is_some() => "not compared".to_string(),
        _ => format!("not compared without `{needed}`"),
    }
}

fn nothing<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> String {
    let near = match name.len() <= LONGEST {
        true => nearest(name, known.map(String::as_str)),
        false => None,
    };
    match near {
        Some(near) => format!("nothing of this name in the model; did you mean `{near}`?"),
        None => "nothing of this name in the model".to_string(),
    }
}

fn taps(seen: &Observation, tensors: &Plains, comparison: &mut Comparison) {
    for (module, expected) in part(tensors, "tap.") {
        let found = named(seen, &module).find_map(|seen| match seen {
            Seen::Tensor { shape, data } => Some(channels_first(shape, data)),
            Seen::Index { .. } => None,
        });
        if let Some(found) = found {
            comparison.values(Sort::Tap, &module, &found, &expected);
            comparison.compared.insert(format!("tap.{module}"));
        }
    }
}

/// Logits, loss and gradients.
fn outputs(
    graph: &Graph,
    seen: &Observation,
    count: usize,
    tensors: &Plains,
    comparison: &mut Comparison,
) {
    if let Some(expected) = tensors.get("out.logits") {
        let found = Plain { shape: vec![count, graph.classes()], data: seen.logits.clone() };
        comparison.values(Sort::Logits, "out.logits", &found, expected);
        comparison.compared.insert("out.logits".into());
    }
    let Some((loss, gradients)) = &seen.training else { return };
    if let Some(expected) = tensors.get("out.loss") {
        let found = Plain { shape: Vec::new(), data: vec![*loss as f32] };
        comparison.values(Sort::Loss, "out.loss", &found, expected);
        comparison.compared.insert("out.loss".into());
    }
    for (param, found) in graph.params.iter().zip(gradients.iter()) {
        let key = format!("grad.{}", param.published);
        if let Some(expected) = tensors.get(&key) {
            comparison.gradient(&param.published, &publish(param, found), expected);
            comparison.compared.insert(key);
        }
    }
}

/// The values seen under a module's name.
fn named<'a>(seen: &'a Observation, module: &'a str) -> impl Iterator<Item = &'a Seen> {
    seen.taps.iter().filter(move |(name, _)| name == module).map(|(_, seen)| seen)
}

/// The tensors whose names begin with `prefix`, without it.
fn part(tensors: &Plains, prefix: &str) -> Plains {
    let found =
        tensors.range(prefix.to_string()..).take_while(|(name, _)| name.starts_with(prefix));
    found.map(|(name, plain)| (name[prefix.len()..].to_string(), plain.clone())).collect()
}

/// The images, channels last, and how many there are.
fn images(graph: &Graph, tensors: &Plains) -> Result<(Vec<f32>, usize), VerifyError> {
    let [h, w] = graph.input_size();
    match tensors.get("in.x") {
        Some(x) if x.shape.len() == 4 && x.shape[0] > 0 && x.shape[1..] == [3, h, w] => {
            let mut images = Vec::with_capacity(x.data.len());
            for image in x.data.chunks_exact(3 * h * w) {
                for pixel in 0..h * w {
                    images.extend((0..3).map(|channel| image[channel * h * w + pixel]));
                }
            }
            Ok((images, x.shape[0]))
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

/// `[B, H, W, C]` as `[B, C, H, W]`; other tensors as they are.
fn channels_first(shape: &[usize], data: &[f32]) -> Plain {
    let &[b, h, w, c] = shape else {
        return Plain { shape: shape.to_vec(), data: data.to_vec() };
    };
    let mut to = Vec::with_capacity(data.len());
    for image in data.chunks_exact((h * w * c).max(1)) {
        for channel in 0..c {
            to.extend(image[channel..].iter().step_by(c));
        }
    }
    Plain { shape: vec![b, c, h, w], data: to }
}

/// Compares every assignment, the canonical one where the file has it.
fn assignments(seen: &Observation, tensors: &Plains, comparison: &mut Comparison) {
    for (module, expected) in part(tensors, "assign.") {
        let found = named(seen, &module).find_map(|seen| match seen {
            Seen::Index { index, map, grid, windows, .. } => Some((index, *map, *grid, *windows)),
            Seen::Tensor { .. } => None,
        });
        let Some((index, map, grid, windows)) = found else { continue };
        let keys = ["assign", "assign_canon"].map(|group| format!("{group}.{module}"));
        comparison.compared.extend(keys);
        let canonical = tensors.get(&format!("assign_canon.{module}"));
        let lowest = canonical.map(|_| canonical_centers(map, grid));
        let center = |&m: &u32| lowest.as_ref().map_or(m, |lowest| lowest[m as usize] as u32);
        let expected = canonical.unwrap_or(&expected);
        let centers: Vec<u32> = index.iter().map(center).collect();
        let data = by_window(&centers, map, grid, windows);
        comparison.indices(&module, &Plain { shape: expected.shape.clone(), data }, expected);
    }
}

/// Centers of every pixel of the map, `[…, N]`, as the published code has them: window after window,
/// counted within the window.
fn by_window(centers: &[u32], map: Size, grid: Size, windows: Windows) -> Vec<f32> {
    let ([height, width], [rows, columns]) = (windows.of(map), windows.of(grid));
    let local = |center: usize| {
        let [row, column] = [center / grid[1], center % grid[1]];
        row % rows * columns + column % columns
    };
    let pixels = |window: usize| {
        let [top, left] = [window / windows.0[1] * height, window % windows.0[1] * width];
        (0..height * width).map(move |i| (top + i / width) * map[1] + left + i % width)
    };
    let count = windows.count() as usize;
    let of_map = |centers: &[u32]| -> Vec<f32> {
        let order = (0..count).flat_map(pixels);
        order.map(|pixel| local(centers[pixel] as usize) as f32).collect()
    };
    centers.chunks_exact((map[0] * map[1]).max(1)).flat_map(of_map).collect()
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

/// The parameters after one step of AdamW, with its defaults, driven by the file's own gradients.
fn step(graph: &Graph, weights: &Parameters, tensors: &Plains, comparison: &mut Comparison) {
    let mut optimizer = Optimizer::new(Update::default(), vec![true; weights.len()], weights);
    let (mut after, mut gradients) = (weights.clone(), weights.zeros());
    let mut stepped = Vec::new();
    for (index, param) in graph.params.iter().enumerate() {
        let stored = |group: &str| tensors.get(&format!("{group}.{}", param.published));
        let (Some(expected), Some(gradient)) = (stored("step"), stored("grad")) else { continue };
        let Ok(gradient) = adopt(param, gradient) else { continue };
        gradients[index].copy_from_slice(&gradient);
        stepped.push((index, expected));
    }
    optimizer.step(&mut after, &mut gradients, RATE);
    for (index, expected) in stepped {
        let param = &graph.params[index];
        comparison.step(&param.published, &publish(param, &after[index]), expected);
        comparison.compared.insert(format!("step.{}", param.published));
    }
}

/// The learning rate of the step.
const RATE: f64 = 1e-3;

struct Comparison {
    tolerances: Tolerances,
    checks: Vec<Check>,
    /// Names of the file.
    compared: BTreeSet<String>,
}

impl Comparison {
    fn values(&mut self, group: Sort, name: &str, found: &Plain, expected: &Plain) {
        let Tolerances { value, value_relative, .. } = self.tolerances;
        let largest = expected.data.iter().fold(0f32, |largest, x| largest.max(x.abs()));
        let tolerance = value.max(value_relative * f64::from(largest));
        self.push(group, name, found, expected, tolerance, |errors| errors.max_abs <= tolerance);
    }

    fn step(&mut self, name: &str, found: &Plain, expected: &Plain) {
        let tolerance = self.tolerances.step;
        self.push(Sort::Step, name, found, expected, tolerance, |errors| {
            errors.max_abs <= tolerance
        });
    }

    fn gradient(&mut self, name: &str, found: &Plain, expected: &Plain) {
        let Tolerances { gradient_relative: relative, gradient_absolute: absolute, .. } =
            self.tolerances;
        self.push(Sort::Grad, name, found, expected, relative, |errors| {
            errors.relative_l2 <= relative || errors.max_abs <= absolute
        });
    }

    fn indices(&mut self, name: &str, found: &Plain, expected: &Plain) {
        let differing = found.data.iter().zip(&expected.data).filter(|(a, b)| a != b).count();
        self.push(Sort::Assign, name, found, expected, 0.0, |errors| errors.max_abs == 0.0);
        if let Some(check) = self.checks.last_mut().filter(|check| check.max_abs.is_finite()) {
            check.max_abs = differing as f64;
        }
    }

    fn push(
        &mut self,
        group: Sort,
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
            shapes: shapes(found, expected),
        });
    }

    fn report(self, unknown: Vec<Stray>, passed_over: Vec<String>) -> Report {
        let groups: Vec<Group> = Sort::ALL
            .iter()
            .map(|&group| {
                let all: Vec<&Check> = self.checks.iter().filter(|c| c.group == group).collect();
                let measured = || all.iter().filter(|check| check.shapes.is_none());
                // Of zeros the absolute error decides.
                let relative = measured().filter(|c| c.relative_l2.is_finite() || !c.pass);
                let relative = relative.map(|c| c.relative_l2).fold(0.0, f64::max);
                Group {
                    group,
                    count: all.len(),
                    failed: all.iter().filter(|check| !check.pass).count(),
                    misshapen: all.iter().filter(|check| check.shapes.is_some()).count(),
                    max_abs: measured().map(|check| check.max_abs).fold(0.0, f64::max),
                    relative_l2: relative,
                }
            })
            .collect();
        let absent = groups.iter().filter(|group| group.count == 0).map(|group| group.group);
        let absent = absent.collect();
        Report { checks: self.checks, groups, absent, unknown, passed_over }
    }
}

/// The shapes of what was found and of what is expected, if there is no comparing them.
fn shapes(found: &Plain, expected: &Plain) -> Option<[Vec<usize>; 2]> {
    match found.data.len() == expected.data.len() {
        _ if plain(&found.shape) != plain(&expected.shape) => {
            Some([found.shape.clone(), expected.shape.clone()])
        }
        true => None,
        // Of assignments only the number is known.
        false => Some([vec![found.data.len()], expected.shape.clone()]),
    }
}

struct Errors {
    max_abs: f64,
    relative_l2: f64,
}

impl Errors {
    /// Infinite where the sizes differ or a number is none; the relative error, of zeros that are not found too.
    fn of(found: &Plain, expected: &Plain) -> Errors {
        let none = Errors { max_abs: f64::INFINITY, relative_l2: f64::INFINITY };
        if shapes(found, expected).is_some() {
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
        let relative_l2 = match error {
            0.0 => 0.0,
            error => (error / norm).sqrt(),
        };
        Errors { max_abs, relative_l2 }
    }
}
