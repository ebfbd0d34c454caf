//! A model on a GPU: the planned step and the planned evaluation, recorded as one graph for every
//! size of batch and replayed.

use super::super::{
    AdamW, Batch, Evaluator, ExecError, Gradients, Parameters, Step, StepError, StepKey, Trainer,
};
use super::device::{Captured, Device, Memory, Staging};
use super::tape::{Pointer, Precision};
use super::walk::{Layout, Rates, Weights, sites, walk};
use crate::exec::drop_path;
use crate::graph::Graph;
use crate::passes::{self, Keep};
use crate::plan::Plan;
use std::collections::HashMap;
use std::sync::Arc;

/// A model compiled for a GPU, with its parameters on it.
pub struct Compiled {
    device: Arc<Device>,
    precision: Precision,
    evaluation: Plan,
    /// Nothing where a model is only evaluated.
    training: Option<Training>,
    weights: Weights,
    /// What holds the weights.
    _memory: Memory,
    /// By what they are for and the size of the batch.
    programs: HashMap<(Purpose, usize), Program>,
}

struct Training {
    plan: Plan,
    /// Of both the host's copies: `state` brings them up to date.
    parameters: Parameters,
    optimizer: AdamW,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    Evaluation,
    Gradients,
    Step,
}

/// A plan recorded for a batch.
struct Program {
    captured: Captured,
    layout: Layout,
    _memory: Memory,
    images: Staging,
    labels: Staging,
    factors: Staging,
    step: Staging,
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
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

    /// For training; gradients are clipped to the norm `clip`.
    pub fn trainer(
        device: Arc<Device>,
        model: &Graph,
        parameters: &Parameters,
        optimizer: AdamW,
        clip: Option<f64>,
        precision: Precision,
    ) -> Result<Compiled, ExecError> {
        let plan = Plan::new(passes::step(model, clip, Keep::Output), Keep::Output);
        let parameters = parameters.clone();
        let training = Some(Training { plan, parameters: parameters.clone(), optimizer });
        Compiled::new(device, model, &parameters, precision, training)
    }

    fn new(
        device: Arc<Device>,
        model: &Graph,
        parameters: &Parameters,
        precision: Precision,
        training: Option<Training>,
    ) -> Result<Compiled, ExecError> {
        let evaluation = Plan::new(passes::evaluation(model, Keep::Output), Keep::Output);
        let trains = training.is_some();
        let size = Weights::new(model, precision, trains, Pointer::NULL).bytes;
        let memory = device.memory(size)?;
        let weights = Weights::new(model, precision, trains, memory.at());
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
        };
        compiled.load(parameters)?;
        if let Some(Training { optimizer, .. }) = &compiled.training {
            for (at, moments) in
                compiled.weights.moments.into_iter().zip([&optimizer.m, &optimizer.v])
            {
                compiled.write(at, moments)?;
            }
            let mut decays = vec![0u8; compiled.weights.numbers];
            let pairs = compiled.weights.offsets.iter().zip(&parameters.0);
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
        let mut all = vec![0f32; self.weights.numbers];
        for (&offset, values) in self.weights.offsets.iter().zip(&values.0) {
            all[offset..offset + values.len()].copy_from_slice(values);
        }
        // SAFETY: the arrays have this many numbers.
        unsafe { self.device.write(at, &bytes(&all)) }
    }

    /// Reads one of the weights' arrays.
    fn read(&self, at: Pointer) -> Result<Parameters, ExecError> {
        let all = self.numbers(at, self.weights.numbers)?;
        let params = &self.evaluation.graph.params;
        let pairs = self.weights.offsets.iter().zip(params.iter());
        let cut = |(&offset, param): (&usize, &crate::graph::Param)| {
            all[offset..offset + param.elements()].to_vec()
        };
        Ok(Parameters(pairs.map(cut).collect()))
    }

    /// `f32` numbers of the device.
    fn numbers(&self, at: Pointer, count: usize) -> Result<Vec<f32>, ExecError> {
        let mut bytes = vec![0u8; 4 * count];
        // SAFETY: the callers name pieces of at least this many numbers.
        unsafe { self.device.read(at, &mut bytes) }?;
        let (words, _) = bytes.as_chunks::<4>();
        Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
    }

    /// Takes other parameters.
    fn load(&mut self, parameters: &Parameters) -> Result<(), ExecError> {
        self.write(self.weights.parameters, parameters)?;
        if self.weights.copy != self.weights.parameters {
            let mut tape = super::tape::Tape::new(self.precision);
            let Weights { parameters, copy, numbers, .. } = self.weights;
            super::kernels::elementwise::narrow(&mut tape, parameters, copy, numbers);
            // SAFETY: both arrays have this many numbers.
            unsafe { self.device.ready(&tape)?.play() }?;
            self.device.wait()?;
        }
        Ok(())
    }

    /// Loss, logits and gradients at other parameters; nothing is updated.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        batch: &Batch,
        key: StepKey,
    ) -> Result<Gradients, ExecError> {
        self.load(parameters)?;
        let Step { loss, logits } = self.run(Purpose::Gradients, batch, key, [0.0; 3])?;
        Ok(Gradients { loss, logits, gradients: self.read(self.weights.gradients)? })
    }

    fn plan(&self, purpose: Purpose) -> Result<&Plan, ExecError> {
        match (purpose, &self.training) {
            (Purpose::Evaluation, _) => Ok(&self.evaluation),
            (_, Some(training)) => Ok(&training.plan),
            _ => Err(no_training()),
        }
    }

    fn run(
        &mut self,
        purpose: Purpose,
        batch: &Batch,
        key: StepKey,
        rates: [f32; 3],
    ) -> Result<Step, ExecError> {
        let plan = self.plan(purpose)?;
        let [h, w] = plan.graph.input_size();
        let (size, classes) = (h * w * 3, plan.graph.classes());
        let images = batch.images.len() / size;
        if images == 0 || !batch.images.len().is_multiple_of(size) {
            return Err(ExecError(format!("{} numbers are not whole images", batch.images.len())));
        }
        let learns = purpose != Purpose::Evaluation;
        if learns && batch.labels.len() != images {
            return Err(ExecError(format!("{} labels for {images} images", batch.labels.len())));
        }
        if let Some(label) = batch.labels.iter().find(|label| **label as usize >= classes) {
            return Err(ExecError(format!("label {label} of {classes} classes")));
        }
        let mut factors = Vec::new();
        for (rate, site) in sites(plan) {
            let factor = |image| drop_path::factor(rate, site, image, key) as f32;
            factors.extend((0..images as u64).map(factor));
        }
        if !self.programs.contains_key(&(purpose, images)) {
            let program = self.program(purpose, images)?;
            self.programs.insert((purpose, images), program);
        }
        let Some(program) = self.programs.get_mut(&(purpose, images)) else {
            return Err(ExecError("a program was not kept".into()));
        };
        program.images.send(&self.device, &bytes(&batch.images))?;
        if learns {
            let labels: Vec<u8> = batch.labels.iter().flat_map(|x| x.to_le_bytes()).collect();
            program.labels.send(&self.device, &labels)?;
            program.factors.send(&self.device, &bytes(&factors))?;
            program.step.send(&self.device, &bytes(&rates))?;
        }
        program.captured.replay()?;
        let (plan, layout) = (self.plan(purpose)?, &self.programs[&(purpose, images)].layout);
        let result = |value| layout.result(plan, images, value, 0).unwrap_or(Pointer::NULL);
        let logits = self.stored(result(plan.graph.output), images * classes)?;
        let loss = match plan.graph.loss {
            Some(loss) => {
                let losses = self.numbers(result(loss), images)?;
                losses.iter().map(|&loss| f64::from(loss)).sum::<f64>() / images as f64
            }
            None => 0.0,
        };
        Ok(Step { loss, logits })
    }

    /// Numbers of the device as maps are stored.
    fn stored(&self, at: Pointer, count: usize) -> Result<Vec<f32>, ExecError> {
        if self.precision == Precision::F32 {
            return self.numbers(at, count);
        }
        let mut bytes = vec![0u8; 2 * count];
        // SAFETY: the callers name pieces of at least this many numbers.
        unsafe { self.device.read(at, &mut bytes) }?;
        let (words, _) = bytes.as_chunks::<2>();
        let wide = |word: &[u8; 2]| f32::from_bits(u32::from(u16::from_le_bytes(*word)) << 16);
        Ok(words.iter().map(wide).collect())
    }

    /// Records a plan for a batch.
    fn program(&self, purpose: Purpose, images: usize) -> Result<Program, ExecError> {
        let plan = self.plan(purpose)?;
        let rates = match (purpose, &self.training) {
            (Purpose::Step, Some(training)) => {
                let config = training.optimizer.config;
                let [beta1, beta2, eps] =
                    [config.beta1, config.beta2, config.eps].map(|x| x as f32);
                Some(Rates { beta1, beta2, eps })
            }
            _ => None,
        };
        let (precision, weights) = (self.precision, &self.weights);
        let (size, _) = walk(plan, images, precision, weights, Pointer::NULL, rates);
        let memory = self.device.memory(size.bytes)?;
        let (layout, tape) = walk(plan, images, precision, weights, memory.at(), rates);
        let played = self.device.ready(&tape)?;
        // SAFETY: the tape was walked over these pieces, which live as long as the program.
        let captured = unsafe { played.capture() }?;
        let [h, w] = plan.graph.input_size();
        let staging = |at, bytes: usize| self.device.staging(at, bytes.max(1));
        Ok(Program {
            captured,
            images: staging(layout.images, 4 * images * h * w * 3)?,
            labels: staging(layout.labels, 4 * images)?,
            factors: staging(layout.factors, 4 * images * sites(plan).len())?,
            step: staging(layout.step, 12)?,
            layout,
            _memory: memory,
        })
    }
}

impl Evaluator for Compiled {
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        let batch = Batch { images: images.to_vec(), labels: Vec::new() };
        let key = StepKey { seed: 0, step: 0 };
        Ok(self.run(Purpose::Evaluation, &batch, key, [0.0; 3])?.logits)
    }
}

impl Trainer for Compiled {
    fn step(&mut self, batch: &Batch, lr: f64, key: StepKey) -> Result<Step, StepError> {
        let training = self.training.as_mut().ok_or_else(no_training)?;
        let rates = training.optimizer.begin(lr);
        let step = self.run(Purpose::Step, batch, key, [rates.size, rates.root, rates.keep]);
        let taken = match &step {
            Ok(_) => {
                let program = &self.programs[&(Purpose::Step, batch.labels.len())];
                self.numbers(program.layout.norm, 1)?[0].is_finite()
            }
            Err(_) => false,
        };
        if !taken && let Some(training) = &mut self.training {
            training.optimizer.steps -= 1;
        }
        let step = step?;
        match taken {
            true => Ok(step),
            false if step.loss.is_finite() => {
                Err(StepError::NotFinite("a gradient is not finite".into()))
            }
            false => Err(StepError::NotFinite(format!("the loss is {}", step.loss))),
        }
    }

    fn state(&mut self) -> Result<(&Parameters, &AdamW), ExecError> {
        let parameters = self.read(self.weights.parameters)?;
        let [first, second] = self.weights.moments.map(|at| self.read(at));
        let training = self.training.as_mut().ok_or_else(no_training)?;
        training.parameters = parameters;
        (training.optimizer.m, training.optimizer.v) = (first?, second?);
        Ok((&training.parameters, &training.optimizer))
    }
}

fn no_training() -> ExecError {
    ExecError("this model was compiled for evaluation".into())
}
