//! `cluec report`: one HTML file that tells all of a run.

use super::see::{Network, each};
use super::session::{Failure, Images, workers, write};
use super::{Exit, executor, number, place, summary};
use crate::report::{Eyes, Report, Shown};
use crate::runs::Run;
use crate::see::{Look, SeeError, Show, Sight, Tally, png};
use crate::train::{Batches, Evaluation, Metrics, Record, RunFolder, clusters, curves, evaluate};
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder of a run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The file to write (default: report.html in the run's folder)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where the images are, instead of where the run read them
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Test images that are shown with their clusters
    #[arg(long, value_name = "N", default_value_t = 6)]
    images: u64,
    /// Into how many clusters the last map is merged, in turn
    #[arg(long, value_name = "K,...", value_delimiter = ',', default_values_t = [3, 5, 8],
        value_parser = clap::value_parser!(u64).range(1..=1024))]
    k: Vec<u64>,
    /// Test images over which the use of clusters is counted
    #[arg(long, value_name = "N", default_value_t = 256)]
    counted: u64,
    /// Threads that compute (default: one per core)
    #[arg(long, value_name = "N", value_parser = crate::cli::options::threads())]
    threads: Option<u64>,
    #[command(flatten)]
    executor: executor::Options,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    match report(args, out) {
        Ok(exit) => Ok(exit),
        Err(failure) => failure.report(),
    }
}

fn report(args: &Args, out: &mut dyn Write) -> Result<Exit, Failure> {
    let folder = RunFolder::open(&args.run);
    let Some(run) = Run::read(&folder)? else { return Err(place::no_run(&args.run)) };
    let mut network = Network::trained(&args.run, args.executor.evaluation(None)?)?;
    let records = Metrics::read(&folder.metrics()).unwrap_or_default();
    let mut report = Report {
        title: title(&run),
        subtitle: network.said.clone(),
        parts: Some(summary::table(&network.graph, false)),
        history: clusters(&records),
        curves: (!records.is_empty()).then(|| curves(&records)),
        source: std::fs::read_to_string(folder.source()).unwrap_or_default(),
        ..Report::default()
    };
    let mut exit = Exit::Fine;
    let mut measured = None;
    match network.reopen(args.data.as_deref()) {
        Ok(()) => {
            measured = Some(measure(args, &network)?);
            show(args, &network, &mut report)?;
        }
        // What the folder alone tells is a report as well.
        Err(failure) => {
            report.remarks.push(format!("Without its images: {failure}"));
            exit = failure.report()?;
        }
    }
    report.facts = facts(&run, &folder, &records, measured.as_ref());
    if let Some(found) = &measured {
        report.confusion = Some(found.confusion.svg(&network.classes));
        report.mistakes = found.confusion.worst(|class| network.class(class));
    }
    let path = args.out.clone().unwrap_or_else(|| args.run.join("report.html"));
    write(&path, report.html())?;
    writeln!(out, "{}", path.display())?;
    Ok(exit)
}

fn title(run: &Run) -> String {
    match &run.ablation {
        Some(ablation) => format!("{} of {ablation}", run.model),
        None => run.model.clone(),
    }
}

/// On all test images.
fn measure(args: &Args, network: &Network) -> Result<Evaluation, Failure> {
    let Some(opened) = &network.opened else { return Err(Failure::new("no images")) };
    let images = Images {
        opened,
        train: false,
        batch: 128,
        workers: workers(None),
        seed: 0,
        size: network.graph.input_size(),
        views: None,
    };
    let mut evaluator = network.evaluator(args.threads)?;
    evaluate(&mut *evaluator, images.epoch(0, 0), network.graph.classes()).map_err(Failure::new)
}

/// What is seen in the first test images, and how clusters are used over more of them. A model
/// without clusters says so.
fn show(args: &Args, network: &Network, report: &mut Report) -> Result<(), Failure> {
    let ks = args.k.iter().map(|&k| k as usize).collect();
    let (show, drawn) = (Show { ks, ..Show::default() }, Look::default());
    let mut evaluator = network.evaluator(args.threads)?;
    let mut shown = Vec::new();
    for subject in network.of_data(args.images as usize)? {
        let pixels = network.pixels(&subject);
        let record = match network.look(&pixels) {
            Ok(mut records) => records.swap_remove(0),
            Err(error @ SeeError::NoAssignment) => {
                report.remarks.push(error.to_string());
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let sight = Sight::of(record, &pixels, subject.truth, &show, &mut *evaluator)?;
        let image = png(&network.base(&subject)).map_err(Failure::new)?;
        shown.push(Shown { name: subject.name, image, sight });
    }
    if !shown.is_empty() {
        let class = |class| network.class(class);
        report.eyes = Some(Eyes::new(&shown, drawn, &class).map_err(Failure::new)?);
    }
    let mut tally = Tally::default();
    each(network, args.counted as usize, &show, |record| tally.add(record))?;
    let found = tally.finish();
    for part in found.collapsed() {
        report
            .remarks
            .push(format!("Collapsed: in {part} nearly every position belongs to one center."));
    }
    report.statistics = (found.images > 0).then_some(found);
    Ok(())
}

fn facts(
    run: &Run,
    folder: &RunFolder,
    records: &[Record],
    measured: Option<&Evaluation>,
) -> Vec<(String, String)> {
    let percent = |part: f64| format!("{:.2} %", 100.0 * part);
    let mut facts: Vec<(&str, String)> = Vec::new();
    match (measured, run.score) {
        (Some(found), _) => {
            facts.push(("top-1", percent(found.top1)));
            facts.push(("top-3", percent(found.top3)));
            facts.push(("test loss", format!("{:.4}", found.loss)));
            facts.push(("test images", number::grouped(found.images)));
            if found.overflowed > 0 {
                facts.push(("images that overflow", number::grouped(found.overflowed)));
            }
        }
        (None, Some(score)) => {
            facts.push(("top-1", percent(score.top1)));
            facts.push(("top-3", percent(score.top3)));
            facts.push(("test loss", format!("{:.4}", score.loss)));
        }
        (None, None) => {}
    }
    facts.push(("state", run.state(folder).name().to_string()));
    facts.push(("parameters", number::grouped(run.params)));
    facts.push(("MACs", number::short(run.macs)));
    facts.push(("ptflops", number::short(run.ptflops)));
    facts.push(("seed", run.seed.to_string()));
    if let Some(speed) = run.score.and_then(|score| score.fps) {
        facts.push(("training images/s", format!("{speed:.0}")));
    }
    let skipped: u64 = records.iter().map(|record| record.skipped).sum();
    if skipped > 0 {
        facts.push(("skipped steps", number::grouped(skipped)));
    }
    if let Some(ended) = run.ended {
        facts.push(("took", time(ended.saturating_sub(run.began))));
    }
    facts.push(("run by", run.executor.clone()));
    facts.push(("cluec", run.version.clone()));
    facts.push(("graph", run.graph.chars().take(16).collect()));
    facts.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

/// `2 h 5 min`, `34 s`.
fn time(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
