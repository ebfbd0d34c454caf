//! Kernels of any odd size: a pixel at a time, a vector of channels at a time.

use super::{Convolve, Weight};
use crate::exec::cpu::kernels::product::Epilogue;
use crate::exec::cpu::kernels::simd::{load, store};
use pulp::Simd;
use std::ops::Range;

/// Along one axis of `size` pixels: the taps of a kernel that meet the map when its middle lies at
/// `at`.
#[inline(always)]
fn meeting(at: usize, size: usize, kernel: usize) -> Range<usize> {
    let half = kernel / 2;
    half.saturating_sub(at)..kernel.min(size + half - at)
}

/// Along one axis: the places among `places` of the kernel's middle for which a tap meets the map.
#[inline(always)]
fn under(tap: usize, size: usize, kernel: usize, places: [usize; 2]) -> Range<usize> {
    let (half, [start, end]) = (kernel / 2, places);
    half.saturating_sub(tap).max(start)..end.min((size + half).saturating_sub(tap))
}

impl<E: Epilogue> Convolve<'_, E> {
    #[inline(always)]
    pub(super) unsafe fn any<S: Simd>(&mut self, simd: S, image: usize) {
        let part = self.part;
        let ([kh, kw], [top, bottom]) = (part.kernel, part.rows);
        for (y, x) in (top..bottom).flat_map(|y| (0..part.width).map(move |x| (y, x))) {
            let (rows, columns) = (meeting(y, part.height, kh), meeting(x, part.width, kw));
            for channel in (0..part.channels).step_by(S::F32_LANES) {
                let lanes = part.channels - channel;
                let mut sum = match self.bias {
                    Some(bias) => unsafe { load(simd, bias.as_ptr().add(channel), lanes) },
                    None => simd.splat_f32s(0.0),
                };
                for ky in rows.clone() {
                    for kx in columns.clone() {
                        let from = part.input(image, y + ky - kh / 2, x + kx - kw / 2);
                        let tap = ky * kw + kx;
                        let tap = if self.flip { kh * kw - 1 - tap } else { tap };
                        let at = tap * self.taps.of + self.taps.first + channel;
                        unsafe {
                            let pixel = load(simd, self.x.as_ptr().add(from + channel), lanes);
                            let tap = load(simd, self.taps.weight.as_ptr().add(at), lanes);
                            sum = simd.mul_add_e_f32s(tap, pixel, sum);
                        }
                    }
                }
                let pixel = part.pixel(image, y, x);
                let value = self.epilogue.apply(simd, sum, pixel, channel, lanes);
                let to = pixel * part.stride + channel;
                unsafe { store(simd, self.y.as_mut_ptr().add(to), lanes, value) };
            }
        }
    }
}

impl Weight<'_> {
    #[inline(always)]
    pub(super) unsafe fn any<S: Simd>(&mut self, simd: S, image: usize) {
        let part = self.part;
        let [kh, kw] = part.kernel;
        for channel in (0..part.channels).step_by(S::F32_LANES) {
            let lanes = part.channels - channel;
            for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                // Pixels of the output under whose tap the map is.
                let rows = under(ky, part.height, kh, part.rows);
                let columns = under(kx, part.width, kw, [0, part.width]);
                let mut sum = simd.splat_f32s(0.0);
                for y in rows {
                    for x in columns.clone() {
                        let from = part.input(image, y + ky - kh / 2, x + kx - kw / 2);
                        let to = part.output(image, y, x);
                        unsafe {
                            let pixel = load(simd, self.x.as_ptr().add(from + channel), lanes);
                            let dy = load(simd, self.dy.as_ptr().add(to + channel), lanes);
                            sum = simd.mul_add_e_f32s(pixel, dy, sum);
                        }
                    }
                }
                let at = (ky * kw + kx) * self.weight.of + self.weight.first + channel;
                unsafe { add(simd, self.weight.weight.as_mut_ptr().add(at), lanes, sum) };
            }
            let mut sum = simd.splat_f32s(0.0);
            let [top, bottom] = part.rows;
            for pixel in 0..(bottom - top) * part.width {
                let at = part.output(image, top, 0) + pixel * part.stride + channel;
                sum = simd.add_f32s(sum, unsafe { load(simd, self.dy.as_ptr().add(at), lanes) });
            }
            unsafe { add(simd, self.bias.as_mut_ptr().add(channel), lanes, sum) };
        }
    }
}

#[inline(always)]
unsafe fn add<S: Simd>(simd: S, to: *mut f32, lanes: usize, value: S::f32s) {
    unsafe { store(simd, to, lanes, simd.add_f32s(value, load(simd, to, lanes))) };
}
