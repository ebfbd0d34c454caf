//! A run interrupted anywhere and resumed ends in the bits of one that was not.

use super::{TINY, model, timeless};
use crate::data::views::look;
use cluec::data::{Dataset, Loader, Mix, Opened, Plan, Split, Views, open};
use cluec::exec::reference::{self, Reference};
use cluec::exec::{
    Batch, Evaluator, ExecError, Gradients, Held, Optimizer, Parameters, Showing, Step, StepError,
    StepKey, Trainer, View, not_finite,
};
use cluec::graph::Graph;
use cluec::passes::Method;
use cluec::see::Watcher;
use cluec::spec::Recipe;
use cluec::train::{
    Batches, Checkpoint, Evaluation, Fed, Fit, Metrics, Outcome, RunFolder, Schedule, State,
    TrainError,
};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Batches that pull the plug: when the run is stopped, or breaks, before batch `after`.
struct Images<'a> {
    opened: &'a Opened,
    split: Split,
    workers: usize,
    given: AtomicU64,
    after: u64,
    stop: Option<&'a AtomicBool>,
    /// Of images that the trainer holds.
    views: Option<&'a Views>,
}

impl Batches for Images<'_> {
    fn per_epoch(&self) -> u64 {
        self.set().len().div_ceil(8) as u64
    }

    fn epoch(&self, epoch: u64, first: u64) -> Box<dyn Iterator<Item = Result<Fed, String>> + '_> {
        if let Some(views) = self.views {
            let batches = views.epoch(self.plan(epoch, first));
            return Box::new(batches.map(|batch| Ok(Fed { batch, broken: 0 })));
        }
        Box::new(self.loaded(epoch, first).map(|fed| {
            if self.given.fetch_add(1, Ordering::Relaxed) == self.after {
                match self.stop {
                    Some(stop) => stop.store(true, Ordering::Relaxed),
                    None => return Err("cannot decode an image: broken.jpg".into()),
                }
            }
            Ok(fed)
        }))
    }

    fn numbers(
        &self,
        epoch: u64,
        first: u64,
    ) -> Box<dyn Iterator<Item = Result<Fed, String>> + '_> {
        Box::new(self.loaded(epoch, first).map(Ok))
    }
}

impl Images<'_> {
    fn plan(&self, epoch: u64, first: u64) -> Plan {
        Plan {
            batch: 8,
            workers: self.workers,
            seed: 5,
            epoch,
            shuffle: self.split == Split::Train,
            first_batch: first as usize,
        }
    }

    fn loaded(&self, epoch: u64, first: u64) -> impl Iterator<Item = Fed> {
        let pipeline = match self.split {
            Split::Train => self.opened.train_pipeline.clone(),
            Split::Test => self.opened.test_pipeline.clone(),
        };
        let [train, test] = &self.opened.broken;
        let broken = if self.split == Split::Train { train } else { test }.clone();
        let loader = Loader::new(self.set().clone(), pipeline, broken, self.plan(epoch, first));
        loader.map(|loaded| {
            let loaded = loaded.unwrap();
            Fed { batch: loaded.batch, broken: loaded.broken as u64 }
        })
    }

    fn set(&self) -> &std::sync::Arc<dyn Dataset> {
        match self.split {
            Split::Train => &self.opened.train,
            Split::Test => &self.opened.test,
        }
    }
}

/// From the folder's checkpoint, or from the beginning.
fn state(graph: &Graph, recipe: &Recipe, folder: &RunFolder) -> State {
    if !folder.last().exists() {
        return State::fresh(graph, recipe, 52, vec![String::new(); 4]);
    }
    let saved = Checkpoint::load(&folder.last()).unwrap();
    State::resumed(saved.fitted(graph).unwrap(), graph, recipe).unwrap()
}

/// Where the plug is pulled.
#[derive(Debug, Clone, Copy)]
enum Pull {
    Never,
    /// While a batch of training images is handed over.
    Training(u64),
    /// While a batch of test images is.
    Testing(u64),
    /// That batch can not be read.
    Broken(u64),
}

/// Trains as far as it goes.
fn train(folder: &Path, pull: Pull, fault: Option<Fault>) -> Result<Outcome, TrainError> {
    train_by(folder, pull, fault, Way::default())
}

/// What must make no difference.
#[derive(Default)]
struct Way {
    /// Clusters are looked at meanwhile.
    watched: bool,
    /// The trainer holds the training images.
    held: bool,
    /// Of every batch that is evaluated, the logits of so many images overflow.
    overflowing: usize,
}

/// The same.
fn train_by(
    folder: &Path,
    pull: Pull,
    fault: Option<Fault>,
    Way { watched, held, overflowing }: Way,
) -> Result<Outcome, TrainError> {
    let model = model(TINY, &[]);
    let (graph, recipe) = (model.graph.unwrap(), model.recipe.unwrap());
    let opened = open(model.data.as_ref().unwrap(), None).unwrap();
    let folder = RunFolder::open(folder);
    let stop = AtomicBool::new(false);
    let hold = |set, pipeline| {
        let held = held.then(|| Views::of(set, pipeline, graph.input_size(), u64::MAX).unwrap());
        held.unzip()
    };
    let (train_views, train_held) = hold(&opened.train, &opened.train_pipeline);
    let (test_views, test_held) = hold(&opened.test, &opened.test_pipeline);
    let images = |split| Images {
        opened: &opened,
        split,
        workers: 2,
        given: AtomicU64::new(0),
        after: match (pull, split) {
            (Pull::Training(n) | Pull::Broken(n), Split::Train) => n,
            (Pull::Testing(n), Split::Test) => n,
            _ => u64::MAX,
        },
        stop: (!matches!(pull, Pull::Broken(_))).then_some(&stop),
        views: match split {
            Split::Train => train_views.as_ref(),
            Split::Test => test_views.as_ref(),
        },
    };
    let watcher = Watcher { graph: &graph };
    let fit = Fit {
        method: Method::of(Some(&recipe)),
        train: &images(Split::Train),
        test: &images(Split::Test),
        watch: watched.then_some(&watcher),
        schedule: Schedule::of(&recipe, None),
        mix: Mix::of(&recipe, graph.input_size()),
        epochs: 4,
        max_steps: None,
        folder: &folder,
        graph: &graph,
        names: graph.params.iter().map(|p| p.name.clone()).collect(),
        shapes: graph.params.iter().map(|p| p.shape.clone()).collect(),
        stop: &stop,
        quiet: true,
    };
    let State { parameters, optimizer, meta } = state(&graph, &recipe, &folder);
    let inner = Reference::new(graph.clone(), 1).unwrap();
    let held = [train_held, test_held];
    let mut trainer = Faulty { inner, parameters, optimizer, fault, held, overflowing };
    fit.run(&mut trainer, meta)
}

fn finished(outcome: Result<Outcome, TrainError>) -> Evaluation {
    match outcome {
        Ok(Outcome::Finished(evaluation)) => evaluation,
        other => panic!("{other:?}"),
    }
}

fn metrics(folder: &Path) -> String {
    timeless(&std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap())
}

fn assert_same(one: &Path, other: &Path, what: &str) {
    assert_eq!(metrics(one), metrics(other), "{what}");
    for file in ["last.safetensors", "best.safetensors"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(one) == read(other), "{what}: {file}");
    }
}

#[test]
fn looking_at_clusters_changes_no_bit() {
    let [plain, watched] = [0; 2].map(|_| tempfile::tempdir().unwrap());
    finished(train_by(plain.path(), Pull::Never, None, Way::default()));
    finished(train_by(watched.path(), Pull::Never, None, Way { watched: true, ..Way::default() }));
    let without = |folder: &Path| {
        let clusters = |line: &str| {
            let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
            let seen = record.as_object_mut().unwrap().remove("clusters");
            (record.to_string(), seen.is_some_and(|seen| seen.get("stage1.block1.dead").is_some()))
        };
        metrics(folder).lines().map(clusters).unzip::<_, _, Vec<String>, Vec<bool>>()
    };
    let ((plain_lines, none), (lines, seen)) = (without(plain.path()), without(watched.path()));
    assert_eq!(lines, plain_lines);
    let counts = [none, seen].map(|seen| seen.into_iter().filter(|seen| *seen).count());
    assert_eq!(counts, [0, 4]);
    for file in ["last.safetensors", "best.safetensors"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(plain.path()) == read(watched.path()), "{file}");
    }
}

#[test]
fn images_that_the_trainer_holds_change_no_bit() {
    let [plain, held] = [0; 2].map(|_| tempfile::tempdir().unwrap());
    let by = |held| Way { held, watched: true, overflowing: 0 };
    finished(train_by(plain.path(), Pull::Never, None, by(false)));
    finished(train_by(held.path(), Pull::Never, None, by(true)));
    assert_same(plain.path(), held.path(), "held");
    // What is not finite is looked for in the numbers of the batch.
    let fault: Fault = |g| g.loss = f64::NAN;
    let told = [false, true].map(|held| {
        let folder = tempfile::tempdir().unwrap();
        let error = train_by(folder.path(), Pull::Never, Some(fault), by(held)).unwrap_err();
        error.to_string().replace(&*folder.path().to_string_lossy(), "")
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn the_metrics_tell_of_every_step_once() {
    let folder = tempfile::tempdir().unwrap();
    finished(train(folder.path(), Pull::Never, None));
    // Every ten steps and at the end of an epoch; the test images after each epoch.
    let lines: Vec<(String, u64)> = metrics(folder.path())
        .lines()
        .map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            (record["kind"].as_str().unwrap().into(), record["step"].as_u64().unwrap())
        })
        .collect();
    let lines: Vec<(&str, u64)> = lines.iter().map(|(kind, step)| (kind.as_str(), *step)).collect();
    assert_eq!(
        lines,
        [
            ("train", 7),
            ("eval", 7),
            ("train", 10),
            ("train", 14),
            ("eval", 14),
            ("train", 20),
            ("train", 21),
            ("eval", 21),
            ("train", 28),
            ("eval", 28)
        ]
    );
    // Resumed after its end it only measures again.
    let before = std::fs::read(folder.path().join("last.safetensors")).unwrap();
    finished(train(folder.path(), Pull::Never, None));
    assert!(std::fs::read(folder.path().join("last.safetensors")).unwrap() == before);
    assert_eq!(metrics(folder.path()).lines().count(), 10);
}

#[test]
fn an_interrupted_run_ends_in_the_bits_of_an_unbroken_one() {
    let whole = tempfile::tempdir().unwrap();
    let evaluation = finished(train(whole.path(), Pull::Never, None));
    // In the first step, within an epoch, at its end, and while the test images are measured.
    let pulls = [
        Pull::Training(0),
        Pull::Training(3),
        Pull::Training(6),
        Pull::Training(7),
        Pull::Training(15),
        Pull::Training(27),
        Pull::Testing(1),
        Pull::Testing(11),
    ];
    for pull in pulls {
        let folder = tempfile::tempdir().unwrap();
        let outcome = train(folder.path(), pull, None);
        assert!(matches!(outcome, Ok(Outcome::Interrupted)), "{pull:?}: {outcome:?}");
        let resumed = finished(train(folder.path(), Pull::Never, None));
        assert_eq!(resumed, evaluation, "{pull:?}");
        assert_same(whole.path(), folder.path(), &format!("{pull:?}"));
    }
    // Again and again.
    let folder = tempfile::tempdir().unwrap();
    let mut times = 0;
    while let Ok(Outcome::Interrupted) = train(folder.path(), Pull::Training(2), None) {
        times += 1;
    }
    assert_eq!(times, 9, "three steps at a time, and the last one in the end");
    finished(train(folder.path(), Pull::Never, None));
    assert_same(whole.path(), folder.path(), "again and again");
}

#[test]
fn a_broken_image_loses_nothing() {
    let whole = tempfile::tempdir().unwrap();
    finished(train(whole.path(), Pull::Never, None));
    let folder = tempfile::tempdir().unwrap();
    let error = train(folder.path(), Pull::Broken(12), None).unwrap_err();
    assert_eq!(error.to_string(), "cannot decode an image: broken.jpg");
    let saved = Checkpoint::load(&folder.path().join("last.safetensors")).unwrap();
    assert_eq!(saved.meta.step, 12);
    finished(train(folder.path(), Pull::Never, None));
    assert_same(whole.path(), folder.path(), "after a broken image");
}

/// What goes wrong in the gradients of the thirteenth step.
type Fault = fn(&mut Gradients);

/// The reference, whose gradients may go wrong.
struct Faulty {
    inner: Reference,
    parameters: Parameters,
    optimizer: Optimizer,
    fault: Option<Fault>,
    /// The training images and the test images, where it holds them.
    held: [Option<Held>; 2],
    overflowing: usize,
}

impl Faulty {
    /// The numbers of what is seen.
    fn look(&self, held: &Option<Held>, views: &[View]) -> Vec<f32> {
        let size = self.inner.graph().input_size();
        views.iter().flat_map(|view| look(held.as_ref().unwrap(), view, size)).collect()
    }
}

impl Evaluator for Faulty {
    fn logits(&mut self, images: &[f32]) -> Result<Vec<f32>, ExecError> {
        let mut logits = self.inner.logits(&self.parameters, images)?;
        let classes = self.inner.graph().classes();
        // Of the right class or not.
        let rows = logits.chunks_mut(classes).take(self.overflowing);
        rows.for_each(|row| row[0] = f32::INFINITY);
        Ok(logits)
    }

    fn logits_of(&mut self, views: &[View]) -> Result<Vec<f32>, ExecError> {
        let images = self.look(&self.held[1], views);
        self.logits(&images)
    }
}

impl Trainer for Faulty {
    fn step(&mut self, batch: &Batch, lr: f64, key: StepKey) -> Result<Step, StepError> {
        let mut batch = batch.clone();
        if !batch.views.is_empty() {
            batch.images = self.look(&self.held[0], &batch.views);
            batch.views.clear();
        }
        let mut found = self.inner.gradients(&self.parameters, &batch, key)?;
        if let (12, Some(fault)) = (key.step, self.fault) {
            fault(&mut found);
        }
        if let Some(what) = not_finite(self.inner.graph(), found.loss, &found.gradients) {
            return Err(StepError::NotFinite(what));
        }
        self.optimizer.step(&mut self.parameters, &mut found.gradients, lr);
        Ok(Step { loss: found.loss, logits: found.logits, taken: true, scaling: None })
    }

    fn state(&mut self) -> Result<(&Parameters, &Optimizer), ExecError> {
        Ok((&self.parameters, &self.optimizer))
    }

    fn show<'a>(&'a mut self, watched: &Graph) -> Result<Showing<'a>, ExecError> {
        let (watched, parameters) = (watched.clone(), &self.parameters);
        Ok(Box::new(move |images| {
            let batch = Batch { images: images.to_vec(), ..Batch::default() };
            reference::observe(&watched, parameters, &batch)
        }))
    }
}

#[test]
fn a_number_that_is_none_loses_nothing() {
    let whole = tempfile::tempdir().unwrap();
    finished(train(whole.path(), Pull::Never, None));
    let faults: [(Fault, &str); 3] = [
        (|g| g.loss = f64::NAN, "the loss is NaN at step 13\n"),
        (|g| g.gradients[3][1] = f32::INFINITY, "is not finite at step 13\n"),
        // Finite, but not its square: seen at the end of the epoch, before anything is saved.
        (|g| g.gradients[3][1] = 1e38, "is not finite at step 14\n"),
    ];
    for (fault, message) in faults {
        let folder = tempfile::tempdir().unwrap();
        let error = train(folder.path(), Pull::Never, Some(fault)).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(error.contains("last.safetensors holds the last good state"), "{error}");
        finished(train(folder.path(), Pull::Never, None));
        assert_same(whole.path(), folder.path(), message);
    }
}

/// A test image whose logits overflow is wrong, and told; the training goes on. Where all overflow,
/// nothing is measured.
#[test]
fn test_images_that_overflow_are_counted() {
    let [plain, some, all] = [0; 3].map(|_| tempfile::tempdir().unwrap());
    let by = |folder: &Path, overflowing| {
        train_by(folder, Pull::Never, None, Way { overflowing, ..Way::default() })
    };
    finished(by(plain.path(), 0));
    let found = finished(by(some.path(), 1));
    let batches = found.images.div_ceil(8);
    assert_eq!(found.overflowed, batches);
    assert!(found.loss.is_finite());
    // What is learned is the same.
    let last = |folder: &Path| Checkpoint::load(&folder.join("last.safetensors")).unwrap();
    assert_eq!(last(some.path()).parameters, last(plain.path()).parameters);
    let overflowed: Vec<u64> = Metrics::read(&some.path().join("metrics.jsonl"))
        .unwrap()
        .iter()
        .map(|record| record.overflowed)
        .filter(|&overflowed| overflowed > 0)
        .collect();
    assert_eq!(overflowed, [batches; 4]);

    let error = by(all.path(), 8).unwrap_err().to_string();
    assert!(error.starts_with("the test loss is NaN at step 7\n"), "{error}");
}
