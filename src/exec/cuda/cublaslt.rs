//! Matrix products by cuBLASLt. It thinks in columns: a row-major product `d = a · b` is its
//! `dᵀ = bᵀ · aᵀ`, with every matrix lying in memory as it is, and a bias per column of `d` is what
//! its epilogue adds per row.

use super::super::ExecError;
use super::library::Library;
use super::product::Product;
use super::tape::{Pointer, Precision};
use cudarc::cublaslt::{result, sys};
use std::ffi::c_void;

/// Working memory for products, in bytes: what NVIDIA recommends for its newest.
pub const WORKSPACE: usize = 32 << 20;

pub struct CublasLt {
    handle: sys::cublasLtHandle_t,
    workspace: Pointer,
}

// SAFETY: a handle may be used by any thread.
unsafe impl Send for CublasLt {}
unsafe impl Sync for CublasLt {}

/// A product made ready: descriptors and the way it is computed.
pub struct Ready {
    product: Product,
    precision: Precision,
    description: sys::cublasLtMatmulDesc_t,
    /// Of `b`, `a` and `d`.
    layouts: [sys::cublasLtMatrixLayout_t; 3],
    way: sys::cublasLtMatmulAlgo_t,
}

// SAFETY: descriptors are only read after they were made.
unsafe impl Send for Ready {}
unsafe impl Sync for Ready {}

fn said(what: &str) -> impl Fn(result::CublasError) -> ExecError {
    move |error| ExecError(format!("cuBLASLt, {what}: {error}"))
}

fn pointer(at: Pointer) -> *mut c_void {
    at.0 as *mut c_void
}

impl CublasLt {
    /// `workspace` is `WORKSPACE` bytes of the device's memory; its context must be current.
    pub fn new(workspace: Pointer) -> Result<CublasLt, ExecError> {
        Library::CublasLt.find()?;
        let handle = result::create_handle().map_err(said("handle"))?;
        Ok(CublasLt { handle, workspace })
    }

    /// Chooses how to compute a product, and gives the bias if that can not be added on the way. The
    /// choice depends on the shapes, the alignment and the device alone.
    pub fn ready(
        &self,
        product: &Product,
        precision: Precision,
    ) -> Result<(Ready, Option<Pointer>), ExecError> {
        let plain = Product { bias: None, ..*product };
        // As exact as can be, before as few kernels as can be.
        let mut refused = None;
        for strict in [true, false] {
            for (product, left) in [(product, None), (&plain, product.bias)] {
                match self.choose(product, precision, strict) {
                    Ok(ready) => return Ok((ready, left)),
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
        }
        Err(refused.unwrap_or_else(|| ExecError("no way to compute a product".into())))
    }

    /// The way to compute a product as it is; with `strict`, one that adds parts of sums in `f32`.
    fn choose(
        &self,
        product: &Product,
        precision: Precision,
        strict: bool,
    ) -> Result<Ready, ExecError> {
        let mut ready = describe(product, precision)?;
        let name = name(product, precision);
        // SAFETY: all descriptors are alive; the preference dies here.
        unsafe {
            let wishes = result::create_matmul_pref().map_err(said(&name))?;
            let found = preferences(wishes, product, precision, strict).and_then(|()| {
                let [b, a, d] = ready.layouts;
                result::get_matmul_algo_heuristic(
                    self.handle,
                    ready.description,
                    b,
                    a,
                    d,
                    d,
                    wishes,
                )
            });
            let _ = result::destroy_matmul_pref(wishes);
            ready.way = found.map_err(said(&name))?.algo;
        }
        Ok(ready)
    }

    /// Computes a product on a stream.
    ///
    /// # Safety
    /// The addresses of the product must be matrices of its shapes in the device's memory.
    pub unsafe fn run(&self, ready: &Ready, stream: sys::cudaStream_t) -> Result<(), ExecError> {
        let (one, add) = (1f32, f32::from(u8::from(ready.product.accumulate)));
        let Product { a, b, d, .. } = ready.product;
        let [b_layout, a_layout, d_layout] = ready.layouts;
        // SAFETY: descriptors are alive, the rest is the caller's word.
        let result = unsafe {
            result::matmul(
                self.handle,
                ready.description,
                (&raw const one).cast(),
                (&raw const add).cast(),
                pointer(b.at),
                b_layout,
                pointer(a.at),
                a_layout,
                pointer(d),
                d_layout,
                pointer(d),
                d_layout,
                &ready.way,
                pointer(self.workspace),
                WORKSPACE,
                stream,
            )
        };
        result.map_err(|error| said(&name(&ready.product, ready.precision))(error))
    }
}

impl Drop for CublasLt {
    fn drop(&mut self) {
        // SAFETY: the handle is alive, and dies here.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // SAFETY: the descriptors are alive, and die here.
        unsafe {
            let _ = result::destroy_matmul_desc(self.description);
            for layout in self.layouts {
                let _ = result::destroy_matrix_layout(layout);
            }
        }
    }
}

/// Its version, if it is there.
pub fn version() -> Option<String> {
    Library::CublasLt.find().ok()?;
    // SAFETY: the library is there, and the function takes nothing.
    let version = unsafe { sys::cublasLtGetVersion() };
    // 120803 is 12.8.3.
    Some(format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100))
}

/// Descriptors of a product, its way still open. Needs the library and no GPU.
pub fn describe(product: &Product, precision: Precision) -> Result<Ready, ExecError> {
    Library::CublasLt.find()?;
    let wide = sys::cudaDataType::CUDA_R_32F;
    let stored = match precision {
        Precision::F32 => wide,
        Precision::Bf16 => sys::cudaDataType::CUDA_R_16BF,
        Precision::F16 => sys::cudaDataType::CUDA_R_16F,
    };
    let Product { m, n, a, b, bias, parts, .. } = *product;
    let k = product.k / parts;
    // Rows and columns as they lie in memory, read by columns: turned over.
    let lying = |kind, [rows, columns]: [usize; 2], turned: bool| {
        let [first, second] = if turned { [rows, columns] } else { [columns, rows] };
        let layout = result::create_matrix_layout(kind, first as u64, second as u64, first as i64)
            .map_err(said("layout"))?;
        if parts > 1 {
            in_parts(layout, parts as i32, (rows * columns) as i64)?;
        }
        Ok::<_, ExecError>(layout)
    };
    let layouts = [
        lying(stored, [k, n], b.turned)?,
        lying(stored, [m, k], a.turned)?,
        lying(if product.wide { wide } else { stored }, [m, n], false)?,
    ];
    // Full `f32` throughout; sums are in `f32` for bfloat16 too.
    let compute = sys::cublasComputeType_t::CUBLAS_COMPUTE_32F;
    let description = result::create_matmul_desc(compute, wide).map_err(said("description"))?;
    let ready = Ready {
        product: *product,
        precision,
        description,
        layouts,
        // SAFETY: plain words, filled by `CublasLt::ready` before they are read.
        way: unsafe { std::mem::zeroed() },
    };
    use sys::cublasLtMatmulDescAttributes_t as Attribute;
    let turn = |turned: bool| if turned { 1i32 } else { 0 };
    set(&ready, Attribute::CUBLASLT_MATMUL_DESC_TRANSA, &turn(b.turned))?;
    set(&ready, Attribute::CUBLASLT_MATMUL_DESC_TRANSB, &turn(a.turned))?;
    if let Some(bias) = bias {
        let epilogue = sys::cublasLtEpilogue_t::CUBLASLT_EPILOGUE_BIAS;
        set(&ready, Attribute::CUBLASLT_MATMUL_DESC_EPILOGUE, &epilogue)?;
        set(&ready, Attribute::CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias.0)?;
    }
    Ok(ready)
}

/// So many matrices, each so many numbers behind the one before.
fn in_parts(layout: sys::cublasLtMatrixLayout_t, parts: i32, apart: i64) -> Result<(), ExecError> {
    use sys::cublasLtMatrixLayoutAttribute_t as Attribute;
    let (count, offset) = (
        Attribute::CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
        Attribute::CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
    );
    // SAFETY: the layout is alive; sizes are those of the values.
    unsafe {
        let (at, size) = ((&raw const parts).cast(), size_of::<i32>());
        result::set_matrix_layout_attribute(layout, count, at, size).map_err(said("layout"))?;
        let (at, size) = ((&raw const apart).cast(), size_of::<i64>());
        result::set_matrix_layout_attribute(layout, offset, at, size).map_err(said("layout"))
    }
}

fn set<T>(
    ready: &Ready,
    attribute: sys::cublasLtMatmulDescAttributes_t,
    value: &T,
) -> Result<(), ExecError> {
    let (at, size) = (std::ptr::from_ref(value).cast(), size_of::<T>());
    // SAFETY: the description is alive, and `size` bytes lie at `at`.
    unsafe { result::set_matmul_desc_attribute(ready.description, attribute, at, size) }
        .map_err(said("attribute"))
}

/// What `a`, `b` and `d` are multiples of in memory, in bytes, up to 256.
fn alignments(product: &Product, precision: Precision) -> [u32; 3] {
    // Of the first part and of those behind it.
    let aligned = |at: Pointer, bytes: usize| {
        let apart = if product.parts > 1 { bytes as u64 } else { 0 };
        1u32 << (at.0 | apart).trailing_zeros().min(8)
    };
    let (rows, stored) = (product.k / product.parts, precision.bytes());
    [
        aligned(product.a.at, rows * product.m * stored),
        aligned(product.b.at, rows * product.n * stored),
        aligned(product.d, product.m * product.n * if product.wide { 4 } else { stored }),
    ]
}

/// A product in words: everything that decides whether the library can compute it.
fn name(product: &Product, precision: Precision) -> String {
    let Product { m, n, k, a, b, bias, wide, accumulate, parts, .. } = *product;
    let k = k / parts;
    let operand = |name: &str, rows: usize, columns: usize, turned: bool, aligned: u32| {
        let (turned, lead) = if turned { (" turned", rows) } else { ("", columns) };
        format!("{name}{turned}, rows of {lead} at multiples of {aligned} bytes")
    };
    let [at_a, at_b, at_d] = alignments(product, precision);
    let mut parts_of = vec![
        format!("{m} x {n} x {k} in {}", precision.name()),
        operand("a", m, k, a.turned, at_a),
        operand("b", k, n, b.turned, at_b),
        operand(if wide { "d in fp32" } else { "d" }, m, n, false, at_d),
    ];
    parts_of.extend(bias.map(|_| "with a bias".into()));
    parts_of.extend(accumulate.then(|| "added to what is there".into()));
    parts_of.extend((parts > 1).then(|| format!("{parts} times")));
    parts_of.join("; ")
}

/// How much working memory there is, how the operands are aligned, and with `strict` how parts of sums are
/// added.
///
/// # Safety
/// The preference must be alive.
unsafe fn preferences(
    wishes: sys::cublasLtMatmulPreference_t,
    product: &Product,
    precision: Precision,
    strict: bool,
) -> Result<(), result::CublasError> {
    use sys::cublasLtMatmulPreferenceAttributes_t as Attribute;
    let [a, b, d] = alignments(product, precision);
    let alignments = [
        // Its first operand is our second one.
        (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, b),
        (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, a),
        (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, d),
        (Attribute::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, d),
    ];
    // SAFETY: the preference is alive by the caller's word; sizes are those of the values.
    unsafe {
        let most = Attribute::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES;
        let size = WORKSPACE;
        result::set_matmul_pref_attribute(
            wishes,
            most,
            (&raw const size).cast(),
            size_of::<usize>(),
        )?;
        // Parts of a sum are added as they are computed, in `f32`, not as results are stored.
        let added = sys::cublasLtReductionScheme_t::CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE as u32;
        if strict {
            result::set_matmul_pref_attribute(
                wishes,
                Attribute::CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                (&raw const added).cast(),
                size_of::<u32>(),
            )?;
        }
        for (attribute, bytes) in alignments {
            let at = (&raw const bytes).cast();
            result::set_matmul_pref_attribute(wishes, attribute, at, size_of::<u32>())?;
        }
    }
    Ok(())
}
