//! A model on a GPU: the planned step and the planned evaluation, recorded as one graph for every
//! size of batch and replayed.

mod profile;
mod program;

use super::super::{
    Batch, Evaluator, ExecError, Gradients, Held, Optimizer, Parameters, Showing, Step, StepError,
    StepKey, Targets, Trainer, Use, View, cpu,
};
use super::device::{Captured, Device, Memory, Staging};
use super::kernels::update::{SCALE, WORDS};
use super::tape::{Pointer, Precision, Tape};
use super::walk::{End, Ending, Weights, finish, sites};
use crate::exec::drop_path;
use crate::graph::Graph;
use crate::passes::{self, Keep, Method, Processor};
use crate::plan::Plan;
use program::{Pixels, Program, Purpose, Stored};
use std::collections::HashMap;
use std::sync::Arc;

/// A model compiled for a GPU, with its parameters on it.
pub struct Compiled {
    precision: Precision,
    evaluation: Plan,
    /// Nothing where a model is only evaluated.
    training: Option<Training>,
    weights: Weights,
    /// By what they are for and how many images they take. They run one after the other, in one arena
    /// that is as large as the largest asks for.
    programs: HashMap<(Purpose, usize), Program>,
    arena: Option<Memory>,
    /// What moves the parameters along the sum of all parts, once one was needed.
    finish: Option<Finish>,
    /// Images that lie here.
    held: HashMap<Use, Stored>,
    /// What holds the weights.
    _memory: Memory,
    /// Whether products read the running mean as it was.
    stale: bool,
    device: Arc<Device>,
}

struct Training {
    plan: Plan,
    method: Method,
    /// Of both the host's copies: `state` brings them up to date.
    parameters: Parameters,
    optimizer: Optimizer,
}

/// The most bytes of images that are held: they are read before the first step.
const HELD: u64 = 4 << 30;

/// The update alone.
struct Finish {
    captured: Captured,
    ending: Ending,
    _memory: Memory,
    step: Staging,
}

/// What a step shows, and whether it moved the parameters.
struct Shown {
    loss: f64,
    logits: Vec<f32>,
    moved: bool,
}

/// Some images of a batch.
#[derive(Clone, Copy)]
struct Part<'a> {
    pixels: Pixels<'a>,
    targets: Targets<'a>,
    /// Position of the first one within the batch.
    first: usize,
}

/// Numbers as they lie, here and on the device.
fn bytes<T: bytemuck::NoUninit>(numbers: &[T]) -> &[u8] {
    bytemuck::cast_slice(numbers)
}

impl Compiled {
    /// For evaluation.
    pub fn evaluator(
        device: Arc<Device>,
        model: &Graph,
        parameters: &Parameters,
        precision: Precision,
    ) -> Result<Compiled, ExecError> {
        Compiled::new(device, model, parameters, precision, None)
    }

    /// For training.
    pub fn trainer(
        device: Arc<Device>,
        model: &Graph,
        parameters: &Parameters,
        optimizer: Optimizer,
        method: Method,
        precision: Precision,
    ) -> Result<Compiled, ExecError> {
        let method = Method { precision, ..method };
        let plan = Plan::training_by(model, method, Processor::Gpu);
        let parameters = parameters.clone();
        let training = Some(Training { plan, method, parameters: parameters.clone(), optimizer });
        Compiled::new(device, model, &parameters, precision, training)
    }

    fn new(
        device: Arc<Device>,
        model: &Graph,
        parameters: &Parameters,
        precision: Precision,
        training: Option<Training>,
    ) -> Result<Compiled, ExecError> {
        let evaluation =
            Plan::together(passes::evaluation(model, Keep::Output), Keep::Output, precision);
        let graph = training.as_ref().map_or(&evaluation.graph, |training| &training.plan.graph);
        let parts = training.as_ref().map_or(1, |training| training.method.parts);
        let size = Weights::new(graph, precision, parts, Pointer::NULL).bytes;
        let memory = device.memory(size)?;
        let weights = Weights::new(graph, precision, parts, memory.at());
        // SAFETY: the piece has this many bytes.
        unsafe { device.write(memory.at(), &vec![0; size]) }?;
        let mut compiled = Compiled {
            device,
            precision,
            evaluation,
            training,
            weights,
            _memory: memory,
            programs: HashMap::new(),
            arena: None,
            finish: None,
            held: HashMap::new(),
            stale: true,
        };
        compiled.load(parameters)?;
        if let Some(Training { optimizer, .. }) = &compiled.training {
            for (&at, kept) in compiled.weights.kept.iter().zip(&optimizer.kept) {
                compiled.write(at, kept)?;
            }
            if let Some(average) = &optimizer.average {
                compiled.write(compiled.weights.average[0], average)?;
            }
            let mut decays = vec![0u8; compiled.weights.numbers];
            let pairs = compiled.weights.offsets.iter().zip(parameters.iter());
            for ((&offset, values), &decay) in pairs.zip(&optimizer.decays) {
                decays[offset..offset + values.len()].fill(u8::from(decay));
            }
            // SAFETY: there is a byte per number.
            unsafe { compiled.device.write(compiled.weights.decays, &decays) }?;
        }
        Ok(compiled)
    }

    /// Writes a number per parameter into one of the weights' arrays.
    fn write(&self, at: Pointer, values: &Parameters) -> Result<(), ExecError> {
        // SAFETY: the arrays have this many numbers.
        unsafe { self.device.write(at, bytes(&self.weights.spread(values))) }
    }

    /// Reads one of the weights' arrays.
    fn read(&self, at: Pointer) -> Result<Parameters, ExecError> {
        let all = self.numbers(at, self.weights.numbers)?;
        Ok(self.weights.gather(&self.evaluation.graph, &all))
    }

    /// `f32` numbers of the device.
    fn numbers(&self, at: Pointer, count: usize) -> Result<Vec<f32>, ExecError> {
        let mut numbers = vec![0f32; count];
        // SAFETY: the callers name pieces of at least this many numbers.
        unsafe { self.device.read(at, bytemuck::cast_slice_mut(&mut numbers)) }?;
        Ok(numbers)
    }

    /// Takes other parameters.
    fn load(&mut self, parameters: &Parameters) -> Result<(), ExecError> {
        self.write(self.weights.parameters, parameters)?;
        self.narrow([self.weights.parameters, self.weights.copy])
    }

    /// Stores an array of `f32` once more as products read it.
    fn narrow(&self, [wide, stored]: [Pointer; 2]) -> Result<(), ExecError> {
        if wide == stored {
            return Ok(());
        }
        let mut tape = Tape::new(self.precision);
        super::kernels::elementwise::narrow(&mut tape, wide, stored, self.weights.numbers);
        // SAFETY: both arrays have this many numbers.
        let recorded = unsafe { self.device.record(&tape, 1) }?;
        self.device.replay(&recorded)?;
        self.device.wait()
    }

    /// Loss, logits and gradients at other parameters; nothing is updated.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        batch: &Batch,
        key: StepKey,
    ) -> Result<Gradients, ExecError> {
        self.load(parameters)?;
        let training = self.training.as_ref().ok_or_else(no_training)?;
        let scale = training.optimizer.loss_scale();
        let mut words = [0.0; WORDS];
        words[SCALE] = scale;
        let Shown { loss, logits, .. } = self.train(End::Stay, batch, key, words)?;
        let mut gradients = self.read(self.weights.sum)?;
        gradients.iter_mut().flatten().for_each(|g| *g /= scale);
        Ok(Gradients { loss, logits, gradients })
    }

    /// Forward and backward of a batch, whole or in parts, and what comes behind: parameters are
    /// moved, or gradients stay.
    fn train(
        &mut self,
        end: End,
        batch: &Batch,
        key: StepKey,
        words: [f32; WORDS],
    ) -> Result<Shown, ExecError> {
        let training = self.training.as_ref().ok_or_else(no_training)?;
        let (graph, parts) = (&training.plan.graph, training.method.parts);
        let [h, w] = graph.input_size();
        let size = h * w * 3;
        let images = batch.len(size);
        batch.check(images, graph.classes(), training.method.loss.mixed)?;
        let most = images.div_ceil(parts.max(1)).max(1);
        let mut step = Shown { loss: 0.0, logits: Vec::new(), moved: false };
        for first in (0..images.max(1)).step_by(most) {
            let end = match parts {
                2.. => End::Add { whole: images, first: first == 0 },
                _ => end,
            };
            let range = first..images.min(first + most);
            let targets = batch.targets().part(range.clone());
            let pixels = match (&batch.views[..], parts) {
                ([], 2..) => Pixels::Numbers(&batch.images).part(range.clone(), size),
                ([], _) => Pixels::Numbers(&batch.images),
                (views, _) => Pixels::Views(views).part(range.clone(), size),
            };
            let part = Part { pixels, targets, first };
            let (loss, logits) = self.run(Purpose::Training(end), part, key, words)?;
            step.loss += loss / images as f64;
            step.logits.extend(logits);
        }
        let norm = match (end, parts) {
            (End::Move, 2..) if step.loss.is_finite() => self.finish(words)?,
            (End::Move, 0..2) => self.programs[&(Purpose::Training(end), images)].layout.norm,
            _ => return Ok(step),
        };
        step.moved = self.numbers(norm, 1)?[0].is_finite();
        Ok(step)
    }

    /// Moves the parameters along the sum of all parts; gives where the norm of it lies.
    fn finish(&mut self, words: [f32; WORDS]) -> Result<Pointer, ExecError> {
        if self.finish.is_none() {
            let training = self.training.as_ref().ok_or_else(no_training)?;
            let write = |base| finish(training.method.update, self.precision, &self.weights, base);
            let memory = self.device.memory(write(Pointer::NULL).0.bytes)?;
            let (ending, tape) = write(memory.at());
            // SAFETY: the tape was written over this piece, which lives as long as it is replayed.
            let captured = unsafe { self.device.record(&tape, 1) }?;
            let step = self.device.way(ending.step, 4 * WORDS)?;
            self.finish = Some(Finish { captured, ending, _memory: memory, step });
        }
        let Some(finish) = &mut self.finish else { return Err(no_training()) };
        self.device.send(&mut finish.step, bytes(&words))?;
        self.device.replay(&finish.captured)?;
        Ok(finish.ending.norm)
    }

    fn plan(&self, purpose: Purpose) -> Result<&Plan, ExecError> {
        match (purpose, &self.training) {
            (Purpose::Evaluation, _) => Ok(&self.evaluation),
            (_, Some(training)) => Ok(&training.plan),
            _ => Err(no_training()),
        }
    }

    /// Runs some images of a batch: the sum of their losses, and their logits.
    fn run(
        &mut self,
        purpose: Purpose,
        part: Part<'_>,
        key: StepKey,
        changing: [f32; WORDS],
    ) -> Result<(f64, Vec<f32>), ExecError> {
        let plan = self.plan(purpose)?;
        let [h, w] = plan.graph.input_size();
        let (size, classes) = (h * w * 3, plan.graph.classes());
        let images = part.pixels.images(size)?;
        let learns = purpose != Purpose::Evaluation;
        let mut factors = Vec::new();
        for (rate, site) in sites(plan) {
            let factor = |image| drop_path::factor(rate, site, image, key) as f32;
            factors.extend((part.first..part.first + images).map(|image| factor(image as u64)));
        }
        if let Pixels::Views(views) = part.pixels {
            let count = self.held.get(&purpose.of()).map_or(0, |held| held.count);
            if let Some(view) = views.iter().find(|view| view.image as usize >= count) {
                return Err(ExecError(format!("a view of image {} of {count} held", view.image)));
            }
        }
        if !self.programs.contains_key(&(purpose, images)) {
            let program = self.program(purpose, images)?;
            self.programs.insert((purpose, images), program);
        }
        let Some(program) = self.programs.get_mut(&(purpose, images)) else {
            return Err(ExecError("a program was not kept".into()));
        };
        match (part.pixels, &mut program.views) {
            (Pixels::Numbers(numbers), _) => {
                self.device.send(&mut program.images, bytes(numbers))?
            }
            (Pixels::Views(views), Some((way, look))) => {
                let words: Vec<i32> = views.iter().flat_map(View::words).collect();
                self.device.send(way, bytes(&words))?;
                self.device.replay(look)?;
            }
            (Pixels::Views(_), None) => {
                return Err(ExecError("views of images that are not held".into()));
            }
        }
        if learns {
            self.device.send(&mut program.labels, bytes(part.targets.labels))?;
            if let Some([labels, shares]) = &mut program.others {
                let each = || part.targets.each().map(|(_, other)| other);
                self.device.send(labels, bytes(&each().map(|o| o.label).collect::<Vec<u32>>()))?;
                self.device.send(shares, bytes(&each().map(|o| o.share).collect::<Vec<f32>>()))?;
            }
            self.device.send(&mut program.factors, bytes(&factors))?;
            self.device.send(&mut program.step, bytes(&changing))?;
        }
        self.device.replay(&program.captured)?;
        let (plan, layout) = (self.plan(purpose)?, &self.programs[&(purpose, images)].layout);
        let result = |value| layout.result(plan, images, value, 0).unwrap_or(Pointer::NULL);
        let logits = self.stored(result(plan.graph.output), images * classes)?;
        let loss = match plan.graph.loss {
            Some(loss) => {
                let losses = self.numbers(result(loss), images)?;
                losses.iter().map(|&loss| f64::from(loss)).sum::<f64>()
            }
            None => 0.0,
        };
        Ok((loss, logits))
    }

    /// Numbers of the device as maps are stored.
    fn stored(&self, at: Pointer, count: usize) -> Result<Vec<f32>, ExecError> {
        let wide = match self.precision {
            Precision::F32 => return self.numbers(at, count),
            Precision::Bf16 => |bits| half::bf16::from_bits(bits).to_f32(),
            Precision::F16 => |bits| half::f16::from_bits(bits).to_f32(),
        };
        let mut stored = vec![0u16; count];
        // SAFETY: the callers name pieces of at least this many numbers.
        unsafe { self.device.read(at, bytemuck::cast_slice_mut(&mut stored)) }?;
        Ok(stored.into_iter().map(wide).collect())
    }

    fn evaluate(&mut self, pixels: Pixels<'_>) -> Result<Vec<f32>, ExecError> {
        if std::mem::replace(&mut self.stale, false) {
            self.narrow(self.weights.average)?;
        }
        let key = StepKey { seed: 0, step: 0 };
        let size = self.evaluation.graph.image_numbers();
        let images = pixels.images(size)?;
        // As many at once as a step takes.
        let parts = self.training.as_ref().map_or(1, |training| training.method.parts);
        let most = images.div_ceil(parts.max(1));
        let mut logits = Vec::new();
        for first in (0..images).step_by(most) {
            let pixels = pixels.part(first..images.min(first + most), size);
            let part = Part { pixels, targets: Targets::default(), first };
            logits.extend(self.run(Purpose::Evaluation, part, key, [0.0; WORDS])?.1);
        }
        Ok(logits)
    }

    /// The most bytes of the device's memory that were held at once.
    pub fn peak(&self) -> u64 {
        self.device.peak()
    }
}

impl Evaluator for Compiled {
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        self.evaluate(Pixels::Numbers(images))
    }

    /// A quarter of what is free: the rest is for the step.
    fn room(&self) -> u64 {
        self.device.free().map_or(0, |free| HELD.min(free / 4))
    }

    fn hold(&mut self, of: Use, images: &Held) -> Result<(), ExecError> {
        let hold = |bytes: &[u8]| {
            let memory = self.device.memory(bytes.len())?;
            // SAFETY: the piece has this many bytes.
            unsafe { self.device.write(memory.at(), bytes) }?;
            Ok::<Memory, ExecError>(memory)
        };
        let colors = hold(bytes(images.colors.as_flattened()))?;
        let (size, count) = (images.size, images.images());
        let stored = Stored { size, count, images: hold(&images.pixels)?, colors };
        // Programs from before know nothing of them.
        self.programs.clear();
        self.held.insert(of, stored);
        Ok(())
    }

    fn logits_of(&mut self, views: &[View]) -> Result<Vec<f32>, ExecError> {
        self.evaluate(Pixels::Views(views))
    }
}

impl Trainer for Compiled {
    fn step(&mut self, batch: &Batch, lr: f64, key: StepKey) -> Result<Step, StepError> {
        let training = self.training.as_mut().ok_or_else(no_training)?;
        let before = (training.optimizer.steps, training.optimizer.scaling);
        let words = training.optimizer.begin(lr, 1.0).words();
        let shown = self.train(End::Move, batch, key, words);
        self.stale = true;
        let Some(Training { optimizer, .. }) = &mut self.training else {
            return Err(no_training().into());
        };
        let taken = shown.as_ref().is_ok_and(|shown| shown.moved);
        if !taken {
            (optimizer.steps, optimizer.scaling) = before;
        }
        let Shown { loss, logits, .. } = shown?;
        if !taken && !optimizer.skip() {
            return Err(StepError::NotFinite(match loss.is_finite() {
                true => "a gradient is not finite".into(),
                false => format!("the loss is {loss}"),
            }));
        }
        Ok(Step { loss, logits, taken, scaling: optimizer.scaling })
    }

    fn state(&mut self) -> Result<(&Parameters, &Optimizer), ExecError> {
        let parameters = self.read(self.weights.parameters)?;
        let kept = self.weights.kept.iter().map(|&at| self.read(at)).collect::<Result<_, _>>()?;
        let average = match self.weights.average[0] {
            Pointer::NULL => None,
            at => Some(self.read(at)?),
        };
        let training = self.training.as_mut().ok_or_else(no_training)?;
        training.parameters = parameters;
        training.optimizer.kept = kept;
        training.optimizer.average = average;
        Ok((&training.parameters, &training.optimizer))
    }

    /// By the kernels of the CPU, in `f32`.
    fn show<'a>(&'a mut self, watched: &Graph) -> Result<Showing<'a>, ExecError> {
        let (parameters, optimizer) = self.state()?;
        Ok(cpu::show(watched, optimizer.average.as_ref().unwrap_or(parameters)))
    }
}

fn no_training() -> ExecError {
    ExecError("this model was compiled for evaluation".into())
}
