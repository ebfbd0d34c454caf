//! Memory for a test of kernels: everything lies in one piece of the device's, with untouched gaps between.

use cluec::exec::cuda::device::{Device, Memory};
use cluec::exec::cuda::tape::{Pointer, Precision, Tape};
use cluec::exec::random::Random;
use half::{bf16, f16};
use std::sync::Arc;

/// Bytes of the piece, and of a gap.
const SIZE: usize = 32 << 20;
const GAP: usize = 256;

pub struct Bench {
    pub tape: Tape,
    /// What the piece holds: taken there before a tape is played, and back.
    bytes: Vec<u128>,
    memory: Memory,
    device: Arc<Device>,
    used: usize,
    gaps: Vec<usize>,
}

impl Bench {
    /// All of it begins as ones: no number, as `f32` and as bfloat16.
    pub fn new(device: &Arc<Device>, precision: Precision) -> Bench {
        let (tape, bytes) = (Tape::new(precision), vec![u128::MAX; SIZE / 16]);
        let (memory, device) = (device.memory(SIZE).unwrap(), device.clone());
        Bench { tape, bytes, memory, device, used: 0, gaps: Vec::new() }
    }

    pub fn precision(&self) -> Precision {
        self.tape.precision
    }

    /// A place for so many bytes.
    pub fn room(&mut self, bytes: usize) -> Pointer {
        let base = self.memory.at().0 as usize;
        let start = (base + self.used).next_multiple_of(GAP);
        let end = start + bytes;
        self.gaps.push(end - base);
        self.used = end - base + GAP;
        assert!(self.used + GAP < SIZE, "the test needs a larger piece");
        Pointer(start as u64)
    }

    /// A place for so many numbers as maps store them.
    pub fn map(&mut self, numbers: usize) -> Pointer {
        self.room(numbers * self.precision().bytes())
    }

    fn offset(&self, at: Pointer) -> usize {
        (at.0 - self.memory.at().0) as usize
    }

    fn slice(&mut self, at: Pointer, bytes: usize) -> &mut [u8] {
        let offset = self.offset(at);
        let all = self.bytes.as_mut_ptr().cast::<u8>();
        // SAFETY: places are handed out within the piece, and any byte is a `u8`.
        unsafe { std::slice::from_raw_parts_mut(all.add(offset), bytes) }
    }

    /// Places numbers as maps store them.
    pub fn put(&mut self, data: &[f32]) -> Pointer {
        let at = self.map(data.len());
        self.set(at, data);
        at
    }

    pub fn set(&mut self, at: Pointer, data: &[f32]) {
        match self.precision() {
            Precision::F32 => self.set_wide(at, data),
            precision => {
                let bytes: Vec<u8> =
                    data.iter().flat_map(|&x| narrow(precision, x).to_le_bytes()).collect();
                self.slice(at, bytes.len()).copy_from_slice(&bytes);
            }
        }
    }

    /// Places numbers in `f32`.
    pub fn put_wide(&mut self, data: &[f32]) -> Pointer {
        let at = self.room(4 * data.len());
        self.set_wide(at, data);
        at
    }

    pub fn set_wide(&mut self, at: Pointer, data: &[f32]) {
        let words: Vec<u32> = data.iter().map(|x| x.to_bits()).collect();
        self.set_words(at, &words);
    }

    pub fn put_words(&mut self, words: &[u32]) -> Pointer {
        let at = self.room(4 * words.len());
        self.set_words(at, words);
        at
    }

    pub fn set_bytes(&mut self, at: Pointer, bytes: &[u8]) {
        self.slice(at, bytes.len()).copy_from_slice(bytes);
    }

    pub fn set_words(&mut self, at: Pointer, words: &[u32]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.set_bytes(at, &bytes);
    }

    /// Plays the tape as a compiled model would, and checks that the gaps are as they were.
    pub fn play(&mut self) {
        let (device, base, precision) = (self.device.clone(), self.memory.at(), self.precision());
        let tape = std::mem::replace(&mut self.tape, Tape::new(precision));
        // SAFETY: the launchers are under test; what products leave meanwhile is overwritten.
        let recorded = unsafe { device.record(&tape, 1) }.unwrap();
        let bytes = self.slice(base, self.used);
        // SAFETY: the piece has this many bytes and more.
        unsafe { device.write(base, bytes) }.unwrap();
        device.replay(&recorded).unwrap();
        // SAFETY: as above.
        unsafe { device.read(base, bytes) }.unwrap();
        for gap in self.gaps.clone() {
            let at = base.plus(gap);
            let end = (at.0 as usize).next_multiple_of(GAP) + GAP - at.0 as usize;
            let whole = self.slice(at, end.min(GAP)).iter().all(|&byte| byte == 0xff);
            assert!(whole, "something was written outside its place: {:?}", tape.commands);
        }
    }

    /// Numbers as maps store them.
    pub fn read(&mut self, at: Pointer, count: usize) -> Vec<f32> {
        match self.precision() {
            Precision::F32 => self.read_wide(at, count),
            precision => {
                let (pairs, _) = self.slice(at, 2 * count).as_chunks::<2>();
                pairs.iter().map(|b| widen(precision, u16::from_le_bytes(*b))).collect()
            }
        }
    }

    pub fn read_wide(&mut self, at: Pointer, count: usize) -> Vec<f32> {
        self.read_words(at, count).into_iter().map(f32::from_bits).collect()
    }

    pub fn read_words(&mut self, at: Pointer, count: usize) -> Vec<u32> {
        let (words, _) = self.slice(at, 4 * count).as_chunks::<4>();
        words.iter().map(|b| u32::from_le_bytes(*b)).collect()
    }
}

/// The bits of a number in one of the formats of 16 bits: to nearest, ties to even.
pub fn narrow(precision: Precision, x: f32) -> u16 {
    match precision {
        Precision::F16 => f16::from_f32(x).to_bits(),
        _ => bf16::from_f32(x).to_bits(),
    }
}

pub fn widen(precision: Precision, bits: u16) -> f32 {
    match precision {
        Precision::F16 => f16::from_bits(bits).to_f32(),
        _ => bf16::from_bits(bits).to_f32(),
    }
}

/// Normal numbers that the precision can store.
pub fn sample(stream: &mut Random, count: usize, precision: Precision) -> Vec<f32> {
    let round = |x: f32| match precision {
        Precision::F32 => x,
        precision => widen(precision, narrow(precision, x)),
    };
    (0..count).map(|_| round(stream.normal() as f32)).collect()
}
