//! Which executor runs a model.

use crate::exec::cpu::{self, Compiled};
use crate::exec::observe::Observation;
use crate::exec::reference::{self, Reference, ReferenceEvaluator, ReferenceTrainer};
use crate::exec::{AdamW, Batch, Evaluator, ExecError, Parameters, Trainer};
use crate::graph::Graph;

/// What runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Kind {
    /// The planned graph on this machine's own kernels
    #[default]
    Compiled,
    /// Candle's tensors and autograd: slow, and what everything is compared with
    Reference,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Compiled => "compiled",
            Kind::Reference => "reference",
        }
    }

    pub fn evaluator(
        self,
        graph: &Graph,
        parameters: Parameters,
        threads: usize,
    ) -> Result<Box<dyn Evaluator>, ExecError> {
        Ok(match self {
            Kind::Compiled => Box::new(Compiled::evaluator(graph, parameters, threads)),
            Kind::Reference => {
                let reference = Reference::new(graph.clone(), threads)?;
                Box::new(ReferenceEvaluator { reference, parameters })
            }
        })
    }

    /// Gradients are clipped to the norm `clip`.
    pub fn trainer(
        self,
        graph: &Graph,
        parameters: Parameters,
        optimizer: AdamW,
        clip: Option<f64>,
        threads: usize,
    ) -> Result<Box<dyn Trainer>, ExecError> {
        Ok(match self {
            Kind::Compiled => {
                Box::new(Compiled::trainer(graph, parameters, optimizer, clip, threads))
            }
            Kind::Reference => {
                let reference = Reference::new(graph.clone(), threads)?;
                Box::new(ReferenceTrainer { reference, parameters, optimizer, clip })
            }
        })
    }

    /// Everything to be seen of a model on one batch.
    pub fn observe(
        self,
        graph: &Graph,
        parameters: &Parameters,
        batch: &Batch,
    ) -> Result<Observation, ExecError> {
        match self {
            Kind::Compiled => cpu::observe(graph, parameters, batch),
            Kind::Reference => reference::observe(graph, parameters, batch),
        }
    }
}
