//! The compiled executor on an NVIDIA GPU.
//!
//! No toolkit is needed to build this, and no driver to start the program: libraries are looked for
//! when a GPU is asked for, and kernels are compiled then, specialized for the model at hand.

pub mod compile;
pub mod compiled;
pub mod cublaslt;
pub mod device;
pub mod kernels;
pub mod library;
pub mod observe;
pub mod product;
pub mod tape;
pub mod walk;
