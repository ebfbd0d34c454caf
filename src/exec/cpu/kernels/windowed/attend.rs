//! Every center gathers from the pixels of its window.

use super::super::attend::{Attend, Gradients, Inputs, Saved};
use super::super::tile::Lent;
use super::Windowed;

impl Windowed<Attend> {
    pub fn scratch(&self) -> usize {
        Lent::needed(&self.parts(2, 2)) + self.kernel.scratch()
    }

    pub fn backward_scratch(&self) -> usize {
        Lent::needed(&self.parts(4, 4)) + self.kernel.backward_scratch()
    }

    /// So many grids and maps, window after window.
    fn parts(&self, grids: usize, maps: usize) -> Vec<usize> {
        if self.whole() {
            return Vec::new();
        }
        let Attend { map, grid, channels, .. } = self.kernel;
        let [m, n] = [grid, map].map(|size| self.layout(size).pixels() * channels);
        [vec![m; grids], vec![n; maps]].concat()
    }

    pub fn forward(
        &self,
        images: usize,
        inputs: Inputs,
        result: &mut [f32],
        logs: &mut [f32],
        scratch: &mut [f32],
    ) {
        if self.whole() {
            return self.kernel.forward(images, inputs, result, logs, scratch);
        }
        let Attend { map, grid, channels: c, .. } = self.kernel;
        let (map, grid) = (self.layout(map), self.layout(grid));
        let [m, n] = [grid.pixels() * c, map.pixels() * c];
        let mut lent = Lent::new(scratch);
        let [own, gathered] = [0; 2].map(|_| lent.take(m));
        let [by, from] = [0; 2].map(|_| lent.take(n));
        let Inputs { centers, keys, values, temperature } = inputs;
        assert_eq!([centers.len(), result.len()], [images * m; 2]);
        assert_eq!([keys.len(), values.len()], [images * n; 2]);
        assert_eq!(logs.len(), images * m / c * self.kernel.heads);
        let grids = centers.chunks_exact(m).zip(result.chunks_exact_mut(m));
        let maps = keys.chunks_exact(n).zip(values.chunks_exact(n));
        // Logarithms stay in the order of windows.
        let grids = grids.zip(logs.chunks_exact_mut(m / c * self.kernel.heads));
        for (((centers, result), logs), (keys, values)) in grids.zip(maps) {
            grid.part(c, centers, own);
            map.part(c, keys, by);
            map.part(c, values, from);
            let inputs = Inputs { centers: own, keys: by, values: from, temperature };
            self.kernel.forward(self.count(), inputs, gathered, logs, lent.rest());
            grid.join(c, gathered, result);
        }
    }

    pub fn backward(
        &self,
        images: usize,
        saved: Saved,
        dresult: &[f32],
        gradients: Gradients,
        scratch: &mut [f32],
    ) {
        let kernel = &self.kernel;
        if self.whole() {
            return kernel.backward(images, saved, dresult, gradients, scratch);
        }
        let Attend { map, grid, channels: c, .. } = *kernel;
        let (map, grid) = (self.layout(map), self.layout(grid));
        let [m, n] = [grid.pixels() * c, map.pixels() * c];
        let mut lent = Lent::new(scratch);
        let [centers, result, dy, dcenters] = [0; 4].map(|_| lent.take(m));
        let [keys, values, dkeys, dvalues] = [0; 4].map(|_| lent.take(n));
        let of_image = m / c * kernel.heads;
        let given = saved.inputs;
        for image in 0..images {
            let [m, n] = [image * m, image * n];
            for (from, to) in
                [(given.centers, &mut *centers), (saved.result, &mut *result), (dresult, &mut *dy)]
            {
                grid.part(c, &from[m..], to);
            }
            map.part(c, &given.keys[n..], keys);
            map.part(c, &given.values[n..], values);
            let logs = &saved.logs[image * of_image..][..of_image];
            let inputs = Inputs { centers, keys, values, temperature: given.temperature };
            let saved = Saved { inputs, result, logs };
            let to = Gradients {
                centers: dcenters,
                keys: dkeys,
                values: dvalues,
                temperature: gradients.temperature,
            };
            kernel.backward(self.count(), saved, dy, to, lent.rest());
            grid.join(c, dcenters, &mut gradients.centers[m..]);
            map.join(c, dkeys, &mut gradients.keys[n..]);
            map.join(c, dvalues, &mut gradients.values[n..]);
        }
    }
}
