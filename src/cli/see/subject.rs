//! What looks, and at what.

use super::super::executor::Executor;
use super::super::session::{Failure, compare_images, data_of, restore, threads};
use super::super::{Exit, open as open_model};
use crate::data::{self, Image, Opened, Pipeline, Statistics, Step, decode, test_pipeline};
use crate::diag;
use crate::exec::observe::Observe;
use crate::exec::{Evaluator, ExecError, Parameters, init};
use crate::graph::Graph;
use crate::model::Checked;
use crate::see::{Record, SeeError, look};
use crate::spec::Data;
use std::path::{Path, PathBuf};

/// A model with its parameters, and what it knows of images.
pub struct Network {
    pub graph: Graph,
    pub parameters: Parameters,
    pub model: Checked,
    /// Names of the classes, where they are known.
    pub classes: Vec<String>,
    /// `tiny, step 300`.
    pub said: String,
    /// What is done to an image before the model takes it.
    pipeline: Pipeline,
    /// Where the run read its images.
    folder: Option<String>,
    /// What it knows of those that it was trained on.
    fingerprint: Option<String>,
    pub opened: Option<Opened>,
    /// What runs it, and what shows it from inside.
    executor: Executor,
    observe: Box<Observe>,
}

/// An image to be looked at.
pub struct Subject {
    pub name: String,
    /// As it is stored.
    pub image: Image,
    /// Its class, where that is known.
    pub truth: Option<usize>,
}

/// Sides of pictures in pixels, at least.
const SIDE: usize = 256;

impl Network {
    /// Of a checkpoint, or of the one that counts in a run's folder.
    pub fn trained(path: &Path, executor: Executor) -> Result<Network, Failure> {
        let (mut checkpoint, model) = restore(path)?;
        let graph = model.graph.clone().ok_or_else(|| Failure::new("the model is in error"))?;
        Ok(Network {
            said: format!("{}, step {}", model.name, checkpoint.meta.step),
            classes: checkpoint.meta.classes.clone(),
            folder: checkpoint.meta.data.clone(),
            fingerprint: checkpoint.meta.train_fingerprint.clone(),
            parameters: checkpoint.take_weights(false),
            pipeline: pipeline(&model, &graph),
            opened: None,
            executor,
            observe: executor.observer()?,
            graph,
            model,
        })
    }

    /// Of a text: parameters as a training with its seed would begin. Where there is no model to
    /// speak of, that has been said.
    pub fn untrained(file: &str, executor: Executor) -> Result<Result<Network, Exit>, Failure> {
        let (file, name) = super::super::diff::named(file);
        let opened = match open_model("see --untrained", file, name, &[])? {
            Ok(opened) => opened,
            Err(exit) => return Ok(Err(exit)),
        };
        let (graph, model) = (opened.graph, opened.model);
        let seed = model.recipe.as_ref().map_or(0, |recipe| recipe.seed.value.0);
        Ok(Ok(Network {
            said: format!("{}, untrained", model.name),
            classes: Vec::new(),
            folder: None,
            fingerprint: None,
            parameters: init::initialize(&graph, seed),
            pipeline: pipeline(&model, &graph),
            opened: None,
            executor,
            observe: executor.observer()?,
            graph,
            model,
        }))
    }

    /// Opens the test images of the model's data.
    pub fn reopen(&mut self, folder: Option<&Path>) -> Result<(), Failure> {
        let kind = kind(data_of(&self.model)?);
        self.open(kind, folder)
    }

    /// Opens the test images of the model's data, which `name` should be.
    pub fn open(&mut self, name: &str, folder: Option<&Path>) -> Result<(), Failure> {
        let data = data_of(&self.model)?;
        let kind = kind(data);
        if name != kind {
            let help = diag::suggest(name, &[kind]);
            return Err(Failure::new(format!(
                "the data of `{}` is {kind}, not `{name}`\n  help: {help}",
                self.model.name
            )));
        }
        let from = folder.or(self.folder.as_deref().map(Path::new));
        let opened = data::open(data, from)?;
        let (there, here) = (opened.test.classes().len(), self.graph.classes());
        if there != here {
            let message = format!("the data has {there} classes and `{}` {here}", self.model.name);
            return Err(Failure::new(message));
        }
        compare_images(self.fingerprint.as_deref(), &opened, folder.is_some());
        if self.classes.is_empty() {
            self.classes = opened.test.classes().to_vec();
        }
        self.opened = Some(opened);
        Ok(())
    }

    /// The first test images; broken ones are left out.
    pub fn of_data(&self, count: usize) -> Result<Vec<Subject>, Failure> {
        let Some(opened) = &self.opened else { return Ok(Vec::new()) };
        let set = &opened.test;
        let mut subjects = Vec::new();
        for i in 0..count.min(set.len()) {
            if let Ok(image) = set.image(i) {
                let (name, truth) = (format!("test-{i:04}"), Some(set.label(i) as usize));
                subjects.push(Subject { name, image, truth });
            }
        }
        Ok(subjects)
    }

    /// The images of files; those that are none are reported and left out.
    pub fn of_files(&self, files: &[PathBuf]) -> Result<(Vec<Subject>, Exit), Failure> {
        let mut exit = Exit::Fine;
        let mut subjects = Vec::new();
        for file in files {
            let name = file.file_stem().map_or("image".into(), |stem| stem.to_string_lossy());
            match decode(file) {
                Ok(image) => {
                    subjects.push(Subject { name: name.into_owned(), image, truth: None });
                }
                Err(error) => exit = Failure::from(error).report()?,
            }
        }
        Ok((subjects, exit))
    }

    pub fn class(&self, class: usize) -> String {
        self.classes.get(class).cloned().unwrap_or_else(|| format!("class {class}"))
    }

    /// What the model takes of an image: `[H, W, 3]`, normalized.
    pub fn pixels(&self, subject: &Subject) -> Vec<f32> {
        self.taken(subject.image.clone())
    }

    /// The same of any image.
    pub fn taken(&self, image: Image) -> Vec<f32> {
        self.pipeline.apply(image, (0, 0, 0))
    }

    /// The same part of the image in colors, a whole number of times as large: at least 256 pixels.
    pub fn base(&self, subject: &Subject) -> Image {
        let [height, width] = self.graph.input_size();
        let times = SIDE.div_ceil(height.min(width).max(1));
        self.pipeline.enlarged(subject.image.clone(), times)
    }

    /// What it sees in images, `[B, H, W, 3]` and normalized.
    pub fn look(&self, pixels: &[f32]) -> Result<Vec<Record>, SeeError> {
        look(&self.graph, &self.parameters, pixels, &*self.observe)
    }

    /// The model, to ask for logits.
    pub fn evaluator(&self, asked: Option<u64>) -> Result<Box<dyn Evaluator>, ExecError> {
        self.executor.evaluator(&self.graph, self.parameters.clone(), threads(asked))
    }
}

/// What is done to a test image; then the size the model takes, whatever the image's was.
fn pipeline(model: &Checked, graph: &Graph) -> Pipeline {
    let plain = || Pipeline::new(Vec::new(), Statistics { mean: [0.0; 3], std: [1.0; 3] });
    let mut pipeline = model.data.as_ref().map_or_else(plain, test_pipeline);
    pipeline.steps.push(Step::ResizeTo { size: graph.input_size(), lanczos: true });
    pipeline
}

/// The word for a kind of data.
fn kind(data: &Data) -> &'static str {
    match data {
        Data::Cifar(_) => "cifar",
        Data::ImageFolders(_) => "image_folders",
        Data::ImageLists(_) => "image_lists",
        Data::Parquet(_) => "parquet",
        Data::Shapes(_) => "shapes",
    }
}
