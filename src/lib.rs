//! `cluec`: a small declarative language and its compiler for vision models of the clustering paradigm.

pub mod blocks;
#[cfg(feature = "train")]
pub mod data;
pub mod diag;
#[cfg(feature = "train")]
pub mod exec;
pub mod graph;
pub mod schema;
pub mod spec;
pub mod syntax;
#[cfg(feature = "train")]
pub mod train;
