//! Files of other programs, read as plain data: nothing in them is run, nothing they claim is
//! believed, and what is allocated is bounded by the length of the file.

pub mod pickle;
mod tensors;
mod torch;

pub use tensors::{Tensor, TensorFile, Unreadable};
