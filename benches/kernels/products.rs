//! Products, the linear layer's and their gradients, GELU.

use super::{Table, numbers, zeros};
use cluec::exec::cpu::kernels::gelu::Gelu;
use cluec::exec::cpu::kernels::product::*;

/// Rows, depth and columns in the published models.
const SHAPES: [[usize; 3]; 16] = [
    [1024, 32, 256],
    [1024, 32, 64],
    [1024, 64, 32],
    [1024, 256, 32],
    [256, 64, 512],
    [64, 160, 640],
    [512, 160, 640],
    [512, 640, 160],
    [16, 256, 1024],
    [128, 256, 1024],
    [128, 1024, 256],
    [128, 1440, 256],
    [3136, 32, 32],
    [784, 64, 512],
    [196, 196, 784],
    [49, 320, 1280],
];

pub fn run(table: &mut Table) {
    for [rows, k, n] in SHAPES {
        let shape = format!("[{rows}, {k}] [{k}, {n}]");
        let flops = 2 * rows * k * n;
        let (a, b, bias) = (numbers(rows * k), numbers(k * n), numbers(n));
        let (mut data, mut out) = (zeros(packed_len(k, n)), zeros(rows * n));
        pack(Matrix::new(&b, k, n), &mut data);
        let a_in = Matrix::new(&a, rows, k);
        let b_in = Packed::new(&data, k, n);
        table.line("product", &shape, flops, || {
            multiply(a_in, b_in, MatrixMut::new(&mut out, rows, n), Store);
        });
        table.line("product_add", &shape, flops, || {
            multiply(a_in, b_in, MatrixMut::new(&mut out, rows, n), Add);
        });
        table.line("product_gelu", &shape, flops, || {
            multiply(a_in, b_in, MatrixMut::new(&mut out, rows, n), Biased(&bias, Gelu));
        });
        let (mut dw, mut scratch) = (zeros(k * n), zeros(at_b_scratch(k, n)));
        table.line("transposed", &shape, flops, || {
            let dy = Matrix::new(&out, rows, n);
            multiply_at_b(a_in, dy, MatrixMut::new(&mut dw, k, n), &mut scratch);
        });
    }
    let elements = 65_536;
    let (x, mut y) = (numbers(elements), zeros(elements));
    table.line("gelu", "65536, of 6 per element", 6 * elements, || {
        Gelu { elements }.forward(1, &x, &mut y);
    });
    let dy = numbers(elements);
    table.line("gelu_backward", "65536, of 11 per element", 11 * elements, || {
        Gelu { elements }.backward(1, &x, &dy, &mut y);
    });
}
