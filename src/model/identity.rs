//! What makes two models the same for an experiment: graph, recipe and data.

use super::Checked;

/// Everything that a result follows from, but for names and places. The recipe holds the seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The hash of the graph.
    pub graph: String,
    /// Every setting as it holds, `recipe.epochs 5`, defaults and all.
    pub recipe: Vec<String>,
    /// Likewise.
    pub data: Vec<String>,
}

/// In what a model is another than the one it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differs {
    pub graph: bool,
    pub recipe: bool,
    pub data: bool,
}

impl Identity {
    /// None if the model is in error.
    pub fn of(model: &Checked) -> Option<Identity> {
        Some(Identity {
            graph: model.graph.as_ref()?.hash(),
            recipe: lines(model, "recipe"),
            data: lines(model, "data"),
        })
    }

    pub fn differs(&self, other: &Identity) -> Differs {
        Differs {
            graph: self.graph != other.graph,
            recipe: self.recipe != other.recipe,
            data: self.data != other.data,
        }
    }
}

/// The settings at and below a key.
fn lines(model: &Checked, key: &str) -> Vec<String> {
    let inside = |path: &str| {
        path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let own = model.settings().into_iter().filter(|setting| inside(&setting.path));
    own.map(|setting| format!("{} {}", setting.path, setting.value)).collect()
}
