//! Cross entropy.

/// The cross entropy of one image: `ln(sum e^l) - l[label]`, with the largest logit taken off first.
///
/// `gradient` becomes `(softmax(logits) - onehot(label)) factor`. The label must be below the number
/// of logits.
pub fn cross_entropy(logits: &[f32], label: u32, factor: f32, gradient: &mut [f32]) -> f32 {
    assert_eq!(logits.len(), gradient.len());
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for (to, &logit) in gradient.iter_mut().zip(logits) {
        *to = (logit - largest).exp();
        total += *to;
    }
    gradient.iter_mut().for_each(|to| *to *= factor / total);
    gradient[label as usize] -= factor;
    total.ln() - (logits[label as usize] - largest)
}
