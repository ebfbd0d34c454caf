//! Walks a plan for one group of images: every node reads its inputs from the arena and leaves its
//! results there.

use super::kernels::narrow::narrow;
use super::kernels::simd::in_precision;
use super::lane::{Arena, Lane};
use super::weights::Weights;
use super::{backward, forward};
use crate::exec::{StepKey, Targets};
use crate::graph::{Choice, Graph, Op, ParamId, Precision, Size, Type, Value};
use crate::plan::{Place, Plan};
use std::time::Instant;

/// A group and what it runs with.
pub struct Run<'a> {
    pub plan: &'a Plan,
    pub weights: &'a Weights,
    /// Of the group.
    pub images: &'a [f32],
    /// Of the group; nothing in evaluation.
    pub targets: Targets<'a>,
    /// How many images there are in the group, and in the whole batch.
    pub count: usize,
    pub batch: usize,
    /// Position of the group's first image in the batch.
    pub first: usize,
    /// Keys what is random.
    pub key: StepKey,
    /// What the loss is multiplied by.
    pub scale: f32,
}

impl<'a> Run<'a> {
    /// The group of at most `most` images that begins at image `first` of a batch; there are no
    /// `targets` in evaluation.
    pub fn of(
        plan: &'a Plan,
        weights: &'a Weights,
        images: &'a [f32],
        targets: Targets<'a>,
        first: usize,
        most: usize,
        key: StepKey,
    ) -> Run<'a> {
        let size = plan.graph.image_numbers();
        let batch = images.len() / size;
        let count = most.min(batch - first);
        let targets = match targets.labels {
            [] => targets,
            _ => targets.part(first..first + count),
        };
        let images = &images[first * size..(first + count) * size];
        Run { plan, weights, images, targets, count, batch, first, key, scale: 1.0 }
    }

    /// Runs every node; parameters' gradients are added to the lane's.
    pub fn group(&self, lane: &mut Lane) {
        self.group_while(lane, |_, _| true);
    }

    /// The same for as long as `on` says so, which sees every node after it ran.
    pub fn group_while(&self, lane: &mut Lane, on: impl FnMut(&Node<'_>, &Lane) -> bool) {
        in_precision(self.weights.precision, || self.walk(lane, on));
    }

    fn walk(&self, lane: &mut Lane, mut on: impl FnMut(&Node<'_>, &Lane) -> bool) {
        lane.losses.clear();
        for stretch in &self.plan.stretches {
            // Of like size: a last one of a single small image would be slow.
            let calls = self.count.div_ceil(stretch.images).max(1);
            let most = self.count.div_ceil(calls);
            for first in (0..self.count).step_by(most) {
                let count = most.min(self.count - first);
                for index in stretch.nodes.clone() {
                    let node = self.node(Value(index as u32), first, count, lane);
                    if !on(&node, lane) {
                        return;
                    }
                }
            }
        }
    }

    /// Runs one node for `count` images of the group.
    fn node(&'a self, value: Value, first: usize, count: usize, lane: &mut Lane) -> Node<'a> {
        let arena = lane.arena(self.count).images(first, count);
        let node = Node { run: self, arena, value, first, count };
        let start = lane.profile.is_some().then(Instant::now);
        match &self.plan.graph.node(value).op {
            Op::Gradient(op) => {
                // A parameter's gradients come from one node: just before, they begin as zeros.
                for id in node.params().iter().filter(|_| first == 0) {
                    lane.gradients[id.0 as usize].fill(0.0);
                }
                backward::run(&node, op, lane);
            }
            op => forward::run(&node, op, lane),
        }
        if self.weights.precision != Precision::F32 {
            node.stored().for_each(|map| narrow(self.weights.precision, map));
        }
        if let (Some(start), Some(profile)) = (start, &mut lane.profile) {
            profile.add(self.plan, value, count, size_of::<f32>(), 1, start.elapsed());
        }
        node
    }

    /// The logits of the group, once it has run.
    pub fn logits<'l>(&self, lane: &'l mut Lane) -> &'l [f32] {
        let arena = lane.arena(self.count);
        match self.plan.place(self.plan.graph.output) {
            // SAFETY: nothing runs.
            Some(place) => unsafe { arena.read(place) },
            None => &[],
        }
    }
}

/// One node, for some images of a group.
pub struct Node<'a> {
    pub run: &'a Run<'a>,
    arena: Arena,
    pub value: Value,
    /// Which images of the group.
    first: usize,
    count: usize,
}

impl<'a> Node<'a> {
    pub fn graph(&self) -> &'a Graph {
        &self.run.plan.graph
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Position of the first image in the batch.
    pub fn first(&self) -> usize {
        self.run.first + self.first
    }

    pub fn targets(&self) -> Targets<'a> {
        self.run.targets.part(self.first..self.first + self.count)
    }

    pub fn inputs(&self) -> &'a [Value] {
        &self.graph().node(self.value).inputs
    }

    pub fn params(&self) -> &'a [ParamId] {
        &self.graph().node(self.value).params
    }

    pub fn param(&self, i: usize) -> &'a [f32] {
        self.run.weights.value(self.params()[i])
    }

    /// Numbers of a value: the images, or what lies in the arena.
    pub fn read(&self, value: Value) -> &'a [f32] {
        match self.graph().node(value).op {
            Op::Input(_) => {
                let size = self.run.images.len() / self.run.count;
                &self.run.images[self.first * size..][..self.count * size]
            }
            _ => self.read_at(value, 0),
        }
    }

    /// One of several results of a value.
    pub fn read_at(&self, value: Value, result: usize) -> &'a [f32] {
        let place = self.run.plan.places[value.0 as usize][result];
        // SAFETY: the value is an input of this node, and the plan keeps it apart from the results.
        unsafe { self.arena.read(place) }
    }

    pub fn read_index(&self, value: Value) -> &'a [u32] {
        bytemuck::cast_slice(self.read_at(value, 0))
    }

    /// The numbers of input `i`.
    pub fn x(&self, i: usize) -> &'a [f32] {
        self.read(self.inputs()[i])
    }

    /// One of the node's results.
    pub fn y(&self, result: usize) -> &'a mut [f32] {
        let place = self.run.plan.places[self.value.0 as usize][result];
        // SAFETY: the plan keeps results apart from inputs, except where `shares` says otherwise.
        unsafe { self.arena.write(place) }
    }

    /// Its results that are maps: those that are stored as the precision says.
    pub fn stored(&self) -> impl Iterator<Item = &'a mut [f32]> {
        let (places, node) =
            (&self.run.plan.places[self.value.0 as usize], self.graph().node(self.value));
        let maps = match (&node.op, &node.ty) {
            // Computed elsewhere, or nowhere; the loss.
            (Op::Input(_) | Op::Labels(_) | Op::Part(_) | Op::Spare(_) | Op::Update(_), _) => 0,
            (Op::CrossEntropy(_), _) => 0,
            // The hidden map stays as the forward pass used it.
            (Op::Ffn(_), _) => 1,
            (_, Type::Tuple(results)) => results.len(),
            // Attention leaves its normalizers as well.
            (_, Type::Tensor(_) | Type::Assignment { choice: Choice::Soft, .. }) => 1,
            _ => 0,
        };
        let arena = self.arena;
        // SAFETY: nothing runs but this node.
        places.iter().take(maps).map(move |&place: &Place| unsafe { arena.write(place) })
    }

    pub fn y_index(&self) -> &'a mut [u32] {
        bytemuck::cast_slice_mut(self.y(0))
    }

    /// Whether the result lies where an input does: then it may be read through the result only.
    pub fn shares(&self, input: Value) -> bool {
        let places = |value: Value| self.run.plan.place(value).map(|place| place.offset);
        !matches!(self.graph().node(input).op, Op::Input(_)) && places(input) == places(self.value)
    }
}

/// Rows and columns of a map's type; a vector is one pixel.
pub fn map(ty: &Type) -> (Size, usize) {
    ty.as_map().unwrap_or(([1, 1], ty.channels().unwrap_or(0)))
}

/// Pixels of an image and channels of a pixel.
pub fn rows(ty: &Type) -> (usize, usize) {
    let ([h, w], channels) = map(ty);
    (h * w, channels)
}
