//! How images are mixed.

use crate::schema::{Fraction, Positive};
use crate::schema::{block, choice};

block! {
    /// Images of a batch mixed in pairs, the first with the last and so on, and their labels alike.
    pub struct Mix = "mix" {
        /// blends two images; the part of each is drawn from Beta(this, this)
        mixup: Option<Positive> = "off",
        /// pastes a rectangle of one into the other; the rest it leaves is drawn from Beta(this, this)
        cutmix: Option<Positive> = "off",
        /// how often anything is mixed
        probability: Fraction = "1",
        /// how often it is a rectangle, where both are on
        switch: Fraction = "50%",
        /// what draws: a batch for all its images, or every image for itself
        per: Per = "batch",
    }
}

choice! {
    /// What draws.
    pub enum Per { Batch = "batch", Image = "image", }
}
