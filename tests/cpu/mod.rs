//! Kernels of the CPU against plain loops in `f64`, on every instruction set of the machine.

mod dense;
