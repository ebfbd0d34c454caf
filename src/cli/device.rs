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

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}
