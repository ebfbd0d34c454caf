//! A sheet of images beside what augmentation makes of them.

use super::augment::Pipeline;
use super::dataset::{DataError, Dataset};
use super::image::{Filter, Image};
use crate::exec::random::{Random, Site};

/// Images on a sheet, and variants beside each.
const ROWS: usize = 8;
const VARIANTS: usize = 7;
/// White pixels between two cells.
const GAP: usize = 4;
/// Pixels that a side of a cell should have at least.
const SIDE: usize = 96;

/// One row an image, drawn by the seed: as stored, scaled to fit, then as the first epochs of a
/// training with that seed would see it. What is broken is passed over.
pub fn sheet(set: &dyn Dataset, pipeline: &Pipeline, seed: u64) -> Result<Image, DataError> {
    let mut order: Vec<usize> = (0..set.len()).collect();
    Random::new(seed, 0, 0, Site::Other).permute(&mut order);
    let readable = order.into_iter().filter_map(|i| Some((i, set.image(i).ok()?)));
    let mut rows = Vec::new();
    for (i, original) in readable.take(ROWS) {
        let variants: Vec<Image> = (0..VARIANTS)
            .map(|epoch| pipeline.transform(original.clone(), (seed, epoch as u64, i as u64)))
            .collect();
        rows.push((original, variants));
    }
    let all = rows.iter().flat_map(|(_, variants)| variants);
    let [height, width] = all.fold([0, 0], |[height, width], variant| {
        [height.max(variant.height), width.max(variant.width)]
    });
    if height == 0 || width == 0 {
        return Err(DataError::new("there is no image to show"));
    }
    let factor = SIDE.div_ceil(height.max(width));
    let cell = [height * factor, width * factor];
    let mut out = white(
        rows.len() * (cell[0] + GAP) + GAP,
        // Originals stand apart by a wider gap.
        (VARIANTS + 1) * (cell[1] + GAP) + 2 * GAP,
    );
    for (row, (original, variants)) in rows.iter().enumerate() {
        let top = GAP + row * (cell[0] + GAP);
        put(&mut out, &fitted(original, cell), top, GAP);
        for (column, variant) in variants.iter().enumerate() {
            let left = 2 * GAP + (column + 1) * (cell[1] + GAP);
            put(&mut out, &enlarged(variant, factor), top, left);
        }
    }
    Ok(out)
}

fn white(height: usize, width: usize) -> Image {
    Image { height, width, pixels: vec![255; height * width * 3] }
}

/// As large as a cell allows, the aspect kept; small images by whole factors.
fn fitted(image: &Image, [height, width]: [usize; 2]) -> Image {
    let (rows, columns) = (image.height.max(1), image.width.max(1));
    let factor = (height / rows).min(width / columns);
    if factor > 0 {
        return enlarged(image, factor);
    }
    match height * columns < width * rows {
        true => image.resize(height, (height * columns / rows).max(1), Filter::Lanczos),
        false => image.resize((width * rows / columns).max(1), width, Filter::Lanczos),
    }
}

/// Every pixel as a square.
fn enlarged(image: &Image, factor: usize) -> Image {
    let mut out = white(image.height * factor, image.width * factor);
    for row in 0..out.height {
        for column in 0..out.width {
            let at = (row * out.width + column) * 3;
            out.pixels[at..at + 3].copy_from_slice(&image.pixel(row / factor, column / factor));
        }
    }
    out
}

/// Copies an image, which must fit.
fn put(sheet: &mut Image, image: &Image, top: usize, left: usize) {
    let bytes = image.width * 3;
    for row in 0..image.height {
        let to = ((top + row) * sheet.width + left) * 3;
        sheet.pixels[to..to + bytes].copy_from_slice(&image.pixels[row * bytes..][..bytes]);
    }
}
