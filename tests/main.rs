//! The integration tests, one binary: linking once is faster than linking often.
#![allow(clippy::unwrap_used)]

mod ablations;
mod allocation;
mod architecture;
mod cli;
mod codes;
mod counts;
mod cpu;
#[cfg(all(feature = "cuda", feature = "train"))]
mod cuda;
#[cfg(feature = "train")]
mod data;
mod docs;
mod editors;
#[cfg(feature = "train")]
mod exec;
#[cfg(feature = "train")]
mod foreign;
mod format;
mod graph;
mod guarded;
mod layers;
mod lsp;
mod passes;
#[cfg(feature = "train")]
mod report;
mod robust;
#[cfg(feature = "train")]
mod see;
#[cfg(feature = "train")]
mod seeds;
mod text;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod weights;
mod wrong;
