//! What a model saw in an image: one forward pass, and who belonged to whom in it.

use super::anatomy::{self, Anatomy};
use crate::exec::observe::{Observation, Seen};
use crate::exec::{Batch, ExecError, Parameters};
use crate::graph::{Graph, Size, Tap, Value, area};
use serde::Serialize;
use std::collections::HashMap;

/// One image in evaluation mode. Everything else that is shown is made of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// Rows and columns of the image.
    pub input: Size,
    pub stages: Vec<Stage>,
    /// `[classes]`
    pub logits: Vec<f32>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stage {
    /// As the text counts them.
    pub number: usize,
    /// Rows and columns of its map.
    pub map: Size,
    pub entry: Entry,
    pub blocks: Vec<Block>,
}

/// How a map enters a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// By convolutions of this stride: a position lies over those around its place.
    Strided(usize),
    /// By a cluster pooling: a position is the center of those that belong to it.
    Clusters(Clusters),
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Block {
    pub number: usize,
    /// The block of the stage that made the assignment.
    pub assigned_by: usize,
    /// Every position belonged to all centers: shown is the one that had most of it.
    pub soft: bool,
    /// The raw layout: windows are slices of memory, drawn where the layout means them to lie. A
    /// position in one is no place in the image.
    pub scattered: bool,
    pub heads: Vec<Clusters>,
}

/// One assignment of positions to centers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clusters {
    /// Rows and columns of positions, and of centers.
    pub map: Size,
    pub grid: Size,
    /// Rows and columns of windows in which positions and centers met.
    pub windows: Size,
    /// The center of every position, row by row; a center counts in the whole grid.
    pub assignment: Vec<u32>,
    /// What describes the centers, `[M, width]`: what they send back to their positions; of a
    /// pooling, the mean of their positions.
    pub centers: Vec<f32>,
}

impl Clusters {
    /// How many centers there are, chosen or not.
    pub fn count(&self) -> usize {
        area(self.grid) as usize
    }

    /// What describes a center.
    pub fn center(&self, center: usize) -> &[f32] {
        let width = self.centers.len() / self.count().max(1);
        &self.centers[center * width..][..width]
    }
}

/// Why nothing is seen.
#[derive(Debug, Clone, PartialEq)]
pub enum SeeError {
    /// The model assigns nothing.
    NoAssignment,
    /// A stage, block or head that is not there; what is, is said.
    Unknown(String),
    /// These values were not shown by the executor.
    Unseen(String),
    Exec(ExecError),
}

impl std::fmt::Display for SeeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SeeError::NoAssignment => f.write_str(
                "this model has no assignment to show: no mixer and no pool of it has clusters",
            ),
            SeeError::Unknown(message) => f.write_str(message),
            SeeError::Unseen(scope) => write!(f, "the executor does not show `{scope}`"),
            SeeError::Exec(error) => error.fmt(f),
        }
    }
}
impl std::error::Error for SeeError {}

impl From<ExecError> for SeeError {
    fn from(error: ExecError) -> SeeError {
        SeeError::Exec(error)
    }
}

/// Images that run together.
const TOGETHER: usize = 8;

/// What a model sees in `images`, `[B, H, W, 3]` and normalized; `observe` is an executor's.
pub fn look(
    graph: &Graph,
    parameters: &Parameters,
    images: &[f32],
    observe: impl Fn(&Graph, &Parameters, &Batch) -> Result<Observation, ExecError>,
) -> Result<Vec<Record>, SeeError> {
    let viewer = Viewer::of(graph)?;
    let size = graph.image_numbers();
    let mut records = Vec::with_capacity(images.len() / size);
    for images in images.chunks(TOGETHER * size) {
        let batch = Batch { images: images.to_vec(), ..Batch::default() };
        records.extend(viewer.records(&observe(viewer.watched(), parameters, &batch)?)?);
    }
    Ok(records)
}

/// Looks at a model.
pub struct Viewer<'a> {
    graph: &'a Graph,
    anatomy: Anatomy,
    watched: Graph,
}

impl<'a> Viewer<'a> {
    /// Of a model that assigns something.
    pub fn of(graph: &'a Graph) -> Result<Viewer<'a>, SeeError> {
        let anatomy = Anatomy::of(graph);
        if !anatomy.has_assignments() {
            return Err(SeeError::NoAssignment);
        }
        let tap = |value: Value| Tap { published: graph.node(value).scope.clone(), value };
        let mut watched = graph.clone();
        watched.taps = anatomy.values().into_iter().map(tap).collect();
        Ok(Viewer { graph, anatomy, watched })
    }

    /// The model with a name on all that is to be seen, and on nothing else.
    pub fn watched(&self) -> &Graph {
        &self.watched
    }

    /// What an executor showed of it, a record an image.
    pub fn records(&self, shown: &Observation) -> Result<Vec<Record>, SeeError> {
        let view = View::new(self.graph, shown);
        let images = shown.logits.len() / self.graph.classes();
        (0..images).map(|image| view.record(&self.anatomy, image)).collect()
    }
}

/// What was seen, by the nodes of the model.
struct View<'a> {
    graph: &'a Graph,
    seen: HashMap<&'a str, &'a Seen>,
    logits: &'a [f32],
}

impl<'a> View<'a> {
    fn new(graph: &'a Graph, observation: &'a Observation) -> View<'a> {
        let seen = observation.taps.iter().map(|(name, seen)| (name.as_str(), seen)).collect();
        View { graph, seen, logits: &observation.logits }
    }

    fn record(&self, anatomy: &Anatomy, image: usize) -> Result<Record, SeeError> {
        let classes = self.graph.classes();
        let stages = anatomy.stages.iter().map(|stage| self.stage(stage, image));
        Ok(Record {
            input: anatomy.input,
            stages: stages.collect::<Result<_, _>>()?,
            logits: self.logits[image * classes..][..classes].to_vec(),
        })
    }

    fn stage(&self, stage: &anatomy::Stage, image: usize) -> Result<Stage, SeeError> {
        let entry = match stage.entry {
            anatomy::Entry::Strided(stride) => Entry::Strided(stride),
            anatomy::Entry::Clusters { nearest, means } => {
                let mut heads = self.heads(nearest, means, image)?;
                Entry::Clusters(heads.swap_remove(0))
            }
        };
        let block = |block: &anatomy::Block| {
            let heads = self.heads(block.assignment, block.centers, image)?;
            let scattered = heads.iter().any(|head| head.map != stage.map);
            Ok(Block {
                number: block.number,
                assigned_by: block.assigned_by,
                soft: block.soft,
                scattered,
                heads: if scattered { mosaic(&heads, stage.map) } else { heads },
            })
        };
        let blocks = stage.blocks.iter().map(block).collect::<Result<_, SeeError>>()?;
        Ok(Stage { number: stage.number, map: stage.map, entry, blocks })
    }

    /// One assignment per head, at least one.
    fn heads(
        &self,
        assignment: Value,
        centers: Value,
        image: usize,
    ) -> Result<Vec<Clusters>, SeeError> {
        let scope = |value: Value| &*self.graph.node(value).scope;
        let unseen = |value: Value| SeeError::Unseen(scope(value).to_string());
        let Some(Seen::Index { index, images, map, grid, windows }) =
            self.seen.get(scope(assignment))
        else {
            return Err(unseen(assignment));
        };
        let Some(Seen::Tensor { data, .. }) = self.seen.get(scope(centers)) else {
            return Err(unseen(centers));
        };
        let (positions, all) = (area(*map) as usize, area(*grid) as usize);
        let heads = index.len() / (positions * images).max(1);
        if heads == 0 {
            return Err(unseen(assignment));
        }
        let data = &data[data.len() / images * image..][..data.len() / images];
        let channels = data.len() / all.max(1);
        let width = channels / heads;
        let head = |head: usize| Clusters {
            map: *map,
            grid: *grid,
            windows: windows.0,
            assignment: index[(image * heads + head) * positions..][..positions].to_vec(),
            centers: data
                .chunks_exact(channels)
                .flat_map(|center| &center[head * width..][..width])
                .copied()
                .collect(),
        };
        Ok((0..heads).map(head).collect())
    }
}

/// The slices of every head side by side on the map, as windows of it.
fn mosaic(slices: &[Clusters], map: Size) -> Vec<Clusters> {
    let Some(first) = slices.first() else { return Vec::new() };
    let windows = [map[0] / first.map[0].max(1), map[1] / first.map[1].max(1)];
    let of_head = (windows[0] * windows[1]).max(1);
    let grid = [windows[0] * first.grid[0], windows[1] * first.grid[1]];
    let lay = |slices: &[Clusters]| {
        let mut assignment = vec![0; map[0] * map[1]];
        let mut centers = vec![[].as_slice(); grid[0] * grid[1]];
        for (at, slice) in slices.iter().enumerate() {
            let window = [at / windows[1], at % windows[1]];
            let place = |within: usize, part: Size, whole: Size| {
                let row = window[0] * part[0] + within / part[1];
                row * whole[1] + window[1] * part[1] + within % part[1]
            };
            for (position, &center) in slice.assignment.iter().enumerate() {
                let center = place(center as usize, slice.grid, grid);
                assignment[place(position, slice.map, map)] = center as u32;
            }
            for center in 0..slice.count() {
                centers[place(center, slice.grid, grid)] = slice.center(center);
            }
        }
        Clusters { map, grid, windows, assignment, centers: centers.concat() }
    };
    slices.chunks(of_head).map(lay).collect()
}

impl Record {
    /// The stage that the text calls `number`, or what is there instead.
    pub fn stage(&self, number: usize) -> Result<&Stage, String> {
        self.stages.iter().find(|stage| stage.number == number).ok_or_else(|| {
            let names: Vec<String> =
                self.stages.iter().map(|stage| stage.number.to_string()).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("there is no stage {number}; there is {}", crate::diag::list(&names, "and"))
        })
    }

    /// Whether a cluster pooling stands between the pixels and the last map.
    pub fn has_cluster_pools(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage.entry, Entry::Clusters(_)))
    }

    /// What can not be shown of it, or not as one would think, in whole sentences.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let without: Vec<String> = self
            .stages
            .iter()
            .filter(|stage| stage.blocks.is_empty())
            .map(|stage| stage.number.to_string())
            .collect();
        if !without.is_empty() {
            remarks.push(format!("no block of stage {} has clusters", without.join(", ")));
        }
        if !self.has_cluster_pools() {
            remarks.push(
                "no pool has clusters: what a last position sees is not traced back to pixels"
                    .to_string(),
            );
        }
        let blocks = || self.stages.iter().flat_map(|stage| &stage.blocks);
        if blocks().any(|block| block.soft) {
            remarks.push(
                "the assignment is soft: a position is drawn with the center that has most of it"
                    .to_string(),
            );
        }
        if blocks().any(|block| block.scattered) {
            remarks.push(
                "the layout is raw: windows are slices of channels, drawn where the layout means \
                 them to lie; a position in one is no place in the image"
                    .to_string(),
            );
        }
        remarks
    }
}
