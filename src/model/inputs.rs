//! Sizes of images that fit where the written ones do not.

use crate::graph::{Size, times};
use std::ops::Range;

/// How far a side is searched, in pixels.
const REACH: usize = 256;
/// The same where both sides are searched at once: rarely does a model halve more.
const NEAR: usize = 32;

/// The nearest sizes that work, a smaller and a larger one, as they would be written.
pub fn nearest(input: Size, fits: impl Fn(Size) -> bool) -> Vec<String> {
    let square = |side: usize| fits([side, side]);
    let down = |side: usize| {
        let found = (side.saturating_sub(REACH).max(1)..=side).rev().find(|&s| square(s))?;
        // Several sides may give one map, as a stride drops what is left over: the roundest.
        let alike = (found.saturating_sub(3).max(1)..=found).filter(|&s| square(s));
        alike.max_by_key(|side| side.trailing_zeros())
    };
    let up = |side: usize| (side..side.saturating_add(REACH)).find(|&s| square(s));
    let sizes = written([input.map(down), input.map(up)], &fits);
    if sizes.is_empty() { oblong(input, &fits) } else { sizes }
}

/// The same where no square fits, as a kernel is none: a size that does is found first, and from it each
/// side is searched by itself.
fn oblong(input: Size, fits: &impl Fn(Size) -> bool) -> Vec<String> {
    let near = input.map(|side| side.saturating_sub(NEAR).max(1)..side.saturating_add(NEAR));
    let [rows, columns] = &near;
    let kept = |size: Size| fits(size).then_some(size);
    let of_row = |row: usize| columns.clone().find_map(|column| kept([row, column]));
    let of_column = |column: usize| rows.clone().find_map(|row| kept([row, column]));
    let found = of_row(input[0]).or_else(|| of_column(input[1]));
    let Some(found) = found.or_else(|| rows.clone().find_map(of_row)) else { return Vec::new() };
    let with = |axis: usize, side: usize| {
        let mut size = found;
        size[axis] = side;
        fits(size)
    };
    let roundest = |axis: usize, sides: Range<usize>| {
        sides.filter(|&side| with(axis, side)).max_by_key(|side| side.trailing_zeros())
    };
    let down = |axis: usize| {
        let side = (near[axis].start..=input[axis]).rev().find(|&side| with(axis, side))?;
        roundest(axis, side.saturating_sub(3).max(1)..side + 1)
    };
    let up = |axis: usize| {
        let side = (input[axis]..near[axis].end).find(|&side| with(axis, side))?;
        roundest(axis, side..side + 4)
    };
    written([[0, 1].map(down), [0, 1].map(up)], fits)
}

/// Those of both sizes that were found and work.
fn written(found: [[Option<usize>; 2]; 2], fits: &impl Fn(Size) -> bool) -> Vec<String> {
    let mut sizes: Vec<String> = Vec::new();
    for [rows, columns] in found {
        if let (Some(rows), Some(columns)) = (rows, columns)
            && fits([rows, columns])
            && !sizes.contains(&times([rows, columns]))
        {
            sizes.push(times([rows, columns]));
        }
    }
    sizes
}

/// `nearest inputs that work: 192x192, 224x224`, if there are any.
pub fn help(sizes: &[String]) -> Option<String> {
    match sizes {
        [] => None,
        [only] => Some(format!("the nearest input that works: {only}")),
        sizes => Some(format!("nearest inputs that work: {}", sizes.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_searched_apart_where_no_square_fits() {
        // A kernel of 3x5 with a stride of 2, then two pools that halve.
        let halves = |side: usize| side > 0 && side.is_multiple_of(4);
        let fits = |[rows, columns]: Size| halves(rows.div_ceil(2)) && halves((columns - 1) / 2);
        assert_eq!(nearest([24, 40], fits), ["24x34", "24x42"].map(str::to_string));
        assert_eq!(nearest([27, 40], fits), ["24x34", "32x42"].map(str::to_string));
        assert_eq!(nearest([24, 40], |_| false), Vec::<String>::new());
    }
}
