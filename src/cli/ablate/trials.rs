//! `--train`: every case with every seed, each trained once by whoever comes first.

use super::sheet::{Outcome, Trial};
use crate::cli::executor;
use crate::cli::options::{threads, times};
use crate::cli::session::Failure;
use crate::cli::training::{Order, Ready, on_interrupt};
use crate::diag::{Diagnostic, Sources, render, say};
use crate::model::{Ablation, Checked, Quantity, by_model};
use crate::runs::{Claim, Entry, Run, Score, State, Store};
use crate::spec::Keep;
use crate::train::{Checkpoint, Outcome as Trained, RunFolder};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How cases are trained.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Training")]
#[group(skip)]
pub struct Options {
    /// Train the model and every case; what is finished already is not trained again
    #[arg(long)]
    pub train: bool,
    /// Train each with this many seeds, counted up from the recipe's
    #[arg(long, value_name = "K", default_value_t = 1, requires = "train", value_parser = times(1))]
    pub seeds: u64,
    /// Train this many at a time, sharing the cores
    #[arg(long, value_name = "N", default_value_t = 1, requires = "train", value_parser = threads())]
    jobs: u64,
    /// Stop each after this many steps
    #[arg(long, value_name = "N", requires = "train", value_parser = times(1))]
    steps: Option<u64>,
    /// Where the images are, instead of what the data item says
    #[arg(long, value_name = "DIR", requires = "train")]
    data: Option<PathBuf>,
    /// Threads that compute, over all jobs (default: one per core)
    #[arg(long, value_name = "N", requires = "train", value_parser = threads())]
    threads: Option<u64>,
    /// Threads that decode and augment, in each job; their number never changes a result
    #[arg(long, value_name = "N", requires = "train", value_parser = threads())]
    workers: Option<u64>,
    /// Where runs lie
    #[arg(long = "in", value_name = "DIR", default_value = "runs")]
    pub root: PathBuf,
    #[command(flatten)]
    executor: executor::Options,
}

/// An ablation, every model of it with one seed.
pub struct Seeded {
    pub name: String,
    /// The model, then every case, each with the text that it stands in.
    pub rows: Vec<(Checked, Arc<Sources>)>,
}

impl Seeded {
    /// As it is.
    pub fn own(ablation: &Ablation, sources: &Arc<Sources>) -> Seeded {
        let models = std::iter::once(&ablation.base).chain(ablation.cases.iter().map(|c| &c.model));
        let rows = models.map(|model| (model.clone(), sources.clone())).collect();
        Seeded { name: ablation.name.clone(), rows }
    }
}

/// One model with one seed.
struct Job {
    model: Checked,
    sources: Arc<Sources>,
    /// The first ablation whose case it is; none for a model.
    ablation: Option<String>,
    run: Run,
    /// `tiny`, `ablation.case`.
    case: String,
    /// The name of its folder: the case, and the seed.
    name: String,
}

/// Everything that is to be trained, once each, and where its result belongs.
pub struct Trials<'a> {
    options: &'a Options,
    /// The folder of the file's runs, below the root.
    within: PathBuf,
    jobs: Vec<Job>,
    /// By ablation, row and seed: which job.
    places: Vec<Vec<Vec<usize>>>,
}

/// The trials of every row of an ablation.
type Rows = Vec<Vec<Trial>>;

/// What the jobs share.
#[derive(Default)]
struct Desk {
    waiting: VecDeque<usize>,
    results: BTreeMap<usize, Outcome>,
    /// Mistakes of texts, by job.
    mistakes: BTreeMap<usize, Diagnostic>,
}

impl<'a> Trials<'a> {
    /// Of every ablation what it is with each seed.
    pub fn new(
        options: &'a Options,
        within: &Path,
        ablations: &[Vec<Seeded>],
    ) -> Result<Trials<'a>, Failure> {
        let within = within.to_path_buf();
        let mut trials = Trials { options, within, jobs: Vec::new(), places: Vec::new() };
        for seeds in ablations {
            let mut places = vec![Vec::new(); seeds.first().map_or(0, |seeded| seeded.rows.len())];
            for Seeded { name, rows } in seeds {
                for (number, (place, (model, sources))) in places.iter_mut().zip(rows).enumerate() {
                    let ablation = (number > 0).then(|| name.clone());
                    place.push(trials.job(model, sources, ablation)?);
                }
            }
            trials.places.push(places);
        }
        Ok(trials)
    }

    /// The job of a model, or of a case of an ablation; one for all that give the same result.
    fn job(
        &mut self,
        model: &Checked,
        sources: &Arc<Sources>,
        ablation: Option<String>,
    ) -> Result<usize, Failure> {
        let run = self.order((sources, model), ablation.as_deref()).run()?;
        if let Some(known) = self.jobs.iter().position(|job| job.run.key == run.key) {
            return Ok(known);
        }
        let case = match &ablation {
            Some(ablation) => format!("{ablation}.{}", model.name),
            None => model.name.clone(),
        };
        let (sources, name) = (sources.clone(), format!("{case}-{}", run.seed));
        self.jobs.push(Job { model: model.clone(), sources, ablation, run, case, name });
        Ok(self.jobs.len() - 1)
    }

    fn order<'b>(
        &'b self,
        (sources, model): (&'b Sources, &'b Checked),
        ablation: Option<&'b str>,
    ) -> Order<'b> {
        let options = self.options;
        let share = crate::cli::session::threads(options.threads) / options.jobs as usize;
        Order {
            model,
            sources,
            ablation,
            data: options.data.as_deref(),
            executor: options.executor,
            steps: options.steps,
            threads: share.max(1),
            workers: crate::cli::session::workers(options.workers),
            other_images: false,
            quiet: options.jobs > 1,
        }
    }

    /// Trains what is not trained; gives the trials of every row of every ablation, and whether it
    /// was stopped.
    pub fn run(&self) -> Result<(Vec<Rows>, bool), Failure> {
        let mut store = Store::open(&self.options.root)?;
        for why in store.sync()? {
            say(format!("warning: a damaged run is passed over: {why}"));
        }
        let stop = Arc::new(AtomicBool::new(false));
        on_interrupt(&stop);
        let store = Mutex::new(store);
        let waiting = (0..self.jobs.len()).collect();
        let desk = Mutex::new(Desk { waiting, ..Desk::default() });
        std::thread::scope(|scope| {
            for _ in 0..self.options.jobs {
                scope.spawn(|| self.work(&desk, &store, &stop));
            }
        });
        let Desk { results, mistakes, .. } = std::mem::take(&mut *lock(&desk));
        self.report(mistakes);
        let trial = |job: &usize| Trial {
            seed: self.jobs[*job].run.seed,
            outcome: results
                .get(job)
                .cloned()
                .unwrap_or_else(|| Outcome::Failed("not trained yet".to_string())),
        };
        let row = |row: &Vec<usize>| row.iter().map(trial).collect();
        let trials = self.places.iter().map(|rows| rows.iter().map(row).collect()).collect();
        Ok((trials, stop.load(Ordering::Relaxed)))
    }

    /// Reports every mistake once, with the cases that run into it. With another seed it is the same one.
    fn report(&self, mistakes: BTreeMap<usize, Diagnostic>) {
        let mut cases = BTreeSet::new();
        let found = mistakes.into_iter().map(|(job, mistake)| (&self.jobs[job], mistake));
        let found: Vec<_> = found.filter(|(job, _)| cases.insert(&job.case)).collect();
        for of_text in found.chunk_by(|(a, _), (b, _)| Arc::ptr_eq(&a.sources, &b.sources)) {
            let named = of_text.iter().map(|(job, mistake)| {
                let message = format!("{}: {}", job.case, mistake.message);
                (job.case.clone(), Diagnostic { message, ..mistake.clone() })
            });
            for mistake in by_model(named.collect()) {
                say(render::report(&mistake, &of_text[0].0.sources));
            }
        }
    }

    /// Takes one job after the other until there is none.
    fn work(&self, desk: &Mutex<Desk>, store: &Mutex<Store>, stop: &AtomicBool) {
        loop {
            let Some(number) = lock(desk).waiting.pop_front() else { return };
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let job = &self.jobs[number];
            // What goes wrong in one job stays there.
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                self.train(job, store, stop)
            }));
            let outcome = match done {
                Ok(Ok(Some(outcome))) => outcome,
                // Another process trains it: look again when everything else is done.
                Ok(Ok(None)) => {
                    lock(desk).waiting.push_back(number);
                    std::thread::sleep(Duration::from_millis(200));
                    continue;
                }
                Ok(Err(failure)) => {
                    let why = failure.to_string();
                    if let Failure::Reported(mistake, _) = failure {
                        lock(desk).mistakes.insert(number, *mistake);
                    }
                    Outcome::Failed(why)
                }
                Err(_) => Outcome::Failed("the program met a mistake of its own".to_string()),
            };
            lock(desk).results.insert(number, outcome);
        }
    }

    /// The result of a job, or none while another process trains it.
    fn train(
        &self,
        job: &Job,
        store: &Mutex<Store>,
        stop: &AtomicBool,
    ) -> Result<Option<Outcome>, Failure> {
        let failed = |failure: Failure| {
            say(format!("{} failed: {failure}", job.name));
            failure
        };
        // No folder for what can not be trained: what is to begin is looked at first.
        let begun = lock(store).is_begun(&job.run.key)?;
        let fresh = match begun {
            true => None,
            false => Some(self.order_of(job).ready(None, false).map_err(failed)?),
        };
        let claim = lock(store).claim(job.run.clone(), &self.within, &job.name)?;
        let entry = match claim {
            Claim::Finished(folder, run) => return Ok(Some(finished(&folder, run.score))),
            Claim::Taken(_) => return Ok(None),
            Claim::Ours(entry) => *entry,
        };
        let folder = entry.folder.clone();
        say(format!("{} in {}", job.name, folder.path.display()));
        match self.fit(job, entry, fresh, stop) {
            Ok((Trained::Finished(_), run)) => {
                let outcome = finished(&folder, run.score);
                if let Some(score) = run.score {
                    say(format!("{}: top-1 {:.2} %", job.name, 100.0 * score.top1));
                }
                Ok(Some(outcome))
            }
            Ok((Trained::Interrupted, _)) => Ok(Some(Outcome::Failed("stopped".to_string()))),
            Err(failure) => Err(failed(failure)),
        }
    }

    fn order_of<'b>(&'b self, job: &'b Job) -> Order<'b> {
        self.order((&job.sources, &job.model), job.ablation.as_deref())
    }

    /// From where the run stands, or from the beginning, which may be ready already.
    fn fit(
        &self,
        job: &Job,
        entry: Entry,
        fresh: Option<Ready<'_>>,
        stop: &AtomicBool,
    ) -> Result<(Trained, Run), Failure> {
        let last = entry.folder.last();
        // What is not gone on with gives its memory back.
        let fresh = fresh.filter(|_| !last.exists());
        let ready = match fresh {
            Some(fresh) => Ok(fresh),
            None if last.exists() => Checkpoint::load(&last)
                .map_err(Failure::from)
                .and_then(|checkpoint| self.order_of(job).ready(Some(checkpoint), false)),
            None => self.order_of(job).ready(None, false),
        };
        match ready {
            Ok(ready) => ready.train(entry, stop),
            Err(failure) => {
                entry.end(State::Failed, Keep::Last, Some(failure.to_string()))?;
                Err(failure)
            }
        }
    }
}

fn finished(folder: &RunFolder, score: Option<Score>) -> Outcome {
    let Some(score) = score else {
        return Outcome::Failed("it finished without a measurement".to_string());
    };
    let mut measured = vec![
        (Quantity::Loss, score.loss),
        (Quantity::Top1, score.top1),
        (Quantity::Top3, score.top3),
    ];
    measured.extend(score.fps.map(|fps| (Quantity::Fps, fps)));
    Outcome::Finished { folder: folder.path.to_string_lossy().into_owned(), measured }
}

/// Of a thread that panicked nothing is half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
