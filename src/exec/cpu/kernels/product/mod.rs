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

#[cfg(target_arch = "x86_64")]
use super::simd;

/// Multiply-accumulates that were just done by what products are computed on, if that is more than
/// plain vectors.
pub fn at_work() -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    return simd::matrix_unit().map(amx::peak).or_else(|| simd::pairs().map(|pairs| pairs.peak()));
    #[cfg(not(target_arch = "x86_64"))]
    None
}
