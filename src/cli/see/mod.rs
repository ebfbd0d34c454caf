//! `cluec see`: what a network sees in images, as pictures and numbers.

mod files;
mod json;
mod statistics;
mod subject;

use super::executor;
use super::session::Failure;
use super::{Exit, usage};
use crate::diag::visible;
use crate::see::{Look, Palette, Show, Sight, Style};
pub use statistics::each;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
pub use subject::Network;
use subject::Subject;

#[derive(Debug, clap::Args)]
#[command(override_usage = "cluec see [OPTIONS] CHECKPOINT|RUN IMAGE...\n       \
    cluec see [OPTIONS] CHECKPOINT|RUN --dataset NAME\n       \
    cluec see [OPTIONS] --untrained FILE[:NAME] IMAGE...")]
pub struct Args {
    /// A checkpoint, or the folder of a run; then JPEG, PNG or WebP files
    #[arg(value_name = "CHECKPOINT|RUN|IMAGE")]
    paths: Vec<PathBuf>,
    /// A model that learned nothing, instead of a checkpoint: a .clue file, and after a colon which
    /// of its models
    #[arg(long, value_name = "FILE[:NAME]")]
    untrained: Option<String>,
    /// Test images of the model's data, of this kind (`shapes`, `image_folders`)
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// How many of them (default: 8, or 256 for statistics)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Where the data set is, instead of where the run read it
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How clusters are used over the data set, instead of pictures
    #[arg(long, requires = "dataset")]
    statistics: bool,
    /// Where the pictures go: a folder for each image
    #[arg(long, value_name = "DIR", default_value = "see")]
    out: PathBuf,
    /// One stage alone
    #[arg(long, value_name = "N")]
    stage: Option<usize>,
    /// One head alone
    #[arg(long, value_name = "N")]
    head: Option<usize>,
    /// This block of the stages, instead of the first that has clusters
    #[arg(long, value_name = "N")]
    block: Option<usize>,
    /// Into how many clusters the last map is merged, in turn
    #[arg(long, value_name = "K,...", value_delimiter = ',', default_values_t = [3, 5, 8],
        value_parser = clap::value_parser!(u64).range(1..=1024))]
    k: Vec<u64>,
    /// Clusters of a head at most, the others merged (default: 16 of small grids, else 7, as
    /// published)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    clusters: Option<u64>,
    /// How clusters are drawn
    #[arg(long, value_enum, default_value_t)]
    style: Drawn,
    /// Which colors they get
    #[arg(long, value_enum, default_value_t)]
    palette: Colors,
    /// Of colors over the image, from 0 to 1
    #[arg(long, value_name = "PART", default_value_t = Look::default().opacity, value_parser = part)]
    opacity: f64,
    /// Smooth borders as the published pictures do; single positions are lost
    #[arg(long)]
    smooth: bool,
    /// Whether the windows of mixers are drawn
    #[arg(long, value_enum, value_name = "ON|OFF", num_args = 0..=1, require_equals = true,
        default_value = "on", default_missing_value = "on")]
    windows: Switch,
    /// What is written: files, or JSON on standard output
    #[arg(long, value_enum, default_value_t)]
    format: Kind,
    /// Threads that compute (default: one per core)
    #[arg(long, value_name = "N", value_parser = crate::cli::options::threads())]
    threads: Option<u64>,
    #[command(flatten)]
    executor: executor::Options,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Drawn {
    /// Colors over the image
    #[default]
    Overlay,
    /// The image, and the borders of clusters
    Outlines,
    /// Colors alone
    Flat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Colors {
    /// Of Okabe and Ito and beyond, told apart by every eye
    #[default]
    Safe,
    /// Those of the published pictures
    Paper,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Kind {
    #[default]
    Png,
    Svg,
    Json,
}

fn part(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|part| (0.0..=1.0).contains(part));
    number.ok_or_else(|| "a number from 0 to 1, such as 0.5".to_string())
}

impl Args {
    fn show(&self) -> Show {
        Show {
            stage: self.stage,
            block: self.block,
            head: self.head,
            ks: self.k.iter().map(|&k| k as usize).collect(),
            most: self.clusters.map(|n| n as usize),
            seed: 0,
        }
    }

    fn look(&self) -> Look {
        Look {
            style: match self.style {
                Drawn::Overlay => Style::Overlay,
                Drawn::Outlines => Style::Outlines,
                Drawn::Flat => Style::Flat,
            },
            palette: match self.palette {
                Colors::Safe => Palette::Safe,
                Colors::Paper => Palette::Paper,
            },
            opacity: self.opacity,
            smooth: self.smooth,
            windows: self.windows == Switch::On,
        }
    }

    /// The checkpoint, unless there is none, and the images.
    fn divided(&self) -> Result<(Option<&Path>, &[PathBuf]), &'static str> {
        let (checkpoint, images) = match (&self.untrained, self.paths.split_first()) {
            (Some(_), _) => (None, self.paths.as_slice()),
            (None, Some((checkpoint, images))) => (Some(checkpoint.as_path()), images),
            (None, None) => return Err("which checkpoint? or: --untrained FILE.clue"),
        };
        match (images.is_empty(), &self.dataset) {
            (true, None) => Err("which images? name files, or: --dataset NAME --count 8"),
            (false, Some(_)) => Err("images by file or by --dataset, not both"),
            _ => Ok((checkpoint, images)),
        }
    }
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let (checkpoint, images) = match args.divided() {
        Ok(divided) => divided,
        Err(message) => return usage(message),
    };
    match see(args, checkpoint, images, out) {
        Ok(exit) => Ok(exit),
        Err(failure) => failure.report(),
    }
}

fn see(
    args: &Args,
    checkpoint: Option<&Path>,
    images: &[PathBuf],
    out: &mut dyn Write,
) -> Result<Exit, Failure> {
    // In 32 bits, whatever the recipe trains in.
    let executor = args.executor.evaluation(None)?;
    let mut network = match (checkpoint, &args.untrained) {
        (Some(path), _) => Network::trained(path, executor)?,
        (None, Some(file)) => match Network::untrained(file, executor)? {
            Ok(network) => network,
            Err(exit) => return Ok(exit),
        },
        (None, None) => return Ok(usage("which checkpoint?")?),
    };
    if let Some(name) = &args.dataset {
        network.open(name, args.data.as_deref())?;
    }
    if args.statistics {
        let count = args.count.map_or(256, |n| n as usize);
        return statistics::run(args, &network, count, out);
    }
    let (subjects, exit) = match args.dataset {
        Some(_) => (network.of_data(args.count.map_or(8, |n| n as usize))?, Exit::Fine),
        None => network.of_files(images)?,
    };
    let mut evaluator = network.evaluator(args.threads)?;
    let mut answers = Vec::new();
    let mut names = files::Names::default();
    for subject in &subjects {
        let pixels = network.pixels(subject);
        let record = network.look(&pixels)?.swap_remove(0);
        let sight = Sight::of(record, &pixels, subject.truth, &args.show(), &mut *evaluator)?;
        match args.format {
            Kind::Json => answers.push(json::image(&sight, subject, &network, args.look())),
            _ => {
                let folder = args.out.join(names.free(&subject.name));
                files::write(args, &folder, &sight, subject, &network)?;
                writeln!(out, "{}", said(&sight, subject, &network, &folder))?;
            }
        }
    }
    if args.format == Kind::Json {
        let overlaps = statistics::overlaps(args, &network, subjects.len())?;
        let answer = json::all(&network, answers, &overlaps);
        writeln!(out, "{answer:#}")?;
        return Ok(exit);
    }
    if args.dataset.is_some() {
        statistics::follow(&statistics::overlaps(args, &network, subjects.len())?, out)?;
    }
    Ok(exit)
}

/// A line about an image: what the model says of it, and where the pictures are.
fn said(sight: &Sight, subject: &Subject, network: &Network, folder: &Path) -> String {
    let guess = sight.guesses(1);
    let named = guess.first().map_or(String::new(), |guess| {
        let name = network.class(guess.class);
        format!("{} {:.1} %", visible(&name), 100.0 * guess.probability)
    });
    let truth = subject.truth.map(|truth| format!(" (it is {})", visible(&network.class(truth))));
    format!("{}: {named}{}, in {}", subject.name, truth.unwrap_or_default(), folder.display())
}
