//! The numbers of an image in another order.

/// Written down in one reading, taken up in another: of `[pixels, channels]`, the channels split into
/// blocks that lie one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reread {
    pub from: Reading,
    pub to: Reading,
}

#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub pixels: usize,
    pub channels: usize,
    pub blocks: usize,
}

impl Reread {
    pub fn forward(&self, images: usize, x: &[f32], y: &mut [f32]) {
        let size = self.from.pixels * self.from.channels;
        assert_eq!(size, self.to.pixels * self.to.channels);
        assert_eq!([x.len(), y.len()], [images * size; 2]);
        for (x, y) in x.chunks_exact(size).zip(y.chunks_exact_mut(size)) {
            self.image(x, y);
        }
    }

    pub fn backward(&self, images: usize, dy: &[f32], dx: &mut [f32]) {
        Reread { from: self.to, to: self.from }.forward(images, dy, dx);
    }

    /// Goes along the memory both read, as far as neither jumps.
    fn image(&self, x: &[f32], y: &mut [f32]) {
        let (mut from, mut to) = (Walk::new(self.from), Walk::new(self.to));
        let mut left = x.len();
        while left > 0 {
            let run = from.run().min(to.run());
            let (source, target) = (from.place(), to.place());
            match run {
                1 => y[target] = x[source],
                _ => y[target..][..run].copy_from_slice(&x[source..][..run]),
            }
            from.advance(run);
            to.advance(run);
            left -= run;
        }
    }
}

/// A place in a map, while its memory is gone through.
struct Walk {
    reading: Reading,
    width: usize,
    block: usize,
    pixel: usize,
    within: usize,
}

impl Walk {
    fn new(reading: Reading) -> Walk {
        let width = reading.channels / reading.blocks;
        Walk { reading, width, block: 0, pixel: 0, within: 0 }
    }

    /// Numbers up to the next jump.
    fn run(&self) -> usize {
        self.width - self.within
    }

    fn place(&self) -> usize {
        self.pixel * self.reading.channels + self.block * self.width + self.within
    }

    /// By at most a run.
    fn advance(&mut self, by: usize) {
        self.within += by;
        if self.within == self.width {
            self.within = 0;
            self.pixel += 1;
            if self.pixel == self.reading.pixels {
                self.pixel = 0;
                self.block += 1;
            }
        }
    }
}
