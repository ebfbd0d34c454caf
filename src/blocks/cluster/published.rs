//! What the published code calls the parts of a mixer: the code whose mixer the settings are.

use super::{Cluster, Memory};

/// Names below the mixer's module.
pub struct Names {
    pub similarity: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub project: &'static str,
}

impl Cluster {
    pub fn names(&self) -> Names {
        match (*self.layout, self.regroup.is_some()) {
            (Memory::Raw, _) => {
                Names { similarity: "conv1", key: "conv_v", value: "conv_f", project: "conv2" }
            }
            (Memory::Plain, regroups) => {
                let similarity = if regroups || self.own_key() { "f" } else { "k" };
                Names { similarity, key: "k", value: "v", project: "proj" }
            }
        }
    }

    /// The module that holds the blocks of a stage; none where they stand in the stage itself.
    pub fn blocks_module(&self) -> &'static str {
        if self.regroup.is_none() && *self.layout == Memory::Plain { "blocks" } else { "" }
    }
}
