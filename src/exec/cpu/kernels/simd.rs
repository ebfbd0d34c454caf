//! Vectors of floats: the instruction set in use, parts of vectors, tables.

#[cfg(target_arch = "x86_64")]
use super::product::{amx::Unit, pairs::Pairs};
use crate::graph::Precision;
use pulp::{Arch, MemMask, Simd, WithSimd};
use std::cell::Cell;
use std::sync::OnceLock;
use std::thread::LocalKey;

/// What kernels may use.
#[derive(Clone, Copy, Default)]
pub struct Instructions {
    arch: Arch,
    /// Where large products go.
    #[cfg(target_arch = "x86_64")]
    unit: Option<Unit>,
    /// What products of bfloat16 may be taken by, if no unit takes them.
    #[cfg(target_arch = "x86_64")]
    pairs: Option<Pairs>,
}

impl From<Arch> for Instructions {
    fn from(arch: Arch) -> Instructions {
        Instructions {
            arch,
            #[cfg(target_arch = "x86_64")]
            unit: None,
            #[cfg(target_arch = "x86_64")]
            pairs: None,
        }
    }
}

thread_local! {
    static CHOSEN: Cell<Option<Instructions>> = const { Cell::new(None) };
    static PRECISION: Cell<Precision> = const { Cell::new(Precision::F32) };
}

/// What this thread uses.
#[inline]
fn chosen() -> Instructions {
    CHOSEN.get().unwrap_or_else(best)
}

/// Names the most that kernels may use, for results that are equal to the bit on unlike machines and
/// for comparisons.
pub const VARIABLE: &str = "CLUEC_INSTRUCTIONS";

/// The matrix unit's arithmetic on vectors. It is slow, and used where nothing but it is asked for.
const EMULATED: &str = "amx-emulated";

/// Vectors without and with products of bfloat16.
const AVX512: &str = "avx512";
const PAIRS: &str = "avx512-bf16";

/// All names there are, on any machine of this architecture, from the slowest to the fastest.
const NAMES: &[&str] = if cfg!(target_arch = "x86_64") {
    &["scalar", "avx2", AVX512, PAIRS, EMULATED, "amx"]
} else if cfg!(target_arch = "aarch64") {
    &["scalar", "neon"]
} else {
    &["scalar"]
};

/// The best there is, or the best up to what [`VARIABLE`] names.
fn best() -> Instructions {
    allowed().map(|found| found.1).unwrap_or_default()
}

/// The name of it, with products of this precision: what makes no difference to them is not named.
pub fn in_use(precision: Precision) -> &'static str {
    match allowed().map_or(NAMES[0], |found| found.0) {
        PAIRS if precision != Precision::Bf16 => AVX512,
        name => name,
    }
}

fn allowed() -> Option<(&'static str, Instructions)> {
    static BEST: OnceLock<Option<(&'static str, Instructions)>> = OnceLock::new();
    *BEST.get_or_init(|| {
        let place = |name: &str| NAMES.iter().position(|&known| known == name);
        let most = std::env::var(VARIABLE).ok().and_then(|wanted| place(&wanted));
        let emulates = most.is_some() && most == place(EMULATED);
        let allowed =
            |name| (most.is_none() || place(name) <= most) && (emulates || name != EMULATED);
        instructions().into_iter().rfind(|(name, _)| allowed(name))
    })
}

/// What is wrong with [`VARIABLE`], if anything is.
pub fn misnamed() -> Option<String> {
    let wanted = std::env::var_os(VARIABLE)?;
    if wanted.to_str().is_some_and(|wanted| NAMES.contains(&wanted)) {
        return None;
    }
    Some(format!("{VARIABLE} is one of {} here, not {}", NAMES.join(", "), wanted.display()))
}

/// Runs `op` on the best instruction set of the machine.
///
/// Everything `op` calls has to be inlined into it, or it is compiled without that set.
#[inline]
pub fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    chosen().arch.dispatch(op)
}

/// The matrix unit, if this thread may use one, for products of its precision.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn matrix_unit() -> Option<Unit> {
    let unit = chosen().unit;
    if PRECISION.get() == Precision::Bf16 { unit.map(Unit::of_bf16) } else { unit }
}

/// What takes products over pairs of bfloat16, if this thread may and its products are of such numbers.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn pairs() -> Option<Pairs> {
    if PRECISION.get() == Precision::Bf16 { chosen().pairs } else { None }
}

/// Runs `work` with products that need no more than this precision of what they read. They are packed
/// otherwise, so that what packs them and what reads them is to run in the same one.
pub fn in_precision<R>(precision: Precision, work: impl FnOnce() -> R) -> R {
    let _held = Held::new(&PRECISION, precision);
    work()
}

/// What large products are computed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    Vectors,
    /// Vectors of pairs of bfloat16.
    Pairs,
    EmulatedUnit,
    MatrixUnit,
}

/// Where those of this thread go.
pub fn products() -> Products {
    #[cfg(target_arch = "x86_64")]
    match matrix_unit() {
        None if pairs().is_some() => Products::Pairs,
        None => Products::Vectors,
        Some(unit) if unit.is_emulated() => Products::EmulatedUnit,
        Some(_) => Products::MatrixUnit,
    }
    #[cfg(not(target_arch = "x86_64"))]
    Products::Vectors
}

/// Runs `work` with the kernels of this thread held to some instructions.
pub fn with<R>(instructions: Instructions, work: impl FnOnce() -> R) -> R {
    let _held = Held::new(&CHOSEN, Some(instructions));
    work()
}

/// Another value for as long as this lives, however it ends.
struct Held<T: Copy + 'static> {
    of: &'static LocalKey<Cell<T>>,
    before: T,
}

impl<T: Copy> Held<T> {
    fn new(of: &'static LocalKey<Cell<T>>, value: T) -> Held<T> {
        Held { of, before: of.replace(value) }
    }
}

impl<T: Copy> Drop for Held<T> {
    fn drop(&mut self) {
        self.of.set(self.before);
    }
}

/// What this machine has, by name, from the slowest to the fastest.
pub fn instructions() -> Vec<(&'static str, Instructions)> {
    let mut all = vec![("scalar", Arch::Scalar.into())];
    #[cfg(target_arch = "x86_64")]
    {
        all.extend(pulp::x86::V3::try_new().map(|simd| ("avx2", Arch::V3(simd).into())));
        if let Some(simd) = pulp::x86::V4::try_new() {
            let arch = Arch::V4(simd);
            let with = |unit| Instructions { arch, unit: Some(unit), pairs: None };
            all.push((AVX512, arch.into()));
            if let pairs @ Some(_) = Pairs::of_the_machine(simd) {
                all.push((PAIRS, Instructions { arch, unit: None, pairs }));
            }
            all.push((EMULATED, with(Unit::emulated(simd))));
            all.extend(Unit::of_the_machine(simd).map(|unit| ("amx", with(unit))));
        }
    }
    #[cfg(target_arch = "aarch64")]
    all.extend(pulp::aarch64::Neon::try_new().map(|simd| ("neon", Arch::Neon(simd).into())));
    all
}

/// The first `lanes` numbers at `from`, zeros after them; a whole vector if there are so many.
///
/// # Safety
/// So many numbers can be read.
#[inline(always)]
pub unsafe fn load<S: Simd>(simd: S, from: *const f32, lanes: usize) -> S::f32s {
    unsafe {
        if lanes >= S::F32_LANES {
            from.cast::<S::f32s>().read_unaligned()
        } else {
            simd.mask_load_ptr_f32s(first(simd, lanes), from)
        }
    }
}

/// Writes the first `lanes` numbers of a vector.
///
/// # Safety
/// So many numbers can be written.
#[inline(always)]
pub unsafe fn store<S: Simd>(simd: S, to: *mut f32, lanes: usize, value: S::f32s) {
    unsafe {
        if lanes >= S::F32_LANES {
            to.cast::<S::f32s>().write_unaligned(value);
        } else {
            simd.mask_store_ptr_f32s(first(simd, lanes), to, value);
        }
    }
}

/// The part of `slice` from `at` on as a vector of `lanes` numbers.
#[inline(always)]
pub fn load_from<S: Simd>(simd: S, slice: &[f32], at: usize, lanes: usize) -> S::f32s {
    let part = &slice[at..at + lanes.min(S::F32_LANES)];
    // SAFETY: the part is as long as what is read.
    unsafe { load(simd, part.as_ptr(), lanes) }
}

/// Writes as many numbers as the slice holds, at most a vector.
#[inline(always)]
pub fn store_to<S: Simd>(simd: S, slice: &mut [f32], value: S::f32s) {
    // SAFETY: the slice is as long as what is written.
    unsafe { store(simd, slice.as_mut_ptr(), slice.len(), value) }
}

/// Asks for the cache line at `at`, which is soon read or written.
#[inline(always)]
pub fn prefetch(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// A plain mask: pulp's own carries a pointer to a routine per length, and a call costs more here.
#[inline(always)]
pub(super) fn first<S: Simd>(simd: S, lanes: usize) -> MemMask<S::m32s> {
    MemMask::new(simd.mask_between_m32s(0, lanes as u32).mask())
}

/// The smaller of `x` and `limit` for every lane; NaN stays NaN.
#[inline(always)]
pub fn at_most<S: Simd>(simd: S, x: S::f32s, limit: f32) -> S::f32s {
    let limit = simd.splat_f32s(limit);
    if S::IS_SCALAR {
        simd.select_f32s(simd.less_than_f32s(limit, x), limit, x)
    } else {
        // In this order: beside a NaN, the instruction of x86 yields its second operand.
        simd.min_f32s(limit, x)
    }
}

/// `table[index]` for every lane; of the indices only the low four bits count.
#[inline(always)]
pub fn lookup<S: Simd>(simd: S, table: &[f32; 16], index: S::u32s) -> S::f32s {
    #[cfg(target_arch = "x86_64")]
    {
        use std::any::TypeId;
        use std::arch::x86_64::*;
        use std::mem::transmute_copy;
        if TypeId::of::<S>() == TypeId::of::<pulp::x86::V4>() {
            // SAFETY: the set is there, or no `V4` would be, and the vectors are as long.
            return unsafe {
                let index: __m512i = transmute_copy(&index);
                let found = _mm512_permutexvar_ps(index, _mm512_loadu_ps(table.as_ptr()));
                transmute_copy(&found)
            };
        }
        if TypeId::of::<S>() == TypeId::of::<pulp::x86::V3>() {
            // SAFETY: as above. The fourth bit, moved to the sign, chooses between the halves.
            return unsafe {
                let index: __m256i = transmute_copy(&index);
                let low = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table.as_ptr()), index);
                let high = _mm256_loadu_ps(table.as_ptr().add(8));
                let high = _mm256_permutevar8x32_ps(high, index);
                let choice = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(index));
                transmute_copy(&_mm256_blendv_ps(low, high, choice))
            };
        }
    }
    let mut found = simd.splat_f32s(0.0);
    let lanes = &raw mut found;
    for (i, &index) in integers(&index).iter().enumerate() {
        // SAFETY: a vector is its lanes, one behind the other.
        unsafe { *lanes.cast::<f32>().add(i) = table[(index & 15) as usize] };
    }
    found
}

/// The lanes of an integer vector.
#[inline(always)]
fn integers<V: Copy>(vector: &V) -> &[u32] {
    // SAFETY: a vector of pulp is plain numbers of 32 bits here.
    unsafe { std::slice::from_raw_parts((&raw const *vector).cast(), size_of::<V>() / 4) }
}
