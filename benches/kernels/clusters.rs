//! Kernels of clustering, norms and pooling, at the stages of a CIFAR model (32 channels a head, 4x4
//! centers) and of one at 224 pixels (24 channels, 7x7 centers).

use super::{Table, numbers, zeros};
use cluec::exec::cpu::kernels::adaptive_pool::AdaptivePool;
use cluec::exec::cpu::kernels::assign::{Assign, Gradients, Inputs};
use cluec::exec::cpu::kernels::attend::{self, Attend, Saved};
use cluec::exec::cpu::kernels::cluster_mean::{Belonging, ClusterMean, Saved as Means};
use cluec::exec::cpu::kernels::dispatch::{self, Dispatch};
use cluec::exec::cpu::kernels::dispatch_linear::{self, DispatchLinear};
use cluec::exec::cpu::kernels::gate::{self, Gate, ParamGradients, Params};
use cluec::exec::cpu::kernels::layer_norm::LayerNorm;
use cluec::exec::cpu::kernels::meeting::Chosen;
use cluec::exec::cpu::kernels::nearest::Nearest;
use cluec::exec::cpu::kernels::product::{Matrix, Packed, pack, packed_len};
use cluec::graph::ops::{Score, Weighing};

/// A stage: side of its map and of its grid, heads, their width, channels.
#[derive(Clone, Copy)]
struct Stage {
    side: usize,
    grid: usize,
    heads: usize,
    width: usize,
    channels: usize,
}

const fn stage(sizes: [usize; 5]) -> Stage {
    let [side, grid, heads, width, channels] = sizes;
    Stage { side, grid, heads, width, channels }
}

const STAGES: [Stage; 8] = [
    stage([32, 4, 1, 32, 32]),
    stage([16, 4, 2, 32, 64]),
    stage([8, 4, 5, 32, 160]),
    stage([4, 4, 8, 32, 256]),
    stage([56, 7, 4, 24, 32]),
    stage([28, 7, 4, 24, 64]),
    stage([14, 7, 8, 24, 196]),
    stage([7, 7, 8, 24, 320]),
];

pub fn run(table: &mut Table) {
    for stage in STAGES {
        stage.norm(table);
        stage.attend(table);
        stage.gate(table);
        stage.assign(table);
        stage.dispatch_linear(table);
        if stage.side.is_multiple_of(2) {
            stage.pool(table);
        }
    }
}

impl Stage {
    fn pixels(self) -> usize {
        self.side * self.side
    }

    fn centers(self) -> usize {
        self.grid * self.grid
    }

    /// Channels of all heads.
    fn all(self) -> usize {
        self.heads * self.width
    }

    fn shape(self) -> String {
        let Stage { side, grid, heads, width, .. } = self;
        format!("{side}x{side} to {grid}x{grid}, {heads} of {width}")
    }

    fn norm(self, table: &mut Table) {
        let (n, c) = (self.pixels(), self.channels);
        let shape = format!("[{n}, {c}]");
        let kernel = LayerNorm { rows: n, channels: c };
        let (x, weight, bias, dy) = (numbers(n * c), numbers(c), numbers(c), numbers(n * c));
        let (mut y, mut dweight, mut dbias) = (zeros(n * c), zeros(c), zeros(c));
        table.bytes("layer_norm", &shape, 8 * n * c, || {
            kernel.forward(1, &x, &weight, &bias, &mut y);
        });
        table.bytes("layer_norm_back", &shape, 12 * n * c, || {
            kernel.backward(1, &x, &weight, &dy, &mut y, &mut dweight, &mut dbias, false);
        });
        let ([map, grid], all) = ([[self.side; 2], [self.grid; 2]], self.all());
        let kernel = AdaptivePool { map, grid, channels: all };
        let (mut map, mut grid) = (numbers(n * all), zeros(self.centers() * all));
        table.bytes("adaptive_pool", &self.shape(), 4 * n * all, || {
            kernel.forward(1, &map, &mut grid);
        });
        table.bytes("adaptive_back", &self.shape(), 4 * n * all, || {
            kernel.backward(1, &grid, &mut map, false);
        });
    }

    /// Operations are those of the products with whole matrices, two forward and five backward.
    fn attend(self, table: &mut Table) {
        let (m, n, all) = (self.centers(), self.pixels(), self.all());
        let kernel = Attend {
            map: [self.side; 2],
            grid: [self.grid; 2],
            channels: all,
            heads: self.heads,
            score: Score::Cosine { start: 2.13, floor: 1e-4 },
        };
        let (centers, keys, values) = (numbers(m * all), numbers(n * all), numbers(n * all));
        let (temperature, mut result) = ([0.756], zeros(m * all));
        let mut logs = zeros(m * self.heads);
        let inputs = attend::Inputs {
            centers: &centers,
            keys: &keys,
            values: &values,
            temperature: &temperature,
        };
        let mut scratch = zeros(kernel.scratch());
        table.line("attend", &self.shape(), 4 * m * n * all, || {
            kernel.forward(1, inputs, &mut result, &mut logs, &mut scratch);
        });
        let mut scratch = zeros(kernel.backward_scratch());
        let (mut dcenters, mut dkeys) = (zeros(m * all), zeros(n * all));
        let (mut dvalues, mut dtemperature) = (zeros(n * all), [0.0]);
        let dresult = numbers(m * all);
        let saved = Saved { inputs, result: &result, logs: &logs };
        table.line("attend_back", &self.shape(), 10 * m * n * all, || {
            let gradients = attend::Gradients {
                centers: &mut dcenters,
                keys: &mut dkeys,
                values: &mut dvalues,
                temperature: &mut dtemperature,
            };
            kernel.backward(1, saved, &dresult, gradients, &mut scratch);
        });
    }

    fn gate(self, table: &mut Table) {
        let (m, all, hidden) = (self.centers(), self.all(), self.width / 2);
        let kernel = Gate { centers: m, channels: all, heads: self.heads };
        let sizes = [all * 2 * hidden, self.heads * hidden, self.heads * hidden, self.heads];
        let params = sizes.map(numbers);
        let [weight1, bias1, weight2, bias2] = &params;
        let params = Params { weight1, bias1, weight2, bias2 };
        let (soft, local, dy) = (numbers(m * all), numbers(m * all), numbers(m * all));
        let (mut y, mut scratch) = (zeros(m * all), zeros(kernel.scratch()));
        let flops = 4 * m * all * hidden;
        table.line("gate", &self.shape(), flops, || {
            kernel.forward(1, &soft, &local, params, &mut y, &mut scratch);
        });
        let (mut dsoft, mut dlocal) = (zeros(m * all), zeros(m * all));
        let (mut gradients, mut scratch) = (sizes.map(zeros), zeros(kernel.backward_scratch()));
        table.line("gate_back", &self.shape(), 3 * flops, || {
            let [weight1, bias1, weight2, bias2] = &mut gradients;
            let params_to = ParamGradients { weight1, bias1, weight2, bias2 };
            let to = gate::Gradients { soft: &mut dsoft, local: &mut dlocal, params: params_to };
            kernel.backward(1, [&soft, &local], params, &dy, to, &mut scratch);
        });
    }

    fn assign(self, table: &mut Table) {
        let (m, n, all, heads) = (self.centers(), self.pixels(), self.all(), self.heads);
        let (map, grid) = ([self.side; 2], [self.grid; 2]);
        let kernel = Assign { map, grid, channels: all, heads };
        let (queries, keys) = (numbers(m * all), numbers(n * all));
        let inputs = Inputs { queries: &queries, keys: &keys, alpha: 1.0, beta: 0.0 };
        let (mut index, mut weight) = (vec![0; n * heads], zeros(n * heads));
        let mut scratch = zeros(kernel.scratch());
        table.line("assign", &self.shape(), 2 * m * n * all, || {
            kernel.hard_forward(1, inputs, &mut index, &mut weight, &mut scratch);
        });
        let mut scratch = zeros(kernel.backward_scratch());
        let (mut dqueries, mut dkeys) = (zeros(m * all), zeros(n * all));
        let (mut dalpha, mut dbeta) = (0.0, 0.0);
        table.bytes("assign_back", &self.shape(), 8 * n * all, || {
            let gradients = Gradients {
                queries: &mut dqueries,
                keys: &mut dkeys,
                alpha: &mut dalpha,
                beta: &mut dbeta,
            };
            let chosen = Chosen { index: &index, weight: &weight };
            kernel.hard_backward(1, inputs, chosen, &weight, gradients, &mut scratch);
        });
        let mut weights = zeros(n * heads * m);
        table.line("assign_soft", &self.shape(), 2 * m * n * all, || {
            kernel.soft_forward(1, inputs, &mut weights, &mut scratch);
        });
        let kernel = Dispatch { map, grid, channels: all, heads };
        let mut y = zeros(n * all);
        table.bytes("dispatch", &self.shape(), 4 * n * all, || {
            kernel.hard_forward(1, Chosen { index: &index, weight: &weight }, &queries, &mut y);
        });
        let mut dweight = zeros(n * heads);
        table.bytes("dispatch_back", &self.shape(), 4 * n * all, || {
            let chosen = Chosen { index: &index, weight: &weight };
            let to = dispatch::Gradients { weights: &mut dweight, centers: &mut dqueries };
            kernel.hard_backward(1, chosen, &queries, &y, to);
        });
    }

    /// Operations are those of the products with the centers, and of a row of their results for every
    /// pixel and head.
    fn dispatch_linear(self, table: &mut Table) {
        let (n, all, output) = (self.pixels(), self.all(), self.channels);
        let Stage { heads, width, .. } = self;
        let kernel = DispatchLinear { centers: self.centers(), pixels: n, heads, width, output };
        let index: Vec<u32> =
            (0..n * heads).map(|i| (i * 7 % self.centers()).try_into().unwrap_or(0)).collect();
        let (weight, centers) = (numbers(n * heads), numbers(self.centers() * all));
        let (matrix, bias) = (numbers(all * output), numbers(output));
        let mut packed = zeros(packed_len(all, output));
        pack(Matrix::new(&matrix, all, output), &mut packed);
        let packed = Packed::new(&packed, all, output);
        let chosen = Chosen { index: &index, weight: &weight };
        let inputs = dispatch_linear::Inputs { chosen, centers: &centers };
        let (mut y, mut scratch) = (zeros(n * output), zeros(kernel.scratch()));
        let (of_centers, of_pixels) = (self.centers() * all * output, n * heads * output);
        table.line("dispatch_linear", &self.shape(), 2 * (of_centers + of_pixels), || {
            kernel.forward(1, inputs, packed, &bias, &mut y, &mut scratch);
        });
        let dy = numbers(n * output);
        let (mut dscale, mut dcenters) = (zeros(n * heads), zeros(self.centers() * all));
        let (mut dmatrix, mut dbias) = (zeros(all * output), zeros(output));
        let mut scratch = zeros(kernel.backward_scratch());
        let operations = 2 * (3 * of_centers + 2 * of_pixels);
        table.line("dispatch_linear_back", &self.shape(), operations, || {
            let gradients = dispatch_linear::Gradients {
                scale: &mut dscale,
                centers: &mut dcenters,
                weight: &mut dmatrix,
                bias: &mut dbias,
            };
            kernel.backward(1, inputs, packed, &matrix, &dy, gradients, &mut scratch);
        });
    }

    /// Halves the map by clusters.
    fn pool(self, table: &mut Table) {
        let (map, grid) = ([self.side; 2], [self.side / 2; 2]);
        let (n, m, c) = (self.pixels(), self.pixels() / 4, self.channels);
        let shape = format!("{n} to {m}, {c} channels");
        let kernel = Nearest { map, grid, channels: c };
        let (x, mut index) = (numbers(n * c), vec![0; n]);
        let mut scratch = zeros(kernel.scratch());
        table.line("nearest", &shape, 2 * m * n * c, || {
            kernel.forward(1, &x, &mut index, &mut scratch);
        });
        let weighing = Weighing::Mean;
        let kernel = ClusterMean { map, grid, channels: c, heads: 1, weighing };
        let pool = AdaptivePool { map, grid, channels: c };
        let belonging = Belonging::Hard(&index, &[]);
        let (mut y, mut dx, mut down) = (zeros(m * c), zeros(n * c), zeros(m * c));
        let mut scratch = zeros(kernel.scratch());
        table.bytes("cluster_mean", &shape, 4 * n * c, || {
            pool.forward(1, &x, &mut y);
            kernel.forward(1, belonging, &x, &mut y, &mut scratch);
        });
        table.bytes("cluster_back", &shape, 4 * n * c, || {
            kernel.backward_own(1, belonging, &y, &mut down, &mut scratch);
            pool.backward(1, &down, &mut dx, false);
            let saved = Means { belonging, x: &[], result: &[], down: &down };
            kernel.backward(1, saved, &mut dx, &mut []);
        });
    }
}
