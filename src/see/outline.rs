//! The borders of regions as closed polygons with corners between pixels.

use crate::graph::Size;

/// A closed line by its corners, `[column, row]`, each apart from the next along one axis.
pub type Loop = Vec<[u32; 2]>;

/// For each of `count` labels the loops around its pixels, holes included: filled by the even-odd
/// rule they cover exactly those pixels.
pub fn loops(labels: &[u32], size: Size, count: usize) -> Vec<Vec<Loop>> {
    let mut edges: Vec<Vec<Edge>> = vec![Vec::new(); count];
    let [rows, columns] = size;
    for row in 0..rows {
        for column in 0..columns {
            let label = labels[row * columns + column];
            let other = |down: isize, right: isize| {
                let (row, column) = (row as isize + down, column as isize + right);
                let inside =
                    (0..rows as isize).contains(&row) && (0..columns as isize).contains(&column);
                !inside || labels[row as usize * columns + column as usize] != label
            };
            let corner = |down: usize, right: usize| [(row + down) as u32, (column + right) as u32];
            let around = [
                (other(-1, 0), corner(0, 0), corner(0, 1)),
                (other(0, 1), corner(0, 1), corner(1, 1)),
                (other(1, 0), corner(1, 1), corner(1, 0)),
                (other(0, -1), corner(1, 0), corner(0, 0)),
            ];
            let border = around.into_iter().filter(|(is, ..)| *is);
            edges[label as usize].extend(border.map(|(_, from, to)| Edge { from, to }));
        }
    }
    edges.into_iter().map(chained).collect()
}

/// A straight line by its two ends, `[column, row]`, the upper or left one first.
pub type Seam = [[u32; 2]; 2];

/// The lines between unlike labels, each once and as long as it is straight.
pub fn seams(labels: &[u32], [rows, columns]: Size) -> Vec<Seam> {
    let mut seams = Vec::new();
    let mut along = |line: usize, length: usize, parts: &dyn Fn(usize) -> bool, down: bool| {
        let at = |step: usize| if down { [line, step] } else { [step, line] }.map(|x| x as u32);
        let mut from = None;
        for step in 0..=length {
            match (step < length && parts(step), from) {
                (true, None) => from = Some(step),
                (false, Some(first)) => {
                    seams.push([at(first), at(step)]);
                    from = None;
                }
                _ => {}
            }
        }
    };
    let label = |row: usize, column: usize| labels[row * columns + column];
    for column in 1..columns {
        along(column, rows, &|row| label(row, column - 1) != label(row, column), true);
    }
    for row in 1..rows {
        along(row, columns, &|column| label(row - 1, column) != label(row, column), false);
    }
    seams
}

/// A side of a pixel, its own label on the right; corners are `[row, column]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Edge {
    from: [u32; 2],
    to: [u32; 2],
}

fn chained(mut edges: Vec<Edge>) -> Vec<Loop> {
    edges.sort_unstable();
    let mut used = vec![false; edges.len()];
    let mut loops = Vec::new();
    for first in 0..edges.len() {
        if used[first] {
            continue;
        }
        let (mut corners, mut at): (Loop, usize) = (Vec::new(), first);
        let mut before = None;
        loop {
            used[at] = true;
            let Edge { from, to } = edges[at];
            let along = from[0] == to[0];
            // Only where the line turns.
            if before != Some(along) {
                corners.push([from[1], from[0]]);
            }
            before = Some(along);
            let next = edges.partition_point(|edge| edge.from < to);
            let mut next = (next..edges.len()).take_while(|&i| edges[i].from == to);
            match next.find(|&i| !used[i]) {
                Some(next) => at = next,
                None => break,
            }
        }
        loops.push(corners);
    }
    loops
}
