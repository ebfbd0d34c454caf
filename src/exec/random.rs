//! Random numbers from counters: what a number is depends on its key alone, never on how many were
//! drawn before or by which thread.

/// Spreads the bits of a word (the finalizer of splitmix64).
fn spread(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// One word from several.
pub fn mix(words: &[u64]) -> u64 {
    words.iter().fold(0x243f_6a88_85a3_08d3, |state, &word| {
        spread(
            spread(state.wrapping_add(0x9e37_79b9_7f4a_7c15))
                ^ spread(word.wrapping_add(0x9e37_79b9_7f4a_7c15)),
        )
    })
}

/// The numbers of one key, in order.
#[derive(Debug, Clone)]
pub struct Stream {
    key: u64,
    counter: u64,
}

impl Stream {
    pub fn new(seed: u64, name: &str) -> Stream {
        let hash = blake3::hash(name.as_bytes());
        let words = hash
            .as_bytes()
            .chunks_exact(8)
            .map(|word| word.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)));
        let key = words.fold(seed, |key, word| mix(&[key, word]));
        Stream { key, counter: 0 }
    }

    pub fn bits(&mut self) -> u64 {
        self.counter += 1;
        mix(&[self.key, self.counter])
    }

    /// In [0, 1), 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of mean 0 and deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}
