//! Room in memory for what is about to run: the system would end the program without a word.

use super::executor::Executor;
use super::number;
use crate::diag::say;
#[cfg(feature = "cuda")]
use crate::exec::cuda::device;
use crate::exec::{Footprint, Target, Work, ahead, available, largest};
use crate::graph::Graph;
use crate::passes::Method;
use std::sync::{Condvar, Mutex, MutexGuard};

/// What is to run.
#[derive(Clone, Copy)]
pub struct Demand<'a> {
    pub executor: Executor,
    pub graph: &'a Graph,
    pub method: Method,
    pub work: Work,
    pub threads: usize,
    /// Threads that make images ready; none where they are in memory.
    pub workers: usize,
    pub batch: usize,
    /// Bytes of it that are in memory already.
    pub held: u64,
}

/// More than there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// Whose memory it is, in words.
    pub memory: &'static str,
    pub batch: usize,
    pub needed: u64,
    pub left: u64,
    /// The largest batch that fits, if one does.
    pub largest: Option<usize>,
    /// This batch fits on one thread.
    pub alone: bool,
}

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (needed, left) = (number::bytes(self.needed), number::bytes(self.left));
        let batch = number::many(self.batch as u64, "image");
        write!(f, "a batch of {batch} takes {needed} of {}, and {left} are left", self.memory)
    }
}

impl Excess {
    /// The same with what would fit.
    pub fn told(&self) -> String {
        let help = match self.largest {
            Some(largest) => format!("`--batch {largest}` fits"),
            None => "not even one image fits".to_string(),
        };
        format!("{self}\n  help: {help}")
    }
}

/// The code of a batch that is too large.
pub const EXCESS: &str = "E0520";

impl Demand<'_> {
    /// How memory grows with the batch: that of what runs on a target; of what is planned for none, what
    /// the images take, as nothing else is known before.
    fn weight(&self, target: Option<Target>) -> impl Fn(usize) -> u64 {
        let footprint = target.map(|target| Footprint::new(self.graph, self.method, target));
        let image = 4 * self.graph.image_numbers() as u64;
        let Demand { work, workers, .. } = *self;
        move |batch| match &footprint {
            Some(footprint) => footprint.bytes(work, batch) + footprint.ahead(batch, workers),
            None => image.saturating_mul((batch + ahead::images(batch, workers)) as u64),
        }
    }

    /// What is too much of it for so many bytes.
    fn excess(
        &self,
        memory: &'static str,
        target: Option<Target>,
        needed: u64,
        left: u64,
    ) -> Excess {
        let limit = left.saturating_add(self.held);
        let largest = largest(limit, self.weight(target));
        let alone = matches!(target, Some(Target::Cpu { .. })) && {
            self.weight(Some(Target::Cpu { threads: 1 }))(self.batch) <= limit
        };
        Excess { memory, batch: self.batch, needed, left, largest, alone }
    }
}

/// What of a memory is promised to the trainings of this process.
struct Room {
    name: &'static str,
    /// None where nobody tells.
    left: fn() -> Option<u64>,
    taken: Mutex<Taken>,
    given_back: Condvar,
}

#[derive(Clone, Copy)]
struct Taken {
    bytes: u64,
    /// What was left when nothing was taken.
    before: Option<u64>,
}

static MACHINE: Room = Room::new("memory", available);
#[cfg(feature = "cuda")]
static GPU: Room = Room::new("the GPU's memory", || Some(device::facts(0).ok()?.free));

/// A promise, until it is dropped.
pub struct Share {
    room: &'static Room,
    bytes: u64,
}

/// What is promised to one that runs.
pub struct Place {
    /// Where it runs.
    runs: Share,
    /// Of this machine's memory, where it runs elsewhere.
    _beside: Option<Share>,
}

/// Takes what is to run its place. Where others of this process hold too much, it waits for them.
pub fn take(demand: &Demand<'_>) -> Result<Place, Excess> {
    let target = match demand.executor {
        Executor::Compiled(_) => Some(Target::Cpu { threads: demand.threads }),
        Executor::Reference => None,
        // All ask for the GPU first: nobody waits for one who waits in turn. Nothing lies there yet.
        #[cfg(feature = "cuda")]
        Executor::Cuda(precision) => {
            let there = Demand { held: 0, ..*demand };
            let runs = GPU.take(&there, Some(Target::Cuda(precision)))?;
            return Ok(Place { runs, _beside: Some(MACHINE.take(demand, None)?) });
        }
    };
    Ok(Place { runs: MACHINE.take(demand, target)?, _beside: None })
}

/// The same for as many images as fit, up to those asked for; and how many they are.
pub fn take_fitting(demand: &Demand<'_>) -> Result<(Place, usize), Excess> {
    let excess = match take(demand) {
        Ok(place) => return Ok((place, demand.batch)),
        Err(excess) => excess,
    };
    let Some(batch) = excess.largest else { return Err(excess) };
    let place = take(&Demand { batch, ..*demand })?;
    Ok((place, batch))
}

impl Place {
    /// So much more of the memory it runs in, if it is not promised: nobody is waited for.
    pub fn more(&self, bytes: u64) -> Option<Share> {
        let room = self.runs.room;
        let mut taken = lock(&room.taken);
        if room.left(&taken).is_some_and(|left| bytes > left) {
            return None;
        }
        taken.bytes += bytes;
        Some(Share { room, bytes })
    }

    /// How much more that is at most.
    pub fn spare(&self) -> u64 {
        let room = self.runs.room;
        room.left(&lock(&room.taken)).unwrap_or(u64::MAX)
    }
}

impl Room {
    const fn new(name: &'static str, left: fn() -> Option<u64>) -> Room {
        let taken = Taken { bytes: 0, before: None };
        Room { name, left, taken: Mutex::new(taken), given_back: Condvar::new() }
    }

    /// What is left now, and is not promised: what others took is in use, or will be.
    fn left(&self, taken: &Taken) -> Option<u64> {
        let promised = taken.before.map(|before| before.saturating_sub(taken.bytes));
        [promised, (self.left)()].into_iter().flatten().min()
    }

    fn take(&'static self, demand: &Demand<'_>, target: Option<Target>) -> Result<Share, Excess> {
        let needed = demand.weight(target)(demand.batch);
        let bytes = needed.saturating_sub(demand.held);
        let mut taken = lock(&self.taken);
        let mut told = false;
        loop {
            if taken.bytes == 0 {
                taken.before = (self.left)();
            }
            match self.left(&taken) {
                Some(left) if bytes > left && taken.bytes == 0 => {
                    return Err(demand.excess(self.name, target, needed, left));
                }
                Some(left) if bytes > left => {
                    if !told {
                        let (name, memory) = (&demand.graph.name, self.name);
                        let [bytes, left] = [bytes, left].map(number::bytes);
                        say(format!(
                            "{name} waits for {memory}: it takes {bytes}, {left} are left"
                        ));
                    }
                    told = true;
                    let waited = self.given_back.wait(taken);
                    taken = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
                }
                _ => {
                    taken.bytes += bytes;
                    return Ok(Share { room: self, bytes });
                }
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        lock(&self.room.taken).bytes -= self.bytes;
        self.room.given_back.notify_all();
    }
}

/// Whoever panicked had changed a number, or not.
fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::graph::Precision;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    const TEXT: &str =
        "model a { input 16x16; classes 4; embed patches { kernel 3x3; stride 2; pad 1 }
        stages 1; blocks 1; width 8; mixer off; ffn mlp { ratio 2 }; head mean }";

    const ONE: Option<Target> = Some(Target::Cpu { threads: 1 });

    fn graph() -> Graph {
        let (program, _) = crate::compile_text(&mut Sources::default(), "a.clue", TEXT, &[]);
        program.models[0].graph.clone().unwrap()
    }

    fn demand(graph: &Graph) -> Demand<'_> {
        let executor = Executor::Compiled(Precision::F32);
        let (method, work) = (Method::default(), Work::Training);
        Demand { executor, graph, method, work, threads: 1, workers: 0, batch: 64, held: 0 }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        static LEFT: AtomicU64 = AtomicU64::new(0);
        static ROOM: Room =
            Room::new("memory", || Some(LEFT.load(Relaxed)).filter(|left| *left > 0));
        let graph = graph();
        let demand = demand(&graph);
        let bytes = demand.weight(ONE);
        // Nobody tells.
        assert!(ROOM.take(&demand, ONE).is_ok());
        LEFT.store(bytes(64), Relaxed);
        assert!(ROOM.take(&demand, ONE).is_ok());
        LEFT.store(bytes(64) - 1, Relaxed);
        let excess = ROOM.take(&demand, ONE).err().unwrap();
        let (needed, left) = (bytes(64), bytes(64) - 1);
        let expected =
            Excess { memory: "memory", batch: 64, needed, left, largest: Some(63), alone: false };
        assert_eq!(excess, expected);
        // What is in memory already needs no room.
        assert!(ROOM.take(&Demand { held: 1, ..demand }, ONE).is_ok());
        LEFT.store(1, Relaxed);
        assert_eq!(ROOM.take(&demand, ONE).err().unwrap().largest, None);
    }

    #[test]
    fn what_others_of_the_process_hold_is_waited_for() {
        static LEFT: AtomicU64 = AtomicU64::new(0);
        static ROOM: Room = Room::new("memory", || Some(LEFT.load(Relaxed)));
        let graph = graph();
        let demand = demand(&graph);
        LEFT.store(2 * demand.weight(ONE)(64) - 1, Relaxed);
        let first = ROOM.take(&demand, ONE).ok().unwrap();
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            scope.spawn(|| sender.send(ROOM.take(&demand, ONE).is_ok()));
            let waits = receiver.recv_timeout(Duration::from_millis(50));
            assert_eq!(waits, Err(RecvTimeoutError::Timeout));
            drop(first);
            assert_eq!(receiver.recv(), Ok(true));
        });
    }
}
