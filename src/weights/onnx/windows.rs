//! Windows: what pixels and centers of different windows have of one another is masked.

use super::heads::Heads;
use super::writer::{Name, Writer};
use crate::graph::ops::Windows;

/// `x`, `[batch, heads, N, M]`, after `op` with a constant that is `inside` where pixel and center
/// share a window and `outside` elsewhere; `x` itself where there is one window.
pub fn masked(
    w: &mut Writer,
    windows: Windows,
    [centers, map]: [Heads; 2],
    op: &str,
    [inside, outside]: [f32; 2],
    x: &str,
) -> Name {
    if windows == Windows::WHOLE {
        return x.to_string();
    }
    let (window, other) = (places(windows, map), places(windows, centers));
    let share = |(a, b)| if a == b { inside } else { outside };
    let pairs = window.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    let data: Vec<f32> = pairs.map(share).collect();
    let [wh, ww] = windows.0;
    let ([h, width], [gh, gw]) = (map.size, centers.size);
    let name = format!("windows/{wh}x{ww}/{h}x{width}_{gh}x{gw}/{op}");
    let mask = w.shared(&name, &[window.len(), other.len()], &data);
    w.op(op, &[x, &mask], [])
}

/// The window of every place, row by row.
fn places(windows: Windows, heads: Heads) -> Vec<usize> {
    let [h, w] = heads.size;
    (0..h * w).map(|n| windows.at(heads.size, [n / w, n % w])).collect()
}
