//! A sheet of images beside what augmentation makes of them.

use super::augment::Pipeline;
use super::dataset::{DataError, Dataset};
use super::image::{Filter, Image};
use super::letters::{self, Letters};
use crate::exec::random::{Random, Site};

/// Images on a sheet, and variants beside each.
const ROWS: usize = 8;
const VARIANTS: usize = 7;
/// White pixels between two cells.
const GAP: usize = 4;
/// Pixels that a side of a cell should have at least.
const SIDE: usize = 96;

const INK: [u8; 3] = [20; 3];

/// A row of the sheet.
struct Row {
    original: Image,
    variants: Vec<Image>,
    /// Its class, and where it lies.
    said: String,
}

/// One row an image, drawn by the seed: as stored, then as the first epochs of a training with that
/// seed would see it, and below what it is. What is broken is passed over.
pub fn sheet(set: &dyn Dataset, pipeline: &Pipeline, seed: u64) -> Result<Image, DataError> {
    let mut order: Vec<usize> = (0..set.len()).collect();
    Random::new(seed, 0, 0, Site::Other).permute(&mut order);
    let readable = order.into_iter().filter_map(|i| Some((i, set.image(i).ok()?)));
    let mut rows: Vec<Row> = readable
        .take(ROWS)
        .map(|(i, original)| {
            let epochs = 0..VARIANTS as u64;
            let seen =
                epochs.map(|epoch| pipeline.transform(original.clone(), (seed, epoch, i as u64)));
            let class = set.classes().get(set.label(i) as usize).map_or("?", String::as_str);
            Row { variants: seen.collect(), said: format!("{class}: {}", set.place(i)), original }
        })
        .collect();
    let all = rows.iter().flat_map(|row| &row.variants);
    let [height, width] = all.fold([0, 0], |[height, width], variant| {
        [height.max(variant.height), width.max(variant.width)]
    });
    if height == 0 || width == 0 {
        return Err(DataError::new("there is no image to show"));
    }
    let factor = SIDE.div_ceil(height.max(width));
    let cell = [height * factor, width * factor];
    scale(&mut rows, cell, factor);
    let first = rows.iter().map(|row| row.original.width).fold(cell[1], usize::max);
    // Originals stand apart by a wider gap.
    let left = |column: usize| 3 * GAP + first + column * (cell[1] + GAP);
    let line = Letters::Small.line();
    let texts: Vec<Vec<String>> =
        rows.iter().map(|row| Letters::Small.lines(&row.said, left(VARIANTS) - 2 * GAP)).collect();
    let high = |row: &Row| row.original.height.max(cell[0]);
    let heights = rows.iter().zip(&texts).map(|(row, text)| high(row) + text.len() * line + GAP);
    let mut out = white(GAP + line + heights.sum::<usize>(), left(VARIANTS));
    let write = |out: &mut Image, place, text: &str| {
        letters::write(out, place, Letters::Small, text, INK);
    };
    write(&mut out, (GAP, GAP), "as stored");
    (0..VARIANTS).for_each(|i| write(&mut out, (left(i), GAP), &format!("epoch {}", i + 1)));
    let mut top = GAP + line;
    for (row, text) in rows.iter().zip(texts) {
        put(&mut out, &row.original, top, GAP);
        for (column, variant) in row.variants.iter().enumerate() {
            put(&mut out, &enlarged(variant, factor), top, left(column));
        }
        top += high(row);
        for said in text {
            write(&mut out, (GAP, top + 2), &said);
            top += line;
        }
        top += GAP;
    }
    Ok(out)
}

/// Originals as they are shown: in the scale of the variants where these may be windows of them, else as
/// large as a cell allows.
fn scale(rows: &mut [Row], cell: [usize; 2], factor: usize) {
    let windows = rows.iter().all(|Row { original, .. }| {
        let sides = [original.height * factor, original.width * factor];
        sides.iter().zip(cell).all(|(&side, cell)| (cell..=2 * cell).contains(&side))
    });
    for row in rows {
        row.original = match windows {
            true => enlarged(&row.original, factor),
            false => fitted(&row.original, cell),
        };
    }
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
