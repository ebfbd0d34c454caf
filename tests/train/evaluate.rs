//! Accuracy and loss, by hand.

use cluec::exec::cpu::Compiled;
use cluec::exec::{Batch, init::initialize};
use cluec::train::{Evaluation, Fed, evaluate, rank};

#[test]
fn the_place_of_a_label_among_the_logits() {
    assert_eq!(rank(&[0.1, 0.9, 0.5], 1), 0);
    assert_eq!(rank(&[0.1, 0.9, 0.5], 2), 1);
    assert_eq!(rank(&[0.1, 0.9, 0.5], 0), 2);
    // Of equal ones the first wins, as an argmax takes it.
    assert_eq!([rank(&[2.0; 4], 0), rank(&[2.0; 4], 3)], [0, 3]);
    // A logit that is no number is never right.
    assert_eq!([rank(&[f32::NAN, 1.0], 0), rank(&[f32::NAN, 1.0], 1)], [2, 0]);
}

/// Four classes whose logits are the same for every image: the biases of the head.
fn measure(biases: [f32; 4], labels: Vec<Vec<u32>>) -> Evaluation {
    let graph = super::model(super::TINY, &[]).graph.unwrap();
    let mut parameters = initialize(&graph, 0);
    let last = parameters.len() - 1;
    let [weight, bias] = parameters.several([last - 1, last]).unwrap();
    weight.fill(0.0);
    bias.copy_from_slice(&biases);
    let mut evaluator = Compiled::evaluator(&graph, parameters, 1);
    let batches = labels
        .into_iter()
        .map(|labels| {
            let images = vec![0.5; labels.len() * 16 * 16 * 3];
            Batch { images, labels, ..Batch::default() }
        })
        .map(|batch| Ok(Fed { batch, broken: 2 }));
    evaluate(&mut evaluator, batches, 4).unwrap()
}

#[test]
fn top1_top3_loss_and_classes() {
    // Probabilities 1/2, 1/4, 1/8, 1/8; the last two tie, and the first of them is third.
    let logits = [8.0f32, 4.0, 2.0, 2.0].map(f32::ln);
    let found = measure(logits, vec![vec![0, 0, 1], vec![2], vec![3, 0]]);
    assert_eq!((found.images, found.broken), (6, 6));
    assert_eq!(found.top1, 3.0 / 6.0);
    assert_eq!(found.top3, 5.0 / 6.0);
    assert_eq!(found.per_class, [(3, 3), (0, 1), (0, 1), (0, 1)]);
    // 3 x 1 bit, 2 bits, 3 bits, 3 bits over six images: every image weighs the same.
    assert!((found.loss - 11.0 / 6.0 * 2f64.ln()).abs() < 1e-6, "{}", found.loss);
}

#[test]
fn huge_logits_give_no_infinity() {
    let found = measure([3e4, -3e4, 0.0, 0.0], vec![vec![0, 1]]);
    assert!((found.loss - 3e4).abs() < 1.0, "{}", found.loss);
}

#[test]
fn an_error_of_the_data_is_passed_on() {
    let graph = super::model(super::TINY, &[]).graph.unwrap();
    let parameters = initialize(&graph, 0);
    let mut evaluator = Compiled::evaluator(&graph, parameters, 1);
    let batches = [Err("broken.jpg".to_string())].into_iter();
    assert_eq!(evaluate(&mut evaluator, batches, 4).unwrap_err(), "broken.jpg");
}
