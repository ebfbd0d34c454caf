//! The reference executor: candle tensors and candle's autograd on the CPU, with kernels of its own
//! where candle's are missing or wrong.
//!
//! A batch is cut into chunks of a fixed number of images. Each chunk runs forward and backward on
//! one thread, and the gradients are added in the order of the chunks: the bits of the result do not
//! depend on how many threads there are.

mod adaptive_pool;
pub mod assign;
mod attend;
mod clusters;
mod conv;
mod depthwise;
mod finite;
mod gate;
mod gelu;
mod group_norm;
mod heads;
mod kernel;
mod layer_norm;
mod linear;
mod normalize;
mod observe;
mod reread;
mod run;
mod simple;
mod timing;
mod trainer;
mod windows;

pub use finite::first_not_finite;
pub use observe::observe;
pub use run::{Mode, Output, evaluate};
pub use simple::cross_entropy_sum;
pub use trainer::{ReferenceEvaluator, ReferenceTrainer};

use super::batch::whole_images;
use super::{Batch, ExecError, Gradients, Grouping, Parameters, Profile, StepKey};
use crate::graph::ops::CrossEntropy;
use crate::graph::{Graph, Op};
use candle_core::{DType, Device, Tensor, Var};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use timing::{Clock, Timing};

/// Images that run together. Part of what decides the bits of a gradient.
pub const CHUNK: usize = 8;

pub struct Reference {
    graph: Graph,
    loss: CrossEntropy,
    chunk: usize,
    /// One pool of one thread for every worker: candle's own parallel loops run inside the worker
    /// that reaches them.
    workers: Vec<ThreadPool>,
    timing: Option<Timing>,
}

impl From<candle_core::Error> for ExecError {
    fn from(error: candle_core::Error) -> ExecError {
        ExecError(error.to_string())
    }
}

/// Keeps candle's own loops on the thread that reaches them. Its element-wise operations otherwise
/// run on one global pool behind a spinning barrier, one caller at a time, and every matrix product
/// asks the system how many cores there are: two workers were then slower than one.
///
/// Sets `CANDLE_NUM_THREADS` and `RAYON_NUM_THREADS` to 1 for this process, once: other thread pools
/// must name their size. Every executor calls it; a program does best to call it first of all.
pub fn prepare() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for name in ["CANDLE_NUM_THREADS", "RAYON_NUM_THREADS"] {
            // SAFETY: Rust code reads the environment under the standard library's lock; nothing
            // here reads it through the C library on another thread.
            unsafe { std::env::set_var(name, "1") };
        }
    });
}

impl Reference {
    /// `threads` of 0 means one.
    pub fn new(graph: Graph, threads: usize) -> Result<Reference, ExecError> {
        prepare();
        let worker = |_| {
            let pool = ThreadPoolBuilder::new().num_threads(1).stack_size(64 << 20).build();
            pool.map_err(|error| ExecError(format!("no thread could be started: {error}")))
        };
        let workers = (0..threads.max(1)).map(worker).collect::<Result<_, _>>()?;
        let (loss, timing) = (CrossEntropy::default(), None);
        Ok(Reference { graph, loss, chunk: CHUNK, workers, timing })
    }

    /// The same, minimizing this loss.
    pub fn minimizing(self, loss: CrossEntropy) -> Reference {
        Reference { loss, ..self }
    }

    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    fn images(&self, images: &[f32]) -> Result<Tensor, ExecError> {
        let [h, w] = self.graph.input_size();
        Ok(Tensor::from_slice(
            images,
            (images.len() / self.graph.image_numbers(), h, w, 3),
            &Device::Cpu,
        )?)
    }

    /// Runs `work` for the images of every chunk and hands the results to `take` in order.
    fn chunks<T: Send>(
        &self,
        images: usize,
        work: impl Fn(std::ops::Range<usize>) -> Result<T, ExecError> + Sync,
        mut take: impl FnMut(T) + Send,
    ) -> Result<(), ExecError> {
        let chunks = images.div_ceil(self.chunk);
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        // The next chunk to take, those that came early, and the first error.
        let state = Mutex::new((0, BTreeMap::new(), None, &mut take));
        let run = || {
            while !stop.load(Ordering::Relaxed) {
                let chunk = next.fetch_add(1, Ordering::Relaxed);
                if chunk >= chunks {
                    break;
                }
                let start = chunk * self.chunk;
                let result = work(start..images.min(start + self.chunk));
                let Ok(mut state) = state.lock() else { break };
                let (expected, early, failure, take) = &mut *state;
                match result {
                    Ok(value) => {
                        early.insert(chunk, value);
                        while let Some(value) = early.remove(expected) {
                            take(value);
                            *expected += 1;
                        }
                    }
                    Err(error) => {
                        failure.get_or_insert(error);
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for worker in &self.workers[1..] {
                scope.spawn(|| worker.install(run));
            }
            self.workers[0].install(run);
        });
        match state.into_inner() {
            Ok((_, _, Some(error), _)) => Err(error),
            Ok(_) => Ok(()),
            Err(_) => Err(ExecError("a worker stopped".into())),
        }
    }
}

/// Parameters as candle variables.
pub fn variables(
    graph: &Graph,
    parameters: &Parameters,
    dtype: DType,
) -> Result<Vec<Var>, ExecError> {
    if parameters.len() != graph.params.len() {
        let counts = (parameters.len(), graph.params.len());
        return Err(ExecError(format!("{} parameters given for {}", counts.0, counts.1)));
    }
    let pairs = graph.params.iter().zip(parameters.iter());
    pairs
        .map(|(param, data)| {
            let tensor = Tensor::from_slice(data, param.shape.as_slice(), &Device::Cpu)
                .and_then(|tensor| tensor.to_dtype(dtype))
                .and_then(|tensor| Var::from_tensor(&tensor));
            tensor.map_err(|error| ExecError(format!("parameter `{}`: {error}", param.name)))
        })
        .collect()
}

fn tensors(variables: &[Var]) -> Vec<Tensor> {
    variables.iter().map(|variable| variable.as_tensor().clone()).collect()
}

/// The tensor of the graph's output.
fn logits_of(graph: &Graph, mut outputs: Vec<Option<Output>>) -> Result<Tensor, ExecError> {
    match outputs.swap_remove(graph.output.0 as usize) {
        Some(output) => Ok(output.tensor()?.clone()),
        None => Err(ExecError("the graph has no output".into())),
    }
}

impl Reference {
    /// Forward in training mode, the mean loss, backward.
    pub fn gradients(
        &self,
        parameters: &Parameters,
        batch: &Batch,
        key: StepKey,
    ) -> Result<Gradients, ExecError> {
        let images = whole_images(&self.graph, &batch.images)?;
        batch.check(images, self.graph.classes(), self.loss.mixed)?;
        let variables = variables(&self.graph, parameters, DType::F32)?;
        let (tensors, size) = (tensors(&variables), self.graph.image_numbers());
        let input = crate::graph::Value(0);
        let work = |part: std::ops::Range<usize>| {
            let x = self.images(&batch.images[part.start * size..part.end * size])?;
            let mode = Mode::Training { key, image: part.start };
            let mut clock = Clock::of(self.timing.as_ref(), part.len());
            let outputs = self.evaluate(&tensors, &[(input, x)], mode, &mut clock)?;
            let logits = logits_of(&self.graph, outputs)?;
            let loss = cross_entropy_sum(&self.loss, &logits, batch.targets().part(part))?;
            clock.other("cross_entropy");
            let store = (&loss * (1.0 / images as f64))?.backward()?;
            clock.other("backward");
            let gradients = tensors
                .iter()
                .map(|tensor| match store.get(tensor) {
                    Some(gradient) => gradient.flatten_all()?.to_vec1::<f32>(),
                    None => Ok(Vec::new()),
                })
                .collect::<candle_core::Result<Vec<Vec<f32>>>>()?;
            let logits = logits.flatten_all()?.to_vec1::<f32>()?;
            Ok((f64::from(loss.to_scalar::<f32>()?), logits, gradients))
        };
        let mut loss = 0.0;
        let mut logits = Vec::with_capacity(images * self.graph.classes());
        let mut sums = parameters.zeros();
        self.chunks(images, work, |(part, scores, gradients)| {
            loss += part;
            logits.extend(scores);
            for (sum, gradient) in sums.iter_mut().zip(gradients) {
                sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += g);
            }
        })?;
        Ok(Gradients { loss: loss / images as f64, logits, gradients: sums })
    }

    /// Takes the time of every op from now on; of the backward pass as a whole, which is autograd's.
    pub fn profile(&mut self, by: Grouping) {
        self.timing = Some(Timing::new(&self.graph, by));
    }

    /// What was spent since the last call.
    pub fn take_profile(&mut self) -> Profile {
        self.timing.as_mut().map(Timing::take).unwrap_or_default()
    }

    /// Notes the time of what is no op, if that is asked.
    fn spent(&self, name: &str, time: Duration) {
        if let Some(timing) = &self.timing {
            timing.add_other(name, time);
        }
    }

    fn evaluate(
        &self,
        parameters: &[Tensor],
        given: &[(crate::graph::Value, Tensor)],
        mode: Mode,
        clock: &mut Clock<'_>,
    ) -> Result<Vec<Option<Output>>, ExecError> {
        clock.start();
        run::evaluate_while(&self.graph, parameters, given, mode, false, |index, _| {
            match (mode, &self.graph.nodes[index].op) {
                // It does nothing.
                (Mode::Evaluation, Op::DropPath(_)) => clock.start(),
                _ => clock.node(index),
            }
            Ok(true)
        })
    }

    /// Logits `[B, classes]` in evaluation mode.
    pub fn logits(&self, parameters: &Parameters, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        let count = whole_images(&self.graph, images)?;
        let variables = variables(&self.graph, parameters, DType::F32)?;
        let tensors: Vec<Tensor> =
            variables.iter().map(|variable| variable.as_detached_tensor()).collect();
        let (input, size) = (crate::graph::Value(0), self.graph.image_numbers());
        let work = |part: std::ops::Range<usize>| {
            let x = self.images(&images[part.start * size..part.end * size])?;
            let mut clock = Clock::of(self.timing.as_ref(), part.len());
            let outputs = self.evaluate(&tensors, &[(input, x)], Mode::Evaluation, &mut clock)?;
            Ok(logits_of(&self.graph, outputs)?.flatten_all()?.to_vec1::<f32>()?)
        };
        let mut logits = Vec::with_capacity(count * self.graph.classes());
        self.chunks(count, work, |part: Vec<f32>| logits.extend(part))?;
        Ok(logits)
    }
}
