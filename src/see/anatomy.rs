//! Where in a model pixels are assigned to centers.

use crate::graph::{Choice, Graph, Op, Size, Type, Value};

/// The stages of a model, each with the nodes that tell who belongs to whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Anatomy {
    /// Rows and columns of the images.
    pub input: Size,
    pub stages: Vec<Stage>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// As the text counts them.
    pub number: usize,
    pub entry: Entry,
    /// Rows and columns of its map.
    pub map: Size,
    /// Those of its blocks that send centers back to pixels.
    pub blocks: Vec<Block>,
}

/// How a map enters a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Entry {
    /// By convolutions of this stride in all; 1 where nothing stands between two stages.
    Strided(usize),
    /// By a cluster pooling: the index of every position, and the means of the clusters.
    Clusters { nearest: Value, means: Value },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    pub number: usize,
    pub assignment: Value,
    /// What returns to the pixels, `[B, gh, gw, A]`.
    pub centers: Value,
    /// The block of the stage that made the assignment.
    pub assigned_by: usize,
    /// Every position belongs to all centers a little.
    pub soft: bool,
}

/// What of a model a name stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Pool,
    Block(usize),
}

impl Anatomy {
    pub fn of(graph: &Graph) -> Anatomy {
        let mut stages: Vec<Draft> = Vec::new();
        let mut embedding = 1;
        for value in graph.values() {
            let node = graph.node(value);
            let Some((number, part)) = place(&node.scope) else {
                if let (Op::Conv(conv), true) = (&node.op, stages.is_empty()) {
                    embedding *= conv.stride;
                }
                continue;
            };
            if stages.last().is_none_or(|stage| stage.number != number) {
                let stride = std::mem::replace(&mut embedding, 1);
                stages.push(Draft { stride, ..Draft::new(number) });
            }
            let Some(stage) = stages.last_mut() else { continue };
            stage.map = node.ty.as_map().map_or(stage.map, |(map, _)| Some(map));
            match (part, &node.op) {
                (Part::Pool, Op::Conv(conv)) => stage.stride *= conv.stride,
                (Part::Pool, Op::Nearest(_)) => stage.nearest = Some(value),
                (Part::Pool, Op::ClusterMean(_)) => stage.means = Some(value),
                (Part::Block(block), Op::Dispatch(_)) => {
                    stage.blocks.extend(self::block(graph, value, block));
                }
                _ => {}
            }
        }
        let stages = stages.into_iter().filter_map(Draft::finish).collect();
        Anatomy { input: graph.input_size(), stages }
    }

    /// Whether there is any assignment to show.
    pub fn has_assignments(&self) -> bool {
        self.stages
            .iter()
            .any(|stage| !stage.blocks.is_empty() || matches!(stage.entry, Entry::Clusters { .. }))
    }

    /// All nodes that tell who belongs to whom.
    pub fn values(&self) -> Vec<Value> {
        let mut values: Vec<Value> = self
            .stages
            .iter()
            .flat_map(|stage| {
                let pool = match stage.entry {
                    Entry::Clusters { nearest, means } => vec![nearest, means],
                    Entry::Strided(_) => Vec::new(),
                };
                let blocks = stage.blocks.iter().flat_map(|b| [b.assignment, b.centers]);
                pool.into_iter().chain(blocks)
            })
            .collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}

/// A stage while its nodes are read.
struct Draft {
    number: usize,
    stride: usize,
    nearest: Option<Value>,
    means: Option<Value>,
    map: Option<Size>,
    blocks: Vec<Block>,
}

impl Draft {
    fn new(number: usize) -> Draft {
        Draft { number, stride: 1, nearest: None, means: None, map: None, blocks: Vec::new() }
    }

    fn finish(self) -> Option<Stage> {
        let entry = match (self.nearest, self.means) {
            (Some(nearest), Some(means)) => Entry::Clusters { nearest, means },
            _ => Entry::Strided(self.stride),
        };
        Some(Stage { number: self.number, entry, map: self.map?, blocks: self.blocks })
    }
}

/// The block `number` that ends in this dispatch.
fn block(graph: &Graph, dispatch: Value, number: usize) -> Option<Block> {
    let &[assignment, centers] = graph.node(dispatch).inputs.as_slice() else { return None };
    let from = graph.node(assignment);
    let assigned_by = match place(&from.scope) {
        Some((_, Part::Block(block))) => block,
        _ => number,
    };
    let soft = matches!(from.ty, Type::Assignment { choice: Choice::Soft, .. });
    Some(Block { number, assignment, centers, assigned_by, soft })
}

/// The stage and part that a node stands in: `stage2.block1.mixer.assign`.
fn place(scope: &str) -> Option<(usize, Part)> {
    let mut names = scope.split('.');
    let stage = names.next()?.strip_prefix("stage")?.parse().ok()?;
    let part = match names.next()? {
        "pool" => Part::Pool,
        name => Part::Block(name.strip_prefix("block")?.parse().ok()?),
    };
    Some((stage, part))
}
