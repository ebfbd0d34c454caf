//! The paper's way to measure speed: passes over all test images, batch by batch with the accuracy
//! kept, the first passes dropped, images per second as mean ± deviation of the population.
//!
//! Every pass is taken twice: with the images loaded from where they lie, as the paper does, and with
//! one batch that is in memory already, as often as there are batches, which is the model alone.

use super::Args;
use crate::cli::executor::Executor;
use crate::cli::session::{Failure, Images, Session, threads, workers};
use crate::cli::{Format, number};
use crate::exec::{Batch, Evaluator, init};
use crate::model::Checked;
use crate::train::{Batches, Fed, rank, resident};
use serde_json::json;
use std::io::Write;
use std::time::{Duration, Instant};

/// Images per second of the passes that count.
struct Speed(Vec<f64>);

impl Speed {
    fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len().max(1) as f64
    }

    fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares = self.0.iter().map(|rate| (rate - mean).powi(2));
        (squares.sum::<f64>() / self.0.len().max(1) as f64).sqrt()
    }

    fn json(&self) -> serde_json::Value {
        json!({ "mean": self.mean(), "deviation": self.deviation(), "passes": self.0 })
    }
}

/// Measures, and says it.
pub fn run(
    args: &Args,
    executor: Executor,
    model: &Checked,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let session = Session::open(model, args.running.data.as_deref())?;
    let graph = &session.graph;
    let threads = threads(args.running.threads);
    let images = Images {
        opened: &session.opened,
        train: false,
        batch: args.batch as usize,
        workers: workers(args.running.workers),
        seed: 0,
        size: graph.input_size(),
        views: None,
    };
    let mut evaluator = executor.evaluator(graph, init::initialize(graph, 0), threads)?;
    let most = args.images.map_or(u64::MAX, |images| images.div_ceil(args.batch)) as usize;
    let (mut loaded, mut held) = (Vec::new(), Vec::new());
    let (mut count, mut first) = (0, None);
    for pass in 0..args.passes {
        let start = Instant::now();
        let mut sizes = Vec::new();
        for fed in images.epoch(0, 0).take(most) {
            let Fed { batch, .. } = fed.map_err(Failure::new)?;
            if !batch.labels.is_empty() {
                measure(&mut *evaluator, &batch)?;
                sizes.push(batch.labels.len());
            }
            first.get_or_insert(batch);
        }
        let with = start.elapsed();
        count = sizes.iter().sum();
        let Some(batch) = first.as_ref().filter(|batch| !batch.labels.is_empty()) else {
            return Err(Failure::new("there are no test images to measure with"));
        };
        let without = in_memory(&mut *evaluator, batch, &sizes)?;
        if pass >= args.dropped {
            loaded.push(count as f64 / with.as_secs_f64());
            held.push(count as f64 / without.as_secs_f64());
        }
    }
    session.name_broken();
    let (loaded, held) = (Speed(loaded), Speed(held));
    let peak = resident("VmHWM");
    if args.format == Format::Json {
        let line = json!({
            "model": graph.name, "executor": executor.name(), "device": executor.device(),
            "precision": executor.precision().name(),
            "mode": "passes", "batch": args.batch, "threads": threads, "workers": images.workers,
            "images": count, "passes": args.passes, "dropped": args.dropped,
            "with_loading": loaded.json(), "without_loading": held.json(), "peak_bytes": peak,
        });
        return Ok(writeln!(out, "{line}")?);
    }
    writeln!(
        out,
        "{} infer, {executor}, batch {}, {}: {} over {}, the first {} dropped, peak memory {}",
        graph.name,
        args.batch,
        number::many(threads as u64, "thread"),
        match args.passes {
            1 => "1 pass".to_string(),
            passes => format!("{passes} passes"),
        },
        number::many(count as u64, "test image"),
        args.dropped,
        peak.map_or("unknown".into(), number::bytes),
    )?;
    let workers = format!("with data loading ({})", number::many(images.workers as u64, "worker"));
    for (what, speed) in [(workers.as_str(), &loaded), ("without", &held)] {
        writeln!(out, "  {what:<32} {:.1} ± {:.1} images/s", speed.mean(), speed.deviation())?;
    }
    Ok(())
}

/// Logits and what they are right in, as an evaluation needs them.
fn measure(evaluator: &mut dyn Evaluator, batch: &Batch) -> Result<usize, Failure> {
    let logits = evaluator.logits(&batch.images)?;
    let rows = logits.chunks(logits.len() / batch.labels.len()).zip(&batch.labels);
    Ok(rows.filter(|(row, label)| rank(row, **label) == 0).count())
}

/// A pass over as many images as there are, each batch the beginning of the same one.
fn in_memory(
    evaluator: &mut dyn Evaluator,
    batch: &Batch,
    sizes: &[usize],
) -> Result<Duration, Failure> {
    let pixels = batch.images.len() / batch.labels.len();
    let mut part = batch.clone();
    let start = Instant::now();
    for &size in sizes {
        let size = size.min(batch.labels.len());
        if size != part.labels.len() {
            part.images = batch.images[..size * pixels].to_vec();
            part.labels = batch.labels[..size].to_vec();
        }
        measure(evaluator, &part)?;
    }
    Ok(start.elapsed())
}
