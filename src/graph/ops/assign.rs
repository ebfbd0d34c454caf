//! Every pixel finds its center: `s = sigmoid(beta + alpha cos(query, key))` per head.
//!
//! Inputs: queries `[B, gh, gw, A]`, keys `[B, H, W, A]`. Hard (paper equation 5): the largest `s`
//! after the sigmoid, lowest index on ties; the gradient flows through the winning value only.
//! Soft: every `s`, divided by their sum over the centers. With windows a pixel meets the centers of
//! its own window only: the others are not chosen (hard), and have 0 of it (soft). An index counts
//! centers in the whole grid.

use super::{Mismatch, Operation, Reads, Windows, head_width, map_of};
use crate::graph::cost::Cost;
use crate::graph::{Choice, Init, Layout, ParamSpec, Type, area};

#[derive(Debug, Clone, PartialEq)]
pub struct Assign {
    pub heads: usize,
    pub choice: Choice,
    pub windows: Windows,
}

impl Operation for Assign {
    fn name(&self) -> &'static str {
        "assign"
    }

    fn attributes(&self) -> Vec<(&'static str, String)> {
        let choice = match self.choice {
            Choice::Hard => "hard",
            Choice::Soft => "soft",
        };
        let words = [("heads", self.heads.to_string()), ("choice", choice.to_string())];
        words.into_iter().chain(self.windows.attribute()).collect()
    }

    fn infer(&self, inputs: &[&Type]) -> Result<Type, Mismatch> {
        let (grid, channels) = map_of(inputs, 0)?;
        let (map, keys) = map_of(inputs, 1)?;
        if channels != keys {
            let message = format!("queries of {channels} channels meet keys of {keys}");
            return Err(Mismatch::new(message, &[0, 1]));
        }
        head_width(channels, self.heads, 0)?;
        self.windows.check(map, grid, &[0, 1])?;
        Ok(Type::Assignment { map, grid, heads: self.heads, choice: self.choice })
    }

    fn reads(&self) -> Reads {
        Reads::ALL
    }

    fn params(&self, _: &[&Type]) -> Vec<ParamSpec> {
        [("alpha", "sim_alpha", 1.0), ("beta", "sim_beta", 0.0)]
            .map(|(name, published, value)| ParamSpec {
                name,
                published,
                shape: vec![1],
                init: Init::Constant(value),
                layout: Layout::Same,
            })
            .to_vec()
    }

    fn cost(&self, inputs: &[&Type], _: &Type) -> Cost {
        let Some((grid, _)) = inputs[0].as_map() else { return Cost::default() };
        let macs = inputs[1].elements() * area(self.windows.of(grid));
        Cost { macs, ptflops: macs }
    }

    /// Two for the product, and the scores again; of a hard choice, those of the center chosen only.
    fn gradient_macs(&self, inputs: &[&Type], _: &[bool]) -> u64 {
        3 * match self.choice {
            Choice::Hard => inputs[1].elements(),
            Choice::Soft => self.cost(inputs, inputs[0]).macs,
        }
    }
}
