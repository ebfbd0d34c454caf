//! One binary for all tests.

#[cfg(feature = "train")]
mod exec;
