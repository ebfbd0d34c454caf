//! Batches of an epoch, decoded and augmented ahead in threads.
//!
//! The images of an epoch are cut into short runs; worker `w` of `n` makes runs `w`, `w + n`, ... in
//! order and hands each over its own bounded channel, so that taking from the workers in turn gives
//! the runs in order. What a run contains depends on no worker: their number changes no byte.
//!
//! A broken image is replaced by another one of the data set, drawn for its place in the epoch, where
//! images are shuffled to train; where they are measured in order it is left out. Either is noted by
//! whoever takes the batches, in their order.

use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::augment::Pipeline;
use super::broken::Broken;
use super::dataset::{DataError, Dataset};
use super::image::Image;
use crate::exec::Batch;
use crate::exec::ahead::{self, RUN};
use crate::exec::random::{Random, Site};
use crate::graph::{Size, times};

/// Which batches of which epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Images in a batch; the last one of an epoch may hold fewer.
    pub batch: usize,
    /// Threads; 0 counts as 1.
    pub workers: usize,
    /// Keys the order and the augmentation.
    pub seed: u64,
    pub epoch: u64,
    /// To train: the order is random, another one each epoch, and what is broken is replaced.
    pub shuffle: bool,
    /// Batches passed over, to go on in the middle of an epoch.
    pub first_batch: usize,
}

/// A run of images made by a worker.
struct Run {
    /// None where no image is left.
    size: Option<Size>,
    images: Vec<f32>,
    labels: Vec<u32>,
    /// Places in the data set, broken images among them.
    indices: Vec<usize>,
    broken: Vec<(usize, DataError)>,
}

/// A batch of an epoch.
#[derive(Debug)]
pub struct Loaded {
    pub batch: Batch,
    /// Rows and columns of its images, which all have one size; none where no image is left.
    pub size: Option<Size>,
    /// Places in the data set that it stands for.
    pub indices: Vec<usize>,
    /// How many of them are broken.
    pub broken: usize,
}

/// Iterates over the batches of an epoch; ends after an error.
pub struct Loader {
    channels: Vec<Receiver<Result<Run, DataError>>>,
    threads: Vec<JoinHandle<()>>,
    next_worker: usize,
    /// Images of the epoch not yet given.
    left: usize,
    batch: usize,
    size: Option<Size>,
    broken: Arc<Broken>,
}

impl Loader {
    pub fn new(
        dataset: Arc<dyn Dataset>,
        pipeline: Arc<Pipeline>,
        broken: Arc<Broken>,
        plan: Plan,
    ) -> Loader {
        let n = dataset.len();
        // Room is made for a batch, however large it is said to be.
        let batch = plan.batch.clamp(1, n.max(1));
        let mut order: Vec<usize> =
            if plan.shuffle { shuffle(plan.seed, plan.epoch, n) } else { (0..n).collect() };
        order.drain(..plan.first_batch.saturating_mul(batch).min(n));
        let left = order.len();
        let runs = Arc::new(cut(&order, batch));
        let workers = plan.workers.max(1).min(runs.len().max(1));
        let mut channels = Vec::new();
        let mut threads = Vec::new();
        for worker in 0..workers {
            let (sender, receiver) = bounded(ahead::runs(batch, workers));
            channels.push(receiver);
            let (dataset, pipeline, runs) = (dataset.clone(), pipeline.clone(), runs.clone());
            let work = move || {
                let mine = runs.iter().skip(worker).step_by(workers);
                send_runs(mine, &*dataset, &pipeline, plan, &sender);
            };
            threads.push(std::thread::spawn(work));
        }
        Loader { channels, threads, next_worker: 0, left, batch, size: None, broken }
    }

    fn next_batch(&mut self) -> Result<Loaded, DataError> {
        let size = self.batch.min(self.left);
        let mut batch = Batch { labels: Vec::with_capacity(size), ..Batch::default() };
        let mut indices = Vec::with_capacity(size);
        let mut broken = 0;
        while indices.len() < size {
            let received = self.channels[self.next_worker].recv();
            let run = received
                .map_err(|_| DataError::new("a thread that prepares images stopped early"))??;
            self.next_worker = (self.next_worker + 1) % self.channels.len();
            indices.extend_from_slice(&run.indices);
            broken += run.broken.len();
            for (i, error) in run.broken {
                self.broken.note(i, error)?;
            }
            let Some(found) = run.size else { continue };
            let expected = *self.size.get_or_insert(found);
            if found != expected {
                return Err(different(run.indices[0], found, expected));
            }
            batch.labels.extend_from_slice(&run.labels);
            if run.indices.len() == size {
                batch.images = run.images;
                continue;
            }
            if batch.images.is_empty() {
                batch.images.reserve_exact(size * found[0] * found[1] * 3);
            }
            batch.images.extend_from_slice(&run.images);
        }
        let size = self.size.filter(|_| !batch.labels.is_empty());
        Ok(Loaded { batch, size, indices, broken })
    }
}

impl Iterator for Loader {
    type Item = Result<Loaded, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let result = self.next_batch();
        self.left = match &result {
            Ok(loaded) => self.left - loaded.indices.len(),
            Err(_) => 0,
        };
        Some(result)
    }
}

impl Drop for Loader {
    /// Lets the workers end (each at most finishes one run) and waits for them.
    fn drop(&mut self) {
        self.channels.clear();
        for thread in self.threads.drain(..) {
            // A panic of a worker has already ended the epoch with an error.
            let _ = thread.join();
        }
    }
}

/// The order of `n` images in an epoch.
pub fn shuffle(seed: u64, epoch: u64, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    Random::new(seed, epoch, 0, Site::Shuffle).permute(&mut order);
    order
}

/// Images drawn in place of a broken one at most.
const TRIES: usize = 100;

/// Cuts an order into runs that end where batches end.
fn cut(order: &[usize], batch: usize) -> Vec<Vec<usize>> {
    order.chunks(batch).flat_map(|images| images.chunks(RUN)).map(<[usize]>::to_vec).collect()
}

fn send_runs<'a>(
    runs: impl Iterator<Item = &'a Vec<usize>>,
    dataset: &dyn Dataset,
    pipeline: &Pipeline,
    plan: Plan,
    sender: &Sender<Result<Run, DataError>>,
) {
    for indices in runs {
        let run = make_run(indices, dataset, pipeline, plan);
        let failed = run.is_err();
        if sender.send(run).is_err() || failed {
            return;
        }
    }
}

fn make_run(
    indices: &[usize],
    dataset: &dyn Dataset,
    pipeline: &Pipeline,
    plan: Plan,
) -> Result<Run, DataError> {
    let (mut images, mut labels, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    let mut size = None;
    for &i in indices {
        let (label, image) = match dataset.image(i) {
            Ok(image) => (dataset.label(i), image),
            Err(error) if plan.shuffle => match replacement(dataset, plan, i) {
                Some(other) => {
                    broken.push((i, error));
                    other
                }
                None => return Err(error),
            },
            Err(error) => {
                broken.push((i, error));
                continue;
            }
        };
        let image = pipeline.transform(image, (plan.seed, plan.epoch, i as u64));
        let found = [image.height, image.width];
        let expected = *size.get_or_insert(found);
        if found != expected {
            return Err(different(i, found, expected));
        }
        if images.is_empty() {
            images.reserve_exact(indices.len() * image.pixels.len());
        }
        pipeline.normalize(&image, &mut images);
        labels.push(label);
    }
    Ok(Run { size, images, labels, indices: indices.to_vec(), broken })
}

/// Another image in place of a broken one.
fn replacement(dataset: &dyn Dataset, plan: Plan, i: usize) -> Option<(u32, Image)> {
    let mut random = Random::new(plan.seed, plan.epoch, i as u64, Site::Replace);
    (0..TRIES).find_map(|_| {
        let other = random.below(dataset.len() as u64) as usize;
        Some((dataset.label(other), dataset.image(other).ok()?))
    })
}

fn different(i: usize, found: Size, expected: Size) -> DataError {
    let message = format!(
        "image {i} is {} (rows x columns) after augmentation, others are {}",
        times(found),
        times(expected)
    );
    DataError::new(message).help("crop or resize all images to one size")
}
