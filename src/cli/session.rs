//! What the verbs that run a model share: its graph with its data, and how they fail.

pub use super::device::{threads, workers};
use super::executor::Executor;
use super::place;
use super::{Exit, print_reports};
use crate::data::{DataError, Loaded, Loader, Opened, Plan, Split, Views, fingerprint, open};
use crate::diag::number::many;
use crate::diag::{Diagnostic, Sources, render, say, typed, visible};
use crate::exec::ExecError;
use crate::foreign::Unreadable;
use crate::graph::{Graph, Precision, Size, times};
use crate::model::Checked;
use crate::runs::StoreError;
use crate::see::SeeError;
use crate::spec::Data;
use crate::train::{Batches, Checkpoint, CheckpointError, Fed, RunFolder, TrainError, replace};
use std::io::{self, Write};
use std::path::Path;

/// A model ready to run on its data.
pub struct Session {
    pub graph: Graph,
    pub opened: Opened,
}

impl Session {
    /// Opens the data of a model, or the same kind of data in another folder.
    pub fn open(model: &Checked, folder: Option<&Path>) -> Result<Session, Failure> {
        let graph = model.graph.clone().ok_or_else(|| Failure::new("the model is in error"))?;
        let data = data_of(model)?;
        let opened = open(data, folder)?;
        let (classes, logits) = (opened.train.classes().len(), graph.classes());
        if classes != logits {
            return Err(Failure::new(format!(
                "the data has {classes} classes and `{}` has {logits}\n  \
                 help: write `classes {classes}`, or --set classes={classes}",
                model.name
            )));
        }
        Ok(Session { graph, opened })
    }

    /// Opens the data of a checkpoint's model: in another folder, or where the run read it.
    pub fn reopen(
        checkpoint: &Checkpoint,
        model: &Checked,
        folder: Option<&Path>,
    ) -> Result<Session, Failure> {
        let meta = &checkpoint.meta;
        let folder = folder.or(meta.data.as_deref().map(Path::new));
        let opened = open(data_of(model)?, folder)?;
        let (here, there) = (opened.test.classes(), &meta.classes);
        // Imported weights may not know what their classes are called.
        let unnamed =
            there.is_empty() && here.len() == model.graph.as_ref().map_or(0, Graph::classes);
        if here != there && !unnamed {
            let (a, b) = (here.len(), there.len());
            let differ = here.iter().zip(there).find(|(a, b)| a != b);
            let first = differ.map(|(a, b)| {
                format!("; the first that differs: `{}` and `{}`", visible(a), visible(b))
            });
            return Err(Failure::new(format!(
                "the data has other classes ({a}) than the checkpoint ({b}){}",
                first.unwrap_or_default()
            )));
        }
        let graph = model.graph.clone().ok_or_else(|| Failure::new("the model is in error"))?;
        Ok(Session { graph, opened })
    }

    /// Before anything is trained: one image of each part comes in the size that the model takes.
    pub fn fits(&self) -> Result<(), Failure> {
        let takes = self.graph.input_size();
        let parts = [Split::Train, Split::Test].into_iter();
        let misfits = parts.filter_map(|part| {
            misfit(part, is_as_generated(&self.opened, part), takes, self.opened.shown(part)?)
        });
        match misfits.collect::<Vec<String>>() {
            none if none.is_empty() => Ok(()),
            misfits => Err(Failure::new(misfits.join("\nerror: "))),
        }
    }

    /// Says on standard error which images were broken.
    pub fn name_broken(&self) {
        let parts = ["broken training image", "broken test image"];
        let done = ["replaced", "left out"];
        for ((part, done), broken) in parts.iter().zip(done).zip(&self.opened.broken) {
            if let Some(named) = broken.report() {
                say(format!("{} {done}:{named}", many(broken.count() as u64, part)));
            }
        }
    }

    /// Where the images lie, from wherever one looks.
    pub fn folder(&self) -> Option<String> {
        folder_of(&self.opened)
    }
}

/// Why a model that takes images of one size can not take those of a part, if they have another.
pub fn misfit(part: Split, as_generated: bool, takes: Size, given: Size) -> Option<String> {
    if takes == given {
        return None;
    }
    let [takes, given] = [takes, given].map(times);
    let help = match part {
        _ if as_generated => format!("generate them so: `data.size {takes}`"),
        Split::Train => format!("crop them: `data.train.crop resized {{ size {takes} }}`"),
        Split::Test => format!("crop them: `data.test.crop center {{ size {takes} }}`"),
    };
    let part = part.word();
    Some(format!(
        "the model takes images of {takes} (rows x columns), and the {part} images are {given}\n  \
         help: {help}"
    ))
}

/// Whether images of a part are generated and come in the size that was asked for: nothing crops them.
pub fn is_as_generated(opened: &Opened, part: Split) -> bool {
    const ANY: Size = [1, usize::MAX];
    opened.folder.is_none() && opened.part(part).1.size(ANY) == ANY
}

/// Says so if the images are not those that a run was trained on, of which it knows the fingerprint.
/// Others are no mistake where they were asked for, unless they are one set: then some that were trained
/// on may be among those to test.
pub fn compare_images(known: Option<&str>, opened: &Opened, asked_for: bool) {
    let Some(known) = known else { return };
    let divided = opened.test.is_divided();
    if asked_for && !divided || known == fingerprint(&*opened.train) {
        return;
    }
    let so = match divided {
        true => {
            "they are one set, divided here into those to train and those to test, so that images the run \
             was trained on may be among the test images"
        }
        false => "what follows may not be comparable with what the run says of itself",
    };
    say(format!("warning: the training images are not those of the run: {so}"));
}

/// Where images lie, from wherever one looks.
pub fn folder_of(opened: &Opened) -> Option<String> {
    let folder = opened.folder.as_ref()?;
    let whole = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.clone());
    Some(whole.to_string_lossy().into_owned())
}

/// The data settings of a model.
pub fn data_of(model: &Checked) -> Result<&Data, Failure> {
    model.data.as_ref().ok_or_else(|| {
        Failure::new(format!(
            "`{}` has no data; give it some: `data shapes`, or `data image_folders {{ files \"…\" }}`",
            model.name
        ))
    })
}

/// Reads a checkpoint; of one that is damaged it says whether the other one of its run is whole.
pub fn load(path: &Path) -> Result<Checkpoint, Failure> {
    Checkpoint::load(path).map_err(|error| damaged(path, &error))
}

fn damaged(path: &Path, error: &CheckpointError) -> Failure {
    Failure::new(format!("{error}{}", whole(path)))
}

/// What to do without a checkpoint: the other one of its run, if it is whole.
pub fn whole(path: &Path) -> String {
    let run = RunFolder::open(path.parent().unwrap_or(Path::new("")));
    let others = [run.last(), run.best()].into_iter().filter(|other| other != path);
    let step = |other: &Path| Some(Checkpoint::load_weights(other).ok()?.meta.step);
    let whole = others.filter_map(|other| Some((step(&other)?, other)));
    whole
        .map(|(step, other)| {
            let (name, copy) = (other.display(), [typed(&other), typed(path)].join(" "));
            format!("\n  help: {name} is whole, and stands at step {step}: cp {copy}")
        })
        .collect()
}

/// The weights of a checkpoint, or of that of a run's folder which counts, with the model, compiled from
/// the text it embeds.
pub fn restore(path: &Path) -> Result<(Checkpoint, Checked), Failure> {
    let path = place::checkpoint(path)?;
    let checkpoint = Checkpoint::load_weights(&path).map_err(|error| damaged(&path, &error))?;
    let mut sources = Sources::default();
    let (program, diags) =
        crate::compile_text(&mut sources, "model.clue", &checkpoint.meta.source, &[]);
    // Weights may be used on other images than those of the data that the text speaks of.
    if diags.0.iter().any(|found| found.is_error() && !found.code.starts_with("E07")) {
        print_reports(&diags, &sources);
        return Err(Failure::new("the text in the checkpoint is no longer read by this cluec"));
    }
    let model = program.models.into_iter().next();
    let model = model.ok_or_else(|| Failure::new("the checkpoint holds no model"))?;
    let graph = model.graph.as_ref().ok_or_else(|| Failure::new("the model is in error"))?;
    Ok((checkpoint.fitted(graph)?, model))
}

/// Batches of a data set, for the training loop.
pub struct Images<'a> {
    pub opened: &'a Opened,
    /// Training images in random order and augmented, or test images.
    pub train: bool,
    pub batch: usize,
    pub workers: usize,
    pub seed: u64,
    /// Of the model's input.
    pub size: Size,
    /// Of the images, where the executor holds them.
    pub views: Option<&'a Views>,
}

impl Images<'_> {
    fn plan(&self, epoch: u64, first: u64) -> Plan {
        Plan {
            batch: self.batch,
            workers: self.workers,
            seed: self.seed,
            epoch,
            shuffle: self.train,
            first_batch: first as usize,
        }
    }

    /// Decoded and augmented here.
    fn loaded(&self, plan: Plan) -> impl Iterator<Item = Result<Fed, String>> + use<> {
        let [train, test] = &self.opened.broken;
        let (part, broken) = if self.train { (Split::Train, train) } else { (Split::Test, test) };
        let (set, pipeline) = self.opened.part(part);
        let (takes, as_generated) = (self.size, is_as_generated(self.opened, part));
        let loader = Loader::new(set.clone(), pipeline.clone(), broken.clone(), plan);
        loader.map(move |loaded| {
            let Loaded { batch, broken, size, .. } = loaded.map_err(|e| e.to_string())?;
            if let Some(misfit) = size.and_then(|given| misfit(part, as_generated, takes, given)) {
                return Err(misfit);
            }
            Ok(Fed { batch, broken: broken as u64 })
        })
    }
}

impl Batches for Images<'_> {
    fn per_epoch(&self) -> u64 {
        let set = if self.train { &self.opened.train } else { &self.opened.test };
        set.len().div_ceil(self.batch) as u64
    }

    fn epoch(&self, epoch: u64, first: u64) -> Box<dyn Iterator<Item = Result<Fed, String>> + '_> {
        let plan = self.plan(epoch, first);
        match self.views {
            Some(views) => Box::new(views.epoch(plan).map(|batch| Ok(Fed { batch, broken: 0 }))),
            None => Box::new(self.loaded(plan)),
        }
    }

    fn numbers(
        &self,
        epoch: u64,
        first: u64,
    ) -> Box<dyn Iterator<Item = Result<Fed, String>> + '_> {
        Box::new(self.loaded(self.plan(epoch, first)))
    }
}

/// Says that what a model gives is no number.
pub fn no_number(what: &str, executor: Executor) -> io::Result<Exit> {
    let help = match executor.precision() {
        Precision::F32 => "its weights, or the images, are larger than it can compute with",
        _ => "a model that was trained in another precision than its recipe says may overflow",
    };
    let precision = executor.precision().name();
    Failure::new(format!("{what}: the model overflows in {precision}\n  help: {help}")).report()
}

/// Writes an answer to a file, whole or not at all; never over a run's checkpoint.
pub fn write(path: &Path, answer: impl AsRef<[u8]>) -> Result<(), Failure> {
    place::spare(path)?;
    replace(path, |file| file.write_all(answer.as_ref()))
        .map_err(|error| Failure::new(format!("{} can not be written: {error}", path.display())))
}

/// Why a verb could not do its work.
#[derive(Debug)]
pub enum Failure {
    Told(String),
    /// A mistake of a text, and its report.
    Reported(Box<Diagnostic>, String),
    /// Whoever read the answer has read enough.
    Closed(io::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Told(message) => f.write_str(message),
            Failure::Reported(found, _) => f.write_str(&found.message),
            Failure::Closed(error) => error.fmt(f),
        }
    }
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Failure {
        Failure::Told(message.into())
    }

    pub fn of(found: Diagnostic, sources: &Sources) -> Failure {
        let report = render::report(&found, sources);
        Failure::Reported(Box::new(found), report)
    }

    /// Says it; the tool worked and found something.
    pub fn report(self) -> io::Result<Exit> {
        match self {
            Failure::Told(message) => say(format!("error: {message}")),
            Failure::Reported(_, report) => say(report),
            Failure::Closed(error) => return Err(error),
        }
        Ok(Exit::Findings)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Closed(error),
            _ => Failure::new(error.to_string()),
        }
    }
}

macro_rules! failures {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::new(error.to_string())
            }
        })*
    };
}
failures!(DataError, ExecError, CheckpointError, TrainError, StoreError, Unreadable, SeeError);
