//! Every pixel finds its center among those of its window. Indices count centers in the whole grid;
//! a soft assignment has nothing of the centers of other windows.

use super::super::assign::{Assign, Gradients, Inputs};
use super::super::meeting::Chosen;
use super::super::tile::Lent;
use super::{Layout, Numbers, Windowed};
use crate::graph::Choice;

/// One image, window after window.
struct Parted<'a> {
    map: Layout,
    grid: Layout,
    queries: &'a mut [f32],
    keys: &'a mut [f32],
    dqueries: &'a mut [f32],
    dkeys: &'a mut [f32],
    /// Of a pixel and head: its center, the weight, and the weight's gradient; of soft assignments
    /// the last two have a number for every center of the window.
    index: &'a mut [u32],
    weight: &'a mut [f32],
    dweight: &'a mut [f32],
    /// The kernel's own.
    scratch: &'a mut [f32],
}

impl Windowed<Assign> {
    /// For the forward pass of a choice.
    pub fn scratch(&self, choice: Choice) -> usize {
        self.needed(choice, false) + self.kernel.scratch()
    }

    /// For its backward pass.
    pub fn backward_scratch(&self, choice: Choice) -> usize {
        self.needed(choice, true) + self.kernel.backward_scratch()
    }

    fn needed(&self, choice: Choice, backward: bool) -> usize {
        if self.whole() { 0 } else { Lent::needed(&self.parts(choice, backward)) }
    }

    /// In the order of [`Parted`].
    fn parts(&self, choice: Choice, backward: bool) -> [usize; 7] {
        let Assign { map, grid, channels, heads } = self.kernel;
        let [m, n] = [grid, map].map(|size| self.layout(size).pixels());
        let [index, weights] = match choice {
            Choice::Hard => [n * heads; 2],
            Choice::Soft => [0, n * heads * m / self.count()],
        };
        let backward = |part: usize| if backward { part } else { 0 };
        let [queries, keys, dweights] = [m * channels, n * channels, weights].map(backward);
        [m * channels, n * channels, queries, keys, index, weights, dweights]
    }

    fn parted<'a>(&self, choice: Choice, backward: bool, scratch: &'a mut [f32]) -> Parted<'a> {
        let mut lent = Lent::new(scratch);
        let [queries, keys, dqueries, dkeys, index, weight, dweight] =
            self.parts(choice, backward).map(|part| lent.take(part));
        let index = bytemuck::cast_slice_mut(index);
        let [map, grid] = [self.kernel.map, self.kernel.grid].map(|size| self.layout(size));
        let scratch = lent.into_rest();
        Parted { map, grid, queries, keys, dqueries, dkeys, index, weight, dweight, scratch }
    }

    /// The inputs of one image.
    fn inputs<'a>(
        &self,
        parted: (&'a mut [f32], &'a mut [f32]),
        inputs: Inputs,
        image: usize,
    ) -> Inputs<'a> {
        let c = self.kernel.channels;
        let (queries, keys) = parted;
        let [map, grid] = [self.kernel.map, self.kernel.grid].map(|size| self.layout(size));
        grid.part(c, &inputs.queries[image * queries.len()..], queries);
        map.part(c, &inputs.keys[image * keys.len()..], keys);
        Inputs { queries, keys, ..inputs }
    }

    pub fn hard_forward(
        &self,
        images: usize,
        inputs: Inputs,
        index: &mut [u32],
        weight: &mut [f32],
        scratch: &mut [f32],
    ) {
        if self.whole() {
            return self.kernel.hard_forward(images, inputs, index, weight, scratch);
        }
        let (heads, count) = (self.kernel.heads, self.count());
        let p = self.parted(Choice::Hard, false, scratch);
        let (numbers, chosen) = (Numbers::new(p.grid), p.map.pixels() * heads);
        assert_eq!([index.len(), weight.len()], [images * chosen; 2]);
        let each = index.chunks_exact_mut(chosen).zip(weight.chunks_exact_mut(chosen));
        for (image, (index, weight)) in each.enumerate() {
            let inputs = self.inputs((&mut *p.queries, &mut *p.keys), inputs, image);
            self.kernel.hard_forward(count, inputs, p.index, p.weight, p.scratch);
            numbers.count_in_whole(p.index);
            p.map.join(heads, p.index, index);
            p.map.join(heads, p.weight, weight);
        }
    }

    pub fn hard_backward(
        &self,
        images: usize,
        inputs: Inputs,
        chosen: Chosen,
        dweight: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        let kernel = &self.kernel;
        if self.whole() {
            return kernel.hard_backward(images, inputs, chosen, dweight, gradients, scratch);
        }
        let (heads, count, c) = (kernel.heads, self.count(), kernel.channels);
        let p = self.parted(Choice::Hard, true, scratch);
        let within = Numbers::new(p.grid).within();
        let numbers = p.map.pixels() * heads;
        let Gradients { queries, keys, alpha, beta } = gradients;
        for image in 0..images {
            let inputs = self.inputs((&mut *p.queries, &mut *p.keys), inputs, image);
            let at = image * numbers;
            p.map.part(heads, &chosen.index[at..], p.index);
            p.map.part(heads, &chosen.weight[at..], p.weight);
            p.map.part(heads, &dweight[at..], p.dweight);
            p.index.iter_mut().for_each(|center| *center = within[*center as usize]);
            let to = Gradients { queries: p.dqueries, keys: p.dkeys, alpha, beta };
            let chosen = Chosen { index: p.index, weight: p.weight };
            kernel.hard_backward(count, inputs, chosen, p.dweight, to, p.scratch);
            p.grid.join(c, p.dqueries, &mut queries[image * p.dqueries.len()..]);
            p.map.join(c, p.dkeys, &mut keys[image * p.dkeys.len()..]);
        }
    }

    pub fn soft_forward(
        &self,
        images: usize,
        inputs: Inputs,
        weights: &mut [f32],
        scratch: &mut [f32],
    ) {
        if self.whole() {
            return self.kernel.soft_forward(images, inputs, weights, scratch);
        }
        let p = self.parted(Choice::Soft, false, scratch);
        let size = p.map.pixels() * self.kernel.heads * p.grid.pixels();
        assert_eq!(weights.len(), images * size);
        for (image, weights) in weights.chunks_exact_mut(size).enumerate() {
            let inputs = self.inputs((&mut *p.queries, &mut *p.keys), inputs, image);
            self.kernel.soft_forward(self.count(), inputs, p.weight, p.scratch);
            weights.fill(0.0);
            self.each_weight(p.map, p.grid, |within, whole| weights[whole] = p.weight[within]);
        }
    }

    pub fn soft_backward(
        &self,
        images: usize,
        inputs: Inputs,
        dweights: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        if self.whole() {
            return self.kernel.soft_backward(images, inputs, dweights, gradients, scratch);
        }
        let c = self.kernel.channels;
        let p = self.parted(Choice::Soft, true, scratch);
        let size = p.map.pixels() * self.kernel.heads * p.grid.pixels();
        assert_eq!(dweights.len(), images * size);
        let Gradients { queries, keys, alpha, beta } = gradients;
        for (image, dweights) in dweights.chunks_exact(size).enumerate() {
            let inputs = self.inputs((&mut *p.queries, &mut *p.keys), inputs, image);
            self.each_weight(p.map, p.grid, |within, whole| p.dweight[within] = dweights[whole]);
            let to = Gradients { queries: p.dqueries, keys: p.dkeys, alpha, beta };
            self.kernel.soft_backward(self.count(), inputs, p.dweight, to, p.scratch);
            p.grid.join(c, p.dqueries, &mut queries[image * p.dqueries.len()..]);
            p.map.join(c, p.dkeys, &mut keys[image * p.dkeys.len()..]);
        }
    }

    /// Where a weight of a soft assignment stands within its window, and in the whole.
    fn each_weight(&self, map: Layout, grid: Layout, mut each: impl FnMut(usize, usize)) {
        let (pixels, centers, heads) = (map.places(), grid.places(), self.kernel.heads);
        let [n, m] = [pixels.len(), centers.len()].map(|all| all / self.count());
        for (i, &pixel) in pixels.iter().enumerate() {
            let centers = &centers[i / n * m..][..m];
            for head in 0..heads {
                let from = (i * heads + head) * m;
                let to = (pixel as usize * heads + head) * m * self.count();
                for (j, &center) in centers.iter().enumerate() {
                    each(from + j, to + center as usize);
                }
            }
        }
    }
}
