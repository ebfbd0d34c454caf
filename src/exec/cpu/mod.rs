//! The compiled executor on the CPU.

pub mod kernels;
