//! Maps that a test gives to whole executors, which know of images and parameters only: a map is the
//! parameters of a linear layer over images of one pixel.

use cluec::graph::ops::{Form, Input, Linear, Reread};
use cluec::graph::{Builder, Size, Value};

/// Images whose one pixel has three colors: of up to three images each may have a color of its own, and
/// so a row of every layer.
pub fn pixel(b: &mut Builder) -> Value {
    b.push("input", "", Input { size: [1, 1] }, &[])
}

/// The map `name`, `[B, H, W, C]`: of image `i` the sum over the colors of `pixel` of the rows of
/// `name.numbers.weight`. The gradient of a row is that of the map, where an image has a color of its own.
pub fn given(b: &mut Builder, name: &str, pixel: Value, map: Size, channels: usize) -> Value {
    let layer = Linear { out: map[0] * map[1] * channels, form: Form::Dense };
    b.scope(name, name, |b| {
        let numbers = b.push("numbers", "numbers", layer, &[pixel]);
        b.push("map", "", Reread { map, from: 1, to: 1 }, &[numbers])
    })
}
