//! The kernels of the CUDA back end: one `.cu` file per op, its launcher beside it.
//!
//! A launcher is a struct of sizes. `forward` and `backward` write onto a tape; where working
//! memory is needed, `scratch` says how many bytes of it, whose contents are arbitrary before and
//! after. Results, gradients of inputs and gradients of parameters are overwritten: a whole batch
//! runs at once. Nothing is added in an order that chance decides.
//!
//! Parameters are read in `f32`, except weights and biases of matrix products, which are read as
//! the tape's precision stores them; gradients of parameters are `f32`.

pub mod adaptive_pool;
pub mod assign;
pub mod attend;
pub mod cluster_mean;
pub mod conv;
pub mod depthwise;
pub mod dispatch;
pub mod dispatch_linear;
pub mod elementwise;
pub mod ffn;
pub mod gate;
pub mod group_norm;
pub mod layer_norm;
pub mod linear;
pub mod loss;
pub mod maps;
pub mod nearest;
pub mod reduce;
pub mod reread;
pub mod scale;
pub mod update;
pub mod view;
pub mod windowed;

/// What every source begins with.
pub const PRELUDE: &str = include_str!("prelude.cuh");

/// Threads of a block where nothing else decides.
const THREADS: usize = 256;
/// Where parts of one piece of working memory begin.
const ALIGN: usize = 256;

/// Blocks of `THREADS` for so many threads.
fn blocks(threads: usize) -> usize {
    threads.div_ceil(THREADS)
}

/// How many numbers of rows of `n` a kernel reads and writes at once: a power of two that divides `n`, 16
/// bytes at most.
fn together(n: usize, precision: super::tape::Precision) -> usize {
    (16 / precision.bytes()).min(1 << n.trailing_zeros())
}

/// How many of a block's warps share the pixels of a center, each having about 128 or more: a power of two.
/// The warps of the center that has most pixels are the last; together they wait for memory less often.
/// An image with many `centers`, counted head by head, keeps a GPU busy without. How many images there are
/// decides nothing: the sums of one do not depend on the others.
fn shares(pixels: usize, centers: usize, width: usize, threads: usize) -> usize {
    // Their sums are added in shared memory, of which a block has 48 KiB.
    let fits = 4 * threads * (width.div_ceil(32) + 1) <= 40 << 10;
    let most = (pixels / 128).min(256 / centers).min(threads / 32);
    if fits { 1 << most.max(1).ilog2() } else { 1 }
}

/// Hands out parts of a piece of working memory; `used` is what `scratch` has to say.
struct Room {
    at: super::tape::Pointer,
    used: usize,
}

impl Room {
    fn new(at: super::tape::Pointer) -> Room {
        Room { at, used: 0 }
    }

    fn take(&mut self, bytes: usize) -> super::tape::Pointer {
        let part = self.at.plus(self.used);
        self.used += bytes.next_multiple_of(ALIGN);
        part
    }

    fn floats(&mut self, count: usize) -> super::tape::Pointer {
        self.take(4 * count)
    }
}
