//! How parameters begin.

use super::Parameters;
use super::random::{Random, Site};
use crate::graph::{Graph, Init, Param};

/// Every parameter as its [`Init`] says. Each is drawn from a stream keyed by the seed and its own
/// name, so that a parameter more or less moves no other.
pub fn initialize(graph: &Graph, seed: u64) -> Parameters {
    let mut parameters = Parameters::new(graph.params.iter().map(Param::elements));
    for (to, param) in parameters.iter_mut().zip(graph.params.iter()) {
        draw(param, seed, to);
    }
    parameters
}

fn draw(param: &Param, seed: u64, to: &mut [f32]) {
    let mut random = Random::named(seed, &param.name, Site::Init);
    let mut next = || match param.init {
        Init::Constant(value) => value,
        Init::Normal { std } => std * random.normal(),
        Init::TruncatedNormal { std } => loop {
            let value = std * random.normal();
            if value.abs() <= 2.0 {
                break value;
            }
        },
        Init::Uniform { bound } => bound * (2.0 * random.uniform() - 1.0),
    };
    to.fill_with(|| next() as f32);
}
