//! From a plan to a tape: every node reads its inputs from one piece of memory and leaves its results
//! there, at the plan's offsets for the whole batch.

mod backward;
mod forward;

use super::kernels::elementwise;
use super::tape::{Pointer, Precision, Tape};
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
    pub moments: [Pointer; 2],
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
    pub fn new(graph: &Graph, precision: Precision, training: bool, base: Pointer) -> Weights {
        let mut pieces = Pieces::new(base);
        let mut numbers = 0;
        let mut offsets = Vec::with_capacity(graph.params.len());
        for param in graph.params.iter() {
            offsets.push(numbers);
            numbers += param.elements().next_multiple_of(ALIGN / 2);
        }
        let kept = |bytes: usize| if training { bytes } else { 0 };
        let parameters = pieces.take(4 * numbers);
        let copy = match precision {
            Precision::F32 => parameters,
            Precision::Bf16 => pieces.take(2 * numbers),
        };
        Weights {
            parameters,
            copy,
            gradients: pieces.take(kept(4 * numbers)),
            moments: [0; 2].map(|_| pieces.take(kept(4 * numbers))),
            decays: pieces.take(kept(numbers)),
            offsets,
            numbers,
            bytes: pieces.used,
        }
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
    /// `u32`
    pub labels: Pointer,
    /// `f32 [sites, batch]`: what drop path scales an image by.
    pub factors: Pointer,
    /// Three numbers that change from step to step.
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
                Precision::Bf16 => pieces.take(2 * image),
            },
            labels: pieces.take(4 * batch),
            factors: pieces.take(4 * batch * sites(plan).len()),
            step: pieces.take(12),
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

/// What the optimizer does with the gradients, in a plan that trains.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    pub beta1: f32,
    pub beta2: f32,
    pub eps: f32,
}

/// Writes a plan onto a tape, over weights and over memory that begins at `base` (`ALIGN` divides
/// it): the layout says how much. With `rates` a plan's update takes place; without, it leaves the
/// gradients.
pub fn walk(
    plan: &Plan,
    batch: usize,
    precision: Precision,
    weights: &Weights,
    base: Pointer,
    rates: Option<Rates>,
) -> (Layout, Tape) {
    // Once to see how much working memory there has to be, once in earnest.
    let mut scratch = 0;
    loop {
        let layout = Layout::new(plan, batch, precision, base, scratch);
        let (sites, most) = (sites(plan), 0);
        let tape = Tape::new(precision);
        let mut walk = Walk { plan, n: batch, weights, layout, sites, rates, tape, most };
        walk.all();
        if walk.most <= scratch {
            return (walk.layout, walk.tape);
        }
        scratch = walk.most;
    }
}

struct Walk<'a> {
    plan: &'a Plan,
    /// Images of the batch.
    n: usize,
    weights: &'a Weights,
    layout: Layout,
    sites: Vec<(f64, u64)>,
    rates: Option<Rates>,
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
            Op::Labels(_) => self.layout.labels,
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
