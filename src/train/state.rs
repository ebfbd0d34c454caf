//! Where a training stands.

use super::checkpoint::AVERAGE;
use super::{Checkpoint, CheckpointError, FORMAT, Meta, Window};
use crate::diag::list;
use crate::exec::{Optimizer, Parameters, init};
use crate::graph::Graph;
use crate::passes::{self, Method};
use crate::spec::Recipe;

/// Everything that a step changes, before a trainer takes it in.
#[derive(Debug, Clone)]
pub struct State {
    pub parameters: Parameters,
    pub optimizer: Optimizer,
    pub meta: Meta,
}

impl State {
    /// Before the first step, on `train_images` images of `classes`. What the run is of (`source`)
    /// and where its images lie (`data`) is for the caller to say.
    pub fn fresh(graph: &Graph, recipe: &Recipe, train_images: u64, classes: Vec<String>) -> State {
        let seed = recipe.seed.value.0;
        let parameters = init::initialize(graph, seed);
        State {
            optimizer: fresh(graph, recipe, &parameters),
            parameters,
            meta: Meta {
                seed,
                batch_size: recipe.batch.value.0 as u64,
                train_images,
                classes,
                ..Meta::untrained(graph)
            },
        }
    }

    /// Where a checkpoint stands that is [fitted](Checkpoint::fitted) to the graph. It has to hold
    /// what the recipe's optimizer keeps, and nothing else.
    pub fn resumed(
        checkpoint: Checkpoint,
        graph: &Graph,
        recipe: &Recipe,
    ) -> Result<State, CheckpointError> {
        let Checkpoint { meta, parameters, kept, average, .. } = checkpoint;
        let mut optimizer = fresh(graph, recipe, &parameters);
        optimizer.steps = meta.updates;
        // A run that was not in fp16 before begins with the recipe's scale.
        if let (Some(rule), Some(left)) = (optimizer.update.scaling, meta.scaling) {
            optimizer.scaling = Some(left.resumed(rule));
        }
        // Imported weights come from elsewhere, and begin here.
        if meta.updates == 0 && kept.is_empty() && average.is_none() {
            return Ok(State { parameters, optimizer, meta });
        }
        let averages = |yes: bool| yes.then_some(AVERAGE);
        let there: Vec<&str> = kept.iter().map(|(name, _)| name.as_str()).collect();
        let there = [there, Vec::from_iter(averages(average.is_some()))].concat();
        let here = optimizer.update.rule.kept().to_vec();
        let here = [here, Vec::from_iter(averages(optimizer.average.is_some()))].concat();
        if there != here {
            return Err(CheckpointError(another(&there, &here)));
        }
        optimizer.kept = kept.into_iter().map(|(_, values)| values).collect();
        optimizer.average = average;
        Ok(State { parameters, optimizer, meta })
    }
}

impl Meta {
    /// Of a model that took no step here, and knows no data.
    pub fn untrained(graph: &Graph) -> Meta {
        Meta {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_string(),
            model: graph.name.clone(),
            source: String::new(),
            graph_hash: graph.hash(),
            seed: 0,
            batch_size: 0,
            data: None,
            train_images: 0,
            train_fingerprint: None,
            classes: Vec::new(),
            step: 0,
            epoch: 0,
            batch: 0,
            lr: None,
            updates: 0,
            skipped: 0,
            scaling: None,
            evaluated: 0,
            best_top1: None,
            metrics_lines: 0,
            window: Window::default(),
            earlier: Vec::new(),
        }
    }
}

impl Checkpoint {
    /// Weights that were trained elsewhere, by no optimizer of ours.
    pub fn untrained(graph: &Graph, parameters: Parameters, meta: Meta) -> Checkpoint {
        Checkpoint {
            meta,
            names: graph.params.iter().map(|param| param.name.clone()).collect(),
            shapes: graph.params.iter().map(|param| param.shape.clone()).collect(),
            kept: Vec::new(),
            average: None,
            parameters,
        }
    }
}

/// The optimizer of a recipe before its first step.
fn fresh(graph: &Graph, recipe: &Recipe, parameters: &Parameters) -> Optimizer {
    Optimizer::new(Method::of(Some(recipe)).update, decays(graph, recipe), parameters)
}

/// Why a run can not go on from what a checkpoint keeps.
fn another(there: &[&str], here: &[&str]) -> String {
    let listed = |names: &[&str]| match names {
        [] => "nothing".to_string(),
        names => list(names, "and"),
    };
    format!(
        "the checkpoint was left by another optimizer: besides the parameters it holds {}, and the \
         recipe needs {}\n  help: a run that goes on keeps its optimizer, its momentum and its ema",
        listed(there),
        listed(here),
    )
}

/// Which parameters decay: as the recipe says, and none that receives no gradient, which the published
/// optimizer passes over.
fn decays(graph: &Graph, recipe: &Recipe) -> Vec<bool> {
    let decay = recipe.optimizer.weight_decay();
    let params = graph.params.iter().zip(passes::learns(graph));
    params.map(|(param, learns)| learns && decay.of(param)).collect()
}
