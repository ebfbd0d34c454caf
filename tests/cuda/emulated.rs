//! An emulator as what a compiled model runs on: its memory is the host's, and a tape is played when it is
//! replayed.

use super::emulator;
use cluec::exec::ExecError;
use cluec::exec::cuda::player::{Piece, Player};
use cluec::exec::cuda::tape::{Pointer, Tape};
use std::alloc::{Layout, alloc, dealloc};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Default)]
pub struct Emulated {
    held: Arc<[AtomicU64; 2]>,
}

/// Where pieces begin, as on a device.
const ALIGN: usize = 256;

pub struct Memory {
    at: *mut u8,
    layout: Layout,
    held: Arc<[AtomicU64; 2]>,
}

impl Piece for Memory {
    fn at(&self) -> Pointer {
        Pointer(self.at as u64)
    }

    fn bytes(&self) -> usize {
        self.layout.size()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.held[0].fetch_sub(self.layout.size() as u64, Ordering::Relaxed);
        // SAFETY: it came from `alloc` with this layout and is given back once.
        unsafe { dealloc(self.at, self.layout) };
    }
}

/// Where bytes go, and how many at most.
pub struct Way(Pointer, usize);

impl Player for Emulated {
    type Memory = Memory;
    type Way = Way;
    type Recorded = (Tape, usize);

    /// It begins as no numbers, whatever reads them.
    fn memory(&self, bytes: usize) -> Result<Memory, ExecError> {
        let layout = Layout::from_size_align(bytes.max(1), ALIGN).unwrap();
        // SAFETY: the layout is not empty, and the piece has its size.
        let at = unsafe {
            let at = alloc(layout);
            at.write_bytes(0xff, layout.size());
            at
        };
        let now = self.held[0].fetch_add(layout.size() as u64, Ordering::Relaxed);
        self.held[1].fetch_max(now + layout.size() as u64, Ordering::Relaxed);
        Ok(Memory { at, layout, held: self.held.clone() })
    }

    fn free(&self) -> Result<u64, ExecError> {
        Ok(1 << 30)
    }

    fn peak(&self) -> u64 {
        self.held[1].load(Ordering::Relaxed)
    }

    unsafe fn write(&self, at: Pointer, bytes: &[u8]) -> Result<(), ExecError> {
        // SAFETY: the caller's word.
        unsafe { (at.0 as *mut u8).copy_from(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    unsafe fn read(&self, at: Pointer, bytes: &mut [u8]) -> Result<(), ExecError> {
        // SAFETY: the caller's word.
        unsafe { (at.0 as *const u8).copy_to(bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    fn way(&self, at: Pointer, bytes: usize) -> Result<Way, ExecError> {
        Ok(Way(at, bytes))
    }

    fn send(&self, &mut Way(at, most): &mut Way, bytes: &[u8]) -> Result<(), ExecError> {
        assert!(bytes.len() <= most);
        // SAFETY: so much lies there.
        unsafe { self.write(at, bytes) }
    }

    unsafe fn record(
        self: &Arc<Emulated>,
        tape: &Tape,
        times: usize,
    ) -> Result<(Tape, usize), ExecError> {
        Ok((tape.clone(), times))
    }

    fn replay(&self, (tape, times): &(Tape, usize)) -> Result<(), ExecError> {
        (0..*times).for_each(|_| emulator::play(tape));
        Ok(())
    }

    fn time(&self, recorded: &(Tape, usize)) -> Result<Duration, ExecError> {
        let start = Instant::now();
        self.replay(recorded)?;
        Ok(start.elapsed())
    }

    fn wait(&self) -> Result<(), ExecError> {
        Ok(())
    }
}
