//! Every center gathers from all pixels: `softmax over pixels (score(center, key)) · value`.
//!
//! Inputs: centers `[B, gh, gw, A]`, keys and values `[B, H, W, A]`; heads split `A` evenly.
//! Result `[B, gh, gw, A]`. Paper equation 4; cluenet.md 5.2 to 5.4 in the official code's terms:
//! cosine scores are divided by `exp(max(temperature, ln floor))`, one scalar for all heads, and
//! the temperature gets no gradient while it lies below the floor. With windows a center gathers from
//! the pixels of its own window only.

use super::{Mismatch, Operation, Reads, Windows, head_width, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Init, Layout, ParamSpec, Type, area};

#[derive(Debug, Clone, PartialEq)]
pub struct Attend {
    pub heads: usize,
    pub score: Score,
    pub windows: Windows,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Score {
    /// Cosine over a learnable temperature that begins at `start` and never falls below `floor`.
    Cosine { start: f64, floor: f64 },
    /// Dot product over the square root of the head width.
    Dot,
}

impl Operation for Attend {
    fn name(&self) -> &'static str {
        "attend"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut words = vec![("heads", self.heads.to_string())];
        match self.score {
            Score::Cosine { floor, .. } => {
                words.push(("score", "cosine".into()));
                words.push(("floor", format!("{floor}")));
            }
            Score::Dot => words.push(("score", "dot".into())),
        }
        words.extend(self.windows.attribute());
        words
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (grid, channels) = map_of(inputs, 0)?;
        let (map, keys) = map_of(inputs, 1)?;
        head_width(channels, self.heads, 0)?;
        if channels != keys {
            let message = format!("centers of {channels} channels meet keys of {keys}");
            return Err(Mismatch::new(message, &[0, 1]));
        }
        if inputs[1] != inputs[2] {
            return Err(Mismatch::new("keys and values differ in shape", &[1, 2]));
        }
        self.windows.check(map, grid, &[0, 1])?;
        Ok(inputs[0].clone())
    }

    fn reads(&self) -> Reads {
        Reads::ALL
    }

    fn params(&self, _: &[&Type]) -> Vec<ParamSpec> {
        match self.score {
            Score::Cosine { start, .. } => vec![ParamSpec {
                name: "temperature",
                published: "attn_alpha",
                shape: vec![],
                init: Init::Constant(start.ln()),
                layout: Layout::Same,
            }],
            Score::Dot => vec![],
        }
    }

    fn cost(&self, inputs: &[&Type], output: &Type) -> Cost {
        let Some((map, _)) = inputs[1].as_map() else { return Cost::default() };
        Cost { macs: 2 * output.elements() * area(self.windows.of(map)), ptflops: 0 }
    }

    /// Two for each of its two products, and the scores again.
    fn gradient_macs(&self, inputs: &[&Type], _: &[bool]) -> u64 {
        5 * self.cost(inputs, inputs[0]).macs / 2
    }
}
