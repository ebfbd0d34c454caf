//! Products on the matrix unit of recent Intel processors (AMX), which multiplies bfloat16 and sums
//! in `f32`.
//!
//! A number of `f32` is the sum of three of bfloat16, exactly: eight bits of its significand each
//! ([`parts`]). Of the nine products of two such sums the six largest are taken, the smallest of them
//! first; what is left out is at most 2^-22 of the product and mostly some 2^-26, where `f32` rounds
//! off up to 2^-24. So a result is as good as one of `f32` (Henry, Tang and Heinecke 2019, arXiv
//! 1904.06376), at six sixteenths of the time. Numbers below 2^-126 count as zero; what is not finite
//! becomes NaN. Where a model is computed in bfloat16, a number is one part and a product one product.

mod emulated;
mod multiply;
mod pack;
mod parts;
mod peak;
mod registers;
mod tile;
mod transposed;
mod turns;

pub(super) use multiply::multiply;
pub use pack::{Weights, pack, pack_transposed, packed_len};
pub use peak::peak;
pub use registers::Unit;
pub use transposed::{multiply_at_b, scratch};

use std::sync::OnceLock;

/// Whether this machine has the unit and this process may use it.
fn available() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| present() && permitted())
}

fn present() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    /// Tiles, and products of bfloat16 on them.
    const BITS: u32 = 1 << 24 | 1 << 22;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & BITS == BITS
}

/// Tiles are eight kilobytes of a thread's state: Linux wants to be asked once.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: asks for something and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}
