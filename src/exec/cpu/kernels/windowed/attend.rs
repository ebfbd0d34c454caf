//! Every center gathers from the pixels of its window.

use super::super::attend::{Attend, Saved};
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

    #[allow(clippy::too_many_arguments)]
    pub fn forward(
        &self,
        images: usize,
        centers: &[f32],
        keys: &[f32],
        values: &[f32],
        temperature: &[f32],
        result: &mut [f32],
        logs: &mut [f32],
        scratch: &mut [f32],
    ) {
        if self.whole() {
            let to = (result, logs, scratch);
            return self.kernel.forward(
                images,
                centers,
                keys,
                values,
                temperature,
                to.0,
                to.1,
                to.2,
            );
        }
        let Attend { map, grid, channels: c, .. } = self.kernel;
        let (map, grid) = (self.layout(map), self.layout(grid));
        let [m, n] = [grid.pixels() * c, map.pixels() * c];
        let mut lent = Lent::new(scratch);
        let [own, gathered] = [0; 2].map(|_| lent.take(m));
        let [by, from] = [0; 2].map(|_| lent.take(n));
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
            let (count, rest) = (self.count(), lent.rest());
            self.kernel.forward(count, own, by, from, temperature, gathered, logs, rest);
            grid.join(c, gathered, result);
        }
    }

    /// Overwrites the gradients of centers, keys and values, adds to that of the temperature.
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        &self,
        images: usize,
        saved: Saved,
        dresult: &[f32],
        dcenters: &mut [f32],
        dkeys: &mut [f32],
        dvalues: &mut [f32],
        dtemperature: &mut [f32],
        scratch: &mut [f32],
    ) {
        let kernel = &self.kernel;
        if self.whole() {
            let d = (dcenters, dkeys, dvalues, dtemperature);
            return kernel.backward(images, saved, dresult, d.0, d.1, d.2, d.3, scratch);
        }
        let Attend { map, grid, channels: c, .. } = *kernel;
        let (map, grid) = (self.layout(map), self.layout(grid));
        let [m, n] = [grid.pixels() * c, map.pixels() * c];
        let mut lent = Lent::new(scratch);
        let [centers, result, dy, dcenter] = [0; 4].map(|_| lent.take(m));
        let [keys, values, dkey, dvalue] = [0; 4].map(|_| lent.take(n));
        let of_image = m / c * kernel.heads;
        for image in 0..images {
            let ([m, n], temperature) = ([image * m, image * n], saved.temperature);
            for (from, to) in
                [(saved.centers, &mut *centers), (saved.result, &mut *result), (dresult, &mut *dy)]
            {
                grid.part(c, &from[m..], to);
            }
            map.part(c, &saved.keys[n..], keys);
            map.part(c, &saved.values[n..], values);
            let logs = &saved.logs[image * of_image..][..of_image];
            let saved = Saved { centers, keys, values, temperature, result, logs };
            let (count, rest) = (self.count(), lent.rest());
            kernel.backward(count, saved, dy, dcenter, dkey, dvalue, dtemperature, rest);
            grid.join(c, dcenter, &mut dcenters[m..]);
            map.join(c, dkey, &mut dkeys[n..]);
            map.join(c, dvalue, &mut dvalues[n..]);
        }
    }
}
