//! Which pixels and centers meet.

use crate::graph::Size;
use crate::graph::ops::Windows;
use candle_core::{DType, Device, Result, Tensor};

/// `[N, M]`: `here` where pixel and center share a window, else `there`; nothing where all do.
pub fn mask(
    windows: Windows,
    map: Size,
    grid: Size,
    [here, there]: [f64; 2],
    dtype: DType,
) -> Result<Option<Tensor>> {
    if windows == Windows::WHOLE {
        return Ok(None);
    }
    let of = |size: Size| {
        (0..size[0] * size[1]).map(move |i| windows.at(size, [i / size[1], i % size[1]]))
    };
    let pairs = of(map).flat_map(|pixel| of(grid).map(move |center| pixel == center));
    let values: Vec<f64> = pairs.map(|meet| if meet { here } else { there }).collect();
    let shape = (map[0] * map[1], grid[0] * grid[1]);
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype).map(Some)
}
