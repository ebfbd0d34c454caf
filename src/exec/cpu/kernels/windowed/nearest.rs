//! The center most similar to every pixel, among those of its window.

use super::super::nearest::Nearest;
use super::super::tile::Lent;
use super::{Numbers, Windowed};

impl Windowed<Nearest> {
    pub fn scratch(&self) -> usize {
        let Nearest { map, channels, .. } = self.kernel;
        let n = self.layout(map).pixels();
        let parts = if self.whole() { vec![] } else { vec![n * channels, n] };
        Lent::needed(&parts) + self.kernel.scratch()
    }

    pub fn forward(&self, images: usize, x: &[f32], index: &mut [u32], scratch: &mut [f32]) {
        if self.whole() {
            return self.kernel.forward(images, x, index, scratch);
        }
        let Nearest { map, grid, channels } = self.kernel;
        let (map, grid) = (self.layout(map), self.layout(grid));
        let (n, numbers) = (map.pixels(), Numbers::new(grid));
        assert_eq!([x.len(), index.len()], [images * n * channels, images * n]);
        let mut lent = Lent::new(scratch);
        let (pixels, chosen) = (lent.take(n * channels), lent.take(n));
        let chosen: &mut [u32] = bytemuck::cast_slice_mut(chosen);
        for (x, index) in x.chunks_exact(n * channels).zip(index.chunks_exact_mut(n)) {
            map.part(channels, x, pixels);
            self.kernel.forward(self.count(), pixels, chosen, lent.rest());
            numbers.count_in_whole(chosen);
            map.join(1, chosen, index);
        }
    }
}
