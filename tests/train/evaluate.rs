//! Accuracy and loss, by hand.

use cluec::exec::cpu::Compiled;
use cluec::exec::{Batch, Evaluator, ExecError, init::initialize};
use cluec::graph::Precision;
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

/// Gives logits as they are told.
struct Told(Vec<f32>);

impl Evaluator for Told {
    fn logits(&mut self, _: &[f32]) -> Result<Vec<f32>, ExecError> {
        Ok(self.0.clone())
    }
}

/// An image that overflows is wrong, even where it overflows at the right class, or where there are no
/// more than three; it is taken for nothing, and the loss is that of the others.
#[test]
fn an_image_that_overflows_is_wrong() {
    let over = |rows: &[[f32; 2]], labels: &[u32]| {
        let batch = Batch { labels: labels.to_vec(), ..Batch::default() };
        let batches = [Ok(Fed { batch, broken: 0 })].into_iter();
        evaluate(&mut Told(rows.concat()), batches, 2).unwrap()
    };
    let infinite = [[f32::INFINITY, 0.0], [f32::NAN, 0.0], [0.0, f32::NEG_INFINITY]];
    let found = over(&[&infinite[..], &[[0.0; 2]]].concat(), &[0; 4]);
    assert_eq!((found.images, found.overflowed), (4, 3));
    assert_eq!([found.top1, found.top3], [0.25; 2]);
    assert_eq!(found.per_class, [(1, 4), (0, 0)]);
    assert_eq!(found.loss, 2f64.ln());
    assert_eq!(found.confusion.rows().flatten().sum::<u64>(), 1);
    assert_eq!(
        found.overflow(Precision::F16).unwrap(),
        "3 of 4 test images overflow in fp16: they count as wrong, and the loss is that of the others"
    );
    // Where all overflow there is no loss.
    assert!(over(&infinite, &[0; 3]).loss.is_nan());
    let whole = over(&[[0.0; 2]], &[0]);
    assert_eq!((whole.overflowed, whole.overflow(Precision::F16)), (0, None));
}

#[test]
fn an_error_of_the_data_is_passed_on() {
    let graph = super::model(super::TINY, &[]).graph.unwrap();
    let parameters = initialize(&graph, 0);
    let mut evaluator = Compiled::evaluator(&graph, parameters, 1);
    let batches = [Err("broken.jpg".to_string())].into_iter();
    assert_eq!(evaluate(&mut evaluator, batches, 4).unwrap_err(), "broken.jpg");
}
