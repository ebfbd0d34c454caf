//! The mean over all pixels, `[B, H, W, C] -> [B, C]`.

use super::{Mismatch, Operation, Reads, map_of};
use crate::graph::Type;
use smallvec::smallvec;

#[derive(Debug, Clone, PartialEq)]
pub struct Mean;

impl Operation for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (_, channels) = map_of(inputs, 0)?;
        Ok(Type::Tensor(smallvec![channels]))
    }

    fn reads(&self) -> Reads {
        Reads::NOTHING
    }
}
