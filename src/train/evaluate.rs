//! How good the logits are.

use super::{Confusion, Fed};
use crate::exec::Evaluator;

/// Measured over a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean cross entropy.
    pub loss: f64,
    /// Parts of the images, from 0 to 1.
    pub top1: f64,
    pub top3: f64,
    pub images: u64,
    /// Left out because they can not be read.
    pub broken: u64,
    /// Right (top-1) and all images of every class.
    pub per_class: Vec<(u64, u64)>,
    pub confusion: Confusion,
}

/// Runs every image of `batches` in evaluation mode.
pub fn evaluate(
    evaluator: &mut (impl Evaluator + ?Sized),
    batches: impl Iterator<Item = Result<Fed, String>>,
    classes: usize,
) -> Result<Evaluation, String> {
    let (mut loss, mut top1, mut top3, mut images, mut left_out) = (0.0, 0u64, 0u64, 0u64, 0u64);
    let mut per_class = vec![(0, 0); classes];
    let mut confusion = Confusion::new(classes);
    for batch in batches {
        let Fed { batch, broken } = batch?;
        left_out += broken;
        if batch.labels.is_empty() {
            continue;
        }
        let logits = match &batch.views[..] {
            [] => evaluator.logits(&batch.images),
            views => evaluator.logits_of(views),
        };
        let logits = logits.map_err(|e| e.to_string())?;
        for (row, &label) in logits.chunks(classes).zip(&batch.labels) {
            let place = rank(row, label);
            loss += cross_entropy(row, label);
            top1 += u64::from(place == 0);
            top3 += u64::from(place < 3);
            images += 1;
            confusion.add(row, label);
            if let Some((right, all)) = per_class.get_mut(label as usize) {
                *right += u64::from(place == 0);
                *all += 1;
            }
        }
    }
    let n = images.max(1) as f64;
    Ok(Evaluation {
        loss: loss / n,
        top1: top1 as f64 / n,
        top3: top3 as f64 / n,
        images,
        broken: left_out,
        per_class,
        confusion,
    })
}

/// How many logits are larger than that of the label (of equal ones the first counts as larger);
/// all of them where it is no number.
pub fn rank(logits: &[f32], label: u32) -> usize {
    let label = label as usize;
    let own = logits.get(label).copied().filter(|own| !own.is_nan());
    let Some(own) = own else { return logits.len() };
    logits.iter().enumerate().filter(|&(i, &l)| l > own || l == own && i < label).count()
}

fn cross_entropy(logits: &[f32], label: u32) -> f64 {
    let max = logits.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b)) as f64;
    let sum: f64 = logits.iter().map(|&l| (f64::from(l) - max).exp()).sum();
    max + sum.ln() - logits.get(label as usize).map_or(f64::NAN, |&l| f64::from(l))
}
