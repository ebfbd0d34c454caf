//! Depth-wise convolution, stride 1, zero padding that keeps the map.

mod any;
mod three;

use super::product::{Epilogue, Store};
use super::simd::dispatch;
use pulp::{Simd, WithSimd};

/// `[H, W, C] -> [H, W, C]`, every channel with its own kernel: weight `[kh, kw, C]`, bias `[C]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depthwise {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// Odd on both sides.
    pub kernel: [usize; 2],
}

/// What the gradients of a depth-wise convolution are added to.
pub struct DepthwiseGradients<'a> {
    pub weight: &'a mut [f32],
    pub bias: &'a mut [f32],
}

impl Depthwise {
    pub fn forward(&self, images: usize, x: &[f32], weight: &[f32], bias: &[f32], y: &mut [f32]) {
        self.part().forward(
            images,
            x,
            Taps { weight, first: 0, of: self.channels },
            bias,
            y,
            Store,
        );
    }

    /// `dx` from `dy`.
    pub fn backward_input(&self, images: usize, dy: &[f32], weight: &[f32], dx: &mut [f32]) {
        self.part().backward_input(images, dy, Taps { weight, first: 0, of: self.channels }, dx);
    }

    /// Adds to the gradients of weight and bias.
    pub fn backward_weight(
        &self,
        images: usize,
        x: &[f32],
        dy: &[f32],
        gradients: DepthwiseGradients,
    ) {
        let DepthwiseGradients { weight, bias } = gradients;
        let weight = TapsMut { weight, first: 0, of: self.channels };
        self.part().backward_weight(images, x, dy, weight, bias);
    }

    fn part(&self) -> Part {
        let Depthwise { height, width, channels, kernel } = *self;
        Part::whole([height, width], channels, kernel)
    }
}

/// A convolution of some channels, and perhaps of some rows: their maps lie by themselves, their
/// weights among others.
#[derive(Clone, Copy)]
pub(super) struct Part {
    height: usize,
    width: usize,
    channels: usize,
    /// From one pixel to the next.
    stride: usize,
    kernel: [usize; 2],
    /// Rows of the output, which begins with the first of them.
    rows: [usize; 2],
    /// The row that the input begins with.
    first: usize,
}

/// Weights of the channels from `first` on among `of` channels, `[kh, kw, of]`.
#[derive(Clone, Copy)]
pub(super) struct Taps<'a> {
    pub weight: &'a [f32],
    pub first: usize,
    pub of: usize,
}

/// The same, to be added to.
pub(super) struct TapsMut<'a> {
    pub weight: &'a mut [f32],
    pub first: usize,
    pub of: usize,
}

impl Part {
    pub fn whole([height, width]: [usize; 2], channels: usize, kernel: [usize; 2]) -> Part {
        Part { height, width, channels, stride: channels, kernel, rows: [0, height], first: 0 }
    }

    /// With something between the pixels of either map.
    pub fn strided(self, stride: usize) -> Part {
        assert!(stride >= self.channels);
        Part { stride, ..self }
    }

    /// Some rows of the output of one image, from an input that begins with row `first`: not later
    /// than the kernel reaches.
    pub fn band(self, [top, bottom]: [usize; 2], first: usize) -> Part {
        assert!(top < bottom && bottom <= self.height);
        assert!(first <= top.saturating_sub(self.kernel[0] / 2));
        Part { rows: [top, bottom], first, ..self }
    }

    /// `epilogue` sees pixels as rows and channels as columns.
    pub fn forward(
        &self,
        images: usize,
        x: &[f32],
        taps: Taps,
        bias: &[f32],
        y: &mut [f32],
        epilogue: impl Epilogue,
    ) {
        assert!(bias.len() >= self.channels);
        self.convolve(images, x, taps, Some(bias), false, y, epilogue);
    }

    pub fn backward_input(&self, images: usize, dy: &[f32], taps: Taps, dx: &mut [f32]) {
        self.convolve(images, dy, taps, None, true, dx, Store);
    }

    pub fn backward_weight(
        &self,
        images: usize,
        x: &[f32],
        dy: &[f32],
        weight: TapsMut,
        bias: &mut [f32],
    ) {
        self.check(weight.weight.len(), weight.first, weight.of);
        assert!(bias.len() >= self.channels);
        let [input, output] = self.lengths(images);
        let (x, dy) = (&x[..input], &dy[..output]);
        dispatch(Weight { part: *self, images, x, dy, weight, bias });
    }

    #[allow(clippy::too_many_arguments)]
    fn convolve(
        &self,
        images: usize,
        x: &[f32],
        taps: Taps,
        bias: Option<&[f32]>,
        flip: bool,
        y: &mut [f32],
        epilogue: impl Epilogue,
    ) {
        self.check(taps.weight.len(), taps.first, taps.of);
        let [input, output] = self.lengths(images);
        let (x, y) = (&x[..input], &mut y[..output]);
        dispatch(Convolve { part: *self, images, x, taps, bias, flip, y, epilogue });
    }

    /// Floats of the input that is read and of the output.
    fn lengths(&self, images: usize) -> [usize; 2] {
        let [top, bottom] = self.rows;
        let row = self.width * self.stride;
        if [top, bottom] == [0, self.height] {
            return [images * self.height * row; 2];
        }
        assert!(images == 1, "bands of several images do not lie one behind the other");
        let end = (bottom + self.kernel[0] / 2).min(self.height);
        [(end - self.first) * row, (bottom - top) * row]
    }

    /// Where a pixel of the input lies.
    #[inline(always)]
    fn input(&self, image: usize, y: usize, x: usize) -> usize {
        ((image * self.height + y - self.first) * self.width + x) * self.stride
    }

    /// The number of a pixel of the output.
    #[inline(always)]
    fn pixel(&self, image: usize, y: usize, x: usize) -> usize {
        (image * self.height + y - self.rows[0]) * self.width + x
    }

    /// Where it lies.
    #[inline(always)]
    fn output(&self, image: usize, y: usize, x: usize) -> usize {
        self.pixel(image, y, x) * self.stride
    }

    fn check(&self, len: usize, first: usize, of: usize) {
        let [kh, kw] = self.kernel;
        assert!(kh % 2 == 1 && kw % 2 == 1, "a kernel of even size has no middle");
        assert!(first + self.channels <= of && kh * kw * of <= len);
    }
}

/// Output from input; with `flip`, the gradient of the input from that of the output.
struct Convolve<'a, E> {
    part: Part,
    images: usize,
    x: &'a [f32],
    taps: Taps<'a>,
    bias: Option<&'a [f32]>,
    flip: bool,
    y: &'a mut [f32],
    epilogue: E,
}

impl<E: Epilogue> WithSimd for Convolve<'_, E> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for image in 0..self.images {
            // SAFETY: lengths were checked when this was made.
            unsafe {
                if self.part.kernel == [3, 3] {
                    self.three(simd, image);
                } else {
                    self.any(simd, image);
                }
            }
        }
    }
}

/// Gradients of weight and bias.
struct Weight<'a> {
    part: Part,
    images: usize,
    x: &'a [f32],
    dy: &'a [f32],
    weight: TapsMut<'a>,
    bias: &'a mut [f32],
}

impl WithSimd for Weight<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for image in 0..self.images {
            // SAFETY: lengths were checked when this was made.
            unsafe {
                if self.part.kernel == [3, 3] {
                    self.three(simd, image);
                } else {
                    self.any(simd, image);
                }
            }
        }
    }
}
