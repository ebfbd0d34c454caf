//! How good the logits are.

use super::{Confusion, Fed};
use crate::exec::{Evaluator, all_finite};
use crate::graph::Precision;

/// Measured over a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean cross entropy of the images that do not overflow; no number where all do.
    pub loss: f64,
    /// Parts of the images, from 0 to 1.
    pub top1: f64,
    pub top3: f64,
    pub images: u64,
    /// Left out because they can not be read.
    pub broken: u64,
    /// Of the images, those whose logits are not all finite: they count as wrong, and are taken for
    /// nothing.
    pub overflowed: u64,
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
    let (mut loss, mut top1, mut top3) = (0.0, 0u64, 0u64);
    let (mut images, mut left_out, mut overflowed) = (0u64, 0u64, 0u64);
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
            images += 1;
            let place = all_finite(row).then(|| rank(row, label));
            match place {
                Some(_) => {
                    loss += cross_entropy(row, label);
                    confusion.add(row, label);
                }
                None => overflowed += 1,
            }
            let right = place == Some(0);
            top1 += u64::from(right);
            top3 += u64::from(place.is_some_and(|place| place < 3));
            if let Some((rights, all)) = per_class.get_mut(label as usize) {
                *rights += u64::from(right);
                *all += 1;
            }
        }
    }
    let n = images.max(1) as f64;
    // Of no images the loss is nothing; of images that all overflow it is no number.
    let measured = if images == 0 { 1 } else { images - overflowed };
    Ok(Evaluation {
        loss: loss / measured as f64,
        top1: top1 as f64 / n,
        top3: top3 as f64 / n,
        images,
        broken: left_out,
        overflowed,
        per_class,
        confusion,
    })
}

impl Evaluation {
    /// That some images gave no numbers, if so: a sentence without its end.
    pub fn overflow(&self, precision: Precision) -> Option<String> {
        let (overflowed, images) = (self.overflowed, self.images);
        let precision = precision.name();
        (overflowed > 0).then(|| {
            format!(
                "{overflowed} of {images} test images overflow in {precision}: they count as wrong, \
                 and the loss is that of the others"
            )
        })
    }
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
