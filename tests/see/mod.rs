//! What a network sees: the assignments drawn are those of the published code, and what is made of
//! them is what plain arithmetic makes of them.

mod drawing;
mod fixtures;
mod merging;
mod numbers;
mod palette;
mod verbs;
