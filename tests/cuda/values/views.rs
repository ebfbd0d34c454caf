//! Batches out of images that lie on the device.

use super::each;
use crate::data::views::look;
use cluec::exec::cuda::kernels::view;
use cluec::exec::{Held, View};
use cluec::graph::Size;

#[test]
fn views_agree() {
    let (stored, shown, count): (Size, Size, _) = ([5, 7], [4, 9], 6);
    each("views", |bench, stream| {
        let bytes = stored[0] * stored[1] * 3 * count;
        let held = Held {
            size: stored,
            pixels: (0..bytes).map(|_| stream.below(256) as u8).collect(),
            colors: [0, 1, 2].map(|_| [0; 256].map(|_| stream.normal() as f32)),
        };
        let mut side = |most: i32| stream.below(most as u64) as i32;
        let mut views: Vec<View> = (0..20)
            .map(|_| View {
                image: side(count as i32) as u32,
                top: side(12) - 6,
                left: side(20) - 10,
                flip: side(2) == 1,
                hole: [side(4), side(9), side(3), side(4)],
            })
            .collect();
        views[0].hole = [0; 4];
        let words: Vec<u32> = views.iter().flat_map(View::words).map(|word| word as u32).collect();
        let images = bench.room(bytes);
        bench.set_bytes(images, &held.pixels);
        let words = bench.put_words(&words);
        let colors = bench.put_wide(held.colors.as_flattened());
        let numbers = views.len() * shown[0] * shown[1] * 3;
        let out = bench.room(4 * numbers);
        let kernel = view::View { stored, shown, images: views.len() };
        kernel.forward(&mut bench.tape, [images, words, colors], out);
        bench.play();
        let expected: Vec<f32> = views.iter().flat_map(|v| look(&held, v, shown)).collect();
        assert_eq!(bench.read_wide(out, numbers), expected);
    });
}
