//! From a plan to a tape: every node reads its inputs from one piece of memory and leaves its results
//! there, at the plan's offsets for the whole batch.

mod backward;
mod forward;

use super::kernels::loss::Targets;
use super::kernels::{elementwise, update};
use super::tape::{Pointer, Precision, Tape};
use crate::exec::{Parameters, View};
use crate::graph::ops::{CrossEntropy, Update};
use crate::graph::{Graph, Op, ParamId, Size, Type, Value};
use crate::plan::Plan;

/// What an address is a multiple of, in bytes.
const ALIGN: usize = 256;

/// Where a model's parameters lie, and what training keeps beside them, from one address on: they
/// stay from step to step, whatever the batch.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Arrays of `numbers` `f32`, every parameter at its offset.
    pub parameters: Pointer,
    pub gradients: Pointer,
    /// What the optimizer keeps.
    pub kept: Vec<Pointer>,
    /// The running mean of the parameters, and as products read it; null if there is none.
    pub average: [Pointer; 2],
    /// The gradients of the parts of a batch together; the gradients themselves where it is whole.
    pub sum: Pointer,
    /// The parameters as products read them; the parameters themselves in `f32`.
    pub copy: Pointer,
    /// A byte per number of the parameters.
    pub decays: Pointer,
    /// Where each parameter begins, in numbers, and how many there are with the gaps between.
    pub offsets: Vec<usize>,
    pub numbers: usize,
    /// All of it.
    pub bytes: usize,
}

impl Weights {
    /// `graph` is what runs: where it trains, there is room for that, and where batches are taken in
    /// `parts`, for sums.
    pub fn new(graph: &Graph, precision: Precision, parts: usize, base: Pointer) -> Weights {
        let mut pieces = Pieces::new(base);
        let mut numbers = 0;
        let mut offsets = Vec::with_capacity(graph.params.len());
        for param in graph.params.iter() {
            offsets.push(numbers);
            numbers += param.elements().next_multiple_of(ALIGN / 2);
        }
        let update = graph.update();
        let trained = |bytes: usize| if update.is_some() { bytes } else { 0 };
        let kept = update.map_or(0, |update| update.rule.kept().len());
        let parameters = pieces.take(4 * numbers);
        let copy = match precision {
            Precision::F32 => parameters,
            _ => pieces.take(precision.bytes() * numbers),
        };
        let gradients = pieces.take(trained(4 * numbers));
        let sum = if parts > 1 { pieces.take(trained(4 * numbers)) } else { gradients };
        let average = match update.and_then(|update| update.average) {
            None => [Pointer::NULL; 2],
            Some(_) => {
                let wide = pieces.take(4 * numbers);
                let stored = match precision {
                    Precision::F32 => wide,
                    _ => pieces.take(precision.bytes() * numbers),
                };
                [wide, stored]
            }
        };
        Weights {
            parameters,
            copy,
            gradients,
            sum,
            average,
            kept: (0..kept).map(|_| pieces.take(4 * numbers)).collect(),
            decays: pieces.take(trained(numbers)),
            offsets,
            numbers,
            bytes: pieces.used,
        }
    }

    /// A number for every parameter as one of the arrays holds them.
    pub fn spread(&self, values: &Parameters) -> Vec<f32> {
        let mut all = vec![0f32; self.numbers];
        for (&offset, values) in self.offsets.iter().zip(values.iter()) {
            all[offset..offset + values.len()].copy_from_slice(values);
        }
        all
    }

    /// What one of the arrays holds, by parameter of the graph.
    pub fn gather(&self, graph: &Graph, all: &[f32]) -> Parameters {
        let pairs = self.offsets.iter().zip(graph.params.iter());
        pairs.map(|(&offset, param)| &all[offset..offset + param.elements()]).collect()
    }

    /// What an update moves, with losses of no image.
    fn state(&self, step: Pointer, norm: Pointer) -> update::State {
        let copy = if self.copy == self.parameters { Pointer::NULL } else { self.copy };
        update::State {
            parameters: self.parameters,
            kept: self.kept.clone(),
            average: self.average[0],
            gradients: self.sum,
            copy,
            decays: self.decays,
            step,
            losses: Pointer::NULL,
            images: 0,
            norm,
        }
    }

    /// The same with the running mean in place of the parameters, if there is one.
    pub fn averaged(&self) -> Weights {
        let mut weights = self.clone();
        if self.average[0] != Pointer::NULL {
            [weights.parameters, weights.copy] = self.average;
        }
        weights
    }

    /// Of the parameter `id` within an array of `f32`.
    fn of(&self, array: Pointer, id: ParamId) -> Pointer {
        array.plus(4 * self.offsets[id.0 as usize])
    }
}

/// Where everything else lies that a plan needs for a batch, from one address on.
#[derive(Debug, Clone)]
pub struct Layout {
    /// `f32` images as they come from the host, and as maps are stored.
    pub images: Pointer,
    input: Pointer,
    /// What the images show, where the graph trains; a loss of images that are not mixed takes labels
    /// alone.
    pub targets: Targets,
    /// `i32 [batch, 8]`: what is seen of images that the device holds.
    pub views: Pointer,
    /// `f32 [sites, batch]`: what drop path scales an image by.
    pub factors: Pointer,
    /// Numbers that change from step to step.
    pub step: Pointer,
    /// Two numbers the update leaves: the norm of all gradients, none if it did not take place, and
    /// what they were scaled by.
    pub norm: Pointer,
    /// Places of the plan.
    arena: Pointer,
    scratch: Pointer,
    /// All of it.
    pub bytes: usize,
}

impl Layout {
    /// `scratch` is how many bytes of working memory the largest node needs.
    fn new(
        plan: &Plan,
        batch: usize,
        precision: Precision,
        base: Pointer,
        scratch: usize,
    ) -> Layout {
        let mut pieces = Pieces::new(base);
        let [h, w] = plan.graph.input_size();
        let image = batch * h * w * 3;
        let images = pieces.take(4 * image);
        Layout {
            images,
            input: match precision {
                Precision::F32 => images,
                _ => pieces.take(precision.bytes() * image),
            },
            targets: {
                let loss = plan.graph.loss.map(|loss| &plan.graph.node(loss).op);
                let mixed =
                    matches!(loss, Some(Op::CrossEntropy(CrossEntropy { mixed: true, .. })));
                let labels = pieces.take(4 * batch);
                let mut second = || match mixed {
                    true => pieces.take(4 * batch),
                    false => Pointer::NULL,
                };
                Targets { labels, others: second(), shares: second() }
            },
            views: pieces.take(4 * View::WORDS * batch),
            factors: pieces.take(4 * batch * sites(plan).len()),
            step: pieces.take(4 * update::WORDS),
            norm: pieces.take(8),
            arena: pieces.take(4 * plan.arena * batch),
            scratch: pieces.take(scratch),
            bytes: pieces.used,
        }
    }

    /// Where one result of a value lies, if it has a place in the arena.
    pub fn result(
        &self,
        plan: &Plan,
        batch: usize,
        value: Value,
        result: usize,
    ) -> Option<Pointer> {
        let place = plan.places[value.0 as usize].get(result)?;
        Some(self.arena.plus(4 * place.offset * batch))
    }
}

/// Hands out pieces of memory from one address on.
struct Pieces {
    base: Pointer,
    used: usize,
}

impl Pieces {
    fn new(base: Pointer) -> Pieces {
        Pieces { base, used: 0 }
    }

    fn take(&mut self, bytes: usize) -> Pointer {
        let at = self.base.plus(self.used);
        self.used += bytes.next_multiple_of(ALIGN);
        at
    }
}

/// The drop paths of a plan in order of first use: rate and site.
pub fn sites(plan: &Plan) -> Vec<(f64, u64)> {
    let mut sites: Vec<(f64, u64)> = Vec::new();
    for node in &plan.graph.nodes {
        let op = match &node.op {
            Op::Gradient(gradient) => &gradient.of,
            op => op,
        };
        let found = match op {
            Op::Residual(op) => (op.rate, op.site),
            Op::DropPath(op) => (op.rate, op.site),
            _ => continue,
        };
        if !sites.contains(&found) {
            sites.push(found);
        }
    }
    sites
}

/// What becomes of the gradients that a plan leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// They stay where they are.
    Stay,
    /// They move the parameters.
    Move,
    /// They are those of a part of `whole` images, and are added to those of the parts before.
    Add { whole: usize, first: bool },
}

/// Writes a plan onto a tape, over weights and over memory that begins at `base` (`ALIGN` divides
/// it): the layout says how much. A mark stands behind every node. The plan must have room for numbers
/// of this precision.
pub fn walk(
    plan: &Plan,
    batch: usize,
    precision: Precision,
    weights: &Weights,
    base: Pointer,
    end: End,
) -> (Layout, Tape) {
    assert!(precision.bytes() <= plan.precision.bytes(), "a plan for narrower numbers");
    // Once to see how much working memory there has to be, once in earnest.
    let mut scratch = 0;
    loop {
        let layout = Layout::new(plan, batch, precision, base, scratch);
        let (sites, most) = (sites(plan), 0);
        let tape = Tape::new(precision);
        let mut walk = Walk { plan, n: batch, weights, layout, sites, end, tape, most };
        walk.all();
        if walk.most <= scratch {
            return (walk.layout, walk.tape);
        }
        scratch = walk.most;
    }
}

/// What every node of a plan runs for a batch, or for the first of its parts, over no memory; and how many
/// images these are.
pub fn launches(plan: &Plan, batch: usize, parts: usize) -> (usize, Vec<Tape>) {
    let images = batch.div_ceil(parts.max(1));
    let end = match images == batch {
        true => End::Move,
        false => End::Add { whole: batch, first: true },
    };
    let weights = Weights::new(&plan.graph, plan.precision, parts, Pointer::NULL);
    (images, walk(plan, images, plan.precision, &weights, Pointer::NULL, end).1.cut())
}

/// Where what moves the parameters lies, once all parts of a batch were added.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    /// As in [`Layout`].
    pub step: Pointer,
    pub norm: Pointer,
    pub bytes: usize,
}

/// Writes the update alone onto a tape, along the sum of all parts.
pub fn finish(
    of: Update,
    precision: Precision,
    weights: &Weights,
    base: Pointer,
) -> (Ending, Tape) {
    let kernel = update::Update { n: weights.numbers, of };
    let mut pieces = Pieces::new(base);
    let (step, norm) = (pieces.take(4 * update::WORDS), pieces.take(8));
    let scratch = pieces.take(kernel.scratch());
    let mut tape = Tape::new(precision);
    kernel.step(&mut tape, &weights.state(step, norm), scratch);
    (Ending { step, norm, bytes: pieces.used }, tape)
}

struct Walk<'a> {
    plan: &'a Plan,
    /// Images of the batch.
    n: usize,
    weights: &'a Weights,
    layout: Layout,
    sites: Vec<(f64, u64)>,
    end: End,
    tape: Tape,
    /// Bytes of working memory that were asked for.
    most: usize,
}

impl Walk<'_> {
    fn all(&mut self) {
        let [h, w] = self.plan.graph.input_size();
        if self.layout.input != self.layout.images {
            let Layout { images, input, .. } = self.layout;
            elementwise::narrow(&mut self.tape, images, input, self.n * h * w * 3);
        }
        for value in self.plan.graph.values() {
            match &self.plan.graph.node(value).op {
                Op::Gradient(op) => self.backward(value, op),
                op => self.forward(value, op),
            }
            self.tape.mark();
        }
    }

    /// Working memory for one node.
    fn scratch(&mut self, bytes: usize) -> Pointer {
        self.most = self.most.max(bytes);
        self.layout.scratch
    }

    fn result(&self, value: Value, result: usize) -> Pointer {
        match self.plan.graph.node(value).op {
            Op::Input(_) => self.layout.input,
            Op::Labels(_) => self.layout.targets.labels,
            _ => {
                let at = self.layout.result(self.plan, self.n, value, result);
                at.unwrap_or(Pointer::NULL)
            }
        }
    }

    /// The numbers of input `i`.
    fn x(&self, value: Value, i: usize) -> Pointer {
        self.result(self.plan.graph.node(value).inputs[i], 0)
    }

    fn y(&self, value: Value) -> Pointer {
        self.result(value, 0)
    }

    fn params(&self, value: Value) -> &[ParamId] {
        &self.plan.graph.node(value).params
    }

    /// Parameter `i` of a node, in `f32`.
    fn wide(&self, value: Value, i: usize) -> Pointer {
        self.weights.of(self.weights.parameters, self.params(value)[i])
    }

    /// Parameter `i` of a node, as products read it.
    fn stored(&self, value: Value, i: usize) -> Pointer {
        let offset = self.weights.offsets[self.params(value)[i].0 as usize];
        self.weights.copy.plus(self.tape.precision.bytes() * offset)
    }

    /// The gradient of parameter `i` of a node.
    fn slope(&self, value: Value, i: usize) -> Pointer {
        self.weights.of(self.weights.gradients, self.params(value)[i])
    }

    /// What drop path scales every image by.
    fn factors(&self, rate: f64, site: u64) -> Pointer {
        let index = self.sites.iter().position(|found| *found == (rate, site)).unwrap_or(0);
        self.layout.factors.plus(4 * self.n * index)
    }
}

/// Rows and columns of a map's type, and channels; a vector is one pixel.
fn map(ty: &Type) -> (Size, usize) {
    ty.as_map().unwrap_or(([1, 1], ty.channels().unwrap_or(0)))
}

fn area([rows, columns]: Size) -> usize {
    rows * columns
}
