//! An assignment and the dispatch after it: the gradient reaches the one through the other.

use super::oracle::{Given, Outcome, run};
use super::{close, close_within, on_each, random};
use cluec::exec::cpu::kernels::assign::{Assign, Gradients, Inputs};
use cluec::exec::cpu::kernels::dispatch::{self, Dispatch};
use cluec::exec::cpu::kernels::meeting::Chosen;
use cluec::exec::cpu::kernels::windowed::Windowed;
use cluec::graph::ops::Windows;
use cluec::graph::{Choice, ops};

const IMAGES: usize = 2;

struct Case {
    map: [usize; 2],
    grid: [usize; 2],
    windows: Windows,
    /// Of the assignment; centers have more where the query is joint.
    heads: usize,
    channels: usize,
    center_channels: usize,
    alpha: f32,
    beta: f32,
}

fn cases() -> Vec<Case> {
    let case = |map, grid, heads, channels, center_channels, alpha, beta| Case {
        map,
        grid,
        windows: Windows::WHOLE,
        heads,
        channels,
        center_channels,
        alpha,
        beta,
    };
    let windowed = |windows, case| Case { windows: Windows(windows), ..case };
    vec![
        case([8, 8], [4, 4], 2, 64, 64, 1.0, 0.0),
        case([11, 13], [7, 7], 3, 72, 72, 3.0, -1.5),
        // A negative alpha chooses the least similar.
        case([5, 4], [2, 3], 1, 7, 21, -2.0, 0.5),
        case([4, 4], [3, 3], 1, 48, 48, 0.7, 0.1),
        case([1, 2], [5, 2], 2, 34, 10, 1.5, 0.2),
        case([1, 1], [1, 1], 1, 1, 1, 1.0, 0.0),
        windowed([2, 3], case([8, 12], [4, 6], 2, 40, 40, 1.3, -0.2)),
        windowed([1, 4], case([3, 8], [2, 4], 3, 15, 30, -1.0, 0.1)),
    ]
}

struct Data {
    queries: Vec<f32>,
    keys: Vec<f32>,
    centers: Vec<f32>,
    dy: Vec<f32>,
    expected: Outcome,
}

impl Case {
    fn counts(&self) -> [usize; 2] {
        [self.grid, self.map].map(|[h, w]| h * w)
    }

    fn data(&self, name: &str, choice: Choice) -> Data {
        let Case { map, grid, windows, heads, channels, center_channels, alpha, beta } = *self;
        let [m, n] = self.counts();
        let of = |what: &str, count| random(&format!("{name} {what}"), IMAGES * count);
        let (queries, keys) = (of("queries", m * channels), of("keys", n * channels));
        let (centers, dy) = (of("centers", m * center_channels), of("dy", n * center_channels));
        let inputs = [
            Given(&[grid[0], grid[1], channels], &queries),
            Given(&[map[0], map[1], channels], &keys),
            Given(&[grid[0], grid[1], center_channels], &centers),
        ];
        let expected = run(IMAGES, &inputs, &[&[alpha], &[beta]], &dy, |b, x| {
            let assignment = b.push("assign", "", ops::Assign { heads, choice, windows }, &x[..2]);
            b.push("op", "", ops::Dispatch, &[assignment, x[2]])
        });
        Data { queries, keys, centers, dy, expected }
    }

    fn kernels(&self) -> (Windowed<Assign>, Dispatch) {
        let Case { map, grid, windows, heads, channels, center_channels, .. } = *self;
        let kernel = Assign { map: windows.of(map), grid: windows.of(grid), channels, heads };
        (Windowed { kernel, windows }, Dispatch { map, grid, channels: center_channels, heads })
    }
}

/// Gradients of queries, keys, centers, alpha and beta, as the kernels leave them.
struct Found([Vec<f32>; 5]);

impl Found {
    fn new(data: &Data) -> Found {
        let nan = |x: &[f32]| vec![f32::NAN; x.len()];
        Found([nan(&data.queries), nan(&data.keys), nan(&data.centers), vec![0.0], vec![0.0]])
    }

    fn gradients(&mut self) -> (Gradients<'_>, &mut [f32]) {
        let [queries, keys, centers, alpha, beta] = &mut self.0;
        (Gradients { queries, keys, alpha: &mut alpha[0], beta: &mut beta[0] }, centers)
    }

    /// The gradients of alpha and beta sum over all pixels terms that together weigh what the loss's
    /// do, and cancel a hundredfold: they are known as well as the loss is.
    fn check(&self, name: &str, data: &Data) {
        let norm = |x: &[f32]| x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        let loss = norm(&data.dy) * norm(&data.expected.result);
        for (i, (found, expected)) in self.0.iter().zip(&data.expected.gradients).enumerate() {
            let least = if i < 3 { 1e-7 } else { 1e-8 * loss };
            close_within(&format!("{name} gradient {i}"), found, expected, least);
        }
    }
}

#[test]
fn hard_assignments_agree() {
    for (i, case) in cases().iter().enumerate() {
        let name = format!("hard {i}");
        let data = case.data(&name, Choice::Hard);
        let (assign, dispatch) = case.kernels();
        on_each(|set| {
            let name = format!("{name} {set}");
            let Data { queries, keys, centers, dy, expected } = &data;
            let inputs = Inputs { queries, keys, alpha: case.alpha, beta: case.beta };
            let chosen = IMAGES * case.counts()[1] * case.heads;
            let (mut index, mut weight) = (vec![u32::MAX; chosen], vec![f32::NAN; chosen]);
            let mut scratch = vec![f32::NAN; assign.scratch(Choice::Hard)];
            assign.hard_forward(IMAGES, inputs, &mut index, &mut weight, &mut scratch);
            let mut y = vec![f32::NAN; dy.len()];
            let chosen = Chosen { index: &index, weight: &weight };
            dispatch.hard_forward(IMAGES, chosen, centers, &mut y);
            close(&name, &y, &expected.result);

            let mut found = Found::new(&data);
            let (gradients, dcenters) = found.gradients();
            let mut dweight = vec![f32::NAN; weight.len()];
            let to = dispatch::Gradients { weights: &mut dweight, centers: dcenters };
            dispatch.hard_backward(IMAGES, chosen, centers, dy, to);
            let mut scratch = vec![f32::NAN; assign.backward_scratch(Choice::Hard)];
            assign.hard_backward(IMAGES, inputs, chosen, &dweight, gradients, &mut scratch);
            found.check(&name, &data);
        });
    }
}

#[test]
fn soft_assignments_agree() {
    for (i, case) in cases().iter().enumerate() {
        let name = format!("soft {i}");
        let data = case.data(&name, Choice::Soft);
        let (assign, dispatch) = case.kernels();
        on_each(|set| {
            let name = format!("{name} {set}");
            let Data { queries, keys, centers, dy, expected } = &data;
            let inputs = Inputs { queries, keys, alpha: case.alpha, beta: case.beta };
            let [m, n] = case.counts();
            let mut weights = vec![f32::NAN; IMAGES * n * case.heads * m];
            let mut scratch = vec![f32::NAN; assign.scratch(Choice::Soft)];
            assign.soft_forward(IMAGES, inputs, &mut weights, &mut scratch);
            let mut y = vec![f32::NAN; dy.len()];
            let mut other = vec![f32::NAN; dispatch.scratch()];
            dispatch.soft_forward(IMAGES, &weights, centers, &mut y, &mut other);
            close(&name, &y, &expected.result);

            let mut found = Found::new(&data);
            let (gradients, dcenters) = found.gradients();
            let mut dweights = vec![f32::NAN; weights.len()];
            let mut other = vec![f32::NAN; dispatch.backward_scratch()];
            let to = dispatch::Gradients { weights: &mut dweights, centers: dcenters };
            dispatch.soft_backward(IMAGES, &weights, centers, dy, to, &mut other);
            let mut scratch = vec![f32::NAN; assign.backward_scratch(Choice::Soft)];
            assign.soft_backward(IMAGES, inputs, &dweights, gradients, &mut scratch);
            found.check(&name, &data);
        });
    }
}

/// The same center many times over: the first is chosen, however lengths are summed.
#[test]
fn equal_centers_lose_to_the_first() {
    let (width, heads) = (24, 2);
    let kernel = Assign { map: [3, 4], grid: [7, 7], channels: heads * width, heads };
    let queries = random("one center", heads * width).repeat(49);
    let keys = random("pixels", 12 * heads * width);
    on_each(|set| {
        let inputs = Inputs { queries: &queries, keys: &keys, alpha: 1.0, beta: 0.1 };
        let (mut index, mut weight) = ([9; 24], [f32::NAN; 24]);
        let mut scratch = vec![f32::NAN; kernel.scratch()];
        kernel.hard_forward(1, inputs, &mut index, &mut weight, &mut scratch);
        assert_eq!(index, [0; 24], "{set}");
    });
}

/// A sigmoid that has reached one makes all centers equal: the first is chosen, not the nearest.
#[test]
fn ties_go_to_the_first_center() {
    let kernel = Assign { map: [1, 1], grid: [1, 3], channels: 2, heads: 1 };
    let queries = [0.6, 0.8, 1.0, 0.0, 0.0, 1.0];
    let choose = |beta: f32| {
        let inputs = Inputs { queries: &queries, keys: &[0.0, 2.0], alpha: 1.0, beta };
        let (mut index, mut weight) = ([9], [f32::NAN]);
        let mut scratch = vec![f32::NAN; kernel.scratch()];
        kernel.hard_forward(1, inputs, &mut index, &mut weight, &mut scratch);
        (index[0], weight[0])
    };
    on_each(|set| {
        assert_eq!(choose(30.0), (0, 1.0), "{set}");
        assert_eq!(choose(0.0).0, 2, "{set}");
        // Not a number: still a center.
        assert_eq!(choose(f32::NAN).0, 0, "{set}");
    });
}
