//! What graphs that mean the same agree in, however they were written down.

use super::{Graph, Value};
use blake3::Hasher;

/// Of a value: equal where the same ops of the same settings compute it from the same parameters.
type Digest = [u8; 32];

impl Graph {
    /// A digest of every value, in order. Names of nodes, spans and taps do not enter.
    fn digests(&self) -> Vec<Digest> {
        let mut digests: Vec<Digest> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let mut hasher = Hasher::new();
            // As derived, so that no setting of an op can be forgotten and no digit is rounded.
            word(&mut hasher, &format!("{:?} {:?}", node.op, node.ty));
            node.params.iter().for_each(|&id| word(&mut hasher, &self.param(id).name));
            for input in &node.inputs {
                hasher.update(&digests[input.0 as usize]);
            }
            digests.push(*hasher.finalize().as_bytes());
        }
        digests
    }

    /// Equal for graphs that compute the same logits, bit for bit, from parameters of the same
    /// names, shapes and beginnings. The model's name, the order of its nodes, what nothing reads
    /// and what is computed twice do not enter; parameters that nothing reads do, as every
    /// checkpoint holds them.
    pub fn hash(&self) -> String {
        let digests = self.digests();
        let of = |value: Value| digests[value.0 as usize];
        let mut hasher = Hasher::new();
        hasher.update(&of(self.output));
        self.loss.iter().for_each(|&loss| {
            hasher.update(&of(loss));
        });
        let mut params: Vec<String> =
            self.params.iter().map(|p| format!("{} {:?} {:?}", p.name, p.shape, p.init)).collect();
        params.sort_unstable();
        params.iter().for_each(|param| word(&mut hasher, param));
        hasher.finalize().to_hex()[..16].to_string()
    }
}

/// Its length first, so that two words are never read as two others.
fn word(hasher: &mut Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}
