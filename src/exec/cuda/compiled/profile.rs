//! Where the time of a step goes on a GPU, op by op, and what the GPU could do.

use super::program::Purpose;
use super::{Compiled, bytes};
use crate::exec::cuda::device::Device;
use crate::exec::cuda::kernels::elementwise;
use crate::exec::cuda::product::{Operand, Product};
use crate::exec::cuda::tape::{Command, Precision, Tape};
use crate::exec::cuda::walk::{End, walk};
use crate::exec::random::{Random, Site};
use crate::exec::{ExecError, Grouping, Machine, Profile, Spent};
use crate::graph::Op;
use std::sync::Arc;
use std::time::Duration;

/// How often the launches of an op are repeated: one alone is shorter than a clock can tell.
const TIMES: usize = 20;

impl Compiled {
    /// The time of every op of a step, or of an evaluation, that was run before with so many images:
    /// its launches are recorded as a graph of their own and repeated, in order, on the numbers that
    /// lie there, so that what fits the second cache is read from it, more than in a step. What is
    /// computed, parameters too, is worth nothing afterwards.
    pub fn profile(&self, images: usize, by: Grouping) -> Result<Profile, ExecError> {
        let purpose = match self.training {
            Some(_) => Purpose::Training(End::Move),
            None => Purpose::Evaluation,
        };
        let plan = self.plan(purpose)?;
        let none = || ExecError(format!("no whole batch of {images} images was run"));
        let arena = self.arena.as_ref().filter(|_| self.programs.contains_key(&(purpose, images)));
        let arena = arena.ok_or_else(none)?.at();
        let (end, weights) = self.ending(purpose);
        let mut profile = Profile::new(by);
        let (_, step) = walk(plan, images, self.precision, &weights, arena, end);
        let nodes = plan.graph.values().zip(step.cut());
        for (value, tape) in nodes.filter(|(_, tape)| !tape.commands.is_empty()) {
            if let Op::Update(_) = plan.graph.node(value).op {
                // Gradients that were added to themselves may have overflowed: nothing would move.
                // SAFETY: there are this many numbers.
                unsafe { self.device.write(weights.sum, &vec![0; 4 * weights.numbers]) }?;
            }
            let other = match plan.graph.node(value).op {
                Op::Update(_) => Some("update"),
                Op::Input(_) => Some("images as stored"),
                _ => None,
            };
            if other.is_none() && by == Grouping::Launch {
                // Each is repeated on what the others leave, which only all of them in order make whole:
                // an index beyond a map would end everything.
                // SAFETY: as in `repeat`.
                let whole = unsafe { self.device.record(&tape, 1) }?;
                for (launch, tape) in tape.apart() {
                    self.device.time(&whole)?;
                    profile.add_launches(plan, value, &launch, self.spent(&tape)?);
                }
                self.device.time(&whole)?;
                continue;
            }
            let Spent { calls, time, .. } = self.spent(&tape)?;
            match other {
                Some(name) => profile.add_other(name, calls, time, 0),
                None => profile.add(plan, value, images, self.precision.bytes(), calls, time),
            }
        }
        Ok(profile)
    }

    /// What launches take, one after the other; of kernels nobody counts what they read.
    fn spent(&self, tape: &Tape) -> Result<Spent, ExecError> {
        let mut spent = Spent { time: repeat(&self.device, tape)?, ..Spent::default() };
        for command in &tape.commands {
            spent.calls += 1;
            if let Command::Product(product) = command {
                spent.macs += product.macs();
                spent.products += product.macs();
                spent.bytes += product.bytes(tape.precision);
            }
        }
        Ok(spent)
    }

    /// What the GPU can do in this precision.
    pub fn machine(&self) -> Result<Machine, ExecError> {
        let (device, precision) = (&self.device, self.precision);
        let rate = products(device, precision)?;
        Ok(Machine {
            name: match precision {
                Precision::F32 => {
                    "the GPU (ops repeated, over numbers its second cache may hold), in products of fp32"
                }
                Precision::Bf16 => {
                    "the GPU (ops repeated, over numbers its second cache may hold), in products of bf16"
                }
                Precision::F16 => {
                    "the GPU (ops repeated, over numbers its second cache may hold), in products of fp16"
                }
            },
            products: rate,
            vectors: match precision {
                Precision::F32 => rate,
                _ => products(device, Precision::F32)?,
            },
            bytes: copies(device)?,
        })
    }
}

/// Once, of many times.
fn repeat(device: &Arc<Device>, tape: &Tape) -> Result<Duration, ExecError> {
    // SAFETY: whoever wrote the tape wrote it over memory that is still held.
    let recorded = unsafe { device.record(tape, TIMES) }?;
    device.time(&recorded)?;
    Ok(device.time(&recorded)? / TIMES as u32)
}

/// Side of the products that are timed.
const SIDE: usize = 8192;
/// Bytes copied: far more than caches hold.
const COPIED: usize = 1 << 30;

/// Multiply-accumulates in a second, in a large product of random numbers: zeros cost less power.
fn products(device: &Arc<Device>, precision: Precision) -> Result<f64, ExecError> {
    let size = SIDE * SIDE * precision.bytes();
    let [a, b, d] = [device.memory(size)?, device.memory(size)?, device.memory(size)?];
    let mut random = Random::named(0, "products", Site::Other);
    let numbers: Vec<f32> = (0..1 << 20).map(|_| random.normal() as f32).collect();
    let stored: Vec<u8> = match precision {
        Precision::F32 => bytes(&numbers).to_vec(),
        Precision::Bf16 => {
            let bits = numbers.iter().map(|&x| half::bf16::from_f32(x).to_bits());
            bytes(&bits.collect::<Vec<u16>>()).to_vec()
        }
        Precision::F16 => {
            let bits = numbers.iter().map(|&x| half::f16::from_f32(x).to_bits());
            bytes(&bits.collect::<Vec<u16>>()).to_vec()
        }
    };
    for piece in [&a, &b] {
        for offset in (0..size).step_by(stored.len()) {
            // SAFETY: the pieces are whole multiples of what is written.
            unsafe { device.write(piece.at().plus(offset), &stored) }?;
        }
    }
    let mut tape = Tape::new(precision);
    let (left, right) = (Operand::plain(a.at()), Operand::plain(b.at()));
    tape.product(Product::plain([SIDE; 3], left, right, d.at()));
    Ok((SIDE as f64).powi(3) / repeat(device, &tape)?.as_secs_f64())
}

/// Bytes read plus bytes written in a second.
fn copies(device: &Arc<Device>) -> Result<f64, ExecError> {
    let [from, to] = [device.memory(COPIED)?, device.memory(COPIED)?];
    let mut tape = Tape::new(Precision::F32);
    let numbers = COPIED / 4;
    elementwise::scaled(&mut tape, from.at(), to.at(), 1.0, numbers);
    Ok(2.0 * COPIED as f64 / repeat(device, &tape)?.as_secs_f64())
}
