//! One image as it is shown: which maps, in which colors, and what each cluster is worth.

use super::contribution::{Contribution, contributions, probabilities, ranked};
use super::palette::matched;
use super::record::{Block, Record, SeeError, Stage};
use super::regions::{Regions, positions};
use crate::diag::list;
use crate::exec::Evaluator;
use crate::graph::ops::Windows;
use serde::Serialize;

/// What of a record is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Show {
    /// One stage, block or head, from 1, instead of all (blocks: of the first that has clusters).
    pub stage: Option<usize>,
    pub block: Option<usize>,
    pub head: Option<usize>,
    /// Into how many clusters the last positions are merged.
    pub ks: Vec<usize>,
    /// Clusters of a head at most, the others merged; none: as published.
    pub most: Option<usize>,
    /// Of k-means.
    pub seed: u64,
}

impl Default for Show {
    fn default() -> Show {
        Show { stage: None, block: None, head: None, ks: vec![3, 5, 8], most: None, seed: 0 }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    pub record: Record,
    /// Of every class.
    pub probabilities: Vec<f64>,
    /// The class that contributions speak of: the true one, or the most likely.
    pub class: usize,
    pub truth: Option<usize>,
    pub views: Vec<View>,
    pub globals: Vec<Global>,
    /// What was asked for and is not there, where something else is.
    lacks: Vec<String>,
}

/// What one head of a block sees.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// From 1, as the text counts.
    pub stage: usize,
    pub block: usize,
    pub head: usize,
    /// Clusters that had pixels before any were merged.
    pub chosen: usize,
    pub regions: Regions,
    /// Places in the palette.
    pub colors: Vec<usize>,
    /// The window of every pixel, where the mixer has windows.
    pub windows: Option<Vec<u32>>,
}

/// What the last positions gathered, merged into `k`.
#[derive(Debug, Clone, PartialEq)]
pub struct Global {
    pub k: usize,
    /// The clusters in the order of their contributions, the largest first.
    pub regions: Regions,
    pub colors: Vec<usize>,
    pub contributions: Vec<Contribution>,
}

/// One class and its probability, for reports.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Guess {
    pub class: usize,
    pub probability: f64,
}

impl Show {
    /// Whether statistics of a part, `stage1.block2` or `stage2.pool`, are asked for.
    pub fn takes(&self, part: &str) -> bool {
        let (stage, inside) = part.split_once('.').unwrap_or((part, ""));
        self.stage.is_none_or(|number| stage == format!("stage{number}"))
            && self.block.is_none_or(|number| inside == format!("block{number}"))
    }

    /// Whether what is asked for is there at all.
    pub fn is_in(&self, record: &Record) -> Result<(), SeeError> {
        views(record, self).map(|_| ())
    }
}

impl Sight {
    /// `image` is what the model took, `[H, W, 3]`; `evaluator` is the model.
    pub fn of(
        record: Record,
        image: &[f32],
        truth: Option<usize>,
        show: &Show,
        evaluator: &mut dyn Evaluator,
    ) -> Result<Sight, SeeError> {
        let probabilities = probabilities(&record.logits);
        let class = truth.unwrap_or_else(|| first(&probabilities));
        let mut globals = Vec::new();
        if let Some(regions) = Regions::global(&record) {
            for k in distinct(&show.ks, regions.clusters.len()) {
                let merged = regions.merged(k, show.seed);
                let found = contributions(&merged, image, class, evaluator)?;
                let order = ranked(&found);
                globals.push(Global {
                    k,
                    regions: merged.ordered(&order),
                    colors: Vec::new(),
                    contributions: order.into_iter().map(|i| found[i]).collect(),
                });
            }
        }
        let (mut views, lacks) = views(&record, show)?;
        color(&mut globals, &mut views);
        Ok(Sight { record, probabilities, class, truth, views, globals, lacks })
    }

    /// What does not show in the pictures.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.record.remarks();
        remarks.extend(self.lacks.iter().cloned());
        remarks
    }

    /// The most likely classes.
    pub fn guesses(&self, most: usize) -> Vec<Guess> {
        let all = self.probabilities.iter().enumerate();
        let mut guesses: Vec<Guess> =
            all.map(|(class, &probability)| Guess { class, probability }).collect();
        guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        guesses.truncate(most);
        guesses
    }
}

fn first(probabilities: &[f64]) -> usize {
    let larger = |best: usize, at: usize| {
        if probabilities[at] > probabilities[best] { at } else { best }
    };
    (0..probabilities.len()).reduce(larger).unwrap_or(0)
}

/// Each number once, in order; of those that merge nothing the first alone.
fn distinct(ks: &[usize], clusters: usize) -> Vec<usize> {
    let mut ks: Vec<usize> = ks.iter().copied().filter(|&k| k > 0).collect();
    ks.sort_unstable();
    ks.dedup();
    let merging = ks.iter().filter(|&&k| k < clusters).count();
    ks.truncate(merging + 1);
    ks
}

/// Clusters of a head, and merged to how many, as published: 16 of small grids, else 7.
fn published(centers: usize) -> usize {
    if centers <= 16 { 16 } else { 7 }
}

/// The heads that are shown, and which of those asked for some stages lack.
fn views(record: &Record, show: &Show) -> Result<(Vec<View>, Vec<String>), SeeError> {
    let mut views: Vec<View> = Vec::new();
    let (mut blockless, mut headless) = (Vec::new(), Vec::new());
    for (index, stage) in record.stages.iter().enumerate() {
        if show.stage.is_some_and(|number| number != stage.number) {
            continue;
        }
        let Some((at, block)) = chosen(stage, show)? else {
            // That a stage has no clusters at all is another remark.
            blockless.extend((!stage.blocks.is_empty()).then(|| stage.number.to_string()));
            continue;
        };
        let positions = positions(record, index);
        for (head, clusters) in block.heads.iter().enumerate() {
            if show.head.is_some_and(|number| number != head + 1) {
                continue;
            }
            let whole = Regions::of_head(record, index, at, head);
            let most = show.most.unwrap_or_else(|| published(whole.centers));
            let windows = Windows(clusters.windows);
            let windows = (windows != Windows::WHOLE).then(|| {
                let window = |&at: &u32| {
                    let place = [at as usize / clusters.map[1], at as usize % clusters.map[1]];
                    windows.at(clusters.map, place) as u32
                };
                positions.iter().map(window).collect()
            });
            views.push(View {
                stage: stage.number,
                block: block.number,
                head: head + 1,
                chosen: whole.clusters.len(),
                regions: whole.merged(most, show.seed),
                colors: Vec::new(),
                windows,
            });
        }
        if views.last().is_none_or(|view| view.stage != stage.number) {
            headless.push(stage.number.to_string());
        }
    }
    if let (Some(number), true) = (show.stage, views.is_empty()) {
        record.stage(number).map_err(SeeError::Unknown)?;
    }
    if let (Some(number), true) = (show.block, views.is_empty()) {
        let blocks = || record.stages.iter().flat_map(|stage| &stage.blocks);
        if blocks().all(|block| block.number != number) {
            let message = format!("there is no block {number} with clusters; {}", those(blocks()));
            return Err(SeeError::Unknown(message));
        }
    }
    match (show.head, views.is_empty()) {
        (Some(head), true) => {
            let stages = record.stages.iter().filter(|s| show.stage.is_none_or(|n| n == s.number));
            let most = stages.flat_map(|s| &s.blocks).map(|b| b.heads.len()).max().unwrap_or(0);
            Err(SeeError::Unknown(format!("there is no head {head}; there are {most}")))
        }
        _ => Ok((views, lacks([("block", show.block, blockless), ("head", show.head, headless)]))),
    }
}

/// What stages lack of what was asked for.
fn lacks(asked: [(&str, Option<usize>, Vec<String>); 2]) -> Vec<String> {
    let lack = |(what, number, stages): (&str, Option<usize>, Vec<String>)| {
        let stages = (!stages.is_empty()).then(|| stages.join(", "))?;
        Some(format!("no {what} {} with clusters in stage {stages}", number?))
    };
    asked.into_iter().filter_map(lack).collect()
}

/// The block of a stage that is shown, with its place: the one asked for, or the first.
fn chosen<'a>(stage: &'a Stage, show: &Show) -> Result<Option<(usize, &'a Block)>, SeeError> {
    let Some(number) = show.block else { return Ok(stage.blocks.iter().enumerate().next()) };
    let found = stage.blocks.iter().enumerate().find(|(_, block)| block.number == number);
    if found.is_none() && show.stage.is_some() {
        let here = those(stage.blocks.iter());
        let message = format!("stage {} has no block {number} with clusters; {here}", stage.number);
        return Err(SeeError::Unknown(message));
    }
    Ok(found)
}

/// Which blocks there are.
fn those<'a>(blocks: impl Iterator<Item = &'a Block>) -> String {
    let mut numbers: Vec<usize> = blocks.map(|block| block.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let names: Vec<String> = numbers.iter().map(usize::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match names.is_empty() {
        true => "no block has any".to_string(),
        false => format!("there is {}", list(&names, "and")),
    }
}

/// One color for what covers the same pixels: as in the finest global map, whose clusters have the
/// palette in the order of their contributions; without one, as in the first head shown.
fn color(globals: &mut [Global], views: &mut [View]) {
    let finest = globals.last().map(|global| global.regions.clone());
    let Some(reference) = finest.or_else(|| views.first().map(|view| view.regions.clone())) else {
        return;
    };
    for global in globals {
        global.colors = matched(&global.regions, &reference);
    }
    for view in views {
        view.colors = matched(&view.regions, &reference);
    }
}
