//! Random numbers by counter: every draw is a pure function of (seed, when, which, site, count).
//!
//! No generator is carried from one use to the next, so the order in which threads work, or the
//! step at which a run is resumed, cannot change a number. The function is Philox4x32-10
//! (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

/// What the numbers are for: each use has its own stream, so adding one moves no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Site {
    Shuffle = 0,
    Crop = 1,
    Flip = 2,
    Jitter = 3,
    Erase = 4,
    /// The geometry and colors of a generated image.
    Shape = 5,
    /// The background and noise of a generated image.
    Texture = 6,
    /// How an undivided folder is divided.
    Split = 7,
    /// Which images pass a branch by.
    DropPath = 8,
    /// How a parameter begins.
    Init = 9,
    /// Free for tests and tools.
    Other = 10,
    /// Which image stands in for a broken one.
    Replace = 11,
    /// Which changes a policy makes.
    Policy = 12,
    /// How the images of a batch are mixed.
    Mix = 13,
}

/// Four 32-bit words from a counter and a key, by ten rounds.
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    let [mut a, mut b, mut c, mut d] = counter;
    let [mut k0, mut k1] = key;
    for _ in 0..10 {
        let p = u64::from(MULTIPLIERS[0]) * u64::from(a);
        let q = u64::from(MULTIPLIERS[1]) * u64::from(c);
        (a, b, c, d) = ((q >> 32) as u32 ^ b ^ k0, q as u32, (p >> 32) as u32 ^ d ^ k1, p as u32);
        k0 = k0.wrapping_add(WEYL[0]);
        k1 = k1.wrapping_add(WEYL[1]);
    }
    [a, b, c, d]
}

/// One stream of numbers: at most 2^34 words.
#[derive(Debug, Clone)]
pub struct Random {
    key: [u32; 2],
    counter: [u32; 4],
    words: [u32; 4],
    used: usize,
}

impl Random {
    /// The stream of a site: `when` is an epoch or a step, `which` an image or another thing. The
    /// low 32 bits of `when` and the low 56 bits of `which` count.
    pub fn new(seed: u64, when: u64, which: u64, site: Site) -> Random {
        let high = ((which >> 32) as u32) << 8 | site as u32;
        Random {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, which as u32, high, when as u32],
            words: [0; 4],
            used: 4,
        }
    }

    /// The stream of something that has a name, such as a parameter.
    pub fn named(seed: u64, name: &str, site: Site) -> Random {
        let hash = blake3::hash(name.as_bytes());
        let word = |at: usize| {
            let bytes = hash.as_bytes()[at..at + 8].iter();
            bytes.fold(0, |word, &byte| word << 8 | u64::from(byte))
        };
        Random::new(seed, word(0), word(8), site)
    }

    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            self.words = philox(self.counter, self.key);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// Two words, the first one low.
    pub fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        low | u64::from(self.next_u32()) << 32
    }

    /// Uniform in [0, 1) with 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [`low`, `high`).
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Uniform among 0 .. `n`; 0 where `n` is 0. The bias is below `n` / 2^64.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Normal with mean 0 and variance 1, by Box and Muller; uses two uniform numbers.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Of the distribution Beta(`alpha`, `alpha`), from two gamma variates; `alpha` is above 0.
    pub fn beta(&mut self, alpha: f64) -> f64 {
        let (a, b) = (self.gamma_logarithm(alpha), self.gamma_logarithm(alpha));
        1.0 / (1.0 + (b - a).exp())
    }

    /// The logarithm of a gamma variate, which may be too small itself (Marsaglia and Tsang, "A simple
    /// method for generating gamma variables", 2000).
    fn gamma_logarithm(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let power = (1.0 - self.uniform()).ln() / shape;
            return self.gamma_logarithm(shape + 1.0) + power;
        }
        let d = shape - 1.0 / 3.0;
        loop {
            let x = self.normal();
            let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
            let u = 1.0 - self.uniform();
            if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return (d * v).ln();
            }
        }
    }

    /// Puts a slice in random order (Fisher and Yates).
    pub fn permute<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of Random123 1.14, `kat_vectors`, philox4x32 with 10 rounds.
    #[test]
    fn known_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
        let ones = u32::MAX;
        assert_eq!(philox([ones; 4], [ones; 2]), [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
    }

    #[test]
    fn streams_are_distinct() {
        let first = |seed, when, which, site| Random::new(seed, when, which, site).next_u64();
        let base = first(1, 2, 3, Site::Crop);
        assert_eq!(base, first(1, 2, 3, Site::Crop));
        for other in [
            first(2, 2, 3, Site::Crop),
            first(1 << 40, 2, 3, Site::Crop),
            first(1, 3, 3, Site::Crop),
            first(1, 2, 4, Site::Crop),
            first(1, 2, 3 + (1 << 40), Site::Crop),
            first(1, 2, 3, Site::Flip),
        ] {
            assert_ne!(base, other);
        }
        let named = |seed, name| Random::named(seed, name, Site::Init).next_u64();
        assert_eq!(named(1, "head.weight"), named(1, "head.weight"));
        assert_ne!(named(1, "head.weight"), named(1, "head.bias"));
        assert_ne!(named(1, "head.weight"), named(2, "head.weight"));
    }

    #[test]
    fn beta_has_its_moments() {
        // Of Beta(a, a): the mean is 1/2, the variance 1 / (8 a + 4).
        for alpha in [0.05, 0.2, 1.0, 4.0] {
            let mut random = Random::new(7, 1, 0, Site::Other);
            let n = 20_000;
            let draws: Vec<f64> = (0..n).map(|_| random.beta(alpha)).collect();
            assert!(draws.iter().all(|x| (0.0..=1.0).contains(x)));
            let mean = draws.iter().sum::<f64>() / f64::from(n);
            let variance = draws.iter().map(|x| (x - 0.5) * (x - 0.5)).sum::<f64>() / f64::from(n);
            assert!((mean - 0.5).abs() < 0.01, "{alpha}: {mean}");
            let expected = 1.0 / (8.0 * alpha + 4.0);
            assert!((variance / expected - 1.0).abs() < 0.05, "{alpha}: {variance}");
        }
        // So small that a variate itself would be 0.
        let mut random = Random::new(7, 2, 0, Site::Other);
        assert!((0..1000).all(|_| random.beta(1e-4).is_finite()));
    }

    #[test]
    fn moments() {
        let mut random = Random::new(7, 0, 0, Site::Other);
        let n = 20_000;
        let (mut uniform, mut normal, mut square) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            uniform += random.uniform() / n as f64;
            let x = random.normal();
            normal += x / n as f64;
            square += x * x / n as f64;
            assert!(random.below(7) < 7);
        }
        assert!((uniform - 0.5).abs() < 0.01, "{uniform}");
        assert!(normal.abs() < 0.03, "{normal}");
        assert!((square - 1.0).abs() < 0.05, "{square}");
    }
}
