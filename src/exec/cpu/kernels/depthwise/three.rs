//! 3x3: a vector of channels goes through the columns of one or two rows at a time, its nine weights
//! in registers. Every pixel is read once per pair of rows and contributes to three columns, whose
//! sums move on with it.

use super::{Convolve, Part, Weight};
use crate::exec::cpu::kernels::product::Epilogue;
use crate::exec::cpu::kernels::simd::{load, store};
use pulp::Simd;

/// A row of zeros, as wide as any vector: what lies above and below a map.
static ZEROS: [f32; 64] = [0.0; 64];

/// A row of pixels: where the channels at hand begin, and the way to the next pixel.
#[derive(Clone, Copy)]
struct Line {
    at: *const f32,
    step: usize,
}

impl Part {
    /// Rows of the input from the one above `top` on, zeros outside of the map.
    #[inline(always)]
    fn lines<const I: usize>(
        &self,
        input: &[f32],
        image: usize,
        top: usize,
        channel: usize,
    ) -> [Line; I] {
        let mut lines = [Line { at: ZEROS.as_ptr(), step: 0 }; I];
        for (i, line) in lines.iter_mut().enumerate() {
            let inside = (top + i).checked_sub(1).filter(|&y| y < self.height);
            if let Some(y) = inside {
                let at = input.as_ptr().wrapping_add(self.input(image, y, 0) + channel);
                *line = Line { at, step: self.stride };
            }
        }
        lines
    }
}

impl<E: Epilogue> Convolve<'_, E> {
    #[inline(always)]
    pub(super) unsafe fn three<S: Simd>(&mut self, simd: S, image: usize) {
        let ([first, bottom], channels) = (self.part.rows, self.part.channels);
        for top in (first..bottom).step_by(2) {
            for channel in (0..channels).step_by(S::F32_LANES) {
                let lanes = channels - channel;
                unsafe {
                    match (top + 1 < bottom, lanes >= S::F32_LANES) {
                        (true, true) => {
                            self.sweep::<S, 2, 4>(simd, image, top, channel, S::F32_LANES);
                        }
                        (true, false) => self.sweep::<S, 2, 4>(simd, image, top, channel, lanes),
                        (false, true) => {
                            self.sweep::<S, 1, 3>(simd, image, top, channel, S::F32_LANES);
                        }
                        (false, false) => self.sweep::<S, 1, 3>(simd, image, top, channel, lanes),
                    }
                }
            }
        }
    }

    /// `R` rows from `I = R + 2` rows of the input.
    #[inline(always)]
    unsafe fn sweep<S: Simd, const R: usize, const I: usize>(
        &mut self,
        simd: S,
        image: usize,
        top: usize,
        channel: usize,
        lanes: usize,
    ) {
        let width = self.part.width;
        let mut lines = self.part.lines::<I>(self.x, image, top, channel);
        let mut taps = [[simd.splat_f32s(0.0); 3]; 3];
        for (tap, to) in taps.as_flattened_mut().iter_mut().enumerate() {
            let tap = if self.flip { 8 - tap } else { tap };
            let at = tap * self.taps.of + self.taps.first + channel;
            *to = unsafe { load(simd, self.taps.weight.as_ptr().wrapping_add(at), lanes) };
        }
        let bias = match self.bias {
            Some(bias) => unsafe { load(simd, bias.as_ptr().wrapping_add(channel), lanes) },
            None => simd.splat_f32s(0.0),
        };
        // Sums of the columns before, at and after the one that is read.
        let (mut before, mut here) = ([bias; R], [bias; R]);
        for column in 0..width {
            let mut after = [bias; R];
            for (i, line) in lines.iter_mut().enumerate() {
                let pixel = unsafe { load(simd, line.at, lanes) };
                line.at = line.at.wrapping_add(line.step);
                for r in 0..R {
                    if i >= r && i < r + 3 {
                        let [left, middle, right] = taps[i - r];
                        before[r] = simd.mul_add_e_f32s(right, pixel, before[r]);
                        here[r] = simd.mul_add_e_f32s(middle, pixel, here[r]);
                        after[r] = simd.mul_add_e_f32s(left, pixel, after[r]);
                    }
                }
            }
            if column > 0 {
                unsafe { self.write(simd, image, top, column - 1, channel, lanes, &before) };
            }
            (before, here) = (here, after);
        }
        unsafe { self.write(simd, image, top, width - 1, channel, lanes, &before) };
    }

    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    unsafe fn write<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        image: usize,
        top: usize,
        column: usize,
        channel: usize,
        lanes: usize,
        sums: &[S::f32s; R],
    ) {
        for (r, &sum) in sums.iter().enumerate() {
            let pixel = self.part.pixel(image, top + r, column);
            let value = self.epilogue.apply(simd, sum, pixel, channel, lanes);
            let to = self.y.as_mut_ptr().wrapping_add(pixel * self.part.stride + channel);
            unsafe { store(simd, to, lanes, value) };
        }
    }
}

impl Weight<'_> {
    #[inline(always)]
    pub(super) unsafe fn three<S: Simd>(&mut self, simd: S, image: usize) {
        let ([first, bottom], channels) = (self.part.rows, self.part.channels);
        for top in (first..bottom).step_by(2) {
            for channel in (0..channels).step_by(S::F32_LANES) {
                let lanes = channels - channel;
                unsafe {
                    match (top + 1 < bottom, lanes >= S::F32_LANES) {
                        (true, true) => {
                            self.sweep::<S, 2, 4>(simd, image, top, channel, S::F32_LANES);
                        }
                        (true, false) => self.sweep::<S, 2, 4>(simd, image, top, channel, lanes),
                        (false, true) => {
                            self.sweep::<S, 1, 3>(simd, image, top, channel, S::F32_LANES);
                        }
                        (false, false) => self.sweep::<S, 1, 3>(simd, image, top, channel, lanes),
                    }
                }
            }
        }
    }

    /// `R` rows of the output's gradient with `I = R + 2` rows of the input.
    #[inline(always)]
    unsafe fn sweep<S: Simd, const R: usize, const I: usize>(
        &mut self,
        simd: S,
        image: usize,
        top: usize,
        channel: usize,
        lanes: usize,
    ) {
        let width = self.part.width;
        let mut lines = self.part.lines::<I>(self.x, image, top, channel);
        let dy = self.dy.as_ptr().wrapping_add(self.part.output(image, top, 0) + channel);
        let gradient =
            |column: usize, r: usize| dy.wrapping_add((r * width + column) * self.part.stride);
        let zero = simd.splat_f32s(0.0);
        let (mut sums, mut bias) = ([[zero; 3]; 3], zero);
        // Gradients in the columns before, at and after the pixel that is read.
        let (mut before, mut here) = ([zero; R], [zero; R]);
        for (r, here) in here.iter_mut().enumerate() {
            *here = unsafe { load(simd, gradient(0, r), lanes) };
        }
        for column in 0..width {
            let mut after = [zero; R];
            if column + 1 < width {
                for (r, after) in after.iter_mut().enumerate() {
                    *after = unsafe { load(simd, gradient(column + 1, r), lanes) };
                }
            }
            for here in here {
                bias = simd.add_f32s(bias, here);
            }
            for (i, line) in lines.iter_mut().enumerate() {
                let pixel = unsafe { load(simd, line.at, lanes) };
                line.at = line.at.wrapping_add(line.step);
                for r in 0..R {
                    if i >= r && i < r + 3 {
                        let [left, middle, right] = &mut sums[i - r];
                        *left = simd.mul_add_e_f32s(after[r], pixel, *left);
                        *middle = simd.mul_add_e_f32s(here[r], pixel, *middle);
                        *right = simd.mul_add_e_f32s(before[r], pixel, *right);
                    }
                }
            }
            (before, here) = (here, after);
        }
        for (tap, &sum) in sums.as_flattened().iter().enumerate() {
            let at = tap * self.weight.of + self.weight.first + channel;
            let to = self.weight.weight.as_mut_ptr().wrapping_add(at);
            unsafe { store(simd, to, lanes, simd.add_f32s(sum, load(simd, to, lanes))) };
        }
        let to = self.bias.as_mut_ptr().wrapping_add(channel);
        unsafe { store(simd, to, lanes, simd.add_f32s(bias, load(simd, to, lanes))) };
    }
}
