//! Files of other programs, read as plain data: nothing in them is run, nothing they claim is
//! believed, and what is allocated is bounded by the length of the file. Safetensors are written, too.

pub mod pickle;
mod tensors;
mod torch;
mod written;

pub use tensors::{Tensor, TensorFile, Unreadable, explained};
pub use written::{Floats, write};
