//! What plays tapes, as a compiled model sees it: a GPU, and in tests what emulates one.

use super::super::ExecError;
use super::tape::{Pointer, Tape};
use std::sync::Arc;
use std::time::Duration;

/// Plays tapes over memory of its own, one after the other, in the order they are given to it.
pub trait Player: Sized {
    type Memory: Piece;
    /// How bytes of the host get to one place of the memory, time and again.
    type Way;
    /// A tape that can be played with one call, time and again.
    type Recorded;

    /// A piece of memory, its contents arbitrary, given back when it is dropped.
    fn memory(&self, bytes: usize) -> Result<Self::Memory, ExecError>;

    /// Bytes that nobody uses now.
    fn free(&self) -> Result<u64, ExecError>;

    /// The most bytes that were ours at once.
    fn peak(&self) -> u64;

    /// Copies bytes there, behind what is to be played, and waits for it.
    ///
    /// # Safety
    /// So many bytes must lie at `at`.
    unsafe fn write(&self, at: Pointer, bytes: &[u8]) -> Result<(), ExecError>;

    /// Copies bytes from there, behind what is to be played, and waits for it.
    ///
    /// # Safety
    /// So many bytes must lie at `at`.
    unsafe fn read(&self, at: Pointer, bytes: &mut [u8]) -> Result<(), ExecError>;

    /// A way for at most so many bytes to `at`.
    fn way(&self, at: Pointer, bytes: usize) -> Result<Self::Way, ExecError>;

    /// Sends bytes on their way, ahead of what is played next. Nothing may be on this way: read
    /// something between two sendings.
    fn send(&self, way: &mut Self::Way, bytes: &[u8]) -> Result<(), ExecError>;

    /// Records a tape, so many times over. Its products may be computed meanwhile.
    ///
    /// # Safety
    /// The addresses on the tape must be pieces of this memory, as large as the launchers say, for as
    /// long as it is replayed; what products leave there must be worth nothing.
    unsafe fn record(
        self: &Arc<Self>,
        tape: &Tape,
        times: usize,
    ) -> Result<Self::Recorded, ExecError>;

    /// Plays what was recorded, without waiting for it.
    fn replay(&self, recorded: &Self::Recorded) -> Result<(), ExecError>;

    /// Plays it and waits; how long it took.
    fn time(&self, recorded: &Self::Recorded) -> Result<Duration, ExecError>;

    /// Waits until everything is done.
    fn wait(&self) -> Result<(), ExecError>;
}

/// A piece of a player's memory.
pub trait Piece {
    fn at(&self) -> Pointer;
    fn bytes(&self) -> usize;
}
