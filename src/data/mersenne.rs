//! The generator of numpy's `RandomState`, only to divide data sets as others have.
//!
//! MT19937 (Matsumoto and Nishimura, ACM TOMACS 8, 1998), seeded with one number, and the shuffle
//! that numpy's legacy generator makes of it.

const SIZE: usize = 624;
const SHIFT: usize = 397;

pub struct Mersenne {
    state: Vec<u32>,
    used: usize,
}

impl Mersenne {
    pub fn new(seed: u32) -> Mersenne {
        let mut state = vec![seed; SIZE];
        for i in 1..SIZE {
            let before = state[i - 1];
            state[i] = 1_812_433_253u32.wrapping_mul(before ^ before >> 30).wrapping_add(i as u32);
        }
        Mersenne { state, used: SIZE }
    }

    fn refill(&mut self) {
        for i in 0..SIZE {
            let joined = self.state[i] & 0x8000_0000 | self.state[(i + 1) % SIZE] & 0x7fff_ffff;
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + SHIFT) % SIZE] ^ joined >> 1 ^ twist;
        }
        self.used = 0;
    }

    pub fn next_u32(&mut self) -> u32 {
        if self.used == SIZE {
            self.refill();
        }
        let mut x = self.state[self.used];
        self.used += 1;
        x ^= x >> 11;
        x ^= x << 7 & 0x9d2c_5680;
        x ^= x << 15 & 0xefc6_0000;
        x ^ x >> 18
    }

    /// Up to `most`, by drawing until it fits.
    fn up_to(&mut self, most: u32) -> u32 {
        let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let x = self.next_u32() & mask;
            if x <= most {
                return x;
            }
        }
    }

    /// As `numpy.random.RandomState.shuffle`, for at most 2^32 items.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.up_to(i as u32) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 10,000th number of the reference implementation with its default seed, as the C++
    /// standard demands it of `std::mt19937`.
    #[test]
    fn known_answer() {
        let mut mersenne = Mersenne::new(5489);
        let last = (0..10_000).map(|_| mersenne.next_u32()).last();
        assert_eq!(last, Some(4_123_659_995));
    }
}
