//! Kernels of any odd size: a pixel at a time, a vector of channels at a time.

use super::{Convolve, Part, Weight};
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

/// Along one axis: the places of the kernel's middle for which a tap meets the map.
#[inline(always)]
fn under(tap: usize, size: usize, kernel: usize) -> Range<usize> {
    let half = kernel / 2;
    half.saturating_sub(tap)..size.min((size + half).saturating_sub(tap))
}

impl Part {
    #[inline(always)]
    fn offset(&self, image: usize, y: usize, x: usize) -> usize {
        ((image * self.height + y) * self.width + x) * self.channels
    }
}

impl<E: Epilogue> Convolve<'_, E> {
    #[inline(always)]
    pub(super) unsafe fn any<S: Simd>(&mut self, simd: S, image: usize) {
        let part = self.part;
        let [kh, kw] = part.kernel;
        for (y, x) in (0..part.height).flat_map(|y| (0..part.width).map(move |x| (y, x))) {
            let (rows, columns) = (meeting(y, part.height, kh), meeting(x, part.width, kw));
            for channel in (0..part.channels).step_by(S::F32_LANES) {
                let lanes = part.channels - channel;
                let mut sum = match self.bias {
                    Some(bias) => unsafe { load(simd, bias.as_ptr().add(channel), lanes) },
                    None => simd.splat_f32s(0.0),
                };
                for ky in rows.clone() {
                    for kx in columns.clone() {
                        let from = part.offset(image, y + ky - kh / 2, x + kx - kw / 2);
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
                let to = part.offset(image, y, x);
                let value = self.epilogue.apply(simd, sum, to / part.channels, channel, lanes);
                unsafe { store(simd, self.y.as_mut_ptr().add(to + channel), lanes, value) };
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
                let [rows, columns] = [under(ky, part.height, kh), under(kx, part.width, kw)];
                let mut sum = simd.splat_f32s(0.0);
                for y in rows {
                    for x in columns.clone() {
                        let from = part.offset(image, y + ky - kh / 2, x + kx - kw / 2);
                        let to = part.offset(image, y, x);
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
            for pixel in 0..part.height * part.width {
                let at = part.offset(image, 0, 0) + pixel * part.channels + channel;
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
