//! Where a model runs, as the command line says it.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Device {
    /// This machine's cores
    #[default]
    Cpu,
    /// The first NVIDIA GPU
    #[cfg(feature = "cuda")]
    Cuda,
}

/// Threads that compute, one per core if nothing is asked.
pub fn threads(asked: Option<u64>) -> usize {
    asked.map_or_else(cores, |n| n as usize)
}

/// Threads that decode and augment, one for two cores if nothing is asked.
pub fn workers(asked: Option<u64>) -> usize {
    asked.map_or_else(|| cores().div_ceil(2), |n| n as usize)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}
