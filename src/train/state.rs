//! Where a training stands.

use super::{Checkpoint, FORMAT, Meta, Window};
use crate::exec::{AdamW, AdamWConfig, Parameters, init};
use crate::graph::Graph;
use crate::passes;
use crate::spec::{Decay, Optimizer, Recipe};

/// Everything that a step changes, before a trainer takes it in.
#[derive(Debug, Clone)]
pub struct State {
    pub parameters: Parameters,
    pub optimizer: AdamW,
    pub meta: Meta,
}

impl State {
    /// Before the first step, on `train_images` images of `classes`. What the run is of (`source`)
    /// and where its images lie (`data`) is for the caller to say.
    pub fn fresh(graph: &Graph, recipe: &Recipe, train_images: u64, classes: Vec<String>) -> State {
        let seed = recipe.seed.value.0;
        let parameters = init::initialize(graph, seed);
        State {
            optimizer: AdamW::new(config(recipe), decays(graph, recipe), &parameters),
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

    /// Where a checkpoint stands that is [fitted](Checkpoint::fitted) to the graph.
    pub fn resumed(checkpoint: Checkpoint, graph: &Graph, recipe: &Recipe) -> State {
        State {
            optimizer: AdamW {
                config: config(recipe),
                decays: decays(graph, recipe),
                m: checkpoint.m,
                v: checkpoint.v,
                steps: checkpoint.meta.adamw_steps,
            },
            parameters: checkpoint.parameters,
            meta: checkpoint.meta,
        }
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
            adamw_steps: 0,
            evaluated: 0,
            best_top1: None,
            metrics_lines: 0,
            window: Window::default(),
        }
    }
}

impl Checkpoint {
    /// Weights that were trained elsewhere: all moments are zero.
    pub fn untrained(graph: &Graph, parameters: Parameters, meta: Meta) -> Checkpoint {
        let zeros = Parameters(parameters.0.iter().map(|p| vec![0.0; p.len()]).collect());
        Checkpoint {
            meta,
            names: graph.params.iter().map(|param| param.name.clone()).collect(),
            shapes: graph.params.iter().map(|param| param.shape.clone()).collect(),
            m: zeros.clone(),
            v: zeros,
            parameters,
        }
    }
}

fn config(recipe: &Recipe) -> AdamWConfig {
    let Optimizer::AdamW(kind) = &recipe.optimizer.value;
    AdamWConfig {
        beta1: kind.beta1.value.0,
        beta2: kind.beta2.value.0,
        eps: kind.eps.value.0,
        weight_decay: kind.weight_decay.value.0,
    }
}

/// Which parameters decay: all, or those that multiply (no biases, scales and scalars); none that
/// receives no gradient, which the published optimizer passes over.
fn decays(graph: &Graph, recipe: &Recipe) -> Vec<bool> {
    let Optimizer::AdamW(kind) = &recipe.optimizer.value;
    let all = *kind.decay == Decay::All;
    let params = graph.params.iter().zip(passes::learns(graph));
    params.map(|(param, learns)| learns && (all || param.multiplies())).collect()
}
