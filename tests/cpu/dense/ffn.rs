use super::depthwise::visit;
use super::*;
use cluec::exec::cpu::kernels::ffn::{Ffn, FfnBackward, FfnGradients, FfnWeights};
use cluec::exec::cpu::kernels::product::Packed;
use cluec::graph::ops;

/// The values of an FFN and its gradients, all plain, in `f64`.
struct Case {
    images: usize,
    ffn: Ffn,
    x: Vec<f32>,
    dy: Vec<f32>,
    first: Vec<f32>,
    first_bias: Vec<f32>,
    taps: Vec<f32>,
    taps_bias: Vec<f32>,
    last: Vec<f32>,
    last_bias: Vec<f32>,
}

#[derive(Default)]
struct Expected {
    y: Vec<f64>,
    dx: Vec<f64>,
    first: Vec<f64>,
    first_bias: Vec<f64>,
    taps: Vec<f64>,
    taps_bias: Vec<f64>,
    last: Vec<f64>,
    last_bias: Vec<f64>,
}

impl Case {
    fn new(images: usize, ffn: Ffn) -> Case {
        let pixels = images * ffn.height * ffn.width;
        let taps = ffn.kernel.map_or(0, |[kh, kw]| kh * kw * ffn.hidden);
        Case {
            images,
            ffn,
            x: numbers(pixels * ffn.input, 1),
            dy: numbers(pixels * ffn.output, 2),
            first: numbers(ffn.input * ffn.hidden, 3),
            first_bias: numbers(ffn.hidden, 4),
            taps: numbers(taps, 5),
            taps_bias: numbers(if taps > 0 { ffn.hidden } else { 0 }, 6),
            last: numbers(ffn.hidden * ffn.output, 7),
            last_bias: numbers(ffn.output, 8),
        }
    }

    /// Layer by layer.
    fn expected(&self) -> Expected {
        let Ffn { height, width, input, hidden, output, kernel, .. } = self.ffn;
        let (map, rows) = (height * width, self.images * height * width);
        let (x, dy) = (wide(&self.x), wide(&self.dy));
        let mut before = product(&x, &wide(&self.first), [rows, input, hidden]);
        before
            .iter_mut()
            .enumerate()
            .for_each(|(i, h)| *h += f64::from(self.first_bias[i % hidden]));
        let each = |visitor: &mut dyn FnMut(usize, usize, usize)| {
            for image in 0..self.images {
                visit([height, width, hidden], kernel.unwrap_or([1, 1]), |to, from, tap| {
                    for c in 0..hidden {
                        let place = |pixel: usize| (image * map + pixel) * hidden + c;
                        visitor(place(to), place(from), tap * hidden + c);
                    }
                });
            }
        };
        let mut middle = before.clone();
        if kernel.is_some() {
            middle = wide(&self.taps_bias).repeat(rows);
            each(&mut |to, from, tap| middle[to] += before[from] * f64::from(self.taps[tap]));
        }
        let values: Vec<f64> = middle.iter().map(|&z| gelu(z).0).collect();
        let mut e = Expected {
            y: product(&values, &wide(&self.last), [rows, hidden, output]),
            ..Expected::default()
        };
        e.y.iter_mut().enumerate().for_each(|(i, y)| *y += f64::from(self.last_bias[i % output]));

        let sums = |x: &[f64], n: usize| product(&vec![1.0; rows], x, [1, rows, n]);
        e.last_bias = sums(&dy, output);
        e.last = product(&transpose(&values, rows, hidden), &dy, [hidden, rows, output]);
        let last = transpose(&wide(&self.last), hidden, output);
        let mut gradient = product(&dy, &last, [rows, output, hidden]);
        gradient.iter_mut().zip(&middle).for_each(|(g, &z)| *g *= gelu(z).1);
        if kernel.is_some() {
            e.taps_bias = sums(&gradient, hidden);
            e.taps = vec![0.0; self.taps.len()];
            let mut through = vec![0.0; rows * hidden];
            each(&mut |to, from, tap| {
                e.taps[tap] += gradient[to] * before[from];
                through[from] += gradient[to] * f64::from(self.taps[tap]);
            });
            gradient = through;
        }
        e.first_bias = sums(&gradient, hidden);
        e.first = product(&transpose(&x, rows, input), &gradient, [input, rows, hidden]);
        let first = transpose(&wide(&self.first), input, hidden);
        e.dx = product(&gradient, &first, [rows, hidden, input]);
        e
    }

    /// Values and gradients within a relative error.
    fn check(&self, name: &str, expected: &Expected, allowed: f64) {
        let Ffn { input, hidden, output, .. } = self.ffn;
        let (first, last) =
            (packed(&self.first, input, hidden), packed(&self.last, hidden, output));
        let (first_t, last_t) = (
            packed_transposed(&self.first, input, hidden),
            packed_transposed(&self.last, hidden, output),
        );
        let convolution = self.ffn.kernel.map(|_| [&self.taps[..], &self.taps_bias]);
        let forward = FfnWeights {
            expand: Packed::new(&first, input, hidden),
            expand_bias: &self.first_bias,
            depthwise: convolution,
            contract: Packed::new(&last, hidden, output),
            contract_bias: &self.last_bias,
        };
        let backward = FfnBackward {
            forward,
            expand: Packed::new(&first_t, hidden, input),
            contract: Packed::new(&last_t, output, hidden),
        };
        let kernel = self.ffn;
        let mut scratch = garbage(kernel.scratch(self.images));
        let mut y = garbage(self.dy.len());
        kernel.forward(self.images, &self.x, forward, &mut y, None, &mut scratch);
        close(&format!("{name} y"), &y, &expected.y, allowed);
        let mut room = garbage(kernel.backward_scratch(self.images));
        let again = self.gradients((name, allowed), expected, backward, None, &mut room);

        // With the hidden map kept: the same bits.
        if kernel.kernel.is_some() {
            let pixels = self.images * kernel.height * kernel.width;
            let op = ops::Ffn { hidden, out: output, kernel: kernel.kernel, keeps: true };
            let (mut same, mut kept) = (garbage(y.len()), garbage(pixels * op.kept()));
            let (x, kept_by) = (&self.x, Some(&mut kept[..]));
            kernel.forward(self.images, x, forward, &mut same, kept_by, &mut scratch);
            assert_eq!(y, same, "{name}");
            let read = self.gradients((name, allowed), expected, backward, Some(&kept), &mut room);
            assert_eq!(again, read, "{name}");
        }
    }

    /// All gradients, one behind the other, each compared with what is expected.
    fn gradients(
        &self,
        (name, allowed): (&str, f64),
        expected: &Expected,
        backward: FfnBackward,
        kept: Option<&[f32]>,
        scratch: &mut [f32],
    ) -> Vec<f32> {
        let mut dx = garbage(self.x.len());
        let zeros = |like: &[f32]| vec![0.0; like.len()];
        let (mut first, mut last) = (zeros(&self.first), zeros(&self.last));
        let (mut first_bias, mut last_bias) = (zeros(&self.first_bias), zeros(&self.last_bias));
        let (mut taps, mut taps_bias) = (zeros(&self.taps), zeros(&self.taps_bias));
        let convolution = self.ffn.kernel.map(|_| [&mut taps[..], &mut taps_bias]);
        let gradients = FfnGradients {
            expand: &mut first,
            expand_bias: &mut first_bias,
            depthwise: convolution,
            contract: &mut last,
            contract_bias: &mut last_bias,
        };
        scratch.fill(f32::NAN);
        let (x, dy) = (&self.x, &self.dy);
        self.ffn.backward(self.images, x, dy, kept, backward, &mut dx, gradients, scratch);
        let mut all = Vec::new();
        for (what, found, expected) in [
            ("dx", &dx, &expected.dx),
            ("first", &first, &expected.first),
            ("first bias", &first_bias, &expected.first_bias),
            ("taps", &taps, &expected.taps),
            ("taps bias", &taps_bias, &expected.taps_bias),
            ("last", &last, &expected.last),
            ("last bias", &last_bias, &expected.last_bias),
        ] {
            close(&format!("{name} {what}"), found, expected, allowed);
            all.extend_from_slice(found);
        }
        all
    }
}

/// Map, channels, kernel, images, chunk, group, band: one chunk or several, of which the last is
/// short, chunks with a gap behind every pixel, maps of a pixel, groups that do not divide the images,
/// bands that do not divide the map or are hardly higher than what the kernel reaches.
#[test]
fn the_fused_op_is_its_four_layers() {
    let three = Some([3, 3]);
    let five = Some([5, 5]);
    for (height, width, [input, hidden, output], kernel, images, chunk, group, band) in [
        (5, 4, [16, 96, 16], three, 1, 32, 1, 5),
        (4, 4, [13, 75, 9], three, 5, 32, 2, 4),
        (1, 1, [7, 33, 40], three, 3, 64, 8, 1),
        (3, 6, [8, 70, 8], five, 2, 64, 1, 3),
        (2, 2, [8, 40, 24], None, 3, 32, 2, 2),
        (9, 4, [16, 96, 16], three, 2, 64, 1, 4),
        (8, 3, [8, 130, 8], three, 1, 128, 1, 2),
        (8, 5, [8, 64, 9], five, 2, 64, 1, 3),
        (7, 3, [8, 40, 24], None, 2, 32, 1, 2),
        // Chunks wide enough for a matrix unit, but for the last.
        (3, 3, [200, 208, 200], three, 1, 64, 1, 3),
    ] {
        let ffn = Ffn { height, width, input, hidden, output, kernel, chunk, group, band };
        let case = Case::new(images, ffn);
        let expected = case.expected();
        everywhere(|arch| {
            case.check(&format!("{arch} {ffn:?}"), &expected, 3e-6);
            // Products of numbers of eight bits, of which the hidden map has some too.
            simd::in_precision(Precision::Bf16, || {
                case.check(&format!("{arch} {ffn:?} in bf16"), &expected, 1e-2);
            });
        });
    }
}

#[test]
fn tiles_fit_the_sizes() {
    let three = Some([3, 3]);
    for (map, widths) in [
        ([32, 32], [32, 256, 32]),
        ([56, 56], [32, 256, 32]),
        ([4, 4], [256, 1024, 256]),
        ([1, 1], [5, 20, 5]),
        ([300, 200], [24, 100, 24]),
        ([57, 3], [24, 2000, 24]),
        ([3, 5000], [24, 100, 24]),
        ([1000, 1], [24, 100, 24]),
    ] {
        let ffn = Ffn::tiled(map, widths, three);
        assert!(ffn.chunk.is_multiple_of(32) && ffn.chunk > 0 && ffn.group > 0, "{ffn:?}");
        assert!(ffn.chunk <= widths[1].next_multiple_of(32), "{ffn:?}");
        assert!(ffn.band >= map[0] || ffn.group == 1 && ffn.band >= 3, "{ffn:?}");
    }
    // A small map brings several images along, a large one goes alone.
    assert_eq!(Ffn::tiled([56, 56], [32, 256, 32], three).group, 1);
    assert!(Ffn::tiled([4, 4], [256, 1024, 256], three).group >= 8);
    // What is held of the hidden map does not grow with the map.
    let scratch = |side| Ffn::tiled([side, side], [32, 256, 32], three).backward_scratch(1);
    assert!(scratch(224) < 2 * scratch(56));
}
