use super::*;
use cluec::exec::cpu::kernels::product::*;
use cluec::exec::random::{Random, Site};

/// Rows, depth and columns: usual ones, less than a vector, one more or less than tiles and blocks.
const SIZES: [[usize; 3]; 14] = [
    [1, 1, 1],
    [3, 5, 7],
    [8, 32, 32],
    [9, 17, 31],
    [13, 45, 33],
    [16, 64, 48],
    [7, 1, 196],
    [40, 196, 24],
    [11, 513, 20],
    [130, 8, 65],
    [257, 12, 40],
    [257, 65, 80],
    [33, 150, 47],
    [5, 1100, 3],
];

#[test]
fn a_product_with_every_epilogue() {
    each_way(|arch, numbers| {
        for [rows, k, n] in SIZES {
            let name = format!("{arch} {rows} {k} {n}");
            let (a, b) = (numbers(rows * k, 1), numbers(k * n, 2));
            let (bias, other) = (numbers(n, 3), numbers(rows * n, 4));
            let data = packed(&b, k, n);
            let (a_in, b_in) = (Matrix::new(&a, rows, k), Packed::new(&data, k, n));
            let expected = product(&wide(&a), &wide(&b), [rows, k, n]);
            let biased: Vec<f64> =
                expected.iter().zip(wide(&bias).iter().cycle()).map(|(x, b)| x + b).collect();

            let mut out = garbage(rows * n);
            multiply(a_in, b_in, MatrixMut::new(&mut out, rows, n), Store);
            close(&name, &out, &expected, 1e-6);
            multiply(a_in, b_in, MatrixMut::new(&mut out, rows, n), Add);
            close(&name, &out, &expected.iter().map(|x| 2.0 * x).collect::<Vec<_>>(), 1e-6);
            multiply(a_in, b_in, MatrixMut::new(&mut out, rows, n), Biased(&bias, Store));
            close(&name, &out, &biased, 1e-6);
            multiply(a_in, b_in, MatrixMut::new(&mut out, rows, n), Biased(&bias, Gelu));
            close(&name, &out, &biased.iter().map(|&x| gelu(x).0).collect::<Vec<_>>(), 1e-5);
            let times = Times(Matrix::new(&other, rows, n));
            multiply(a_in, b_in, MatrixMut::new(&mut out, rows, n), times);
            let scaled = expected.iter().zip(&other).map(|(x, &y)| x * f64::from(y));
            close(&name, &out, &scaled.collect::<Vec<_>>(), 1e-6);
        }
    });
}

/// Numbers so small that parts of them are below all normal ones: what is lost of them is as small, and
/// spoils no other number.
#[test]
fn tiny_numbers_stay_tiny() {
    everywhere(|arch| {
        for [rows, k, n] in SIZES {
            let spread = numbers(rows * k, 9);
            let mut a = numbers(rows * k, 1);
            a.iter_mut().zip(spread).for_each(|(x, size)| *x *= (20.0 * size - 120.0).exp2());
            let b = numbers(k * n, 2);
            let data = packed(&b, k, n);
            let mut out = garbage(rows * n);
            let to = MatrixMut::new(&mut out, rows, n);
            multiply(Matrix::new(&a, rows, k), Packed::new(&data, k, n), to, Store);
            let mut transposed = vec![0.0; k * n];
            let mut scratch = garbage(at_b_scratch(k, n));
            let c = numbers(rows * n, 3);
            let to = MatrixMut::new(&mut transposed, k, n);
            multiply_at_b(Matrix::new(&a, rows, k), Matrix::new(&c, rows, n), to, &mut scratch);
            let products = [
                (out, product(&wide(&a), &wide(&b), [rows, k, n]), k),
                (
                    transposed,
                    product(&transpose(&wide(&a), rows, k), &wide(&c), [k, rows, n]),
                    rows,
                ),
            ];
            for (found, expected, depth) in products {
                let least = depth as f64 * f64::from(f32::MIN_POSITIVE);
                for (&x, y) in found.iter().zip(&expected) {
                    let error = (f64::from(x) - y).abs();
                    assert!(
                        error <= 1e-5 * 2f64.powi(-100) + least,
                        "{arch} {rows} {k} {n}: {x} {y}"
                    );
                }
            }
        }
    });
}

/// Sizes that nobody chose, packed as they are and transposed.
#[test]
fn products_of_drawn_sizes() {
    let mut random = Random::named(3, "sizes", Site::Other);
    let drawn: Vec<[usize; 3]> =
        (0..300).map(|_| [40, 70, 70].map(|most| 1 + random.below(most) as usize)).collect();
    each_way(|arch, numbers| {
        for &[rows, k, n] in &drawn {
            let name = format!("{arch} {rows} {k} {n}");
            let (a, b, before) = (numbers(rows * k, 1), numbers(k * n, 2), numbers(rows * n, 3));
            let sums = product(&wide(&a), &wide(&b), [rows, k, n]);
            let turned: Vec<f32> = transpose(&wide(&b), k, n).iter().map(|&x| x as f32).collect();
            for data in [packed(&b, k, n), packed_transposed(&turned, n, k)] {
                let (a, b) = (Matrix::new(&a, rows, k), Packed::new(&data, k, n));
                let mut out = garbage(rows * n);
                multiply(a, b, MatrixMut::new(&mut out, rows, n), Store);
                close(&name, &out, &sums, 1e-6);
                let mut out = guarded(|| before.clone());
                multiply(a, b, MatrixMut::new(&mut out, rows, n), Add);
                let added: Vec<f64> = sums.iter().zip(wide(&before)).map(|(x, y)| x + y).collect();
                close(&format!("{name} added"), &out, &added, 1e-6);
            }
        }
    });
}

#[test]
fn a_product_with_a_transposed_matrix() {
    each_way(|arch, numbers| {
        for [rows, k, n] in SIZES {
            let (a, b) = (numbers(rows * k, 1), numbers(n * k, 2));
            let data = packed_transposed(&b, n, k);
            let mut out = garbage(rows * n);
            let to = MatrixMut::new(&mut out, rows, n);
            multiply(Matrix::new(&a, rows, k), Packed::new(&data, k, n), to, Store);
            let expected = product(&wide(&a), &transpose(&wide(&b), n, k), [rows, k, n]);
            close(&format!("{arch} {rows} {k} {n}"), &out, &expected, 1e-6);
        }
    });
}

#[test]
fn a_part_of_a_product_leaves_the_rest_alone() {
    each_way(|arch, numbers| {
        let [rows, k, n] = [9, 70, 100];
        let (a, b) = (numbers(rows * k, 1), numbers(k * n, 2));
        let data = packed(&b, k, n);
        let (left, width) = (32, 37);
        for (first, depth) in [(0, 31), (3, 21), (16, 32), (31, 2), (32, 38), (33, 37), (69, 1)] {
            let mut out = vec![7.0; rows * n];
            multiply(
                Matrix::new(&a, rows, k).columns(first, depth),
                Packed::new(&data, k, n).rows(first, depth).columns(left, width),
                MatrixMut::new(&mut out, rows, n).columns(left, width),
                Store,
            );
            for i in 0..rows {
                for j in 0..n {
                    let sum: f64 = (first..first + depth)
                        .map(|p| f64::from(a[i * k + p]) * f64::from(b[p * n + j]))
                        .sum();
                    let expected = if (left..left + width).contains(&j) { sum } else { 7.0 };
                    let found = f64::from(out[i * n + j]);
                    assert!((found - expected).abs() < 1e-5, "{arch} {first} {i} {j}");
                }
            }
        }
    });
}

/// Numbers of very unlike sizes, whose sums cancel: the worst error of any result, beside the sum of
/// the absolute products, is no larger on a matrix unit, whose numbers have eight bits, than in plain
/// `f32`.
#[test]
fn every_instruction_set_is_as_exact_as_f32() {
    let [rows, k, n] = [96, 320, 48];
    let spread = |x: Vec<f32>| -> Vec<f32> {
        let sizes = numbers(x.len(), 9);
        x.iter().zip(sizes).map(|(x, size)| x * (6.0 * size).exp2()).collect()
    };
    let (a, b) = (spread(numbers(rows * k, 1)), spread(numbers(k * n, 2)));
    let absolute = |x: &[f32]| x.iter().map(|x| f64::from(x.abs())).collect::<Vec<_>>();
    let expected = product(&wide(&a), &wide(&b), [rows, k, n]);
    let sizes = product(&absolute(&a), &absolute(&b), [rows, k, n]);
    let plain = std::cell::Cell::new(None);
    everywhere(|arch| {
        let data = packed(&b, k, n);
        let (mut out, mut turned) = (garbage(rows * n), vec![0.0; rows * n]);
        let to = MatrixMut::new(&mut out, rows, n);
        multiply(Matrix::new(&a, rows, k), Packed::new(&data, k, n), to, Store);
        let transposed = transpose_f32(&a, rows, k);
        let mut scratch = garbage(at_b_scratch(rows, n));
        let (a, b) = (Matrix::new(&transposed, k, rows), Matrix::new(&b, k, n));
        multiply_at_b(a, b, MatrixMut::new(&mut turned, rows, n), &mut scratch);
        let worst = [out, turned].map(|found| {
            let errors = found.iter().zip(&expected).zip(&sizes);
            let errors = errors.map(|((&x, y), size)| (f64::from(x) - y).abs() / size);
            errors.fold(0.0, f64::max)
        });
        // The first is plain `f32`, a number at a time.
        plain.set(plain.get().or(Some(worst)));
        let plain = plain.get().unwrap();
        assert!(plain.iter().all(|&error| error < 1e-6), "{plain:?}");
        for (error, plain) in worst.iter().zip(plain) {
            assert!(*error <= 1.2 * plain, "{arch}: {error} beside {plain}");
        }
    });
}

/// Holds where there is a matrix unit to compare with.
#[test]
fn the_emulated_matrix_unit_gives_the_bits_of_the_unit() {
    let found = std::cell::RefCell::new(Vec::new());
    everywhere(|arch| {
        if !arch.starts_with("amx") {
            return;
        }
        let results = SIZES.into_iter().flat_map(|[rows, k, n]| {
            // Of sizes whose products lie below the least normal number, too.
            let scaled = |seed, count| numbers(count, seed).into_iter().map(|x| x * x * 1e-19);
            let (a, b): (Vec<f32>, Vec<f32>) =
                (scaled(1, rows * k).collect(), scaled(2, k * n).collect());
            let data = packed(&b, k, n);
            let mut out = garbage(rows * n);
            let to = MatrixMut::new(&mut out, rows, n);
            multiply(Matrix::new(&a, rows, k), Packed::new(&data, k, n), to, Store);
            out.into_iter().map(f32::to_bits)
        });
        found.borrow_mut().push(results.collect::<Vec<_>>());
    });
    assert!(found.borrow().windows(2).all(|pair| pair[0] == pair[1]));
}

fn transpose_f32(x: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| x[i % rows * columns + i / rows]).collect()
}

#[test]
fn a_transposed_product_is_added() {
    each_way(|arch, numbers| {
        for [rows, k, n] in SIZES {
            let (a, b, before) = (numbers(rows * k, 1), numbers(rows * n, 2), numbers(k * n, 3));
            let (mut out, mut scratch) = (before.clone(), garbage(at_b_scratch(k, n)));
            let (a_in, b_in) = (Matrix::new(&a, rows, k), Matrix::new(&b, rows, n));
            multiply_at_b(a_in, b_in, MatrixMut::new(&mut out, k, n), &mut scratch);
            let mut expected = product(&transpose(&wide(&a), rows, k), &wide(&b), [k, rows, n]);
            expected.iter_mut().zip(&before).for_each(|(x, &y)| *x += f64::from(y));
            close(&format!("{arch} {rows} {k} {n}"), &out, &expected, 1e-6);
        }
    });
}

/// What is not of bfloat16 is rounded as it is read, to nearest, ties to even. Holds where there are
/// instructions for it; elsewhere products of more than that do no harm. (On a matrix unit small
/// products are taken on vectors.)
#[test]
fn instructions_for_bfloat16_round_what_they_read() {
    everywhere(|arch| {
        let unit = arch.starts_with("amx");
        if arch != "avx512-bf16" && !unit {
            return;
        }
        simd::in_precision(Precision::Bf16, || {
            for [rows, k, n] in SIZES.into_iter().filter(|[_, k, n]| !unit || k * n >= 64 * 64) {
                let all = |rounded: bool| {
                    let [mut a, mut b, mut c] = [(rows * k, 1), (k * n, 2), (rows * n, 3)]
                        .map(|(n, seed)| numbers(n, seed));
                    // Halfway between two numbers.
                    a[0] = f32::from_bits(0x3f80_8000);
                    b[0] = f32::from_bits(0x3f81_8000);
                    if rounded {
                        for x in [&mut a, &mut b, &mut c] {
                            round(Precision::Bf16, x);
                        }
                    }
                    let data = packed(&b, k, n);
                    let (mut out, mut dweight) = (garbage(rows * n), vec![0.0; k * n]);
                    let (a, c) = (Matrix::new(&a, rows, k), Matrix::new(&c, rows, n));
                    let to = MatrixMut::new(&mut out, rows, n);
                    multiply(a, Packed::new(&data, k, n), to, Store);
                    let mut scratch = garbage(at_b_scratch(k, n));
                    multiply_at_b(a, c, MatrixMut::new(&mut dweight, k, n), &mut scratch);
                    [out, dweight]
                };
                assert_eq!(all(true), all(false), "{rows} {k} {n}");
            }
        });
    });
}
