//! How the numbers of values are stored.

/// Of one stored number. Arithmetic is in `f32` always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    #[default]
    F32,
    /// The range of `f32` with 8 bits of precision.
    Bf16,
    /// Up to 65504 with 11 bits of precision (IEEE's half).
    F16,
}

impl Precision {
    /// As recipes call it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "fp32",
            Precision::Bf16 => "bf16",
            Precision::F16 => "fp16",
        }
    }

    /// Of one stored number.
    pub fn bytes(self) -> usize {
        match self {
            Precision::F32 => 4,
            Precision::Bf16 | Precision::F16 => 2,
        }
    }
}
