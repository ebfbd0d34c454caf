//! Kernels of the CPU on every instruction set of the machine: the dense ones against plain loops in
//! `f64`, those of clustering against the reference executor. What they read and write lies in guarded
//! memory.

#[cfg(feature = "train")]
mod cluster;
mod dense;
