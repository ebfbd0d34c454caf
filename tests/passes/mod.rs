//! Passes, on graphs of texts and on graphs built by hand.

mod canonical;
mod coordinates;
mod reach;
mod step;
mod verify;
