//! Linear layer `[…, in] -> […, out]`.

use candle_core::{Result, Tensor};

/// `x · weight + bias`, weight `[in, out]`.
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (channels, out) = weight.dims2()?;
    let mut dims = x.dims().to_vec();
    if let Some(last) = dims.last_mut() {
        *last = out;
    }
    let rows = x.elem_count() / channels;
    x.reshape((rows, channels))?.matmul(weight)?.broadcast_add(bias)?.reshape(dims)
}
