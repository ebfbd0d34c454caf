//! Ops with a forward and a backward pass of their own, as candle custom operations over contiguous
//! rows. Used where candle's own is missing, wrong or an order of magnitude slow; each is checked
//! against finite differences.

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, DType, Error, Layout, Result, Shape, Storage,
    Tensor, WithDType, bail,
};

/// `f32`, and `f64` for gradient checks.
pub trait Real: WithDType {
    fn sqrt(self) -> Self;
    fn exp(self) -> Self;
    fn erf(self) -> Self;
}

impl Real for f32 {
    fn sqrt(self) -> f32 {
        self.sqrt()
    }
    fn exp(self) -> f32 {
        self.exp()
    }
    fn erf(self) -> f32 {
        candle_core::cpu::erf::erf_f64(self.into()) as f32
    }
}

impl Real for f64 {
    fn sqrt(self) -> f64 {
        self.sqrt()
    }
    fn exp(self) -> f64 {
        self.exp()
    }
    fn erf(self) -> f64 {
        candle_core::cpu::erf::erf_f64(self)
    }
}

/// A contiguous input.
pub struct Array<'a, T> {
    pub data: &'a [T],
    pub dims: &'a [usize],
}

impl<T> Array<'_, T> {
    /// Length of the last dimension.
    pub fn width(&self) -> usize {
        self.dims.last().copied().unwrap_or(1)
    }
}

/// One such op.
pub trait Kernel: Send + Sync + 'static {
    const NAME: &'static str;

    /// Of the result, from the inputs' shapes.
    fn shape(&self, dims: &[&[usize]]) -> Vec<usize>;

    /// Fills the zeroed result.
    fn forward<T: Real>(&self, inputs: &[Array<T>], result: &mut [T]);

    /// Fills the zeroed gradients of the inputs.
    fn backward<T: Real>(&self, inputs: &[Array<T>], gradient: &[T], gradients: &mut [Vec<T>]);
}

/// Applies a kernel to one, two or three tensors.
pub fn apply<K: Kernel>(kernel: K, inputs: &[&Tensor]) -> Result<Tensor> {
    let inputs: Vec<Tensor> = inputs.iter().map(|t| t.contiguous()).collect::<Result<_>>()?;
    match inputs.as_slice() {
        [a] => a.apply_op1(Fused(kernel)),
        [a, b] => a.apply_op2(b, Fused(kernel)),
        [a, b, c] => a.apply_op3(b, c, Fused(kernel)),
        _ => bail!("{} takes one to three inputs", K::NAME),
    }
}

struct Fused<K>(K);

impl<K: Kernel> Fused<K> {
    fn forward(&self, inputs: &[(&CpuStorage, &Layout)]) -> Result<(CpuStorage, Shape)> {
        match inputs[0].0.dtype() {
            DType::F32 => self.forward_as::<f32>(inputs),
            DType::F64 => self.forward_as::<f64>(inputs),
            other => Err(Error::UnsupportedDTypeForOp(other, K::NAME).bt()),
        }
    }

    fn forward_as<T: Real>(
        &self,
        inputs: &[(&CpuStorage, &Layout)],
    ) -> Result<(CpuStorage, Shape)> {
        let arrays: Vec<Array<T>> =
            inputs.iter().map(|(s, l)| array(s, l)).collect::<Result<_>>()?;
        let dims: Vec<&[usize]> = arrays.iter().map(|a| a.dims).collect();
        let shape = Shape::from(self.0.shape(&dims));
        let mut result = vec![T::zero(); shape.elem_count()];
        self.0.forward(&arrays, &mut result);
        Ok((T::to_cpu_storage_owned(result), shape))
    }

    fn backward(&self, inputs: &[&Tensor], gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
        match gradient.dtype() {
            DType::F32 => self.backward_as::<f32>(inputs, gradient),
            DType::F64 => self.backward_as::<f64>(inputs, gradient),
            other => Err(Error::UnsupportedDTypeForOp(other, K::NAME).bt()),
        }
    }

    fn backward_as<T: Real>(
        &self,
        inputs: &[&Tensor],
        gradient: &Tensor,
    ) -> Result<Vec<Option<Tensor>>> {
        let gradient = gradient.contiguous()?;
        let mut results: Vec<Vec<T>> =
            inputs.iter().map(|t| vec![T::zero(); t.elem_count()]).collect();
        {
            let guards: Vec<_> = inputs.iter().map(|t| t.storage_and_layout()).collect();
            let arrays: Vec<Array<T>> = guards
                .iter()
                .map(|(storage, layout)| array(host(storage)?, layout))
                .collect::<Result<_>>()?;
            let (storage, layout) = gradient.storage_and_layout();
            let gradient = array::<T>(host(&storage)?, layout)?;
            self.0.backward(&arrays, gradient.data, &mut results);
        }
        results
            .into_iter()
            .zip(inputs)
            .map(|(data, input)| Tensor::from_vec(data, input.shape(), input.device()).map(Some))
            .collect()
    }
}

/// The numbers of a tensor in host memory.
fn host(storage: &Storage) -> Result<&CpuStorage> {
    match storage {
        Storage::Cpu(storage) => Ok(storage),
        _ => bail!("the reference executor runs on the CPU"),
    }
}

fn array<'a, T: Real>(storage: &'a CpuStorage, layout: &'a Layout) -> Result<Array<'a, T>> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        bail!("an input is not contiguous")
    };
    Ok(Array { data: &T::cpu_storage_as_slice(storage)?[start..end], dims: layout.dims() })
}

impl<K: Kernel> CustomOp1 for Fused<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn cpu_fwd(&self, s: &CpuStorage, l: &Layout) -> Result<(CpuStorage, Shape)> {
        self.forward(&[(s, l)])
    }

    fn bwd(&self, a: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(self.backward(&[a], gradient)?.pop().flatten())
    }
}

impl<K: Kernel> CustomOp2 for Fused<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(&[(s1, l1), (s2, l2)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let mut gradients = self.backward(&[a, b], gradient)?.into_iter();
        Ok((gradients.next().flatten(), gradients.next().flatten()))
    }
}

impl<K: Kernel> CustomOp3 for Fused<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward(&[(s1, l1), (s2, l2), (s3, l3)])
    }

    fn bwd(
        &self,
        a: &Tensor,
        b: &Tensor,
        c: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let mut gradients = self.backward(&[a, b, c], gradient)?.into_iter();
        let mut next = || gradients.next().flatten();
        Ok((next(), next(), next()))
    }
}

/// Adds `x * factor` to `to`.
pub fn add_scaled<T: Real>(to: &mut [T], x: &[T], factor: T) {
    for (to, &x) in to.iter_mut().zip(x) {
        *to += x * factor;
    }
}

/// Adds `a * b` to `to`, element by element.
pub fn add_product<T: Real>(to: &mut [T], a: &[T], b: &[T]) {
    for ((to, &a), &b) in to.iter_mut().zip(a).zip(b) {
        *to += a * b;
    }
}

/// The sum of `term(i)` over `0..n`, in eight interleaved lanes.
pub fn lanes<T: Real>(n: usize, term: impl Fn(usize) -> T) -> T {
    let mut sums = [T::zero(); 8];
    let whole = n / 8 * 8;
    for start in (0..whole).step_by(8) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            *sum += term(start + lane);
        }
    }
    for i in whole..n {
        sums[i - whole] += term(i);
    }
    sums.into_iter().fold(T::zero(), |a, b| a + b)
}
