//! Kernels of the CPU back end: plain functions over `f32` slices, channels last, single-threaded.
//!
//! A kernel is a struct of sizes with `forward`, `backward` and, where it needs any, `scratch`: how
//! many floats of working memory it wants to be lent, whose contents are arbitrary on entry. A call
//! works on `images` images lying one behind the other. Results and gradients of inputs are
//! overwritten; gradients of parameters are added to what is there. The bits of a result depend on
//! the sizes, the instruction set and the precision of products ([`simd::in_precision`]) alone.

pub mod adaptive_pool;
pub mod assign;
pub mod attend;
pub mod cluster_mean;
pub mod conv;
pub mod depthwise;
mod directions;
pub mod dispatch;
pub mod dispatch_linear;
pub mod elementwise;
pub mod ffn;
pub mod gate;
pub mod gelu;
pub mod group_norm;
pub mod layer_norm;
pub mod linear;
pub mod loss;
pub mod meeting;
pub mod narrow;
pub mod nearest;
mod normal;
pub mod product;
pub mod reread;
pub mod simd;
mod tile;
mod vector;
pub mod windowed;
