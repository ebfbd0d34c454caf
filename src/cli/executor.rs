//! What runs a model, and where: the options of every verb that runs one.

use super::device::Device;
#[cfg(feature = "cuda")]
use crate::diag::say;
use crate::exec::cpu::kernels::simd;
use crate::exec::cpu::{self, Compiled};
#[cfg(feature = "cuda")]
use crate::exec::cuda;
use crate::exec::observe::Observe;
use crate::exec::reference::{self, Reference, ReferenceEvaluator, ReferenceTrainer};
use crate::exec::{Evaluator, ExecError, Optimizer, Parameters, Trainer};
use crate::graph::{Graph, Precision};
use crate::passes::Method;
use crate::spec::Recipe;

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
    /// Candle's tensors and autograd, in fp32: slow, and what everything is compared with
    Reference,
}

/// One of the executors, with all it has to know before it meets a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Executor {
    Compiled(Precision),
    Reference,
    #[cfg(feature = "cuda")]
    Cuda(Precision),
}

impl Options {
    /// Trains in what the recipe says, or refuses to.
    pub fn training(self, recipe: Option<&Recipe>) -> Result<Executor, ExecError> {
        let precision = precision(recipe);
        if self.executor == Kind::Reference && precision != Precision::F32 {
            return Err(ExecError(format!(
                "the recipe asks for {}, and the reference executor computes in fp32\n  \
                 help: --executor compiled, or --set recipe.precision=fp32",
                precision.name()
            )));
        }
        self.in_precision(precision)
    }

    /// Evaluates in what the recipe says, as training does; the reference executor in fp32.
    pub fn evaluation(self, recipe: Option<&Recipe>) -> Result<Executor, ExecError> {
        self.in_precision(precision(recipe))
    }

    fn in_precision(self, precision: Precision) -> Result<Executor, ExecError> {
        match (self.device, self.executor, precision) {
            (Device::Cpu, Kind::Compiled, precision) => Ok(Executor::Compiled(precision)),
            (Device::Cpu, Kind::Reference, _) => Ok(Executor::Reference),
            #[cfg(feature = "cuda")]
            (Device::Cuda, Kind::Reference, _) => {
                Err(ExecError("the reference executor runs on the CPU only".into()))
            }
            #[cfg(feature = "cuda")]
            (Device::Cuda, Kind::Compiled, precision) => Ok(Executor::Cuda(precision)),
        }
    }
}

/// What a recipe asks for.
pub fn precision(recipe: Option<&Recipe>) -> Precision {
    recipe.map_or(Precision::F32, |recipe| recipe.precision.value.stored())
}

/// `compiled on cpu`, `compiled on cuda in bf16`.
impl std::fmt::Display for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} on {}", self.name(), self.device())?;
        match self.precision() {
            Precision::F32 => Ok(()),
            precision => write!(f, " in {}", precision.name()),
        }
    }
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
            Executor::Compiled(_) | Executor::Reference => "cpu",
            #[cfg(feature = "cuda")]
            Executor::Cuda(_) => "cuda",
        }
    }

    /// The instructions that cluec's own kernels use on a CPU.
    pub fn instructions(self) -> Option<&'static str> {
        match self {
            Executor::Compiled(precision) => Some(simd::in_use(precision)),
            _ => None,
        }
    }

    pub fn precision(self) -> Precision {
        match self {
            Executor::Compiled(precision) => precision,
            Executor::Reference => Precision::F32,
            #[cfg(feature = "cuda")]
            Executor::Cuda(precision) => precision,
        }
    }

    pub fn evaluator(
        self,
        graph: &Graph,
        parameters: Parameters,
        threads: usize,
    ) -> Result<Box<dyn Evaluator>, ExecError> {
        Ok(match self {
            Executor::Compiled(precision) => {
                Box::new(Compiled::evaluator_in(precision, graph, parameters, threads))
            }
            Executor::Reference => {
                let reference = Reference::new(graph.clone(), threads)?;
                Box::new(ReferenceEvaluator { reference, parameters })
            }
            #[cfg(feature = "cuda")]
            Executor::Cuda(precision) => {
                let device = gpu()?;
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
            Executor::Compiled(_) => {
                Box::new(Compiled::trainer(graph, parameters, optimizer, method, threads))
            }
            Executor::Reference => {
                let reference = Reference::new(graph.clone(), threads)?.minimizing(method.loss);
                Box::new(ReferenceTrainer { reference, parameters, optimizer })
            }
            #[cfg(feature = "cuda")]
            Executor::Cuda(precision) => Box::new(cuda::compiled::Compiled::trainer(
                gpu()?,
                graph,
                &parameters,
                optimizer,
                method,
                precision,
            )?),
        })
    }

    /// Whether what it runs on is there: to be known before a run's folder says that it trains.
    pub fn is_there(self) -> Result<(), ExecError> {
        match self {
            Executor::Compiled(_) | Executor::Reference => Ok(()),
            #[cfg(feature = "cuda")]
            Executor::Cuda(_) => gpu().map(drop),
        }
    }

    /// What shows everything of models, in `f32`.
    pub fn observer(self) -> Result<Box<Observe>, ExecError> {
        Ok(match self {
            Executor::Compiled(_) => Box::new(cpu::observe),
            Executor::Reference => Box::new(reference::observe),
            #[cfg(feature = "cuda")]
            Executor::Cuda(_) => {
                let device = gpu()?;
                Box::new(move |graph, parameters, batch| {
                    cuda::observe::observe(&device, graph, parameters, batch)
                })
            }
        })
    }
}

/// Kernels that are compiled without a word: it takes a moment.
#[cfg(feature = "cuda")]
const FEW: usize = 8;

/// The GPU that models run on. What is compiled for it for the first time is told, as one waits for it.
#[cfg(feature = "cuda")]
pub fn gpu() -> Result<std::sync::Arc<cuda::device::Device>, ExecError> {
    let tell = |kernels| {
        if kernels > FEW {
            say(format!("compiling {kernels} kernels for this GPU"));
        }
    };
    cuda::device::Device::open(0, cuda::compile::Compiling { tell, ..Default::default() })
}
