//! What runs a model, and where: the options of every verb that runs one.

use super::device::Device;
use crate::exec::cpu::{self, Compiled};
#[cfg(feature = "cuda")]
use crate::exec::cuda;
use crate::exec::observe::Observation;
use crate::exec::reference::{self, Reference, ReferenceEvaluator, ReferenceTrainer};
use crate::exec::{Batch, Evaluator, ExecError, Optimizer, Parameters, Trainer};
use crate::graph::Graph;
use crate::passes::Method;
use crate::spec::{Precision, Recipe};

#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Options {
    /// What runs the model
    #[arg(long, value_enum, default_value_t)]
    executor: Kind,
    /// Where it runs
    #[arg(long, value_enum, default_value_t)]
    device: Device,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Kind {
    /// The planned graph on cluec's own kernels
    #[default]
    Compiled,
    /// Candle's tensors and autograd: slow, and what everything is compared with
    Reference,
}

/// One of the executors, with all it has to know before it meets a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Executor {
    Compiled,
    Reference,
    #[cfg(feature = "cuda")]
    Cuda(cuda::tape::Precision),
}

impl Options {
    /// Trains in what the recipe says, or refuses to.
    pub fn training(self, recipe: Option<&Recipe>) -> Result<Executor, ExecError> {
        let precision = precision(recipe);
        if self.device == Device::Cpu && precision == Precision::Bf16 {
            return Err(ExecError(
                "the recipe asks for bf16, and a CPU computes in fp32\n  \
                 help: --device cuda, or --set recipe.precision=fp32"
                    .into(),
            ));
        }
        self.in_precision(precision)
    }

    /// Evaluates in what the recipe says where the device can, and in fp32 elsewhere.
    pub fn evaluation(self, recipe: Option<&Recipe>) -> Result<Executor, ExecError> {
        self.in_precision(precision(recipe))
    }

    fn in_precision(self, precision: Precision) -> Result<Executor, ExecError> {
        match (self.device, self.executor, precision) {
            (Device::Cpu, Kind::Compiled, _) => Ok(Executor::Compiled),
            (Device::Cpu, Kind::Reference, _) => Ok(Executor::Reference),
            #[cfg(feature = "cuda")]
            (Device::Cuda, Kind::Reference, _) => {
                Err(ExecError("the reference executor runs on the CPU only".into()))
            }
            #[cfg(feature = "cuda")]
            (Device::Cuda, Kind::Compiled, precision) => Ok(Executor::Cuda(match precision {
                Precision::Fp32 => cuda::tape::Precision::F32,
                Precision::Bf16 => cuda::tape::Precision::Bf16,
            })),
        }
    }
}

fn precision(recipe: Option<&Recipe>) -> Precision {
    recipe.map_or(Precision::Fp32, |recipe| *recipe.precision)
}

impl Executor {
    pub fn name(self) -> &'static str {
        match self {
            Executor::Reference => "reference",
            _ => "compiled",
        }
    }

    pub fn device(self) -> &'static str {
        match self {
            Executor::Compiled | Executor::Reference => "cpu",
            #[cfg(feature = "cuda")]
            Executor::Cuda(_) => "cuda",
        }
    }

    pub fn evaluator(
        self,
        graph: &Graph,
        parameters: Parameters,
        threads: usize,
    ) -> Result<Box<dyn Evaluator>, ExecError> {
        Ok(match self {
            Executor::Compiled => Box::new(Compiled::evaluator(graph, parameters, threads)),
            Executor::Reference => {
                let reference = Reference::new(graph.clone(), threads)?;
                Box::new(ReferenceEvaluator { reference, parameters })
            }
            #[cfg(feature = "cuda")]
            Executor::Cuda(precision) => {
                let device = cuda::device::Device::open(0)?;
                let compiled =
                    cuda::compiled::Compiled::evaluator(device, graph, &parameters, precision)?;
                Box::new(compiled)
            }
        })
    }

    pub fn trainer(
        self,
        graph: &Graph,
        parameters: Parameters,
        optimizer: Optimizer,
        method: Method,
        threads: usize,
    ) -> Result<Box<dyn Trainer>, ExecError> {
        Ok(match self {
            Executor::Compiled => {
                Box::new(Compiled::trainer(graph, parameters, optimizer, method, threads))
            }
            Executor::Reference => {
                let reference = Reference::new(graph.clone(), threads)?.minimizing(method.loss);
                Box::new(ReferenceTrainer { reference, parameters, optimizer })
            }
            #[cfg(feature = "cuda")]
            Executor::Cuda(precision) => Box::new(cuda::compiled::Compiled::trainer(
                cuda::device::Device::open(0)?,
                graph,
                &parameters,
                optimizer,
                method,
                precision,
            )?),
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
            Executor::Compiled => cpu::observe(graph, parameters, batch),
            Executor::Reference => reference::observe(graph, parameters, batch),
            #[cfg(feature = "cuda")]
            Executor::Cuda(_) => {
                Err(ExecError("a GPU does not show what is inside a model yet".into()))
            }
        }
    }
}
