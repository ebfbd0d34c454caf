//! `cluec import`: weights that were trained elsewhere, as a checkpoint.

use super::session::{Failure, folder_of};
use super::{Exit, Opened, open, place, usage};
use crate::data;
use crate::diag::Argument;
use crate::diag::number::grouped;
use crate::diag::say;
use crate::foreign::TensorFile;
use crate::train::{Checkpoint, Meta};
use crate::weights::fit;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A .clue file
    pub file: String,
    /// The model, if the file holds several, then the weights: a file of torch.save, or safetensors
    #[arg(required = true, num_args = 1..=2, value_name = "[NAME] WEIGHTS")]
    pub rest: Vec<PathBuf>,
    /// The checkpoint to write
    #[arg(long, value_name = "CHECKPOINT")]
    pub out: PathBuf,
    /// Where the images are, instead of what the data item says: the names of the classes come from there
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Change a setting: `classes=10`, `mixer.grid=8x8`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<Argument>,
}

pub fn run(args: &Args, out: &mut dyn Write) -> io::Result<Exit> {
    let (name, weights) = match args.rest.as_slice() {
        [weights] => (None, weights),
        [name, weights] => (name.to_str(), weights),
        _ => return usage("import takes a file, a name if there are several models, and weights"),
    };
    let opened = match open("import", &args.file, name, &args.sets)? {
        Ok(opened) => opened,
        Err(exit) => return Ok(exit),
    };
    match import(args, &opened, weights, out) {
        Ok(()) => Ok(opened.exit),
        Err(failure) => failure.report(),
    }
}

fn import(
    args: &Args,
    opened: &Opened,
    weights: &Path,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    place::spare(&args.out)?;
    place::spare_given(&args.out, &[weights])?;
    let (model, graph) = (&opened.model, &opened.graph);
    let file = TensorFile::open(weights)?;
    let parameters = fit(graph, &file)
        .map_err(|error| Failure::new(format!("{}: {error}", weights.display())))?;
    let mut meta = Meta { source: model.text(), ..Meta::untrained(graph) };
    // The names of the classes are in the data, which need not be here.
    match model.data.as_ref().map(|data| data::open(data, args.data.as_deref())) {
        Some(Ok(data)) if data.test.classes().len() == graph.classes() => {
            meta.classes = data.test.classes().to_vec();
            meta.data = folder_of(&data);
        }
        Some(Err(error)) if args.data.is_some() => return Err(error.into()),
        Some(Ok(data)) if args.data.is_some() => {
            let [there, here] = [data.test.classes().len(), graph.classes()];
            return Err(Failure::new(format!(
                "the model has {here} classes, and these images have {there}\n  help: name the images it was trained \
                 on, or leave `--data` out: then the classes have no names"
            )));
        }
        _ => say("the names of the classes are not known here: `--data DIR` would find them"),
    }
    Checkpoint::untrained(graph, parameters, meta).save(&args.out)?;
    writeln!(
        out,
        "{}: the {} parameters of {} in {} tensors of {}",
        args.out.display(),
        grouped(graph.param_count()),
        model.name,
        grouped(graph.params.len() as u64),
        weights.display()
    )?;
    Ok(())
}
