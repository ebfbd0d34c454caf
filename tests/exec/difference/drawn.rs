//! Every op on shapes that are drawn.

use super::{Draw, Piece};
use cluec::graph::ops::*;
use cluec::graph::{Builder, Choice, Op, Size, Value};

/// How many shapes of every op.
const ROUNDS: usize = 12;

/// An op, or some that belong together, on maps of a drawn shape.
type Drawing = fn(&str, &mut Draw) -> Piece;

/// The name keys the numbers and the shapes.
pub const DRAWINGS: [(&str, Drawing); 21] = [
    ("coordinates", coordinates),
    ("conv", conv),
    ("depthwise", depthwise),
    ("linear", linear),
    ("layer_norm", layer_norm),
    ("group_norm", group_norm),
    ("scale", scale),
    ("reread", reread),
    ("gelu", |name, draw| on_a_map(name, draw, Gelu)),
    ("add", |name, draw| on_two_maps(name, draw, Add)),
    ("blend", |name, draw| on_two_maps(name, draw, Blend)),
    ("mean", |name, draw| on_a_map(name, draw, Mean)),
    ("drop_path", drop_path),
    ("adaptive_pool", adaptive_pool),
    ("attend", attend),
    ("gate", gate),
    ("hard dispatch", |name, draw| dispatch(name, draw, Choice::Hard)),
    ("soft dispatch", |name, draw| dispatch(name, draw, Choice::Soft)),
    ("hard cluster_mean", |name, draw| cluster_mean(name, draw, Choice::Hard)),
    ("soft cluster_mean", |name, draw| cluster_mean(name, draw, Choice::Soft)),
    ("cluster_pool", cluster_pool),
];

/// The gradient of every op is that of finite differences on each of a dozen drawn shapes.
#[test]
fn gradients_on_drawn_shapes_are_those_of_finite_differences() {
    for (name, drawing) in DRAWINGS {
        for round in 0..ROUNDS {
            let name = format!("{name} {round}");
            drawing(&name, &mut Draw::named(&name, round)).check();
        }
    }
}

fn on_a_map(name: &str, draw: &mut Draw, op: impl Into<Op>) -> Piece {
    let map = (draw.size(1..=7), draw.within(1..=6));
    Piece::new(name, &[map], |b, x| b.push("op", "", op, x))
}

fn on_two_maps(name: &str, draw: &mut Draw, op: impl Into<Op>) -> Piece {
    let map = (draw.size(1..=7), draw.within(1..=6));
    Piece::new(name, &[map, map], |b, x| b.push("op", "", op, x))
}

/// A row of one pixel has no coordinates.
fn coordinates(name: &str, draw: &mut Draw) -> Piece {
    let map = (draw.size(2..=7), draw.within(1..=4));
    Piece::new(name, &[map], |b, x| b.push("op", "", Coordinates, x))
}

fn conv(name: &str, draw: &mut Draw) -> Piece {
    let map = (draw.size(4..=8), draw.within(1..=4));
    let (kernel, stride) = (draw.size(1..=4), draw.within(1..=3));
    let conv = Conv { out: draw.within(1..=5), kernel, stride, pad: draw.below(3) };
    Piece::new(name, &[map], |b, x| b.push("op", "", conv, x))
}

/// Kernels may be larger than the map.
fn depthwise(name: &str, draw: &mut Draw) -> Piece {
    let kernel = [draw.one(&[1, 3, 5, 7]), draw.one(&[1, 3, 5, 7])];
    on_a_map(name, draw, Depthwise { kernel })
}

fn linear(name: &str, draw: &mut Draw) -> Piece {
    let linear = Linear { out: draw.within(1..=6), form: draw.one(&[Form::Dense, Form::Conv1x1]) };
    on_a_map(name, draw, linear)
}

/// Two channels always become one and minus one: all that changes is where they change places, which no
/// difference sees.
fn layer_norm(name: &str, draw: &mut Draw) -> Piece {
    let map = (draw.size(1..=7), draw.one(&[1, 3, 4, 5, 7, 8, 11, 16]));
    Piece::new(name, &[map], |b, x| b.push("op", "", LayerNorm, x))
}

fn group_norm(name: &str, draw: &mut Draw) -> Piece {
    let map = (draw.size(2..=7), draw.within(1..=9));
    Piece::new(name, &[map], |b, x| b.push("op", "", GroupNorm, x))
}

fn scale(name: &str, draw: &mut Draw) -> Piece {
    on_a_map(name, draw, Scale { start: 1.0 })
}

fn drop_path(name: &str, draw: &mut Draw) -> Piece {
    let op = DropPath { rate: draw.one(&[0.0, 0.3, 0.5]), site: draw.below(4) as u64 };
    on_a_map(name, draw, op)
}

/// Any map of as many numbers, in any blocks that divide the channels.
fn reread(name: &str, draw: &mut Draw) -> Piece {
    let (size, channels) = (draw.size(1..=6), draw.within(1..=8));
    let numbers = size[0] * size[1] * channels;
    let rows = draw.divisor(numbers);
    let columns = draw.divisor(numbers / rows);
    let (from, to) = (draw.divisor(channels), draw.divisor(numbers / rows / columns));
    let op = Reread { map: [rows, columns], from, to };
    Piece::new(name, &[(size, channels)], |b, x| b.push("op", "", op, x))
}

/// Grids may be larger than the map.
fn adaptive_pool(name: &str, draw: &mut Draw) -> Piece {
    let grid = draw.size(1..=9);
    on_a_map(name, draw, AdaptivePool { grid, hooks: 1 })
}

/// Windows, and a map and a grid that they divide.
fn meeting(draw: &mut Draw) -> (Windows, Size, Size) {
    let windows = [draw.within(1..=2), draw.within(1..=3)];
    let [map, grid] = [[2, 4], [1, 2]].map(|[least, most]| {
        let within = draw.size(least..=most);
        [0, 1].map(|axis| windows[axis] * within[axis])
    });
    (Windows(windows), map, grid)
}

/// Some temperatures lie below the floor, where they have no slope.
fn attend(name: &str, draw: &mut Draw) -> Piece {
    let (windows, map, grid) = meeting(draw);
    let (heads, width) = (draw.within(1..=3), draw.within(2..=5));
    let cosine = |floor| Score::Cosine { start: 2.0, floor };
    let score = draw.one(&[Score::Dot, cosine(0.01), cosine(0.9)]);
    let channels = heads * width;
    let maps = [(grid, channels), (map, channels), (map, channels)];
    Piece::new(name, &maps, |b, x| b.push("op", "", Attend { heads, score, windows }, x))
}

fn gate(name: &str, draw: &mut Draw) -> Piece {
    let (grid, heads) = (draw.size(1..=5), draw.within(1..=3));
    let centers = (grid, heads * draw.within(2..=7));
    Piece::new(name, &[centers, centers], |b, x| b.push("op", "", Gate { heads }, x))
}

/// An assignment, and queries and keys for it: of heads at least two wide, as in a single channel all
/// directions are the same or opposite, and every choice a tie.
fn assigning(draw: &mut Draw, choice: Choice) -> (Assign, [(Size, usize); 2]) {
    let (windows, map, grid) = meeting(draw);
    let heads = draw.within(1..=3);
    let channels = heads * draw.within(2..=4);
    (Assign { heads, choice, windows }, [(grid, channels), (map, channels)])
}

fn dispatch(name: &str, draw: &mut Draw, choice: Choice) -> Piece {
    let (assign, [queries, keys]) = assigning(draw, choice);
    let centers = (queries.0, assign.heads * draw.within(1..=4));
    Piece::new(name, &[queries, keys, centers], |b, x| {
        let assignment = b.push("assign", "", assign, &x[..2]);
        b.push("op", "", Dispatch, &[assignment, x[2]])
    })
}

fn cluster_mean(name: &str, draw: &mut Draw, choice: Choice) -> Piece {
    let (assign, [queries, keys]) = assigning(draw, choice);
    let channels = assign.heads * draw.within(1..=4);
    let weighing = match choice {
        Choice::Hard => draw.one(&[Weighing::Mean, Weighing::Weighted, Weighing::Mixed]),
        Choice::Soft => Weighing::Weighted,
    };
    let maps = [queries, keys, (keys.0, channels), (queries.0, channels)];
    Piece::new(name, &maps, |b, x| {
        let assignment = b.push("assign", "", assign, &x[..2]);
        b.push("op", "", ClusterMean { weighing }, &[assignment, x[2], x[3]])
    })
}

/// What is compared is averaged, or another map is; the centers' own values are given, or averages.
fn cluster_pool(name: &str, draw: &mut Draw) -> Piece {
    let (windows, map, grid) = meeting(draw);
    let (compared, pooled) = (draw.within(2..=5), draw.within(1..=5));
    let (same, own) = (draw.below(2) == 0, draw.below(2) == 0);
    let channels = if same { compared } else { pooled };
    let maps = [(map, compared), (map, channels), (grid, channels)];
    Piece::new(name, &maps, |b: &mut Builder, x: &[Value]| {
        let index = b.push("nearest", "", Nearest { grid, windows }, &x[..1]);
        let averaged = if same { x[0] } else { x[1] };
        let mut inputs = vec![index, averaged];
        inputs.extend(own.then_some(x[2]));
        b.push("op", "", ClusterMean { weighing: Weighing::Mean }, &inputs)
    })
}
