//! The part of an image that a model sees, larger than the model sees it.

use super::augment::{Pipeline, Step, filter};
use super::image::{Image, middle, shorter};

impl Pipeline {
    /// What the steps of a test image leave of it, `times` as large on each side from the first step
    /// on that gives a size: the same part to the pixel, and no pixel of what lies around it.
    pub fn enlarged(&self, mut image: Image, times: usize) -> Image {
        // A crop lies where the model's lies: sizes are the model's, and `scale` pixels of the image
        // are one of them.
        let (mut size, mut scale) = ([image.height, image.width], 1);
        for step in &self.steps {
            let resized = match *step {
                Step::ResizeShorter { size: side, lanczos } => Some((shorter(size, side), lanczos)),
                Step::ResizeTo { size, lanczos } => Some((size, lanczos)),
                Step::CropCenter { size: to } => {
                    let [top, left] = [0, 1].map(|axis| middle(size[axis], to[axis]));
                    let [height, width] = to.map(|side| side * scale);
                    image =
                        image.window(top * scale as isize, left * scale as isize, height, width);
                    size = to;
                    None
                }
                // Test images know no other.
                _ => None,
            };
            if let Some((to, lanczos)) = resized {
                image = image.resize(to[0] * times, to[1] * times, filter(lanczos));
                (size, scale) = (to, times);
            }
        }
        image
    }
}
