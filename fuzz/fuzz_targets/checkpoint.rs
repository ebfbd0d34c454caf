//! Any checkpoint: read, and fitted to the model that it embeds.

#![no_main]

use cluec::diag::Sources;
use cluec::train::Checkpoint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(checkpoint) = Checkpoint::read(bytes) else { return };
    let text = checkpoint.meta.source.clone();
    let (program, _) = cluec::compile_text(&mut Sources::default(), "model.clue", &text, &[]);
    for graph in program.models.iter().filter_map(|model| model.graph.as_ref()) {
        let _ = checkpoint.clone().fitted(graph);
    }
});
