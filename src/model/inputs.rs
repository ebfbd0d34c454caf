//! Sizes of images that fit where the written ones do not.

use crate::graph::{Size, times};

/// How far a side is searched, in pixels.
const REACH: usize = 256;

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
    let smaller = input.map(down);
    let larger = input.map(up);
    let mut sizes: Vec<String> = Vec::new();
    for [rows, columns] in [smaller, larger] {
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
