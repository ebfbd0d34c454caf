//! `cluec`: a small declarative language and its compiler for vision models of the clustering paradigm.

pub mod diag;
pub mod syntax;
pub mod graph;
#[cfg(feature = "train")]
pub mod data;
#[cfg(feature = "train")]
pub mod exec;
#[cfg(feature = "train")]
pub mod train;
