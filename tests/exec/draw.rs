//! Choices made of a tape of numbers: what a test draws shrinks as the tape does, as smaller numbers
//! choose what is said first.

use cluec::exec::random::{Random, Site};
use cluec::graph::Size;
use std::ops::RangeInclusive;

pub struct Draw {
    tape: Vec<u16>,
    at: usize,
}

impl Draw {
    pub fn new(tape: Vec<u16>) -> Draw {
        Draw { tape, at: 0 }
    }

    /// The same choices for the same name and round.
    pub fn named(name: &str, round: usize) -> Draw {
        let mut random = Random::named(round as u64, name, Site::Other);
        Draw::new((0..64).map(|_| random.next_u32() as u16).collect())
    }

    /// A number below `n`; behind the end of the tape 0.
    pub fn below(&mut self, n: usize) -> usize {
        let word = self.tape.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        (usize::from(word) * n) >> 16
    }

    pub fn within(&mut self, range: RangeInclusive<usize>) -> usize {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// Both sides within a range.
    pub fn size(&mut self, sides: RangeInclusive<usize>) -> Size {
        [self.within(sides.clone()), self.within(sides)]
    }

    /// One of the numbers that divide `n`.
    pub fn divisor(&mut self, n: usize) -> usize {
        let divisors: Vec<usize> = (1..=n).filter(|d| n.is_multiple_of(*d)).collect();
        self.one(&divisors)
    }
}
