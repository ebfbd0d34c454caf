//! A model trained into a run's folder: what `train` and `ablate` share.

use super::executor::{self, Executor};
use super::number;
use super::options::Running;
use super::room::{self, Demand, Excess, Place, Share, take};
use super::session::{Failure, Images, Session, data_of, threads, workers, write};
use crate::data::{Mix, Views, fingerprint};
use crate::diag::{Argument, Diagnostic, Help, OVERRIDE, Source, Sources, Span, say};
use crate::exec::{Trainer, Use, Work};
use crate::model::{Checked, Identity};
use crate::passes::Method;
use crate::runs::{self, Entry, Run, State as Standing, Store};
use crate::schema::Rate;
use crate::see::Watcher;
use crate::spec::Recipe;
use crate::train::{
    Checkpoint, Earlier, Exact, Fit, Found, Meta, Outcome, Range, RunFolder, Schedule, State,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is to be trained, and how.
#[derive(Clone, Copy)]
pub struct Order<'a> {
    pub model: &'a Checked,
    /// The text it stands in.
    pub sources: &'a Sources,
    /// Of which ablation the model is a case, or what it varies.
    pub ablation: Option<&'a str>,
    /// Where the images are, instead of what the data item says.
    pub data: Option<&'a Path>,
    pub executor: executor::Options,
    /// Stop after this many steps of the whole run.
    pub steps: Option<u64>,
    pub threads: usize,
    pub workers: usize,
    /// Go on although the training images are not those that the run began with.
    pub other_images: bool,
    /// Say nothing but how it ends.
    pub quiet: bool,
}

impl<'a> Order<'a> {
    /// All of a training, which says nothing; on the images that are named, or else the `known` ones.
    pub fn quiet(
        (sources, model): (&'a Sources, &'a Checked),
        with: &'a Running,
        known: Option<&'a str>,
    ) -> Order<'a> {
        Order {
            model,
            sources,
            ablation: None,
            data: with.data.as_deref().or(known.map(Path::new)),
            executor: with.executor,
            steps: None,
            threads: threads(with.threads),
            workers: workers(with.workers),
            other_images: false,
            quiet: true,
        }
    }

    pub fn recipe(&self) -> Result<&'a Recipe, Failure> {
        self.model.recipe.as_ref().ok_or_else(|| {
            Failure::new(format!(
                "`{}` has no recipe; give it one: \
                 `recipe {{ epochs 20; batch 64; optimizer adamw {{ lr 1e-3 }} }}`",
                self.model.name
            ))
        })
    }

    /// The recipe and the data are there; if not, what both lack is said at once.
    pub fn complete(&self) -> Result<(), Failure> {
        let lacks = [self.recipe().err(), data_of(self.model).err()];
        let lacks: Vec<String> = lacks.iter().flatten().map(Failure::to_string).collect();
        match lacks.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(lacks.join("\nerror: "))),
        }
    }

    /// What a run of it says of itself when it begins.
    pub fn run(&self) -> Result<Run, Failure> {
        let recipe = self.recipe()?;
        let executor = self.executor.training(Some(recipe))?;
        let wrong = || Failure::new("the model is in error");
        let graph = self.model.graph.as_ref().ok_or_else(wrong)?;
        let identity = Identity::of(self.model).ok_or_else(wrong)?;
        let cost = graph.cost();
        Ok(Run {
            key: runs::key(&identity, self.data, self.steps),
            model: self.model.name.clone(),
            ablation: self.ablation.map(str::to_string),
            seed: recipe.seed.value.0,
            graph: identity.graph,
            params: graph.param_count(),
            macs: cost.macs,
            ptflops: cost.ptflops,
            lr: None,
            earlier: Vec::new(),
            executor: executor.to_string(),
            instructions: executor.instructions().map(str::to_string),
            version: env!("CARGO_PKG_VERSION").to_string(),
            began: runs::now(),
            ended: None,
            state: Standing::Training,
            error: None,
            score: None,
        })
    }

    /// Opens the data and puts everything where it stood, or where it begins. `changed`: the model
    /// is not the one in the checkpoint any more.
    pub fn ready(self, resumed: Option<Checkpoint>, changed: bool) -> Result<Ready<'a>, Failure> {
        let recipe = self.recipe()?;
        let executor = self.executor.training(Some(recipe))?;
        executor.is_there()?;
        let session = match &resumed {
            Some(checkpoint) => Session::reopen(checkpoint, self.model, self.data)?,
            None => Session::open(self.model, self.data)?,
        };
        session.fits()?;
        let graph = &session.graph;
        let images = fingerprint(&*session.opened.train);
        let mut resumed = resumed.map(|checkpoint| checkpoint.fitted(graph)).transpose()?;
        // Weights that were imported took no step: they are trained as this recipe says.
        if let Some(checkpoint) = resumed.as_mut().filter(|there| there.meta.batch_size == 0) {
            checkpoint.meta.seed = recipe.seed.value.0;
            checkpoint.meta.batch_size = recipe.batch.value.0 as u64;
            checkpoint.meta.train_images = session.opened.train.len() as u64;
            checkpoint.meta.classes = session.opened.train.classes().to_vec();
        }
        if let Some(checkpoint) = &resumed {
            self.unchanged(&checkpoint.meta, &session, recipe, &images)?;
        }
        let place = self.place(executor, &session, recipe, resumed.as_ref())?;
        let state = match resumed {
            Some(mut checkpoint) => {
                self.part(&mut checkpoint.meta, changed, &images);
                if changed {
                    checkpoint.meta.source = self.model.text();
                }
                checkpoint.meta.data = session.folder();
                checkpoint.meta.train_fingerprint = Some(images);
                State::resumed(checkpoint, graph, recipe)?
            }
            None => {
                let train = &session.opened.train;
                let classes = train.classes().to_vec();
                let mut state = State::fresh(graph, recipe, train.len() as u64, classes);
                state.meta.source = self.model.text();
                state.meta.train_fingerprint = Some(images);
                state.meta.data = session.folder();
                state
            }
        };
        let setup = Setup { order: self, recipe, executor, session, place };
        Ok(Ready { setup, state })
    }

    /// Notes what the steps until now followed from, if those to come follow from something else.
    fn part(&self, meta: &mut Meta, changed: bool, images: &str) {
        let other_images = meta.train_fingerprint.as_ref().is_some_and(|there| there != images);
        if meta.step == 0 || !(changed || other_images) {
            return;
        }
        let (program, _) =
            crate::compile_text(&mut Sources::default(), "model.clue", &meta.source, &[]);
        let Some(before) = program.models.first().and_then(Identity::of) else { return };
        if !other_images && Identity::of(self.model).as_ref() == Some(&before) {
            return;
        }
        let key = runs::key(&before, meta.data.as_deref().map(Path::new), None);
        meta.earlier.push(Earlier { until: meta.step, key });
    }

    /// The training's place in memory, of which a checkpoint holds a part already.
    fn place(
        &self,
        executor: Executor,
        session: &Session,
        recipe: &Recipe,
        resumed: Option<&Checkpoint>,
    ) -> Result<Place, Failure> {
        let demand = Demand {
            executor,
            graph: &session.graph,
            method: Method::of(Some(recipe)),
            work: Work::Training,
            threads: self.threads,
            workers: self.workers,
            batch: recipe.batch.value.0.min(session.opened.train.len()),
            held: resumed.map_or(0, Checkpoint::bytes),
        };
        take(&demand).map_err(|excess| {
            let help = self.smaller(&excess, recipe.batch.span, resumed.is_some());
            let told = Diagnostic::error(room::EXCESS, excess.to_string())
                .at(recipe.batch.span, "so many images")
                .help(help);
            Failure::of(told, self.sources)
        })
    }

    /// What fits, in the words of who said the batch.
    fn smaller(&self, excess: &Excess, said: Span, goes_on: bool) -> Help {
        let Source { name, text, .. } = self.sources.get(said.source);
        let batch = |batch: usize| {
            let said = Help::default().setting("batch", batch.to_string());
            match name.as_str() {
                OVERRIDE => said.in_arguments(Argument::path(text), |_| false),
                flag if flag.starts_with("--") => format!("`{flag} {batch}`").into(),
                _ => said,
            }
        };
        let help = match excess.largest {
            Some(most) if goes_on => batch(most).words(
                " or less would fit, and a run that goes on keeps its batch: free memory for it",
            ),
            Some(most) => Help::from("write ").then(batch(most)).words(" or less"),
            None => "not even one image fits".into(),
        };
        match excess.alone {
            true => help.words("\nwith `--threads 1` it fits as it is"),
            false => help,
        }
    }

    /// What decides which images a step sees must be what it was.
    fn unchanged(
        &self,
        meta: &Meta,
        session: &Session,
        recipe: &Recipe,
        here: &str,
    ) -> Result<(), Failure> {
        let epochs = recipe.epochs.value.0 as u64;
        if meta.epoch + u64::from(meta.batch > 0) > epochs {
            let begun = meta.epoch + u64::from(meta.batch > 0);
            return Err(Failure::new(format!(
                "the run is in epoch {begun}, and this recipe ends after {}\n  help: leave `epochs` as it \
                 was, or train for more",
                number::many(epochs, "epoch")
            )));
        }
        if let Some(steps) = self.steps.filter(|steps| *steps < meta.step) {
            return Err(Failure::new(format!(
                "the run has taken {}, and `--steps {steps}` would have ended it before\n  help: leave \
                 `--steps` out, or train for more",
                number::many(meta.step, "step")
            )));
        }
        let images = session.opened.train.len() as u64;
        for (what, there, here) in [
            ("seed", meta.seed, recipe.seed.value.0),
            ("batch", meta.batch_size, recipe.batch.value.0 as u64),
            ("number of training images", meta.train_images, images),
        ] {
            if there != here {
                return Err(Failure::new(format!(
                    "the run began with a {what} of {there}, and this is {here}: its steps would see \
                     other images\n  help: a run that goes on keeps its seed, its batch and its data"
                )));
            }
        }
        match &meta.train_fingerprint {
            Some(there) if there != here && !self.other_images => Err(Failure::new(format!(
                "the training images are not those that the run began with: their fingerprint was \
                 {there}, and is {here}\n  help: an image was renamed, added or removed, or has another \
                 length; a run that goes on keeps its data, or is told to take these: --other-images"
            ))),
            _ => Ok(()),
        }
    }
}

/// A training before its first step here.
pub struct Ready<'a> {
    pub setup: Setup<'a>,
    pub state: State,
}

/// All that a training needs to know but where it stands.
pub struct Setup<'a> {
    order: Order<'a>,
    pub recipe: &'a Recipe,
    pub executor: Executor,
    pub session: Session,
    place: Place,
}

impl Ready<'_> {
    /// Trains, and says in the run's folder and in the index how it ended.
    pub fn train(mut self, mut entry: Entry, stop: &AtomicBool) -> Result<(Outcome, Run), Failure> {
        let keep = *self.setup.recipe.keep;
        let folder = entry.folder.clone();
        note(&folder);
        let outcome = self.begin(&mut entry, stop).and_then(|()| self.fit(&entry, stop));
        let ended = match &outcome {
            Ok(Outcome::Finished(_)) => entry.end(Standing::Finished, keep, None),
            Ok(Outcome::Interrupted) => entry.end(Standing::Stopped, keep, None),
            Err(error) => entry.end(Standing::Failed, keep, Some(error.to_string())),
        };
        note(&folder);
        Ok((outcome?, ended?))
    }

    /// Finds the learning rate before the first step, where the recipe leaves it to that; gives what was
    /// tried, if that was now.
    pub fn find_lr(&mut self, stop: &AtomicBool) -> Result<Option<Found>, Failure> {
        let auto = self.setup.recipe.optimizer.lr().value == Rate::Auto;
        if !auto || self.state.meta.lr.is_some() {
            return Ok(None);
        }
        let found = self.setup.range(Range::default(), stop)?.ok_or_else(|| {
            Failure::new("stopped before a learning rate was found: nothing is trained yet")
        })?;
        let lr = found.suggestion.ok_or_else(|| {
            Failure::new(
                "at no learning rate the loss fell\n  help: look at it with `cluec lr`, or write one: \
                 `optimizer.lr 1e-3`",
            )
        })?;
        self.state.meta.lr = Some(Exact(lr));
        Ok(Some(found))
    }

    /// Says where it goes on otherwise; finds the learning rate, and says so in the run.
    fn begin(&mut self, entry: &mut Entry, stop: &AtomicBool) -> Result<(), Failure> {
        let meta = &self.state.meta;
        let parts = meta.earlier.last().is_some_and(|part| part.until == meta.step);
        if parts && !self.setup.order.quiet {
            say(format!(
                "from step {} on with other settings or images: the run is the result of no text any \
                 more, and `ablate` takes it for none",
                meta.step + 1
            ));
        }
        if let Some(found) = self.find_lr(stop)? {
            write(&entry.folder.rates(), found.svg())?;
        }
        // A run that went on with one that was written keeps the one that was found, and does not use it.
        let auto = self.setup.recipe.optimizer.lr().value == Rate::Auto;
        if let Some(Exact(lr)) = self.state.meta.lr.filter(|_| auto) {
            entry.note_lr(lr)?;
            if !self.setup.order.quiet {
                say(format!("the learning rate that was found: {lr:.2e}"));
            }
        }
        Ok(())
    }

    fn fit(self, entry: &Entry, stop: &AtomicBool) -> Result<Outcome, Failure> {
        let Ready { setup, state } = self;
        let folder = &entry.folder;
        write(&folder.source(), &state.meta.source)?;
        write(&folder.graph(), setup.session.graph.to_string())?;
        let metrics = entry.metrics(state.meta.metrics_lines)?;
        let Order { threads, workers, .. } = setup.order;
        let outcome =
            setup.fit(state, folder, [threads, workers], stop, |fit, trainer, meta| {
                fit.run_with(metrics, trainer, meta)
            })?;
        setup.session.name_broken();
        Ok(outcome?)
    }
}

impl Setup<'_> {
    /// Tries learning rates on a fresh model; none if it is stopped.
    pub fn range(&self, range: Range, stop: &AtomicBool) -> Result<Option<Found>, Failure> {
        let Setup { order, recipe, executor, session, .. } = self;
        let (graph, train) = (&session.graph, &session.opened.train);
        let classes = train.classes().to_vec();
        let State { parameters, optimizer, meta } =
            State::fresh(graph, recipe, train.len() as u64, classes);
        let method = Method::of(Some(recipe));
        let mut trainer = executor.trainer(graph, parameters, optimizer, method, order.threads)?;
        let mix = Mix::of(recipe, graph.input_size());
        let images = self.images(true, order.workers);
        Ok(range.test(&mut *trainer, &images, mix.as_ref(), meta.seed, stop)?)
    }

    /// Training images or test images.
    fn images(&self, train: bool, workers: usize) -> Images<'_> {
        Images {
            opened: &self.session.opened,
            train,
            batch: self.recipe.batch.value.0,
            workers,
            seed: self.recipe.seed.value.0,
            size: self.session.graph.input_size(),
            views: None,
        }
    }

    /// Lets the trainer hold the images, if it has room beside the step and augmentation lets it; with the
    /// place they take.
    fn hold(&self, of: Use, trainer: &mut dyn Trainer) -> Result<Option<(Views, Share)>, Failure> {
        let (opened, shown) = (&self.session.opened, self.session.graph.input_size());
        let most = trainer.room().min(self.place.spare());
        let (what, set, pipeline) = match of {
            Use::Training => ("training", &opened.train, &opened.train_pipeline),
            Use::Evaluation => ("test", &opened.test, &opened.test_pipeline),
        };
        if most == 0 || of == Use::Training && self.recipe.mix.value.is_some() {
            return Ok(None);
        }
        let Some((views, held)) = Views::of(set, pipeline, shown, most) else { return Ok(None) };
        let Some(share) = self.place.more(held.bytes()) else { return Ok(None) };
        trainer.hold(of, &held)?;
        if !self.order.quiet {
            let (images, bytes) = (held.images(), number::bytes(held.pixels.len() as u64));
            let device = self.executor.device();
            let images = number::many(images as u64, &format!("{what} image"));
            let are = if held.images() == 1 { "is" } else { "are" };
            say(format!("{images} {are} held on {device} ({bytes})"));
        }
        Ok(Some((views, share)))
    }

    /// Puts all in place for a training from `state` on, in a folder, by so many threads and
    /// workers, and lets `run` have it.
    pub fn fit<T>(
        &self,
        state: State,
        folder: &RunFolder,
        [threads, workers]: [usize; 2],
        stop: &AtomicBool,
        run: impl FnOnce(Fit<'_>, &mut dyn Trainer, Meta) -> T,
    ) -> Result<T, Failure> {
        let Setup { order, recipe, executor, session, .. } = self;
        let graph = &session.graph;
        let State { parameters, optimizer, meta } = state;
        let method = Method::of(Some(recipe));
        let mut trainer = executor.trainer(graph, parameters, optimizer, method, threads)?;
        let watcher = Watcher { graph };
        let train = self.hold(Use::Training, &mut *trainer)?;
        let test = self.hold(Use::Evaluation, &mut *trainer)?;
        let fit = Fit {
            train: &Images {
                views: train.as_ref().map(|(views, _)| views),
                ..self.images(true, workers)
            },
            test: &Images {
                views: test.as_ref().map(|(views, _)| views),
                ..self.images(false, workers)
            },
            watch: Some(&watcher),
            schedule: Schedule::of(recipe, meta.lr.map(|lr| lr.0)),
            mix: Mix::of(recipe, graph.input_size()),
            epochs: recipe.epochs.value.0 as u64,
            max_steps: order.steps,
            folder,
            graph,
            method,
            names: graph.params.iter().map(|p| p.name.clone()).collect(),
            shapes: graph.params.iter().map(|p| p.shape.clone()).collect(),
            stop,
            quiet: order.quiet,
        };
        Ok(run(fit, &mut *trainer, meta))
    }
}

/// Notes a run in the index it belongs to. The folder says it all: that an index can not be written
/// ends no training.
fn note(folder: &RunFolder) {
    let noted = Store::around(folder).and_then(|store| match store {
        Some(store) => store.note(folder),
        None => Ok(()),
    });
    if let Err(error) = noted {
        say(format!("warning: {error}"));
    }
}

/// Ctrl-C lets the step end and saves; a second one ends at once.
pub fn on_interrupt(stop: &Arc<AtomicBool>) {
    let stop = stop.clone();
    let handler = move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::abort();
        }
        say("stopping after this step; once more to stop at once");
    };
    // Without a handler Ctrl-C ends the run at once, and the last checkpoint stays.
    let _ = ctrlc::set_handler(handler);
}
