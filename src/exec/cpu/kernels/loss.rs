//! Cross entropy.

use crate::exec::Other;

/// The cross entropy of one image and what it shows, `-sum t_c ln softmax(l)_c`, with the largest logit
/// taken off first; `t` is as [`CrossEntropy`](crate::graph::ops::CrossEntropy) says.
///
/// `gradient` becomes `(softmax(logits) - t) factor`. Labels must be below the number of logits.
pub fn cross_entropy(
    logits: &[f32],
    (label, other): (u32, Other),
    smoothing: f32,
    factor: f32,
    gradient: &mut [f32],
) -> f32 {
    assert_eq!(logits.len(), gradient.len());
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for (to, &logit) in gradient.iter_mut().zip(logits) {
        *to = (logit - largest).exp();
        total += *to;
    }
    gradient.iter_mut().for_each(|to| *to *= factor / total);
    let mut loss = total.ln();
    let mut hit = |label: u32, share: f32| {
        gradient[label as usize] -= factor * share;
        loss -= share * (logits[label as usize] - largest);
    };
    hit(label, (1.0 - smoothing) * (1.0 - other.share));
    if other.share > 0.0 {
        hit(other.label, (1.0 - smoothing) * other.share);
    }
    if smoothing > 0.0 {
        let share = smoothing / logits.len() as f32;
        gradient.iter_mut().for_each(|to| *to -= factor * share);
        loss -= share * logits.iter().map(|logit| logit - largest).sum::<f32>();
    }
    loss
}
