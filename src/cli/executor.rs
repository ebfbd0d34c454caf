//! Which executor runs a model.

use crate::exec::cpu::{self, Compiled};
#[cfg(feature = "cuda")]
use crate::exec::cuda;
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
    /// An NVIDIA GPU, maps in bfloat16
    #[cfg(feature = "cuda")]
    Cuda,
    /// An NVIDIA GPU, all in 32 bits
    #[cfg(feature = "cuda")]
    CudaF32,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Compiled => "compiled",
            Kind::Reference => "reference",
            #[cfg(feature = "cuda")]
            Kind::Cuda => "cuda",
            #[cfg(feature = "cuda")]
            Kind::CudaF32 => "cuda-f32",
        }
    }

    /// How a GPU stores maps.
    #[cfg(feature = "cuda")]
    fn precision(self) -> cuda::tape::Precision {
        match self {
            Kind::CudaF32 => cuda::tape::Precision::F32,
            _ => cuda::tape::Precision::Bf16,
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
            #[cfg(feature = "cuda")]
            Kind::Cuda | Kind::CudaF32 => {
                let device = cuda::device::Device::open(0)?;
                let precision = self.precision();
                let compiled =
                    cuda::compiled::Compiled::evaluator(device, graph, &parameters, precision)?;
                Box::new(compiled)
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
            #[cfg(feature = "cuda")]
            Kind::Cuda | Kind::CudaF32 => Box::new(cuda::compiled::Compiled::trainer(
                cuda::device::Device::open(0)?,
                graph,
                &parameters,
                optimizer,
                clip,
                self.precision(),
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
            Kind::Compiled => cpu::observe(graph, parameters, batch),
            Kind::Reference => reference::observe(graph, parameters, batch),
            #[cfg(feature = "cuda")]
            Kind::Cuda | Kind::CudaF32 => {
                Err(ExecError("a GPU does not show what is inside a model yet".into()))
            }
        }
    }
}
