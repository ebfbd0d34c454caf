//! Drop path: which images pass a branch by follows from seed, step, image and site alone.

use candle_core::{Device, Tensor};
use cluec::exec::StepKey;
use cluec::exec::reference::{Mode, Output, evaluate};
use cluec::graph::ops::{DropPath, Input, Mean};
use cluec::graph::{Builder, Graph, Value};

/// Two drop paths after each other; the second one stands at node 2.
fn graph(rates: [f64; 2]) -> Graph {
    let mut b = Builder::new();
    let mut x = b.push("input", "", Input { size: [1, 1] }, &[]);
    for (i, rate) in rates.into_iter().enumerate() {
        x = b.push(&format!("drop{i}"), "", DropPath { rate, site: i as u64 }, &[x]);
    }
    let x = b.push("mean", "", Mean, &[x]);
    b.finish("drop", x).0
}

/// What becomes of `images` images of ones, the first of them `image`-th in its batch.
fn factors(rates: [f64; 2], images: usize, seed: u64, step: u64, image: usize) -> Vec<f32> {
    let graph = graph(rates);
    let x = Tensor::ones((images, 1, 1, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
    let mode = Mode::Training { key: StepKey { seed, step }, image };
    let outputs = evaluate(&graph, &[], &[(Value(0), x)], mode, true).unwrap();
    let Some(Output::Tensor(y)) = outputs.into_iter().flatten().last() else { panic!() };
    y.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().step_by(3).collect()
}

#[test]
fn kept_images_are_scaled_and_the_rest_are_zero() {
    let factors = factors([0.2, 0.0], 2000, 1, 2, 0);
    let kept = factors.iter().filter(|&&f| f == 1.25).count();
    assert_eq!(kept + factors.iter().filter(|&&f| f == 0.0).count(), 2000);
    // Within four deviations of 1,600.
    assert!((1528..1672).contains(&kept), "{kept}");
}

#[test]
fn every_part_of_the_key_counts() {
    let base = factors([0.5, 0.0], 64, 1, 2, 0);
    assert_eq!(base, factors([0.5, 0.0], 64, 1, 2, 0));
    assert_ne!(base, factors([0.5, 0.0], 64, 9, 2, 0), "seed");
    assert_ne!(base, factors([0.5, 0.0], 64, 1, 3, 0), "step");
    assert_ne!(base, factors([0.0, 0.5], 64, 1, 2, 0), "node");
    // A batch cut in two gives the same.
    let halves = [factors([0.5, 0.0], 40, 1, 2, 0), factors([0.5, 0.0], 24, 1, 2, 40)];
    assert_eq!(base, halves.concat());
}
