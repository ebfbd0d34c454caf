//! Matrix products: over weights that were packed once per step, and the transposed product that
//! gives the weights' gradients.

#[cfg(target_arch = "x86_64")]
pub(super) mod amx;
mod epilogue;
mod matrix;
mod multiply;
mod packed;
#[cfg(target_arch = "x86_64")]
pub(super) mod pairs;
pub(super) mod tile;
mod transposed;

pub use epilogue::{Add, Biased, Epilogue, Gelu, GeluSlope, Store, Times};
pub use matrix::{Matrix, MatrixMut};
pub use multiply::multiply;
pub use packed::{PANEL, Packed, pack, pack_transposed, packed_len};
pub use transposed::{add_column_sums, at_b_scratch, multiply_at_b};

/// Multiply-accumulates that the matrix unit has just done, if there is one for this thread.
pub fn matrix_unit_at_work() -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    return super::simd::matrix_unit().map(amx::peak);
    #[cfg(not(target_arch = "x86_64"))]
    None
}
