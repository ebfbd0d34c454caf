//! The running mean of parameters.

use crate::schema::Part;
use crate::schema::block;

block! {
    /// A running mean of the parameters (exponential moving average): measured, saved beside them, and
    /// what `eval`, `predict` and `export` take.
    pub struct Ema = "decay" {
        /// what is left of the mean after a step
        decay: Part = "0.9999",
        /// the mean forgets faster at first: no more than 1 - t^(-2/3) of it is left after step t
        warmup: bool = "off",
    }
}
