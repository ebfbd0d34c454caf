//! Which images pass a branch by.

use super::StepKey;
use super::random::{Random, Site};

/// What a branch of one image is multiplied by: 0 with probability `rate`, else the inverse of the
/// probability of keeping. Decided by the key of the step, the position of the image within the
/// whole batch, and the site of the op, alone.
pub fn factor(rate: f64, site: u64, image: u64, key: StepKey) -> f64 {
    let mut random = Random::new(key.seed, key.step, site << 32 | image, Site::DropPath);
    if random.uniform() < rate { 0.0 } else { 1.0 / (1.0 - rate) }
}
