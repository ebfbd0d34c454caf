//! Weights that come from other programs and go to them: tensors under published names or our own,
//! and whole models as ONNX.

mod export;
mod fit;
pub mod onnx;

pub use export::{About, own, published};
pub use fit::{FitError, Misfits, fit};
