//! Appends two channels to a map: the row `r/(H-1) - 0.5` and the column `c/(W-1) - 0.5`
//! (the official code; the paper writes `i/W - 0.5`).

use super::{Mismatch, Operation, map_of};
use crate::graph::Type;

#[derive(Debug, Clone, PartialEq)]
pub struct Coordinates;

impl Operation for Coordinates {
    fn name(&self) -> &'static str {
        "coordinates"
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (size, channels) = map_of(inputs, 0)?;
        if size[0] < 2 || size[1] < 2 {
            return Err(Mismatch::new(
                "coordinates need at least two rows and two columns",
                &[0],
            ));
        }
        Ok(Type::map(size, channels + 2))
    }
}
